"""The last good facts of every plan and region, and who is told when they change.

A group is replaced whole, in one swap, and only by a read that succeeded. A plan that a complete list no longer holds is gone at
once with everything known of it; a list that could not be read deletes nothing. The store never calls the API and never renders.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any

from dbs_exporter.collectors.table import COLLECTORS, Ended, Level, PlanRead
from dbs_exporter.facts.model import (
    Objectives,
    Plan,
    PlanSubject,
    RegionSubject,
    Scope,
    Subject,
    SubjectKey,
    Tally,
)
from dbs_exporter.facts.protection import TOLD_COLLECTORS

Subscriber = Callable[[SubjectKey, Subject | None], None]

_BLANK: dict[Level, dict[str, Any]] = {
    "plan": {one.name: one.default for one in fields(PlanSubject)},
    "region": {one.name: one.default for one in fields(RegionSubject)},
}
"""What each field holds while its collector has brought nothing."""


class Store:
    """Subjects by key; safe to use from several threads.

    Subscribers are called with the key and the new subject (None: it is gone), in order, and must be quick and not raise.
    """

    def __init__(self, objectives: Callable[[Plan], Objectives]) -> None:
        self._objectives = objectives
        self._plans: dict[Scope, dict[str, PlanSubject]] = {}
        self._regions: dict[Scope, RegionSubject] = {}
        self._ledger = Ledger()
        self._subscribers: list[Subscriber] = []
        self._lock = threading.RLock()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Be told of every change from now on, and at once of everything that is known."""
        with self._lock:
            self._subscribers.append(subscriber)
            known: list[Subject] = [*self._regions.values(), *self.plan_subjects()]
            for one in known:
                subscriber(key_of(one), one)

    def plan_subjects(self) -> list[PlanSubject]:
        """All plans."""
        with self._lock:
            return [one for plans in self._plans.values() for one in plans.values()]

    def plans_of(self, scope: Scope) -> list[PlanSubject]:
        """The plans of one account and region."""
        with self._lock:
            return list(self._plans.get(scope, {}).values())

    def plan(self, scope: Scope, plan_id: str) -> PlanSubject | None:
        """One plan; None if there is none."""
        with self._lock:
            return self._plans.get(scope, {}).get(plan_id)

    def region_subjects(self) -> list[RegionSubject]:
        """All regions of all accounts of which something is known."""
        with self._lock:
            return list(self._regions.values())

    def subject(self, key: SubjectKey) -> Subject | None:
        """A plan, or with "" for its id a region; None if it is not known."""
        scope = Scope(account=key[0], region=key[1])
        with self._lock:
            return self._plans.get(scope, {}).get(key[2]) if key[2] else self._regions.get(scope)

    def put_plans(self, scope: Scope, plans: Iterable[Plan]) -> list[str]:
        """Take a complete list of plans; plans it does not hold are gone. Gives the ids of those that are new."""
        with self._lock:
            known = self._plans.setdefault(scope, {})
            listed = {plan.plan_id: plan for plan in plans}
            for plan_id in [one for one in known if one not in listed]:
                del known[plan_id]
                self._tell((scope.account, scope.region, plan_id), None)
            new = []
            for plan_id, plan in listed.items():
                before = known.get(plan_id)
                objectives = self._objectives(plan)
                if before is None:
                    new.append(plan_id)
                    after = PlanSubject(
                        scope=scope,
                        plan=plan,
                        objectives=objectives,
                        full_backup_tally=self._ledger.tally(scope, plan_id, "full_backup_tally"),
                        log_tally=self._ledger.tally(scope, plan_id, "log_tally"),
                        restore_tally=self._ledger.tally(scope, plan_id, "restore_tally"),
                    )
                elif before.plan == plan and before.objectives == objectives:
                    continue
                else:
                    after = replace(before, plan=plan, objectives=objectives)
                known[plan_id] = after
                self._tell((scope.account, scope.region, plan_id), after)
            return new

    def put_plan(self, scope: Scope, plan_id: str, collector: str, read: PlanRead, at: float) -> None:
        """Take one group of one plan, read whole at `at` (Unix seconds). A plan that is gone meanwhile stays gone."""
        with self._lock:
            before = self._plans.get(scope, {}).get(plan_id)
            if before is None:
                return
            facts: dict[str, Any] = dict(read.facts)
            if read.ended is not None:
                facts[read.tally] = self._ledger.count(scope, plan_id, read.tally, read.ended)
            if collector in TOLD_COLLECTORS:
                others = tuple(one for one in before.read_at if one[0] != collector)
                facts["read_at"] = tuple(sorted((*others, (collector, at))))
            # What was read again and is the same stays the same object, by which others tell that it need not be looked at.
            new = {name: fact for name, fact in facts.items() if fact != getattr(before, name)}
            if new:
                after = replace(before, **new)
                self._plans[scope][plan_id] = after
                self._tell((scope.account, scope.region, plan_id), after)

    def put_region(self, scope: Scope, **facts: Any) -> None:
        """Replace facts of a region: supported, gateways, gateway_plans, networks."""
        with self._lock:
            before = self._regions.get(scope)
            after = replace(before or RegionSubject(scope=scope), **facts)
            if after != before:
                self._regions[scope] = after
                self._tell((scope.account, scope.region, ""), after)

    def put_supported_regions(self, account: str, regions: Iterable[str]) -> None:
        """Take a complete list of an account's regions; of those not in it nothing says any more that they are supported."""
        listed = set(regions)
        with self._lock:
            for scope in [
                one for one in self._regions if one.account == account and one.region not in listed
            ]:
                self.put_region(scope, supported=None)
            for region in sorted(listed):
                self.put_region(Scope(account=account, region=region), supported=True)

    def keep(self, scope: Scope, collectors: Iterable[str]) -> None:
        """Forget what only other collectors bring: they run here no more, and what they brought would stay for ever."""
        running = set(collectors)
        gone = [one for one in COLLECTORS.values() if one.name not in running]
        names = {one.name for one in gone}
        blank = {
            level: {name: default[name] for one in gone if one.level == level for name in one.facts}
            for level, default in _BLANK.items()
        }
        with self._lock:
            if "plans" in names:
                self.put_plans(scope, ())
            for plan_id, before in self._plans.get(scope, {}).items():
                read_at = tuple(one for one in before.read_at if one[0] not in names)
                after = replace(before, **blank["plan"], read_at=read_at)
                if after != before:
                    self._plans[scope][plan_id] = after
                    self._tell((scope.account, scope.region, plan_id), after)
            if scope in self._regions:
                self.put_region(scope, **blank["region"])

    def drop(self, scope: Scope) -> None:
        """Forget an account's region: it is no longer watched."""
        with self._lock:
            for plan_id in self._plans.pop(scope, {}):
                self._tell((scope.account, scope.region, plan_id), None)
            if self._regions.pop(scope, None) is not None:
                self._tell((scope.account, scope.region, ""), None)

    def drop_account(self, account: str) -> None:
        """Forget all regions of an account."""
        with self._lock:
            for scope in {*self._plans, *self._regions}:
                if scope.account == account:
                    self.drop(scope)

    def set_objectives(self, objectives: Callable[[Plan], Objectives]) -> None:
        """Hold every plan to new objectives, at once."""
        with self._lock:
            self._objectives = objectives
            for scope, plans in self._plans.items():
                for plan_id, before in plans.items():
                    after = replace(before, objectives=objectives(before.plan))
                    if after != before:
                        plans[plan_id] = after
                        self._tell((scope.account, scope.region, plan_id), after)

    def _tell(self, key: SubjectKey, subject: Subject | None) -> None:
        for subscriber in self._subscribers:
            subscriber(key, subject)


def key_of(subject: Subject) -> SubjectKey:
    """A subject's key."""
    plan_id = subject.plan.plan_id if isinstance(subject, PlanSubject) else ""
    return (subject.scope.account, subject.scope.region, plan_id)


def plans_per_gateway(plans: Iterable[Plan]) -> tuple[tuple[str, int], ...]:
    """(gateway id, plans that back up through it)."""
    found = Counter(plan.gateway_id for plan in plans if plan.gateway_id)
    return tuple(sorted(found.items()))


class Ledger:
    """Counts every set once, however often it is listed; never goes down while the process lives.

    What stood in the first list that was read is not counted: the exporter did not see it end. Identities are kept as 64-bit
    hashes, and those long gone from the list are forgotten. A plan that disappears and returns goes on where it was.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[Scope, str, str], Tally] = {}
        self._seen: dict[tuple[Scope, str, str], array[int]] = {}

    def tally(self, scope: Scope, plan_id: str, name: str) -> Tally:
        """One tally of a plan, by its field in PlanSubject."""
        return self._tallies.get((scope, plan_id, name), Tally())

    def count(self, scope: Scope, plan_id: str, name: str, ended: Iterable[Ended]) -> Tally:
        """Add what has ended since the last list, and give the sum."""
        key = (scope, plan_id, name)
        listed = {hash(one.identity): one for one in ended}
        before = self._seen.get(key)
        tally = self._tallies.get(key, Tally())
        if before is None:
            self._seen[key] = array("q", list(listed))
            return tally
        seen = set(before)
        fresh = [number for number in listed if number not in seen]
        if fresh:
            for number in fresh:
                one = listed[number]
                tally = Tally(
                    success=tally.success + one.success,
                    failure=tally.failure + (not one.success),
                    size_bytes=tally.size_bytes + one.size_bytes,
                    duration_seconds=tally.duration_seconds + one.duration_seconds,
                )
            self._tallies[key] = tally
            # Twice the list is room enough for sets that leave a list and come back.
            kept = [*before, *fresh][-max(64, 2 * len(listed)) :]
            self._seen[key] = array("q", list(dict.fromkeys([*kept, *listed])))
        return tally
