"""Metrics whose timestamps are moved, so that a Prometheus of the present reads true ages where a simulated clock runs ahead.

Prometheus compares timestamps with its own time. All timestamps of a page are moved by as much as the exporter's clock is ahead, which
leaves their ages as they are. This module never changes what is known or how it is rendered; only the demo uses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TIMESTAMP = re.compile(rb"^(\w+_timestamp_seconds(?:\{.*\})?) ([0-9.e+]+)$", re.MULTILINE)
"""A sample whose value is an instant; +Inf stays what it is."""


def moved(page: bytes, seconds: float) -> bytes:
    """Return a page of metrics with each timestamp later by so many seconds."""
    return _TIMESTAMP.sub(lambda sample: b"%s %r" % (sample[1], float(sample[2]) + seconds), page)


def of_the_present(app: ASGIApp, path: str, ahead: Callable[[], float]) -> ASGIApp:
    """Return the application with the timestamps of `path` earlier by the seconds that the cloud's clock is `ahead`."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != path:
            await app(scope, receive, send)
            return
        started: list[Message] = []
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            page = moved(bytes(body), -ahead())
            headers = [
                (name, b"%d" % len(page) if name == b"content-length" else value)
                for name, value in started[0]["headers"]
            ]
            await send({**started[0], "headers": headers})
            await send({"type": "http.response.body", "body": page})

        # What is compressed could not be rewritten.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await app({**scope, "headers": headers}, receive, collect)

    return served
