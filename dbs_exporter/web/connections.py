"""Connections that a slow or hostile client cannot make expensive: uvicorn's HTTP protocol with limits.

uvicorn's own protocol waits forever for a request's head, takes one of any size, and waits forever for a reader that
stopped reading. Here a request has a size and a deadline, an answer has a deadline, and where there is no room for a
new connection, the one that has waited longest without asking anything makes room. So an honest scraper always gets in.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may cost. Seconds and bytes."""

    connections: int = 256
    request_bytes: int = 32 * 1024
    """Request line, header and body together, and what is pipelined behind it."""
    request_seconds: float = 10.0
    """From the connection, or from a later request's first byte, to the end of the request's head."""
    answer_seconds: float = 60.0
    """From there until the client has taken the answer."""
    idle_seconds: float = 150.0
    """How long a kept connection may rest; longer than the usual scrape interval, so that scrapers keep theirs."""
    stop_seconds: float = 1.0
    """How long answers under way may still take once the server is to stop."""
    write_buffer_bytes: int = 1024 * 1024
    """An answer's next chunk is handed over when less than a quarter of this waits; chunks are not copied."""


class Connections(ServerState):
    """uvicorn's state, with limits; all connections of one server, on its event loop."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits

    def make_room(self, newest: Guarded) -> None:
        """Close the connection that has waited longest if there are too many: idle ones first, then those answered."""
        if len(self.connections) > self.limits.connections:
            others = [one for one in self.connections if isinstance(one, Guarded) and one is not newest]
            min(others, key=lambda one: (one.answering, one.since)).transport.abort()

    def sweep(self, now: float) -> None:
        """Cut off every connection whose time is up; `now` is the event loop's."""
        for one in list(self.connections):
            if isinstance(one, Guarded):
                one.sweep(now)

    def abort(self) -> None:
        """Cut off every connection."""
        for one in list(self.connections):
            one.transport.abort()


class Guarded(HttpToolsProtocol):
    """One connection. `deadline` is when it must be done with what it is at, on the event loop's clock."""

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
        self._asking = True
        self._request_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first request, and make room if there is none."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(
            high=self.limits.write_buffer_bytes, low=self.limits.write_buffer_bytes // 4
        )
        self._enter(self.limits.request_seconds)
        self.state.make_room(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes as long as the request may still be longer."""
        self._request_bytes += len(data)
        if self._request_bytes > self.limits.request_bytes:
            self._refuse()
        elif not self.transport.is_closing():
            super().data_received(data)

    def on_message_begin(self) -> None:
        """Start the clock of a request; behind an answer under way it starts when that has ended."""
        super().on_message_begin()
        if not self._asking:
            self._asking = True
            if not self.answering:
                self._enter(self.limits.request_seconds)

    def on_headers_complete(self) -> None:
        """Start the clock of the answer."""
        super().on_headers_complete()
        self._asking = False
        if not self.answering:
            self.answering = True
            self._enter(self.limits.answer_seconds)

    def on_response_complete(self) -> None:
        """Go on with what is pipelined or half asked, or rest."""
        super().on_response_complete()
        self._request_bytes = 0
        self.answering = not self.cycle.response_complete
        if self.answering:
            self._enter(self.limits.answer_seconds)
        elif self._asking:
            self._enter(self.limits.request_seconds)
        else:
            # The deadline stays: what the transport still holds of the answer must be taken by then.
            self.since = self.loop.time()

    def sweep(self, now: float) -> None:
        """Cut off what has not come to its end in time: a request, or an answer that is not taken. End a long rest."""
        resting = not self.answering and not self._asking and not self.transport.is_closing()
        if resting and not self.transport.get_write_buffer_size():
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
        said = f"The request is longer than {self.limits.request_bytes} bytes.\n".encode()
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said)
        )
        self.transport.close()
