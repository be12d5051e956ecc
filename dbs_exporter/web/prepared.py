"""Answers made from the overview, in a worker thread: each once for all who ask the same within a moment.

Any number of clients cost one answer per question and second, or less often where it takes long, so that looking at a large fleet
never slows the scrapes of it.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dbs_exporter.clock import Clock
from dbs_exporter.web.page.overview import Overview, Snapshot, overview

KEPT_SECONDS = 1.0
REST_FACTOR = 10.0
"""An overview is kept this many times as long as it took to make, if that is longer."""
ANSWERS_AT_ONCE = 16
"""Different answers being made or waited for; one more is refused."""


class BusyError(Exception):
    """The answer cannot be made now; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A finished body, plain and compressed, and its Content-Security-Policy; "" for none of its own."""

    media_type: str
    identity: bytes
    gzip: bytes
    policy: str = ""

    @classmethod
    def of(cls, identity: bytes, media_type: str, policy: str = "") -> Answer:
        """Return an answer with these bytes."""
        return cls(
            media_type=media_type, identity=identity, gzip=gzip.compress(identity, 5, mtime=0), policy=policy
        )


class Answers:
    """Makes answers and keeps each for a moment. `answer` belongs to one event loop."""

    def __init__(self, snapshot: Callable[[], Snapshot], *, clock: Clock) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._made: dict[Hashable, tuple[float, asyncio.Future[Answer | None]]] = {}
        self._overview: tuple[float, Overview] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="status-page")

    async def answer(self, question: Hashable, make: Callable[[Overview], Answer | None]) -> Answer | None:
        """Return what `make` makes of the overview; raises BusyError when too many others are being made."""
        now = self._clock.monotonic()
        self._made = {
            each: (until, made)
            for each, (until, made) in self._made.items()
            if until > now or not made.done()
        }
        if question not in self._made:
            waiting = sum(not made.done() for _, made in self._made.values())
            if waiting >= ANSWERS_AT_ONCE:
                raise BusyError("Too many different pages are asked for at once.")
            loop = asyncio.get_running_loop()
            try:
                made = loop.run_in_executor(self._worker, lambda: make(self._now()))
            except RuntimeError:
                raise BusyError("The system gives no thread to make the page in.") from None
            self._made[question] = (now + KEPT_SECONDS, made)
        return await asyncio.shield(self._made[question][1])

    def _now(self) -> Overview:
        """Return the overview; in the worker thread."""
        began = self._clock.monotonic()
        if self._overview is None or self._overview[0] <= began:
            facts = overview(self._snapshot())
            took = self._clock.monotonic() - began
            self._overview = (began + max(KEPT_SECONDS, REST_FACTOR * took), facts)
        return self._overview[1]
