"""What stands before every route: a rate limit, users, and headers that are added to each answer.

`Access` is what a web configuration allows; it is replaced as a whole while requests are answered. Health and readiness are
open to everybody, because probes carry no password. This module knows no file.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dbs_exporter.clock import Clock
from dbs_exporter.web.users import BusyError, Users


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may connect and ask, and how often; nothing of it is asked for by default.

    `tls` None means plain HTTP. `client_names` are the names one of which a client's certificate must have; () for any.
    `interval` is the seconds between two requests, 0 for no limit, and `burst` how many may come at once.
    """

    tls: ssl.SSLContext | None = None
    client_names: tuple[str, ...] = ()
    users: Users | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    interval: float = 0.0
    burst: int = 0


OPEN = Access()


class Guard:
    """Wraps an application; `access` may be replaced at any time, from any thread."""

    def __init__(self, app: ASGIApp, access: Access, *, clock: Clock, open_paths: frozenset[str]) -> None:
        self.access = access
        self._app = app
        self._clock = clock
        self._open_paths = open_paths
        self._allowed = float(access.burst)
        self._counted_at = clock.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        access = self.access
        app = self._app
        if scope["path"] not in self._open_paths:
            if access.interval and not self._is_in_rate(access):
                app = _refusal("Too many requests.\n", 429, {"retry-after": "1"})
            elif access.users is not None:
                app = await self._admitted(access.users, scope)
        await app(scope, receive, _with_headers(send, access.headers) if access.headers else send)

    async def _admitted(self, users: Users, scope: Scope) -> ASGIApp:
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        try:
            if await users.admits(authorization, scope["client"][0] if scope["client"] else ""):
                return self._app
        except BusyError:
            return _refusal("Too many passwords wait to be compared.\n", 503, {"retry-after": "1"})
        return _refusal("Unauthorized\n", 401, {"www-authenticate": 'Basic realm="dbs-exporter"'})

    def _is_in_rate(self, access: Access) -> bool:
        now = self._clock.monotonic()
        earned = (now - self._counted_at) / access.interval
        self._allowed = min(float(access.burst), self._allowed + earned)
        self._counted_at = now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True


def _refusal(text: str, status: int, headers: dict[str, str]) -> ASGIApp:
    return PlainTextResponse(text, status, headers={**headers, "cache-control": "no-store"})


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """Return a `send` that sets headers, in place of any of the same name."""
    added = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
    ]
    names = {name for name, _ in added}

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message["headers"] if header[0].lower() not in names]
            message["headers"] = [*kept, *added]
        await send(message)

    return send_with_headers
