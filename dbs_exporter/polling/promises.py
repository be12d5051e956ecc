"""Until when a list of the region counts as known, and a group of a plan that was never read; both as long as calls are few.

What is promised for a reading of a plan that was made follows from its due time, and is the planner's.
"""

from __future__ import annotations

from typing import Any

from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.polling.budget import Stretch
from dbs_exporter.polling.cadence import JITTER_SHARE
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Target

REGION_PATIENCE_SHARE = 0.25
"""How much later than its interval a list of the region is promised."""
REGION_STRETCH_SHARE = 4.0
"""Lists of the region are stretched only by what goes beyond this factor."""
START_SHARE = 1.2
"""A first reading is promised for when all before it take this much longer than the rate allows."""


class Promises:
    """Promises of one target, in Unix seconds, a grace included."""

    def __init__(self, target: Target, store: Store, stretch: Stretch) -> None:
        self._target = target
        self._store = store
        self._stretch = stretch

    def of_region(self, collector: str, at: float) -> float:
        """Return until when a list of the region that was read at `at` counts as known."""
        stretch = max(1.0, self._stretch.factor / REGION_STRETCH_SHARE)
        interval = self._target.collectors[collector].interval
        return at + interval * (1 + JITTER_SHARE + REGION_PATIENCE_SHARE) * stretch + FRESH_GRACE_SECONDS

    def of_first(self, subject: PlanSubject, collector: PlanCollector[Any]) -> float:
        """Return until when the first reading of a group is promised: kind after kind, each as long as all plans take."""
        listed_at = subject.listed_at or self._target.time.now()
        turn = self.sweep_seconds() * collector.rank * self._stretch.factor
        return listed_at + max(self._target.collectors[collector.name].interval, turn) + FRESH_GRACE_SECONDS

    def sweep_seconds(self) -> float:
        """Return how long one call for each plan takes at the present rate."""
        return START_SHARE * len(self._store.plans_of(self._target.scope)) / max(self._target.rate.rate, 1e-6)
