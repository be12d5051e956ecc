"""A clock that tests move by hand."""

from __future__ import annotations

import threading


class FakeClock:
    """`advance` moves it; `sleep` advances instead of waiting, and like a real clock returns at once when it is stopped."""

    def __init__(self, now: float = 1_790_000_000.0, monotonic: float = 1_000.0) -> None:
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self.stopped = False
        self.sleeps: list[float] = []
        """How long each sleep was asked to be, in seconds."""

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> bool:
        self.sleeps.append(seconds)
        if not self.stopped:
            self.advance(max(0.0, seconds))
        return self.stopped

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self._monotonic += seconds

    def set_wall(self, now: float) -> None:
        """Set the wall clock, as an operator or NTP does; monotonic time goes on as before."""
        with self._lock:
            self._now = now
