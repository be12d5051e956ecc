"""What a poller takes over from another process besides facts, and leaves to the next: so that a restart costs no call.

Facts are in the store when this begins. Promises are made of them as if they had just been read when they were.
"""

from __future__ import annotations

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.learned import Fared, Learned, Restored, Tails
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.polling.cadence import seconds_left
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.planner import Planner
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Target

ABSENCE_SECONDS = 3_600.0
"""After so long everything that was known is stale."""


def restore(
    restored: Restored, target: Target, planner: Planner, store: Store, outcomes: Outcomes, tails: Tails
) -> None:
    """Take over what was learned, and promise what was read."""
    scope, learned = target.scope, restored.learned
    tails.restore(learned.tail, learned.tail_failures)
    planner.restore(learned)
    plans = store.plans_of(scope)
    region = store.region(scope)
    for name, collector in planner.plan_collectors.items():
        read = {
            subject.plan.plan_id: at
            for subject in plans
            if (at := subject.known(collector.group).read_at) is not None
        }
        outcomes.restore(scope, name, read, learned.fared.get(name, Fared()))
    for name, lists in planner.region_collectors.items():
        at = region.known(lists.group).read_at if region is not None else None
        outcomes.restore(scope, name, {} if at is None else {"": at}, learned.fared.get(name, Fared()))
        if at is not None:
            store.promise_region(scope, lists.group.name, planner.promises.of_region(name, at))
        for subject in plans if lists.group is PLANS else ():
            until = planner.promises.of_region(name, subject.listed_at or 0.0)
            store.promise_plan(scope, subject.plan.plan_id, {PLANS.name: until})


def learned(target: Target, planner: Planner, outcomes: Outcomes, tails: Tails) -> Learned:
    """Return what was learned, for another process."""
    return Learned(
        tail=tails.method,
        tail_failures=tails.failures,
        stretch=planner.stretch,
        since=planner.promises.since(),
        fared=outcomes.fared(target.scope, target.collectors),
    )


def first_in(target: Target, planner: Planner, store: Store) -> dict[str, float]:
    """Return in how many seconds each list of the region that was read before is to be read again."""
    region, now = store.region(target.scope), target.time.now()
    if region is None:
        return {}
    return {
        name: seconds_left(planner.interval(name), at, now)
        for name, collector in planner.region_collectors.items()
        if (at := region.known(collector.group).read_at) is not None
    }


class CatchingUp:
    """Whether a region is being read again after a long absence. Not thread-safe: its poller guards it."""

    def __init__(self, clock: Clock, planner: Planner) -> None:
        self._clock = clock
        self._planner = planner
        self._until = float("-inf")

    def begin(self, restored: Restored) -> None:
        """Take for how long nobody read anything; it takes as long as all plans once take."""
        if restored.away_seconds > ABSENCE_SECONDS:
            wait = self._planner.promises.seconds_for(len(restored.plans))
            self._until = self._clock.monotonic() + wait

    def goes_on(self) -> bool:
        """Return whether it goes on: until its time is over or nothing is late."""
        now = self._clock.monotonic()
        if now < self._until and not self._planner.is_late(now):
            self._until = float("-inf")
        return now < self._until
