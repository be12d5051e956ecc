"""A server that answers each request as a test says, also by what servers must not do."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


Reply = bytes | Callable[[socket.socket], None]
Script = Callable[[Seen], Reply]


class Server:
    """Reads requests and answers each by `script`, with bytes or by doing something to the connection."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.seen: list[Seen] = []
        self.connections = 0
        port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._open:
            connection.close()

    def first_connection_ended(self, patience_seconds: float) -> bool:
        """Wait for the first connection to be closed by the other side, and say whether it was."""
        thread = self._threads[1]
        thread.join(patience_seconds)
        return not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.connections))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection.makefile("rb") as reader:
                while line := reader.readline():
                    method, target, _ = line.decode().split(" ", 2)
                    headers = {}
                    while (header := reader.readline().decode().strip()) != "":
                        name, _, value = header.partition(":")
                        headers[name.lower()] = value.strip()
                    seen = Seen(method, target, headers, number)
                    self.seen.append(seen)
                    reply = self._script(seen)
                    if isinstance(reply, bytes):
                        connection.sendall(reply)
                    else:
                        reply(connection)


def http(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> bytes:
    """Make a whole HTTP answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{head}\r\n".encode() + content


OK = http({"Success": True, "RequestId": "R1", "Regions": {"RegionCode": ["cn-hangzhou"]}})
THROTTLED = http({"Code": "Throttling.User", "Message": "slow down", "RequestId": "R0"}, 400)


def in_turn(*replies: Reply) -> Script:
    """Give these answers one after the other, the last one for ever."""
    left = list(replies)
    return lambda seen: left.pop(0) if len(left) > 1 else left[0]


def chunked_without_end(connection: socket.socket) -> None:
    """Send chunks until the other side gives up."""
    connection.sendall(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    while True:
        connection.sendall(chunk)


def without_length(connection: socket.socket) -> None:
    """Send a body that only the end of the connection would end."""
    connection.sendall(b"HTTP/1.1 200 X\r\n\r\n")
    while True:
        connection.sendall(b" " * 0x100000)


class ListScript:
    """A script that serves a list of full backups, which `change` may alter before a page is given."""

    def __init__(
        self, count: int, change: Callable[[ListScript, int], None] = lambda script, request: None
    ) -> None:
        self.items: list[dict[str, Any]] = [{"BackupSetId": f"set{number:05d}"} for number in range(count)]
        self.change = change
        self.requests = 0
        self.extra: dict[str, Any] = {}
        self.largest_page = 10**9

    def __call__(self, seen: Seen) -> bytes:
        self.change(self, self.requests)
        self.requests += 1
        size = min(int(seen.query["PageSize"]), self.largest_page)
        number = int(seen.query["PageNum"])
        page = self.items[number * size : (number + 1) * size]
        answer = {
            "Success": True,
            "PageNum": number,
            "PageSize": size,
            "TotalElements": len(self.items),
            "Items": {"FullBackupFile": page} if page else "",
        }
        return http(answer | self.extra)
