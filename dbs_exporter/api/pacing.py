"""The rate limit of calls: a `Pacer` per account and region, because the API counts calls so.

This module owns the rate, its halving after throttling, its slow recovery, and the pauses between attempts of a call. It
never calls the API and never decides whether a call is retried.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dbs_exporter.clock import Clock
from dbs_exporter.errors import Timeout

# Slightly more than a second, so that rounding never puts one call too many into a second.
_WINDOW_SECONDS = 1.000_001
_SLOWEST_SHARE = 1 / 32
_RECOVERY_SECONDS = 120.0
"""From zero to the full rate; from half of it, half this time."""
_HALVE_AT_MOST_EVERY_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_MOST_REMEMBERED = 10_000
"""Starts of calls that are remembered; above so many a second, only the even spacing keeps the limit."""

BACKOFF_BASE_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 20.0


def backoff_seconds(
    failures: int, random: Callable[[], float], retry_after_seconds: float | None = None
) -> float:
    """Return the pause in seconds after the `failures`-th failure: jitter up to an exponential limit.

    `random` returns a number from 0 to 1. `retry_after_seconds`, the wait that the server asks for, is added, so that callers
    that were asked to wait equally long do not come back at the same moment.
    """
    ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(failures - 1, 16))
    return (retry_after_seconds or 0.0) + random() * ceiling


class Pacer:
    """Limits how many calls start in a second (`requests_per_second`) and run at once (`concurrency`).

    Only whole calls fit into a second, so above 1 the fraction of the rate is not used. Calls are spread evenly, never sent in
    bursts. `on_wait` is called with the seconds that a call waited. Raises ValueError for limits that allow no call.
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
        self._full_rate = float(requests_per_second)
        self._rate = self._full_rate
        self._clock = clock
        self._on_wait = on_wait
        self._slots = threading.Semaphore(concurrency)
        self._turnstile = threading.Lock()
        self._state = threading.Lock()
        self._started: deque[float] = deque(maxlen=max(1, min(int(self._full_rate), _MOST_REMEMBERED)))
        self._halved_at = float("-inf")
        self._recovered_at = clock.monotonic()
        self._paused_until = float("-inf")

    @property
    def rate(self) -> float:
        """The calls per second that are allowed now: the configured rate, or less after throttling."""
        return self._rate

    def ready_in(self) -> float:
        """Return in how many seconds a call may start, 0 for now."""
        return max(0.0, self._earliest() - self._clock.monotonic())

    @contextmanager
    def slot(self, within: float | None = None) -> Iterator[None]:
        """Wait until the rate and the concurrency allow a call, and hold its slot while the block runs.

        Raises Timeout if the rate does not allow the call `within` seconds, or if the clock is stopped.
        """
        requested = self._clock.monotonic()
        with self._slots:
            # The actual start counts, not the planned one: a thread that wakes late delays the threads behind it.
            with self._turnstile:
                while (wait := self._earliest() - self._clock.monotonic()) > 0:
                    if within is not None and self._clock.monotonic() + wait - requested >= within:
                        raise Timeout(f"the rate limit leaves no call within {within:g} s")
                    if self._clock.sleep(wait):
                        raise Timeout("stopped while waiting for the rate limit")
                started = self._clock.monotonic()
                self._started.append(started)
            if started > requested:
                self._on_wait(started - requested)
            yield

    def on_throttled(self, retry_after_seconds: float | None = None) -> None:
        """Halve the rate, at most once a second, and delay all calls as long as the server asks."""
        now = self._clock.monotonic()
        with self._state:
            self._recovered_at = now
            if now - self._halved_at >= _HALVE_AT_MOST_EVERY_SECONDS:
                self._halved_at = now
                self._rate = max(self._rate / 2, self._full_rate * _SLOWEST_SHARE)
            if retry_after_seconds:
                pause = min(retry_after_seconds, _LONGEST_PAUSE_SECONDS)
                self._paused_until = max(self._paused_until, now + pause)

    def on_success(self) -> None:
        """Raise the rate again, by the time since it last changed."""
        if self._rate >= self._full_rate:
            return
        now = self._clock.monotonic()
        with self._state:
            # Time without a call proves nothing, so a success counts for a second at most.
            earned = min(now - self._recovered_at, 1.0)
            self._recovered_at = now
            self._rate = min(self._full_rate, self._rate + self._full_rate * earned / _RECOVERY_SECONDS)

    def _earliest(self) -> float:
        """Return when the next call may start, in the clock's monotonic seconds."""
        with self._state:
            earliest = self._paused_until
            if self._started:
                per_window = int(self._rate)
                gap = _WINDOW_SECONDS / per_window if per_window else _WINDOW_SECONDS / self._rate
                earliest = max(earliest, self._started[-1] + gap)
                if len(self._started) == self._started.maxlen:
                    earliest = max(earliest, self._started[0] + _WINDOW_SECONDS)
            return earliest
