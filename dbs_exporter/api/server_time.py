"""Whose time it is: wall time as the API has it, so that a machine's clock that is wrong or set delays and falsifies nothing.

Time goes by the monotonic clock; what is added to it is learned from the Date of signed, successful answers (the median of the
last ones), and is the machine's clock until the first. Signatures and the times of readings use it.
"""

from __future__ import annotations

import threading
from collections import deque
from email.utils import parsedate_to_datetime
from statistics import median

from dbs_exporter.clock import Clock

ANSWERS = 9
"""Answers of which the median is taken: one odd Date among them moves nothing."""
_HALF_SECOND = 0.5
"""A Date has no fractions, so on average it lies this much behind."""


class ServerTime:
    """The time of one account and region; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.now() - clock.monotonic()
        self._learned: deque[float] = deque(maxlen=ANSWERS)
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the time in Unix seconds, as the API has it."""
        return self._clock.monotonic() + self._difference()

    @property
    def offset_seconds(self) -> float | None:
        """How far the machine's clock is behind the API's; negative if it is ahead, None before the first answer."""
        if not self._learned:
            return None
        return self.now() - self._clock.now()

    def observe(self, date: str, sent: float, *, certain: bool = True) -> bool:
        """Learn from the Date of an answer to a request that was sent at `sent` (monotonic seconds).

        `certain` False means an answer that refused a request for its time: what was learned before is dropped for it. Returns
        False for a Date that is none.
        """
        try:
            at = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError, OverflowError):
            return False
        # In the middle between request and answer.
        difference = at + _HALF_SECOND - (sent + self._clock.monotonic()) / 2
        with self._lock:
            if not certain:
                self._learned.clear()
            self._learned.append(difference)
        return True

    def _difference(self) -> float:
        learned = tuple(self._learned)
        return median(learned) if learned else self._started
