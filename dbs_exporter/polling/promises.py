"""Until when a list of the region counts as known, and a group of a plan that was never read; longer where calls are few.

What is promised for a reading of a plan that was made follows from its due time, and is the planner's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.polling.budget import Stretch
from dbs_exporter.polling.cadence import JITTER_SHARE
from dbs_exporter.polling.target import Target

REGION_PATIENCE_SHARE = 0.25
"""How much later than its interval a list of the region is promised."""
REGION_STRETCH_SHARE = 4.0
"""Lists of the region are stretched only by what goes beyond this factor."""
START_SHARE = 1.2
"""Many readings are promised for when all of them take this much longer than the rate allows."""


class Promises:
    """Promises of one target, in Unix seconds, a grace included."""

    def __init__(self, target: Target, stretch: Stretch, clock: Clock) -> None:
        self._target = target
        self._stretch = stretch
        self._clock = clock
        self._since: dict[str, float] = {}
        """Collector -> from when on it is read here, in Unix seconds, if another process began."""
        self._began = clock.monotonic()
        self.plans = 0
        """How many plans are there, or about to be listed."""

    def of_region(self, collector: str, at: float) -> float:
        """Return until when a list of the region that was read at `at` counts as known."""
        stretch = max(1.0, self._stretch.factor / REGION_STRETCH_SHARE)
        interval = self._target.collectors[collector].interval
        return at + interval * (1 + JITTER_SHARE + REGION_PATIENCE_SHARE) * stretch + FRESH_GRACE_SECONDS

    def of_first(self, subject: PlanSubject, collector: PlanCollector[Any]) -> float:
        """Return until when the first reading of a group is promised: kind after kind, each as long as all plans take."""
        since = max(subject.first_listed_at or 0.0, self._since_of(collector.name))
        turn = max(self._target.collectors[collector.name].interval, self.turn_seconds(collector))
        return since + turn + FRESH_GRACE_SECONDS

    def since(self) -> dict[str, float]:
        """Return from when on each collector is read here, in Unix seconds."""
        return {name: self._since_of(name) for name in self._target.collectors}

    def restore(self, since: Mapping[str, float]) -> None:
        """Take over from when on another process read each collector: a restart does not put off what was promised."""
        now = self._target.time.now()
        self._since = {name: min(at, now) for name, at in since.items()}

    def _since_of(self, collector: str) -> float:
        started_at = self._target.time.now() - (self._clock.monotonic() - self._began)
        return self._since.get(collector, started_at)

    def turn_seconds(self, collector: PlanCollector[Any]) -> float:
        """Return within how many seconds the first reading of a group has its turn."""
        return collector.rank * self.seconds_for(self.plans) * self._stretch.factor

    def seconds_for(self, calls: int) -> float:
        """Return how long so many calls take at the present rate."""
        return START_SHARE * calls / max(self._target.rate.rate, 1e-6)
