"""The web side over real sockets: a server with what stands behind it, and clients of every kind."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.known_subjects import PLAN, REGION, SCOPE

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.web.connections import Limits
from dbs_exporter.web.page.overview import Snapshot
from dbs_exporter.web.routes import create_app
from dbs_exporter.web.server import WebServer, bind

PATIENCE_SECONDS = 60.0
NASTY = "</td><script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>"
"""A name or message that would be markup if it were not escaped."""
LARGE = 16_000_000
"""Bytes of `large_page`."""


class StoppedClock:
    """A time of its own that tests move."""

    def __init__(self) -> None:
        self.at = 5000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> bool:
        self.at += seconds
        return False


@dataclass
class Web:
    """A server with what stands behind it, and requests to it."""

    clock: StoppedClock = field(default_factory=StoppedClock)
    exposition: Exposition = field(default_factory=lambda: Exposition(TABLE.families))
    plans: list[PlanSubject] = field(default_factory=lambda: [PLAN])
    missing: list[str] = field(default_factory=list)
    snapshots: int = 0
    before_snapshot: Callable[[], object] = lambda: None
    reload: Callable[[], None] | None = None
    limits: Limits = field(default_factory=Limits)
    telemetry_path: str = "/metrics"
    route_prefix: str = ""
    addresses: Sequence[str] = ("127.0.0.1:0",)

    def snapshot(self) -> Snapshot:
        self.before_snapshot()
        self.snapshots += 1
        state = CollectorState(scope=SCOPE, collector="plans", facts="plans", last_error=NASTY)
        return Snapshot(now=self.clock.now(), plans=self.plans, regions=[REGION], collectors=[state])

    @contextlib.contextmanager
    def serving(self) -> Iterator[Web]:
        """Serve while the block runs."""
        app = create_app(
            exposition=self.exposition,
            snapshot=self.snapshot,
            missing=lambda: self.missing,
            clock=self.clock,
            telemetry_path=self.telemetry_path,
            route_prefix=self.route_prefix,
            reload=self.reload,
            links=(("runbooks", "https://docs.example/runbooks"),),
        )
        self.server = WebServer(app, bind(self.addresses), limits=self.limits)
        self.server.start()
        try:
            yield self
        finally:
            self.server.stop()

    @property
    def port(self) -> int:
        return self.server.listeners[0].port

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            connection.request(
                method, path, headers={key.replace("_", "-"): value for key, value in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def connect(self, *said: bytes, receive_buffer: int = 0) -> socket.socket:
        """A raw connection on which something was said."""
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(("127.0.0.1", self.port))
        for part in said:
            connection.sendall(part)
        return connection


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side closes, or cuts off."""
    found = bytearray()
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while more := connection.recv(1 << 20):
            found += more
    return bytes(found)


def large_page() -> Any:
    """An exposition whose one page does not fit any socket's buffers."""

    @dataclass
    class Page:
        content_type: str = "text/plain"
        identity: tuple[bytes, ...] = (b"x" * 1_000_000,) * 16
        gzip: tuple[bytes, ...] = (b"x" * LARGE,)
        identity_length: int = LARGE
        gzip_length: int = LARGE

    kept = Page()

    class Pages:
        def page(self, *, openmetrics: bool) -> Page:
            return kept

    return Pages()
