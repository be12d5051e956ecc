"""Servers that do what no server may: each kind as a function of a connection whose request was read."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache

Behaviour = Callable[[socket.socket, threading.Event], None]
"""Answers one request on a connection; ends soon after the event is set."""

OK = b'{"Success": true, "RequestId": "1", "Regions": {"RegionCode": ["cn-hangzhou"]}}'


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _once(answer: bytes) -> Behaviour:
    def behave(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def _endless(head: bytes, piece: bytes, pause: float = 0.0) -> Behaviour:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head)
        while not stop.wait(pause):
            connection.sendall(piece)

    return behave


def _silent(_connection: socket.socket, stop: threading.Event) -> None:
    stop.wait()


@cache
def _bomb() -> bytes:
    """A GiB of spaces, compressed to about one MiB."""
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * 2**20
    return b"".join([*(packer.compress(block) for _ in range(1024)), packer.flush()])


def _send_bomb(connection: socket.socket, stop: threading.Event) -> None:
    _once(reply(_bomb(), "Content-Encoding: gzip"))(connection, stop)


DRIP = 0.02
DEEP = b"[" * 100_000 + b"]" * 100_000

HOSTILE: dict[str, Behaviour] = {
    "silent": _silent,
    "drips its head": _endless(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"[:1], DRIP),
    "drips header lines": _endless(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", DRIP),
    "drips its body": _endless(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ", DRIP),
    "drips chunks": _endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", DRIP),
    "chunks without end": _endless(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65_536 + b"\r\n"
    ),
    "a body without end": _endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536),
    "continues without end": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "continues slowly without end": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", DRIP),
    "20,000 headers": _once(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 20_000 + b"\r\n" + OK),
    "a header of a MiB": _once(b"HTTP/1.1 200 OK\r\nX: " + b"1" * 2**20 + b"\r\n\r\n" + OK),
    "a gzip bomb": _send_bomb,
    "a torn gzip": _once(reply(gzip.compress(OK)[:-9], "Content-Encoding: gzip")),
    "gzip that is none": _once(reply(OK, "Content-Encoding: gzip")),
    "an encoding that was not asked for": _once(reply(OK, "Content-Encoding: br")),
    "deep JSON": _once(reply(DEEP)),
    "a number of a million digits": _once(reply(b'{"PageSize": 1' + b"0" * 1_000_000 + b"}")),
    "a key twice": _once(reply(b'{"PageSize": 1, "PageSize": 2}')),
    "a list": _once(reply(json.dumps([{"Success": True}]).encode())),
    "a text": _once(reply(b'"fine"')),
    "nothing": _once(reply(b"")),
    "UTF-16": _once(reply(OK.decode().encode("utf-16"))),
    "a page": _once(reply(b"<html>sign in</html>", "Content-Type: text/html")),
    "a gateway's page": _once(reply(b"<html>bad gateway</html>", status="502 Bad Gateway")),
    "a length that is too large": _once(reply(OK, length=len(OK) + 10)),
    "a length that is huge": _once(reply(OK, length=10**30)),
    "a length that is too small": _once(reply(OK, length=10)),
    "a chunk size of nonsense": _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "a chunk that breaks off": _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{"),
    "closes at once": _once(b""),
    "closes within its status": _once(b"HTTP/1.1 2"),
    "closes after its status": _once(b"HTTP/1.1 200 OK\r\n"),
    "no HTTP": _once(b"220 mail.example ESMTP\r\n\r\n"),
    "bytes": _once(bytes(range(256)) * 64),
    "sends elsewhere": _once(reply(b"", "Location: http://127.0.0.1:1/", status="302 Found")),
    "sends to itself": _once(reply(b"", "Location: /", status="307 Temporary Redirect")),
    "asks to wait for centuries": _once(
        reply(b'{"Code": "Throttling", "Message": "later"}', "Retry-After: 999999999", status="503 Busy")
    ),
    "asks to wait until a date": _once(
        reply(
            b'{"Code": "Throttling", "Message": "later"}',
            "Retry-After: Fri, 31 Dec 2999 23:59:59 GMT",
            "x-acs-retry-after: 1e400",
            status="503 Busy",
        )
    ),
}
"""By what they do."""

SHORT_SECONDS = 0.25
"""How long an attempt may take whose end nothing else brings."""
PATIENCE_SECONDS = 30.0
"""How long any other may take, however busy the machine is."""
LATE = "no whole answer of {host} within 0.25 s"
BROKEN = "{host}: the connection broke off"

SENTENCES = {
    "silent": ("timeout", LATE),
    "drips its head": ("timeout", LATE),
    "drips header lines": ("timeout", LATE),
    "drips its body": ("timeout", LATE),
    "drips chunks": ("timeout", LATE),
    "chunks without end": ("bad_answer", "an answer above 16777216 bytes"),
    "a body without end": ("bad_answer", "an answer above 16777216 bytes"),
    "continues without end": ("timeout", LATE),
    "continues slowly without end": ("timeout", LATE),
    "20,000 headers": ("unreachable", BROKEN),
    "a header of a MiB": ("unreachable", BROKEN),
    "a gzip bomb": ("bad_answer", "an answer above 16777216 bytes"),
    "a torn gzip": ("bad_answer", "Content-Encoding: a gzip that ends early"),
    "gzip that is none": ("bad_answer", "Content-Encoding: not gzip"),
    "an encoding that was not asked for": (
        "bad_answer",
        "Content-Encoding: an encoding that was not asked for",
    ),
    "deep JSON": ("bad_answer", "not a JSON object"),
    "a number of a million digits": ("bad_answer", "not a JSON object"),
    "a key twice": ("bad_answer", "the answer names PageSize twice"),
    "a list": ("bad_answer", "not a JSON object"),
    "a text": ("bad_answer", "not a JSON object"),
    "nothing": ("bad_answer", "an empty answer"),
    "UTF-16": ("bad_answer", "not a JSON object"),
    "a page": ("bad_answer", "not a JSON object"),
    "a gateway's page": ("server_error", "HTTP 502 without an answer from DBS"),
    "a length that is too large": ("unreachable", BROKEN),
    "a length that is huge": ("bad_answer", "an answer above 16777216 bytes"),
    "a length that is too small": ("bad_answer", "not a JSON object"),
    "a chunk size of nonsense": ("unreachable", BROKEN),
    "a chunk that breaks off": ("unreachable", BROKEN),
    "closes at once": ("unreachable", BROKEN),
    "closes within its status": ("unreachable", BROKEN),
    "closes after its status": ("unreachable", "the connection broke off before the answer"),
    "no HTTP": ("unreachable", BROKEN),
    "bytes": ("unreachable", BROKEN),
    "sends elsewhere": ("bad_answer", "the endpoint sends elsewhere"),
    "sends to itself": ("bad_answer", "the endpoint sends elsewhere"),
    "asks to wait for centuries": ("throttled", "later"),
    "asks to wait until a date": ("throttled", "later"),
}
"""How a call to each ends, and what it says."""


def attempt_seconds(kind: str) -> float:
    """How long an attempt to call a server of that kind may take."""
    return SHORT_SECONDS if SENTENCES[kind][0] == "timeout" else PATIENCE_SECONDS


class HostileServer:
    """Serves on loopback what `behaviour_of` returns for the head of a request, also to those who take it for a proxy."""

    def __init__(self, behaviour_of: Callable[[bytes], Behaviour]) -> None:
        self._behaviour_of = behaviour_of
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self._threads[0].start()

    def close(self) -> None:
        self._stop.set()
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                received = connection.recv(65_536)
                if not received:
                    return
                request += received
            self._behaviour_of(request)(connection, self._stop)


@contextmanager
def hostile_server(kind: str) -> Iterator[HostileServer]:
    """A server of that kind while the block runs."""
    with closing(HostileServer(lambda _request: HOSTILE[kind])) as server:
        yield server


def host_of(kind: str) -> str:
    """A host name that stands for a kind, where a hostile proxy is asked for it."""
    return f"{re.sub('[^a-z0-9]+', '-', kind.lower())}.invalid"


@contextmanager
def hostile_proxy() -> Iterator[HostileServer]:
    """A proxy while the block runs, which does for each host what its kind does."""
    kinds = {host_of(kind).encode(): kind for kind in HOSTILE}

    def behaviour_of(request: bytes) -> Behaviour:
        return HOSTILE[kinds[request.split(b"/")[2].partition(b":")[0]]]

    with closing(HostileServer(behaviour_of)) as server:
        yield server
