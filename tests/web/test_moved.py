"""Metrics that are moved in time: timestamps and nothing else, whatever the client accepts."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from starlette.types import Message, Receive, Scope, Send

from dbs_exporter.web.moved import moved, of_the_present

PAGE = b"""# HELP dbs_plan_created_timestamp_seconds When; 1790000000
# TYPE dbs_plan_created_timestamp_seconds gauge
dbs_plan_created_timestamp_seconds{plan_id="a",plan_name="b} 7"} 1.79e+09
dbs_plan_fresh_until_timestamp_seconds{plan_id="a"} +Inf
dbs_exporter_last_timestamp_seconds 1790000000.5
dbs_full_backup_size_bytes{plan_id="a"} 1790000000.0
# EOF
"""
EARLIER = (
    PAGE.replace(b" 1.79e+09", b" 1789999940.0")
    .replace(b" 1790000000.5", b" 1789999940.5")
)  # fmt: skip


def test_timestamps_move_and_nothing_else_does() -> None:
    """Comments, sizes and what never ends stay; instants are a minute earlier."""
    assert moved(PAGE, -60.0) == EARLIER


async def metrics(scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that serves the page in two pieces, compressed if asked."""
    compressed = any(name == b"accept-encoding" for name, _ in scope["headers"])
    body = gzip.compress(PAGE, mtime=0) if compressed else PAGE
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[:100], "more_body": True})
    await send({"type": "http.response.body", "body": body[100:]})


@pytest.mark.parametrize(
    ("path", "page"),
    [("/dbs/metrics", EARLIER), ("/dbs/", gzip.compress(PAGE, mtime=0))],
    ids=["metrics", "other"],
)
def test_only_the_metrics_are_moved(path: str, page: bytes) -> None:
    """The metrics come whole, uncompressed and with their new length; other paths are served as they are."""
    sent: list[Message] = []

    async def ask() -> None:
        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        scope = {"type": "http", "path": path, "headers": [(b"accept-encoding", b"gzip")]}
        await of_the_present(metrics, "/dbs/metrics", lambda: 60.0)(scope, receive, send)

    asyncio.run(ask())
    body = b"".join(message["body"] for message in sent[1:])

    assert body == page
    assert dict(sent[0]["headers"])[b"content-length"] == b"%d" % len(page)
