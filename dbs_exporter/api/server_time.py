"""The time as the API has it, so that a machine's clock that is wrong or set delays and falsifies nothing.

Time goes by the monotonic clock; what is added to it is learned from the Date of signed, successful answers (the median of the
last ones), and is the machine's clock until the first. Signatures and the times of readings use it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from statistics import median

from dbs_exporter.clock import Clock

ANSWERS = 9
"""Answers of which the median is taken: one odd Date among them moves nothing."""
_HALF_SECOND = 0.5
"""A Date has no fractions, so on average it lies this much behind."""
_YEARS = range(2000, 2200)
"""Years of a Date that is believed."""


class ServerTime:
    """The time of one account and region; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_machine = clock.now() - clock.monotonic()
        self._learned: deque[float] = deque(maxlen=ANSWERS)
        self._median: float | None = None
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the time in Unix seconds, as the API has it."""
        learned = self._median
        return self._clock.monotonic() + (self._by_machine if learned is None else learned)

    @property
    def offset_seconds(self) -> float | None:
        """How far the API's clock is ahead of the machine's; negative if it is behind, None before the first answer."""
        return None if self._median is None else self.now() - self._clock.now()

    def observe(self, date: str, sent_at: float, *, afresh: bool = False) -> None:
        """Learn from the Date of a successful answer to a request that was sent at `sent_at` (monotonic seconds).

        `afresh` means that what was learned before was refused, as after the machine slept, and is dropped. A Date that is none
        teaches nothing.
        """
        at = _timestamp(date)
        if at is None:
            return
        # In the middle between request and answer.
        difference = at + _HALF_SECOND - (sent_at + self._clock.monotonic()) / 2
        with self._lock:
            if afresh:
                self._learned.clear()
            self._learned.append(difference)
            self._median = median(self._learned)

    def by_date(self, date: str) -> Callable[[], float] | None:
        """Return the time that goes on from an answer's Date, which came just now; None for a Date that is none."""
        at = _timestamp(date)
        if at is None:
            return None
        difference = at + _HALF_SECOND - self._clock.monotonic()
        return lambda: self._clock.monotonic() + difference


def _timestamp(date: str) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except (TypeError, ValueError, OverflowError):
        return None
    # A clock at the end of time would sign nothing any more. A Date of HTTP is GMT, also where it does not say so.
    if at.year not in _YEARS:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
