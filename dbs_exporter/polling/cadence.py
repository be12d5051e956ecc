"""What comes again and again at fixed intervals: lists of regions, discovery, saving.

The intervals are APScheduler's; its own scheduler goes by the wall clock and stops while that is set back, so only its trigger is
used here, over time that never goes back.
"""

from __future__ import annotations

import heapq
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.interval import IntervalTrigger

JITTER_SHARE = 0.1
_log = logging.getLogger(__name__)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True, order=True)
class _Job:
    at: float
    number: int
    name: str = field(compare=False)
    action: Callable[[], None] = field(compare=False)
    trigger: IntervalTrigger = field(compare=False)


class Cadence:
    """Jobs by name, on monotonic seconds. Not thread-safe."""

    def __init__(self) -> None:
        self._jobs: list[_Job] = []
        self._current: dict[str, _Job] = {}
        self._numbers = itertools.count()

    def add(self, name: str, seconds: float, action: Callable[[], None], *, now: float) -> None:
        """Have `action` called now and then every so many seconds, more or less by a tenth. ValueError for no interval."""
        if seconds <= 0:
            raise ValueError(f"{name}: an interval of {seconds} s would never rest; it must be above 0")
        trigger = IntervalTrigger(
            seconds=seconds, start_date=_EPOCH, timezone=UTC, jitter=seconds * JITTER_SHARE
        )
        job = _Job(now, next(self._numbers), name, action, trigger)
        self._current[name] = job
        heapq.heappush(self._jobs, job)

    def remove(self, name: str) -> None:
        """Have a job no more."""
        self._current.pop(name, None)

    def next_at(self) -> float | None:
        """Return when the next job is due; None if there is none."""
        while self._jobs and self._current.get(self._jobs[0].name) is not self._jobs[0]:
            heapq.heappop(self._jobs)
        return self._jobs[0].at if self._jobs else None

    def run(self, now: float) -> None:
        """Call what is due. What was missed, as by a machine that slept, is made up for once."""
        due: list[_Job] = []
        while (at := self.next_at()) is not None and at <= now:
            due.append(heapq.heappop(self._jobs))
        for job in due:
            began = _EPOCH + timedelta(seconds=now)
            following = job.trigger.get_next_fire_time(began, began)
            job.at = (following - _EPOCH).total_seconds() if following else float("inf")
            heapq.heappush(self._jobs, job)
        for job in due:
            if self._current.get(job.name) is job:
                try:
                    job.action()
                except Exception:
                    _log.exception("%s could not be begun", job.name)


def seconds_left(interval: float, read_at: float, now: float) -> float:
    """Return in how many seconds something is read again that was read at `read_at`; at most the interval, also if `now` is wrong."""
    return min(interval, max(0.0, read_at + interval - now))
