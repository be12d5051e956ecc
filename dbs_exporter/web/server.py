"""The web server: binds sockets and serves an application on all of them.

This module owns the sockets and uvicorn's life, in the calling thread or in one of its own. It knows no route and takes no
signal; whoever runs the server calls `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import threading
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp

from dbs_exporter.errors import ConfigError
from dbs_exporter.listen import parse_listen_address
from dbs_exporter.web.connections import Connections, GuardedConnection, Limits
from dbs_exporter.web.guard import OPEN, Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A bound socket and its address; `host` is "" for all interfaces."""

    socket: socket.socket
    host: str
    port: int

    @property
    def is_everywhere(self) -> bool:
        """Whether other machines reach it on every interface of this one."""
        return self.host in ("", "0.0.0.0", "::")  # noqa: S104 - what the user chose

    @property
    def url(self) -> str:
        """The URL for a browser on this machine, by plain HTTP."""
        host = self.host or "localhost"
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def bind(addresses: Iterable[str]) -> tuple[Listener, ...]:
    """Bind a socket to every address: `[HOST]:PORT`, where port 0 takes a free one.

    Raises ConfigError with the address that is malformed or cannot be bound; then no socket stays open.
    """
    listeners: list[Listener] = []
    try:
        for address in addresses:
            try:
                listeners.append(_listener(*parse_listen_address(address)))
            except ValueError as error:
                raise ConfigError(str(error)) from None
            except OSError as error:
                raise ConfigError(
                    f"{address}: cannot be served on: {error.strerror or error}; choose another address or port by"
                    " --web.listen-address, or by DBS_EXPORTER_WEB_LISTEN_ADDRESS, also for make demo (port 0: a free one)"
                ) from None
    except ConfigError:
        for listener in listeners:
            listener.socket.close()
        raise
    return tuple(listeners)


class WebServer:
    """Serves an application on bound sockets, in this thread (`run`) or in its own (`start`); once only."""

    def __init__(
        self,
        app: ASGIApp,
        listeners: Sequence[Listener],
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        access: Access = OPEN,
    ) -> None:
        """Of `access`, the server needs TLS and the names of clients; `web.guard` sees to the rest."""
        self.listeners = tuple(listeners)
        self._scheme = "https" if access.tls else "http"
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=GuardedConnection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=math.ceil(limits.idle_seconds),
            ),
            limits,
            access,
        )
        self._thread: threading.Thread | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        """The server's URLs from this machine, in the order of the listeners."""
        return tuple(self._scheme + listener.url.removeprefix("http") for listener in self.listeners)

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._server.server_state.connections)

    def replace_access(self, access: Access) -> None:
        """Accept connections by other TLS from now on; those that are open go on, and none is refused meanwhile."""
        self._server.replace_access(access)

    def run(self) -> None:
        """Serve until `stop` is called from another thread or a signal handler."""
        loop: asyncio.AbstractEventLoop | None = None
        try:
            # Not asyncio.run: in the main thread that would put a handler of its own on SIGINT.
            loop = uvloop.new_event_loop()
            loop.run_until_complete(
                self._server.serve(sockets=[listener.socket for listener in self.listeners])
            )
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            if loop is not None:
                loop.close()
            for listener in self.listeners:
                listener.socket.close()

    def start(self) -> None:
        """Serve in a thread of its own; return once connections are accepted. Raises what keeps it from serving."""
        failures: list[BaseException] = []

        def serve() -> None:
            try:
                self.run()
            except BaseException as error:
                failures.append(error)
                if self._server.up.is_set():
                    raise
            finally:
                self._server.up.set()

        thread = threading.Thread(target=serve, name="web", daemon=True)
        thread.start()
        self._thread = thread
        self._server.up.wait()
        if failures:
            raise failures[0]

    def begin_stop(self) -> None:
        """Accept no more connections and let answers finish for a moment; do not wait."""
        self._server.should_exit = True

    def stop(self) -> None:
        """Accept no more connections, let answers finish for a moment, and wait for the thread."""
        self.begin_stop()
        if self._thread is not None:
            self._thread.join()
        for listener in self.listeners:
            listener.socket.close()


class _Server(uvicorn.Server):
    """uvicorn's server without signal handlers; it sweeps its connections and sets `up` once it serves."""

    def __init__(self, config: uvicorn.Config, limits: Limits, access: Access) -> None:
        super().__init__(config)
        self.server_state: Connections = Connections(limits)
        self.up = threading.Event()
        self.servers: list[asyncio.Server] = []
        self._access = access
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        self._loop = asyncio.get_running_loop()
        self._sockets = sockets or []
        await self._listen(self._access)
        self.started = True
        self.up.set()

    def replace_access(self, access: Access) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # The loop has ended.
                asyncio.run_coroutine_threadsafe(self._listen(access), self._loop)

    async def _listen(self, access: Access) -> None:
        """Accept connections on all sockets by this access alone."""
        if self.should_exit:
            return
        loop = asyncio.get_running_loop()
        limits = self.server_state.limits
        tls: dict[str, Any] = {}
        if access.tls is not None:
            tls = {
                "ssl": access.tls,
                "ssl_handshake_timeout": limits.request_seconds,
                "ssl_shutdown_timeout": limits.stop_seconds,
            }
        # The sockets are shared by both generations of servers, so whoever connects meanwhile waits in the same queue.
        successors = [
            await loop.create_server(self._connection, sock=each.dup(), backlog=self.config.backlog, **tls)
            for each in self._sockets
        ]
        predecessors, self.servers = self.servers, successors
        self.server_state.client_names = access.client_names
        for server in predecessors:
            server.close()

    def _connection(self) -> GuardedConnection:
        return GuardedConnection(self.config, self.server_state, self.lifespan.state)

    async def on_tick(self, counter: int) -> bool:
        self.server_state.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        abort_timer = asyncio.get_running_loop().call_later(
            self.server_state.limits.stop_seconds, self.server_state.abort
        )
        await super().shutdown(sockets)
        abort_timer.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _listener(host: str, port: int) -> Listener:
    if host:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    else:
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        address = ("", port)
    bound = socket.create_server(
        address[:2], family=family, backlog=1024, dualstack_ipv6=not host and family == socket.AF_INET6
    )
    return Listener(socket=bound, host=host, port=bound.getsockname()[1])
