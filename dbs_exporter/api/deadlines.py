"""Connections whose answers have a deadline, as a requests transport adapter over urllib3.

A socket's own timeout starts anew with every byte that drips in, and so do those of requests and urllib3. Here an answer, head
and body, is held to the time that is left of the whole attempt, with and without a proxy, and what the proxy itself answers
too. Looking up a host's name is the resolver's, which has limits of its own.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from dbs_exporter.clock import Clock


@functools.cache
def tls_context(verify: bool | str) -> ssl.SSLContext:
    """Return a verifying context over a CA bundle (True: the usual one); made once, because a bundle is slow and large."""
    bundle = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
    folder = Path(bundle).is_dir()
    return ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)


class Adapter(HTTPAdapter):
    """Sends for one thread only, and repeats nothing. Give `urllib3.Timeout(total=...)`: it is for the whole answer."""

    def __init__(self, clock: Clock) -> None:
        self._pools = _held_pools(clock)
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return what tells pools apart, with the one context of all threads instead of a bundle for each."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": tls_context(verify)} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
        """Leave connections alone: their context has the bundle already."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make urllib3's pools, with held connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return urllib3's pools behind a proxy, with held connections."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


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
            raise TimeoutError("the time for the answer is over")
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
    """An answer that is read until a deadline."""

    def __init__(self, sock: socket.socket, *args: Any, clock: Clock, deadline: float, **kwargs: Any) -> None:
        held: Any = _HeldSocket(sock, clock, deadline)
        super().__init__(held, *args, **kwargs)


def _held_pools(clock: Clock) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Return urllib3's pools with connections whose answers are held to the connection's timeout as a whole."""

    def hold(connection: Any) -> None:
        # urllib3 has set `timeout` to what is left of the total.
        connection.response_class = functools.partial(
            _HeldResponse, clock=clock, deadline=clock.monotonic() + connection.timeout
        )

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
