"""The HTTP server of the simulator, on loopback by default.

This module owns connections and the faults that disturb them.

    /                POST or GET: the DBS API, version 2019-03-06
    /-/…             control requests, see `control`
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from dbs_exporter.simulator.control import Limits, answer_control
from dbs_exporter.simulator.encoding import to_json
from dbs_exporter.simulator.faults import Fault
from dbs_exporter.simulator.replies import Refused
from dbs_exporter.simulator.service import Reply, Service, error_answer
from dbs_exporter.simulator.world import World

BODY_LIMIT = 2**20
CHUNK = b"x" * 2**16


class Simulator(Service):
    """A running simulator, until `close`; the options are those of `Service`."""

    def __init__(self, world: World, *, host: str, port: int, **options: Any) -> None:
        super().__init__(world, **options)
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"simulator": self})
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = type("Server", (_Server,), {"address_family": family})
        self._server: ThreadingHTTPServer = server((host, port), handler)
        self.host, self.port = self._server.server_address[:2]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving, abandon slow answers and close all connections."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start_simulator(
    world: World | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    access_key_id: str = "testak",
    access_key_secret: str = "testsk",
    clock: Callable[[], float] | None = None,
    faults: Iterable[Any] = (),
    requests_per_second: Limits = None,
    retry_after: bool = False,
) -> Simulator:
    """Start a simulator of a world; port 0 takes a free one (see `port` and `url` of the result).

    The access key of the first account is `access_key_id`, the others have 2, 3, ... appended; all share the secret.
    `requests_per_second` throttles each operation of each account; with `retry_after`, a header says for how long. The times
    of signatures are checked against `clock`, by default the world's. Raises OSError if the address is in use, and ValueError
    for a wrong fault.
    """
    return Simulator(
        world or World(clock=clock or time.time),
        host=host,
        port=port,
        access_key_id=access_key_id,
        access_key_secret=access_key_secret,
        faults=faults,
        requests_per_second=requests_per_second,
        retry_after=retry_after,
        clock=clock,
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        # Before the address is bound, because the base class closes the server if that fails.
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dbs-simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60
    simulator: Simulator

    def log_message(self, *_: Any) -> None:
        """Log nothing; requests are counted instead."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= BODY_LIMIT:
            self.close_connection = True
            self._send(413, b"", "text/plain")
            return
        body = self.rfile.read(length) if length else b""
        address = urlsplit(self.path)
        if address.path.startswith("/-/"):
            query = dict(parse_qsl(address.query))
            status, content = answer_control(self.simulator, self.command, address.path, query, body)
            self._send(status, to_json(content), "application/json;charset=utf-8")
            return
        self._api(address.path, address.query, body)

    def _api(self, path: str, query_text: str, body: bytes) -> None:
        reply = self.simulator.respond(self.command, path, query_text, dict(self.headers.items()), body)
        for fault in reply.faults:
            if self._apply_fault(fault, reply):
                return
        self._send(reply.status, reply.body, reply.content_type, dict(reply.headers))

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date of an answer: the time by which signatures are checked."""
        return formatdate(self.simulator.clock() if timestamp is None else timestamp, usegmt=True)

    def _apply_fault(self, fault: Fault, reply: Reply) -> bool:
        """Carry out a fault of the connection; return whether the request is thereby answered."""
        if fault.kind == "latency":
            self.simulator.closing.wait(fault.seconds)
            return False
        if fault.kind == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return True
        if fault.kind in ("drip", "torn", "huge"):
            self.close_connection = True
            length = fault.bytes if fault.kind == "huge" else len(reply.body)
            self._head(reply.status, length, reply.content_type, {})
            for piece in self._pieces(fault, reply.body):
                self.wfile.write(piece)
                self.wfile.flush()
        elif fault.kind == "not_json":
            self._send(200, b"{not json", "application/json")
        elif fault.kind == "html":
            self._send(502, b"<html><body>502 Bad Gateway</body></html>", "text/html")
        elif fault.kind == "unavailable":
            refused = Refused(503, "ServiceUnavailable", "The request has failed.")
            self._send(503, to_json(error_answer(refused)), "application/json")
        elif fault.kind == "redirect":
            target = f"http://127.0.0.1:{self.simulator.port}/-/healthy"
            self._send(302, b"", "text/plain", {"Location": target})
        return True

    def _pieces(self, fault: Fault, content: bytes) -> Iterator[bytes]:
        if fault.kind == "torn":
            yield content[: len(content) // 2]
        elif fault.kind == "huge":
            for at in range(0, fault.bytes, len(CHUNK)):
                yield CHUNK[: fault.bytes - at]
        else:
            for at in range(len(content)):
                yield content[at : at + 1]
                if self.simulator.closing.wait(fault.seconds / len(content)):
                    return

    def _head(self, status: int, length: int, kind: str, extra: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, content: bytes, kind: str, extra: dict[str, str] | None = None) -> None:
        self._head(status, len(content), kind, extra or {})
        self.wfile.write(content)
