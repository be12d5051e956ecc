"""A requests transport adapter whose answers have a deadline.

The timeouts of sockets, requests and urllib3 start again with every byte that arrives. Here an answer, head and body, must
be complete within the time left for the whole attempt, with and without a proxy; the same holds for the proxy's own
answers. This module does not limit the lookup of a host's name, which is the resolver's.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from dbs_exporter.clock import Clock


@functools.cache
def tls_context(verify: bool | str) -> ssl.SSLContext:
    """Return a context that verifies with a CA bundle (True: the usual one); cached, as loading is slow."""
    bundle = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
    folder = Path(bundle).is_dir()
    return ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)


class Adapter(HTTPAdapter):
    """Sends the requests of a single thread and retries nothing.

    Its timeout is a `urllib3.Timeout(total=...)`, which limits the whole answer. `on_connected` is called with each socket.
    """

    def __init__(self, clock: Clock, on_connected: Callable[[socket.socket], None]) -> None:
        self._pools = _deadline_pools(clock, on_connected)
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return the key of a pool, with a TLS context that all threads share."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": tls_context(verify)} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
        """Do nothing: the connection's context has the CA bundle already."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create urllib3's pools, with connections that keep the deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return urllib3's pools behind a proxy, with connections that keep the deadline."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _DeadlineReader(io.RawIOBase):
    """Reads a socket; raises TimeoutError once the deadline has passed."""

    def __init__(self, sock: socket.socket, clock: Clock, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        # A file of its own keeps the socket open after the connection has released it, as http.client expects.
        self._source = sock.makefile("rb", buffering=0)
        self._clock = clock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the answer is over")
        self._sock.settimeout(left)
        return self._source.readinto(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()


class _DeadlineSocket:
    """The part of a socket that `http.client.HTTPResponse` uses: its file."""

    def __init__(self, sock: socket.socket, clock: Clock, deadline: float) -> None:
        self._reader = _DeadlineReader(sock, clock, deadline)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader, 65_536)


class _DeadlineResponse(http.client.HTTPResponse):
    """An answer that must be read before a deadline."""

    def __init__(self, sock: socket.socket, *args: Any, clock: Clock, deadline: float, **kwargs: Any) -> None:
        limited: Any = _DeadlineSocket(sock, clock, deadline)
        super().__init__(limited, *args, **kwargs)


def _deadline_pools(
    clock: Clock, on_connected: Callable[[socket.socket], None]
) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Return urllib3's pools, with connections whose timeout limits the whole answer."""

    def set_deadline(connection: Any) -> None:
        # urllib3 has set `timeout` to the time left of the total.
        connection.response_class = functools.partial(
            _DeadlineResponse, clock=clock, deadline=clock.monotonic() + connection.timeout
        )

    class Plain(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            set_deadline(self)
            super().connect()
            on_connected(self.sock)

        def getresponse(self) -> Any:
            set_deadline(self)
            return super().getresponse()

    class Secure(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            set_deadline(self)
            super().connect()
            on_connected(self.sock)

        def getresponse(self) -> Any:
            set_deadline(self)
            return super().getresponse()

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
