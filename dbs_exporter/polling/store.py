"""The last good facts of every account, region and plan, and who is notified when they change.

A group is replaced whole, in one swap, and only by a reading that succeeded. A plan that a complete list no longer holds is
gone at once with everything known of it; a list that could not be read deletes nothing. The store never calls the API and
never renders.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec.structs import replace

from dbs_exporter.collectors.base import Collector, Read
from dbs_exporter.facts.groups import Group, Known, Subject, with_facts
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.subjects import AccountSubject, PlanSubject, RegionSubject, Scope, SubjectKey, key_of
from dbs_exporter.polling.ledger import Ledger

S = TypeVar("S", bound=Subject)
Subscriber = Callable[[SubjectKey, Subject | None], None]


class Store:
    """Subjects by key; safe to use from several threads.

    Subscribers are called with the key and the new subject (None: it is gone), in order, and must be quick and not raise.
    """

    def __init__(self, objectives: Callable[[Plan], Objectives]) -> None:
        self._objectives = objectives
        self._accounts: dict[str, AccountSubject] = {}
        self._regions: dict[Scope, RegionSubject] = {}
        self._plans: dict[Scope, dict[str, PlanSubject]] = {}
        self._ledger = Ledger()
        self._subscribers: list[Subscriber] = []
        self._lock = threading.RLock()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Notify of every change from now on, and at once of everything that is known."""
        with self._lock:
            self._subscribers.append(subscriber)
            known: list[Subject] = [*self._accounts.values(), *self._regions.values(), *self.plan_subjects()]
            for subject in known:
                subscriber(key_of(subject), subject)

    def account(self, account: str) -> AccountSubject | None:
        """Return an account; None if nothing is known of it."""
        with self._lock:
            return self._accounts.get(account)

    def plan_subjects(self) -> list[PlanSubject]:
        """Return all plans."""
        with self._lock:
            return [subject for plans in self._plans.values() for subject in plans.values()]

    def plans_of(self, scope: Scope) -> list[PlanSubject]:
        """Return the plans of one account and region."""
        with self._lock:
            return list(self._plans.get(scope, {}).values())

    def plan(self, scope: Scope, plan_id: str) -> PlanSubject | None:
        """Return one plan; None if there is none."""
        with self._lock:
            return self._plans.get(scope, {}).get(plan_id)

    def region_subjects(self) -> list[RegionSubject]:
        """Return all regions of all accounts of which something is known."""
        with self._lock:
            return list(self._regions.values())

    def put_account(self, account: str, group: Group[Any], facts: object, at: float) -> None:
        """Take one group of an account, read whole at `at` (Unix seconds)."""
        with self._lock:
            before = self._accounts.get(account) or AccountSubject(account=account)
            after = with_facts(before, group, facts, at)
            self._accounts[account] = after
            self._notify(key_of(after), after)

    def put_region(self, scope: Scope, group: Group[Any], facts: object, at: float) -> None:
        """Take one group of a region, read whole at `at` (Unix seconds)."""
        with self._lock:
            before = self._regions.get(scope) or RegionSubject(scope=scope)
            after = with_facts(before, group, facts, at)
            self._regions[scope] = after
            self._notify(key_of(after), after)

    def put_plans(self, scope: Scope, plans: Iterable[Plan], *, whole: bool = True) -> list[str]:
        """Take a list of plans to watch; plans that a whole one does not hold are gone. Returns the ids of those that are new."""
        with self._lock:
            known = self._plans.setdefault(scope, {})
            listed = {plan.plan_id: plan for plan in plans}
            for plan_id in [plan_id for plan_id in known if whole and plan_id not in listed]:
                del known[plan_id]
                self._notify((scope.account, scope.region, plan_id), None)
            new = []
            for plan_id, plan in listed.items():
                before = known.get(plan_id)
                objectives = self._objectives(plan)
                if before is None:
                    new.append(plan_id)
                    groups = {
                        name: Known(facts=None, tally=tally)
                        for name, tally in self._ledger.tallies(scope, plan_id).items()
                    }
                    after = PlanSubject(scope=scope, plan=plan, objectives=objectives, groups=groups)
                elif before.plan == plan and before.objectives == objectives:
                    continue
                else:
                    after = replace(before, plan=plan, objectives=objectives)
                known[plan_id] = after
                self._notify(key_of(after), after)
            return new

    def put_plan(self, scope: Scope, plan_id: str, group: Group[Any], read: Read[Any], at: float) -> None:
        """Take one group of a plan, read whole at `at` (Unix seconds). A plan that is gone meanwhile stays gone."""
        with self._lock:
            before = self._plans.get(scope, {}).get(plan_id)
            if before is None:
                return
            tally = None if read.ended is None else self._ledger.count(scope, plan_id, group, read.ended)
            after = with_facts(before, group, read.facts, at, tally)
            self._plans[scope][plan_id] = after
            self._notify(key_of(after), after)

    def keep(self, scope: Scope, collectors: Iterable[Collector[Any]]) -> None:
        """Forget what no collector brings any more: it would stay for ever."""
        kept = {collector.group.name for collector in collectors}
        with self._lock:
            if PLANS.name not in kept:
                self.put_plans(scope, ())
            for subject in self.plans_of(scope):
                after = _with_groups(subject, kept)
                if after is not subject:
                    self._plans[scope][subject.plan.plan_id] = after
                    self._notify(key_of(after), after)
            region = self._regions.get(scope)
            if region is not None and (kept_region := _with_groups(region, kept)) is not region:
                self._regions[scope] = kept_region
                self._notify(key_of(region), kept_region)

    def keep_account(self, account: str, collectors: Iterable[Collector[Any]]) -> None:
        """Forget of an account what no collector brings any more."""
        kept = {collector.group.name for collector in collectors}
        with self._lock:
            subject = self._accounts.get(account)
            if subject is not None and (after := _with_groups(subject, kept)) is not subject:
                self._accounts[account] = after
                self._notify(key_of(after), after)

    def drop(self, scope: Scope) -> None:
        """Forget an account's region: it is no longer watched."""
        with self._lock:
            for plan_id in self._plans.pop(scope, {}):
                self._notify((scope.account, scope.region, plan_id), None)
            if self._regions.pop(scope, None) is not None:
                self._notify((scope.account, scope.region, ""), None)

    def drop_account(self, account: str) -> None:
        """Forget an account and all its regions."""
        with self._lock:
            for scope in {*self._plans, *self._regions}:
                if scope.account == account:
                    self.drop(scope)
            if self._accounts.pop(account, None) is not None:
                self._notify((account, "", ""), None)

    def set_objectives(self, objectives: Callable[[Plan], Objectives]) -> None:
        """Hold every plan to new objectives, at once."""
        with self._lock:
            self._objectives = objectives
            for plans in self._plans.values():
                for plan_id, before in plans.items():
                    after = replace(before, objectives=objectives(before.plan))
                    if after.objectives != before.objectives:
                        plans[plan_id] = after
                        self._notify(key_of(after), after)

    def _notify(self, key: SubjectKey, subject: Subject | None) -> None:
        for subscriber in self._subscribers:
            subscriber(key, subject)


def _with_groups(subject: S, kept: set[str]) -> S:
    """Return the subject without the facts of groups that are not kept; itself if there are none."""
    if all(name in kept or known.facts is None for name, known in subject.groups.items()):
        return subject
    groups = {
        name: known if name in kept else Known(facts=None, tally=known.tally)
        for name, known in subject.groups.items()
    }
    return replace(subject, groups=groups)
