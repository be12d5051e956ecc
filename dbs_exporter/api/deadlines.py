"""Connections whose answers have a deadline, as a requests transport adapter.

It owns one kept connection per host and thread. Straight connections go over `http.client`, at a third of what the same
exchange costs through requests and urllib3, which is what a poll of a large fleet mostly consists of; through a proxy
they go over urllib3. Both hold an answer, head and body, to the time that is left, which a socket's own timeout does not:
that starts anew with every byte that drips in.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.util.wait import wait_for_read

from dbs_exporter.clock import Clock

_NO_LIMIT_SECONDS = 60.0
"""For a connection that was given no timeout, which this module never makes."""


class Adapter(HTTPAdapter):
    """Sends for one thread only. `timeout` is for the whole answer, in seconds, and must be given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str, bool | str], http.client.HTTPConnection] = {}
        self._classes = _held_classes(clock)
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def send(  # type: ignore[override]
        self,
        request: requests.PreparedRequest,
        stream: bool = True,
        timeout: float | None = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send once and give the answer, its body unread; raises OSError, HTTPException or a requests exception."""
        seconds = timeout or _NO_LIMIT_SECONDS
        url = str(request.url)
        if proxies and select_proxy(url, proxies):
            limit: Any = urllib3.Timeout(total=seconds)
            return super().send(request, stream, limit, verify, cert, proxies)
        scheme, _, rest = url.partition("://")
        place, slash, target = rest.partition("/")
        connection = self._connection(scheme, place, verify)
        # A deadline for all of it: connecting, sending, the head of the answer and its body. Looking up the name is the
        # resolver's, which has limits of its own.
        deadline = self._clock.monotonic() + seconds
        try:
            connection.timeout = seconds
            if connection.sock is None:
                connection.connect()
            else:
                connection.sock.settimeout(seconds)
            connection.response_class = functools.partial(_LeanResponse, clock=self._clock, deadline=deadline)  # type: ignore[assignment]
            _send(connection, request, slash + target)
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        return self._response(request, answer, connection)

    def close(self) -> None:
        """Close the kept connections; a later `send` opens new ones."""
        for connection in list(self._kept.values()):
            connection.close()
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make urllib3's pools, with held connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._classes

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Give urllib3's pools behind a proxy, with held connections."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._classes
        return manager

    def _connection(self, scheme: str, place: str, verify: bool | str) -> http.client.HTTPConnection:
        key = (scheme, place, verify)
        connection = self._kept.get(key)
        if connection is None:
            parts = urlsplit(f"{scheme}://{place}")
            host = parts.hostname or ""
            if scheme == "https":
                context = tls_context(verify)
                connection = http.client.HTTPSConnection(host, parts.port or 443, context=context)
            else:
                connection = http.client.HTTPConnection(host, parts.port or 80)
            self._kept[key] = connection
        elif connection.sock is not None and wait_for_read(connection.sock, timeout=0.0):
            # Nothing was asked, so whatever there is to read is the other side's goodbye.
            connection.close()
        return connection

    def _response(
        self, request: requests.PreparedRequest, answer: http.client.HTTPResponse, connection: Any
    ) -> requests.Response:
        response = _Response(connection)
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(dict(answer.headers))
        response.raw = answer
        response.request = request
        response.url = str(request.url)
        return response


class _Response(requests.Response):
    """A response that, closed early, closes its connection: what was not read must not be read as the next answer."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        super().__init__()
        self._connection = connection

    def close(self) -> None:
        self.raw.close()
        self._connection.close()


def _send(connection: http.client.HTTPConnection, request: requests.PreparedRequest, target: str) -> None:
    """Write the request as it was prepared, and nothing else."""
    connection.putrequest(str(request.method), target or "/", skip_host=True, skip_accept_encoding=True)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(lines)
    # The one thing that putheader would look for in each of them.
    if not head.count("\r") == head.count("\n") == len(lines) - 1:
        raise ValueError("a header has a line break in it")
    connection._output(head.encode("latin-1"))  # type: ignore[attr-defined]
    body = request.body
    connection.endheaders(body.encode() if isinstance(body, str) else body)


_contexts: dict[bool | str, ssl.SSLContext] = {}
_contexts_lock = threading.Lock()


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """Give a verifying context over a CA bundle (True: the usual one); made once, because reading the bundle is slow."""
    with _contexts_lock:
        context = _contexts.get(verify)
        if context is None:
            bundle = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
            path = Path(bundle).is_dir()
            context = ssl.create_default_context(
                cafile=None if path else bundle, capath=bundle if path else None
            )
            _contexts[verify] = context
        return context


class _HeldReader(io.RawIOBase):
    """Reads a socket until a deadline."""

    def __init__(self, sock: socket.socket, clock: Clock, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        # Its own reference keeps the socket open after the connection let go of it, as http.client expects.
        self._source = sock.makefile("rb", buffering=0)
        self._clock = clock
        self._deadline = deadline

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


class _HeldSocket:
    """What `http.client.HTTPResponse` asks of a socket: a file."""

    def __init__(self, sock: socket.socket, clock: Clock, deadline: float) -> None:
        self._reader = _HeldReader(sock, clock, deadline)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader, 65_536)


class _HeldResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, clock: Clock, deadline: float, **kwargs: Any) -> None:
        held: Any = _HeldSocket(sock, clock, deadline)
        super().__init__(held, *args, **kwargs)


class _LeanResponse(_HeldResponse):
    """Reads its head without the parser for e-mail that `http.client` uses, which costs as much as all the rest of it."""

    def begin(self) -> None:
        """Read status and headers; the headers become a plain dict with names in lower case."""
        status = 100
        while status == 100:
            version, status, self.reason = self._read_status()  # type: ignore[attr-defined]
            headers = _headers(self.fp)
        self.code = self.status = status
        self.version = 10 if version == "HTTP/1.0" else 11
        self.headers = self.msg = headers  # type: ignore[assignment]
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.will_close = self._check_close()  # type: ignore[attr-defined]
        declared = headers.get("content-length", "")
        self.length = (
            int(declared) if declared.isdecimal() and len(declared) < 19 and not self.chunked else None
        )
        if status in (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED):
            self.length = 0
        if not self.chunked and self.length is None:
            self.will_close = True


_MOST_HEADERS = 100
_LONGEST_LINE = 65_536


def _headers(source: io.BufferedIOBase) -> dict[str, str]:
    """Read header lines up to the empty one; of a name that comes twice the last counts. Raises HTTPException."""
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS + 1):
        line = source.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise http.client.LineTooLong("header line")
        if line in (b"\r\n", b"\n"):
            return headers
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(line)
        name, _colon, value = line.decode("iso-8859-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise http.client.HTTPException("too many headers")


def _held_classes(clock: Clock) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Give urllib3 pools for use behind a proxy; what the proxy itself answers is held to the deadline too."""

    def hold(connection: Any) -> None:
        # What urllib3 left in `timeout` is what remains of the total.
        given = connection.timeout
        deadline = clock.monotonic() + (given if isinstance(given, (int, float)) else _NO_LIMIT_SECONDS)
        connection.response_class = functools.partial(_HeldResponse, clock=clock, deadline=deadline)

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
