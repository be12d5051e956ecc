"""uvicorn's HTTP protocol with limits, so that slow or hostile clients cannot exhaust the server.

uvicorn itself waits forever for a request's head, accepts a head of any size, and waits forever for a client that has
stopped reading. Here a request has a maximum size and a deadline, and an answer has a deadline. When there are too many
connections, the one that has been idle longest is closed, so an honest scraper always gets in. This module knows no route.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from dbs_exporter.web.tls import is_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the connections may cost, in seconds and bytes."""

    connections: int = 256
    request_bytes: int = 32 * 1024
    """Request line, header and body together, and requests that are pipelined behind them."""
    request_seconds: float = 10.0
    """From the connection, or from the first byte of a later request, to the end of the request's head."""
    answer_seconds: float = 60.0
    """From the end of the request's head until the client has received the answer."""
    idle_seconds: float = 150.0
    """How long a connection may be idle; longer than the usual scrape interval, so that scrapers keep theirs."""
    stop_seconds: float = 1.0
    """How long answers under way may still take when the server stops."""
    write_buffer_bytes: int = 256 * 1024
    """An answer's next chunk is written when less than a quarter of this is buffered."""


class Connections(ServerState):
    """All connections of a server, with their limits; used on the server's event loop only."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.client_names: tuple[str, ...] = ()
        """Names one of which the certificate of a client must have; () for any, or none at all."""

    def evict_if_full(self, newest: GuardedConnection) -> None:
        """If there are too many connections, close another than the newest: the one idle longest, if any."""
        if len(self.connections) > self.limits.connections:
            others = [
                connection
                for connection in self.connections
                if isinstance(connection, GuardedConnection) and connection is not newest
            ]
            min(others, key=lambda other: (other.answering, other.since)).transport.abort()

    def sweep(self, now: float) -> None:
        """Close every connection whose time is up; `now` is the event loop's time in seconds."""
        for connection in list(self.connections):
            if isinstance(connection, GuardedConnection):
                connection.sweep(now)

    def abort(self) -> None:
        """Close every connection at once."""
        for connection in list(self.connections):
            connection.transport.abort()


class GuardedConnection(HttpToolsProtocol):
    """A connection with limits; `deadline` ends its present phase, on the event loop's clock."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        if not isinstance(server_state, Connections):
            raise TypeError("a guarded connection needs the state that holds its limits")
        self.state = server_state
        self.limits = server_state.limits
        self.answering = False
        self.since = 0.0
        self.deadline = math.inf
        self._receiving = True
        self._request_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first request, and evict a connection if there are too many."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(
            high=self.limits.write_buffer_bytes, low=self.limits.write_buffer_bytes // 4
        )
        self._enter(self.limits.request_seconds)
        self.state.evict_if_full(self)
        if self.state.client_names and not is_named(
            transport.get_extra_info("peercert"), self.state.client_names
        ):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, or refuse the request if it has become too long."""
        self._request_bytes += len(data)
        if self._request_bytes > self.limits.request_bytes:
            self._refuse()
        elif not self.transport.is_closing():
            super().data_received(data)

    def on_message_begin(self) -> None:
        """Start the deadline of a request; if an answer is under way, it starts when that has ended."""
        super().on_message_begin()
        if not self._receiving:
            self._receiving = True
            if not self.answering:
                self._enter(self.limits.request_seconds)

    def on_headers_complete(self) -> None:
        """Start the deadline of the answer."""
        super().on_headers_complete()
        self._receiving = False
        if not self.answering:
            self.answering = True
            self._enter(self.limits.answer_seconds)

    def on_response_complete(self) -> None:
        """Start the deadline of the next answer or request if one has begun, else become idle."""
        super().on_response_complete()
        self._request_bytes = 0
        self.answering = not self.cycle.response_complete
        if self.answering:
            self._enter(self.limits.answer_seconds)
        elif self._receiving:
            self._enter(self.limits.request_seconds)
        else:
            # The deadline stays: the client must have received what is still buffered of the answer by then.
            self.since = self.loop.time()

    def sweep(self, now: float) -> None:
        """Close the connection if its request or answer is past the deadline, or if it was idle too long."""
        is_idle = not self.answering and not self._receiving and not self.transport.is_closing()
        if is_idle and not self.transport.get_write_buffer_size():
            if now >= self.since + self.limits.idle_seconds:
                self.transport.close()
        elif now >= self.deadline:
            self.transport.abort()

    def _enter(self, seconds: float) -> None:
        self.since = self.loop.time()
        self.deadline = self.since + seconds

    def _refuse(self) -> None:
        if self.answering or self.transport.is_closing():
            self.transport.abort()
            return
        message = f"The request is longer than {self.limits.request_bytes} bytes.\n".encode()
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(message), message)
        )
        self.transport.close()
