"""How fast and how many at once: one `Pacer` per account and region, which is how the API counts.

It owns the rate, its halving under throttling, its slow recovery, and the pauses between attempts of one call. It never
calls the API and never decides whether an attempt is worth repeating.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dbs_exporter.clock import Clock
from dbs_exporter.errors import Timeout

# A hair more than a second, so that rounding can never put one call too many into a second.
_WINDOW_SECONDS = 1.000_001
_SLOWEST_SHARE = 1 / 32
_RECOVERY_SECONDS = 120.0
"""From nothing back to the full rate; from half of it in half that time."""
_HALVE_AT_MOST_EVERY_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_MOST_REMEMBERED = 10_000
"""Starts that are remembered; beyond so many a second the even spacing alone must do, and does but for rounding."""

BACKOFF_BASE_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 20.0


def backoff_seconds(
    failures: int, random: Callable[[], float], retry_after_seconds: float | None = None
) -> float:
    """Give the pause after the `failures`-th failure: full jitter under an exponential cap, never less than asked for.

    `random` gives 0 to 1. What the server asks for is honoured on top, so that callers told the same do not come at once.
    """
    ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(failures - 1, 16))
    return (retry_after_seconds or 0.0) + random() * ceiling


class Pacer:
    """Lets at most `requests_per_second` calls start in any second, and at most `concurrency` run at once.

    A whole number of calls fits into a second, so above 1 a fraction of the rate is not used. Calls are spread evenly, never
    sent in bursts. `on_wait` is told each time a call waited, in seconds.
    """

    def __init__(
        self,
        requests_per_second: float,
        concurrency: int,
        clock: Clock,
        on_wait: Callable[[float], None] = lambda _: None,
    ) -> None:
        if not requests_per_second > 0 or concurrency < 1:
            raise ValueError("requests_per_second must be above 0 and concurrency at least 1")
        self._most = float(requests_per_second)
        self._rate = self._most
        self._clock = clock
        self._on_wait = on_wait
        self._places = threading.Semaphore(concurrency)
        self._turnstile = threading.Lock()
        self._state = threading.Lock()
        self._started: deque[float] = deque(maxlen=max(1, min(int(self._most), _MOST_REMEMBERED)))
        self._halved_at = float("-inf")
        self._recovered_at = clock.monotonic()
        self._paused_until = float("-inf")

    @property
    def rate(self) -> float:
        """Calls per second allowed now: the configured ones, fewer after throttling."""
        return self._rate

    @contextmanager
    def slot(self, within: float | None = None) -> Iterator[None]:
        """Hold one of the places, from the moment the rate allows; `within` seconds, else Timeout is raised.

        Also raises Timeout when the clock was stopped.
        """
        asked = self._clock.monotonic()
        with self._places:
            # The start is noted when it happens and not when it was planned: a thread that wakes late moves those behind it.
            with self._turnstile:
                while (wait := self._earliest() - self._clock.monotonic()) > 0:
                    if within is not None and self._clock.monotonic() + wait - asked >= within:
                        raise Timeout(f"the rate limit leaves no call within {within:g} s")
                    if self._clock.sleep(wait):
                        raise Timeout("stopped while waiting for the rate limit")
                started = self._clock.monotonic()
                self._started.append(started)
            if started > asked:
                self._on_wait(started - asked)
            yield

    def throttled(self, retry_after_seconds: float | None = None) -> None:
        """Halve the rate, at most once a second however many calls were refused; hold all calls as long as asked for."""
        now = self._clock.monotonic()
        with self._state:
            self._recovered_at = now
            if now - self._halved_at >= _HALVE_AT_MOST_EVERY_SECONDS:
                self._halved_at = now
                self._rate = max(self._rate / 2, self._most * _SLOWEST_SHARE)
            if retry_after_seconds:
                pause = min(retry_after_seconds, _LONGEST_PAUSE_SECONDS)
                self._paused_until = max(self._paused_until, now + pause)

    def succeeded(self) -> None:
        """Give back some of the rate, by the time since it last changed."""
        if self._rate >= self._most:
            return
        now = self._clock.monotonic()
        with self._state:
            # Time in which nothing was asked proves nothing, so a success earns one second at most.
            earned = min(now - self._recovered_at, 1.0)
            self._recovered_at = now
            self._rate = min(self._most, self._rate + self._most * earned / _RECOVERY_SECONDS)

    def _earliest(self) -> float:
        """When the next call may start."""
        with self._state:
            earliest = self._paused_until
            if self._started:
                per_window = int(self._rate)
                gap = _WINDOW_SECONDS / per_window if per_window else _WINDOW_SECONDS / self._rate
                earliest = max(earliest, self._started[-1] + gap)
                if len(self._started) == self._started.maxlen:
                    earliest = max(earliest, self._started[0] + _WINDOW_SECONDS)
            return earliest
