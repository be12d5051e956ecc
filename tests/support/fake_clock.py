"""A clock that tests move by hand."""

from __future__ import annotations

import threading


class FakeClock:
    """`advance` moves it; `sleep` advances instead of waiting."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self._now = now
        self._monotonic = 1_000.0
        self._lock = threading.Lock()
        self.stopped = False

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> bool:
        self.advance(max(0.0, seconds))
        return self.stopped

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self._monotonic += seconds
