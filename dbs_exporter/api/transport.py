"""Sends a request and reads its answer within limits of time and size.

This module owns the sessions (one per thread), the deadline and the maximum size of an answer, and the translation of the
exceptions of requests, urllib3 and sockets into `errors`. It follows no redirect, keeps no cookies, reads no `.netrc`, and
retries nothing.
"""

from __future__ import annotations

import errno
import http.client
import logging
import os
import socket
import ssl
import threading
import weakref
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies, select_proxy

from dbs_exporter.api.deadlines import Adapter
from dbs_exporter.clock import Clock
from dbs_exporter.errors import ApiError, BadAnswer, Timeout, Unreachable

# At debug level urllib3 logs every URL, and a URL of DBS may hold a database's password.
logging.getLogger("urllib3").setLevel(logging.INFO)

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_MAX_GZIP_MEMBERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A complete answer; its body is decompressed, the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The proxies and certificates for a host, looked up once because that takes as long as a request."""

    proxies: dict[str, str]
    verify: bool | str

    @classmethod
    def to(cls, url: str) -> Route:
        """Return the route to a URL, from the variables of the environment.

        These are HTTP_PROXY, HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE.
        """
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return cls(proxies=get_environ_proxies(url), verify=bundle or True)


class Sessions:
    """A `requests.Session` for each thread, for any number of hosts, until `close`; `cut` breaks off what runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._local = threading.local()
        self._adapters: weakref.WeakSet[Adapter] = weakref.WeakSet()
        self._routes: dict[str, Route] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._is_cut = False
        self._connecting = threading.Lock()

    def route(self, url: str) -> Route:
        """Return the route to a URL; many clients ask for the same few."""
        if url not in self._routes:
            self._routes[url] = Route.to(url)
        return self._routes[url]

    def current(self) -> requests.Session:
        """Return the session of the current thread."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # `Route` has the environment's proxies already; `trust_env` would also read .netrc.
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
            adapter = Adapter(self._clock, self._on_connected)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            # The session of a thread that has ended is freed; its connections are then closed at once.
            weakref.finalize(session, adapter.close)
            self._local.session = session
            self._adapters.add(adapter)
        return session

    def cut(self) -> None:
        """Break off every exchange under way, and from now on every new one as soon as it is connected."""
        with self._connecting:
            self._is_cut = True
            for connected in self._sockets:
                _shut(connected)

    def _on_connected(self, connected: socket.socket) -> None:
        with self._connecting:
            self._sockets.add(connected)
            if self._is_cut:
                _shut(connected)

    def close(self) -> None:
        """Close every session's idle connections."""
        for adapter in list(self._adapters):
            adapter.close()


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):
        # Not the method of a TLS socket, which would take away the state that a reading thread uses.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def exchange(
    session: requests.Session, request: requests.Request, route: Route, timeout: float
) -> HttpAnswer:
    """Send a request once and return its whole answer.

    Raises Timeout if that takes more than `timeout` seconds, Unreachable if there is no connection or it breaks, and
    BadAnswer for an answer that is too large or wrongly encoded.
    """
    limit: Any = urllib3.Timeout(total=timeout)
    try:
        # The exceptions of these layers hold a proxy's password and the signed URL, so only `_translated` reads them.
        with session.send(
            session.prepare_request(request),
            stream=True,
            timeout=limit,
            verify=route.verify,
            proxies=route.proxies,
            allow_redirects=False,
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = _decoded(_bounded(response, headers), response.status_code, headers)
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
        http.client.HTTPException,
    ) as error:
        raise _translated(error, request.url, route, timeout) from None
    if not body and not headers.keys() & {"content-length", "transfer-encoding"}:
        # http.client takes the end of the connection for the end of the head.
        raise Unreachable("the connection broke off before the answer", http_status=response.status_code)
    return HttpAnswer(status=response.status_code, headers=headers, body=body)


def _bounded(response: requests.Response, headers: Mapping[str, str]) -> bytes:
    """Return the body as it was sent; raises BadAnswer if it is too large."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > MAX_ANSWER_BYTES):
        raise _too_large(response.status_code)
    body: bytes = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=False)
    if len(body) <= MAX_ANSWER_BYTES:
        # urllib3 notices an answer that is shorter than its length when more is read.
        body += response.raw.read(1, decode_content=False)
    if len(body) > MAX_ANSWER_BYTES:
        raise _too_large(response.status_code)
    return body


def _decoded(body: bytes, status: int, headers: Mapping[str, str]) -> bytes:
    """Return the body without gzip; never hold more than the limit, however well it was compressed."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BadAnswer("an encoding that was not asked for", http_status=status, field="Content-Encoding")
    parts: list[bytes] = []
    left = MAX_ANSWER_BYTES
    for _member in range(_MAX_GZIP_MEMBERS):
        decoder = zlib.decompressobj(wbits=31)
        try:
            part = decoder.decompress(body, left + 1)
        except zlib.error:
            raise BadAnswer("not gzip", http_status=status, field="Content-Encoding") from None
        left -= len(part)
        if left < 0:
            raise _too_large(status)
        parts.append(part)
        if not decoder.eof:
            raise BadAnswer("a gzip that ends early", http_status=status, field="Content-Encoding")
        body = decoder.unused_data
        if not body:
            return b"".join(parts)
    raise BadAnswer("a gzip of too many parts", http_status=status, field="Content-Encoding")


def _too_large(status: int) -> BadAnswer:
    return BadAnswer(f"an answer above {MAX_ANSWER_BYTES} bytes", http_status=status)


def _translated(error: Exception, url: str, route: Route, timeout: float) -> ApiError:
    """Return the error for a library's exception, without its message, which holds the signed URL."""
    causes = list(_causes(error))
    host = urlsplit(url).netloc
    proxy = select_proxy(url, route.proxies)
    target = f"{host} by way of the proxy {_without_password(proxy)}" if proxy else host
    if any(isinstance(cause, requests.exceptions.InvalidSchema) for cause in causes):
        return Unreachable(
            f"the proxy {_without_password(proxy or '')} is of a kind that cannot be used; http:// would be right"
        )
    if any(
        isinstance(cause, requests.exceptions.InvalidProxyURL | requests.exceptions.InvalidURL)
        for cause in causes
    ):
        return Unreachable(
            f"the proxy {_without_password(proxy or '')} is no address; http://HOST:PORT would be right"
        )
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(f"{target}: TLS: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return Unreachable(f"{target}: TLS: {cause.reason or type(cause).__name__}")
        if isinstance(cause, socket.gaierror):
            name = f"the proxy {_without_password(proxy)}" if proxy else host
            return Unreachable(f"the name of {name} cannot be resolved")
    refusals = [cause for cause in causes if isinstance(cause, OSError) and cause.errno in _CONNECTING]
    if refusals:
        unreachable = f"the proxy {_without_password(proxy)}, on the way to {host}" if proxy else host
        return Unreachable(f"{unreachable}: {refusals[0].strerror or type(refusals[0]).__name__}")
    timeouts = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if any(isinstance(cause, timeouts) for cause in causes):
        return Timeout(f"no whole answer of {target} within {timeout:.3g} s")
    tunnel = next((str(cause) for cause in causes if str(cause).startswith(_TUNNEL_REFUSED)), "")
    if tunnel:
        reason = tunnel.removeprefix(_TUNNEL_REFUSED).strip()[:100]
        return Unreachable(f"the proxy {_without_password(proxy or '')} refused the way to {host}: {reason}")
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return Unreachable(f"{target}: {cause.strerror}")
    return Unreachable(f"{target}: the connection broke off, or what came was not HTTP")


_TUNNEL_REFUSED = "Tunnel connection failed:"
"""The start of http.client's message if a proxy answers CONNECT with anything but 200."""
_CONNECTING = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EACCES,
    }
)
"""The system's errors for a connection that cannot be made."""


def _without_password(proxy: str) -> str:
    """Return a proxy's URL for a message, without the part before an @, which may hold a password."""
    scheme, separator, rest = proxy.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps; requests and urllib3 keep causes in `args` and `reason`."""
    seen: set[int] = set()
    candidates: list[object] = [error]
    while candidates:
        cause = candidates.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            candidates += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
