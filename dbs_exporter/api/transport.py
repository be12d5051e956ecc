"""One request, one bounded answer: what requests and urllib3 leave open.

It owns sessions (one per thread), the deadline of a whole answer, its greatest size, and the translation of their many
exceptions into `errors`. It follows nothing elsewhere, keeps no cookies, reads no `.netrc`, and repeats nothing.
"""

from __future__ import annotations

import functools
import http.client
import io
import os
import socket
import ssl
import threading
import weakref
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from dbs_exporter.clock import Clock
from dbs_exporter.errors import ApiError, BadAnswer, Timeout, Unreachable

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_MAX_GZIP_MEMBERS = 16
_NO_LIMIT_SECONDS = 60.0
"""For a connection that was given none, which `exchange` never makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A whole answer, decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a host is reached: proxies and certificates, looked up once because that costs more than a whole request."""

    proxies: dict[str, str]
    verify: bool | str

    @classmethod
    def to(cls, url: str) -> Route:
        """Read HTTP_PROXY, HTTPS_PROXY, NO_PROXY and the two variables that name a CA bundle."""
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return cls(proxies=get_environ_proxies(url), verify=bundle or True)


class Sessions:
    """One `requests.Session` per thread, for any number of hosts, until `close`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._local = threading.local()
        self._all: weakref.WeakSet[requests.Session] = weakref.WeakSet()

    def mine(self) -> requests.Session:
        """Give this thread's session."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # The proxies of the environment come by `Route`; .netrc, which this would also switch on, never.
            session.trust_env = False
            adapter = _Adapter(self._clock)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._local.session = session
            self._all.add(session)
        return session

    def close(self) -> None:
        """Close every session's idle connections."""
        for session in list(self._all):
            session.close()


def exchange(
    session: requests.Session,
    request: requests.PreparedRequest,
    route: Route,
    timeout: float,
) -> HttpAnswer:
    """Send once and read the whole answer within `timeout` seconds; raises Timeout, Unreachable or BadAnswer.

    The adapter is called directly: a session would look for redirects and cookies, and neither is wanted.
    """
    url = str(request.url)
    try:
        # requests takes urllib3's Timeout as it is, which its type stubs do not know.
        limit: Any = urllib3.Timeout(total=timeout)
        response = session.get_adapter(url).send(
            request,
            stream=True,
            timeout=limit,
            verify=route.verify,
            proxies=route.proxies,
        )
        try:
            body = _whole_body(response)
        finally:
            response.close()
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
        http.client.HTTPException,
    ) as error:
        raise _translated(error, timeout) from None
    return HttpAnswer(status=response.status_code, headers=response.headers, body=body)


def _whole_body(response: requests.Response) -> bytes:
    declared = response.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > MAX_ANSWER_BYTES:
        raise _too_large(response)
    body: bytes = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=False)
    if len(body) > MAX_ANSWER_BYTES:
        raise _too_large(response)
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BadAnswer(
            "an encoding that was not asked for",
            http_status=response.status_code,
            field="Content-Encoding",
        )
    return _unzipped(body, response)


def _unzipped(body: bytes, response: requests.Response) -> bytes:
    """Decode gzip without ever holding more than the limit, however small what came was."""
    parts: list[bytes] = []
    left = MAX_ANSWER_BYTES
    for _member in range(_MAX_GZIP_MEMBERS):
        decoder = zlib.decompressobj(wbits=31)
        try:
            part = decoder.decompress(body, left + 1)
        except zlib.error:
            raise BadAnswer("not gzip", http_status=response.status_code, field="Content-Encoding") from None
        left -= len(part)
        if left < 0:
            raise _too_large(response)
        parts.append(part)
        if not decoder.eof:
            raise BadAnswer(
                "a gzip that ends early",
                http_status=response.status_code,
                field="Content-Encoding",
            )
        body = decoder.unused_data
        if not body:
            return b"".join(parts)
    raise BadAnswer(
        "a gzip of too many parts",
        http_status=response.status_code,
        field="Content-Encoding",
    )


def _too_large(response: requests.Response) -> BadAnswer:
    return BadAnswer(f"an answer above {MAX_ANSWER_BYTES} bytes", http_status=response.status_code)


def _translated(error: Exception, timeout: float) -> ApiError:
    """Give the error of ours; never the library's words, which hold the address with all its parameters."""
    chain = list(_causes(error))
    late = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    if any(isinstance(cause, late) for cause in chain):
        return Timeout(f"no whole answer within {timeout:g} s")
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(f"TLS: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return Unreachable(f"TLS: {cause.reason or type(cause).__name__}")
        if isinstance(cause, socket.gaierror):
            return Unreachable("the host's name cannot be resolved")
    if any(
        isinstance(cause, (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError)) for cause in chain
    ):
        return Unreachable("the proxy refused the connection or cannot be reached")
    for cause in chain:
        if isinstance(cause, OSError) and cause.strerror:
            return Unreachable(cause.strerror)
    if any(
        isinstance(cause, (urllib3.exceptions.ProtocolError, http.client.HTTPException)) for cause in chain
    ):
        return Unreachable("the connection broke off, or what came was not HTTP")
    return Unreachable(type(error).__name__)


def _causes(error: BaseException) -> Any:
    """Walk through what an exception wraps: requests and urllib3 hide causes in `args` and `reason`."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [
                *found.args,
                getattr(found, "reason", None),
                found.__cause__,
                found.__context__,
            ]


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until a deadline; a socket's own timeout starts anew with every byte that drips in."""

    def __init__(self, sock: socket.socket, clock: Clock, seconds: float) -> None:
        super().__init__()
        self._sock = sock
        # Its own reference keeps the socket open after the connection let go of it, as http.client expects.
        self._source = sock.makefile("rb", buffering=0)
        self._clock = clock
        self._deadline = clock.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("the answer's time is over")
        self._sock.settimeout(left)
        return self._source.readinto(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(
        self,
        sock: socket.socket,
        *args: Any,
        clock: Clock,
        seconds: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock, clock, seconds), 65_536)


def _connection_classes(clock: Clock) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Give pools whose connections hold every answer, a proxy's included, to the time that is left."""

    def hold(connection: Any) -> None:
        # What urllib3 left in `timeout` is what remains of the total after connecting.
        seconds = connection.timeout if isinstance(connection.timeout, (int, float)) else _NO_LIMIT_SECONDS
        connection.response_class = functools.partial(_DeadlineResponse, clock=clock, seconds=seconds)

    class Plain(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            hold(self)
            super().connect()

        def getresponse(self) -> Any:
            hold(self)
            return super().getresponse()

    class Secure(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            hold(self)
            super().connect()

        def getresponse(self) -> Any:
            hold(self)
            return super().getresponse()

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Adapter(HTTPAdapter):
    """requests' adapter with held connections, and an answer without the cookie jar and history nobody reads."""

    def __init__(self, clock: Clock) -> None:
        self._classes = _connection_classes(clock)
        super().__init__(pool_connections=16, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._classes

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._classes
        return manager

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = answer.status
        response.headers = requests.structures.CaseInsensitiveDict(answer.headers)
        response.raw = answer
        response.request = request
        response.url = str(request.url)
        return response
