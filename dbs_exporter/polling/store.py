"""The last good facts of every account, region and plan, and who is notified when they change.

A group is replaced whole, in one swap, and only by a reading that succeeded. A plan that a complete list no longer holds is
gone at once with everything known of it but its counters; a list that could not be read whole deletes nothing. Counters are
published at once, or once they are saved (`hold`). The store never calls the API, never renders and writes no file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from dbs_exporter.collectors.base import Collector, Read
from dbs_exporter.collectors.learned import Restored
from dbs_exporter.facts.counters import counted
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.groups import Group, Subject, with_facts
from dbs_exporter.facts.limits import GONE_PLAN_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.networks import NETWORKS
from dbs_exporter.facts.noticed import has_backups, noticing, noticing_gateways, noticing_networks, outages
from dbs_exporter.facts.objectives import Objectives, learned_objectives
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.protection import end_of_window
from dbs_exporter.facts.sharing import Sharing
from dbs_exporter.facts.subjects import (
    AccountSubject,
    GonePlan,
    Outage,
    PlanSubject,
    RegionSubject,
    Scope,
    SubjectKey,
    key_of,
)
from dbs_exporter.facts.tallies import Tally
from dbs_exporter.facts.windows import after_reading
from dbs_exporter.polling.listed import is_change, listed_plan, only_counters, with_groups

F = TypeVar("F")
Subscriber = Callable[[SubjectKey, Subject | None], None]


class Listed(NamedTuple):
    """What a plan list changed: ids of plans that are new, that changed, and that are gone."""

    new: list[str]
    changed: list[str]
    gone: list[str]


class Store:
    """Subjects by key; safe to use from several threads.

    Subscribers are called with the key and the new subject (None: it is gone), in order, and must be quick and not raise.
    """

    def __init__(self, objectives: Callable[[Plan], Objectives]) -> None:
        self._objectives = objectives
        self._accounts: dict[str, AccountSubject] = {}
        self._regions: dict[Scope, RegionSubject] = {}
        self._plans: dict[Scope, dict[str, PlanSubject]] = {}
        self._gone: dict[Scope, dict[str, GonePlan]] = {}
        self._held = False
        self._subscribers: list[Subscriber] = []
        self._sharing = Sharing()
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

    def region(self, scope: Scope) -> RegionSubject | None:
        """Return a region; None if nothing is known of it."""
        with self._lock:
            return self._regions.get(scope)

    def region_subjects(self) -> list[RegionSubject]:
        """Return all regions of all accounts of which something is known."""
        with self._lock:
            return list(self._regions.values())

    def scopes(self) -> set[Scope]:
        """Return the accounts and regions of which something is known."""
        with self._lock:
            return {*self._plans, *self._regions}

    # ── another process' facts, and counters ──

    def restore_account(self, subject: AccountSubject) -> None:
        """Take what another process knew of an account, unless something newer is known."""
        with self._lock:
            if subject.account not in self._accounts:
                self._accounts[subject.account] = subject
                self._notify(key_of(subject), subject)

    def restore(self, scope: Scope, restored: Restored) -> None:
        """Take what another process knew of an account's region, unless something newer is known."""
        with self._lock:
            if scope in self._plans or scope in self._regions:
                return
            if restored.region is not None:
                self._regions[scope] = restored.region
                self._notify(key_of(restored.region), restored.region)
            plans = self._plans[scope] = {}
            self._gone[scope] = dict(restored.gone)
            for subject in restored.plans:
                after = replace(subject, objectives=self._held_to(subject, subject.plan))
                plans[subject.plan.plan_id] = after
                self._notify(key_of(after), after)

    def gone_plan(self, key: SubjectKey) -> GonePlan | None:
        """Return what is remembered of a plan that is gone; None if nothing is."""
        account, region, plan_id = key
        with self._lock:
            return self._gone.get(Scope(account=account, region=region), {}).get(plan_id)

    def hold(self) -> None:
        """From now on publish counters only as far as `publish` says."""
        with self._lock:
            self._held = True

    def release(self) -> None:
        """Publish all counters, now and as they count."""
        with self._lock:
            self._held = False
            for plans in self._plans.values():
                for plan_id, subject in list(plans.items()):
                    tallies = {
                        name: known.counted.tally
                        for name, known in subject.groups.items()
                        if known.counted is not None
                    }
                    self._publish(plans, plan_id, tallies)

    def publish(self, saved: Iterable[tuple[SubjectKey, Mapping[str, Tally]]]) -> None:
        """Publish counters that are saved, by the names of groups."""
        for (account, region, plan_id), tallies in saved:
            with self._lock:
                plans = self._plans.get(Scope(account=account, region=region), {})
                if plan_id in plans:
                    self._publish(plans, plan_id, tallies)

    def _publish(self, plans: dict[str, PlanSubject], plan_id: str, tallies: Mapping[str, Tally]) -> None:
        before = plans[plan_id]
        groups = {
            name: replace(known, tally=tally)
            for name, tally in tallies.items()
            if (known := before.groups.get(name)) is not None and known.tally != tally
        }
        if groups:
            after = plans[plan_id] = replace(before, groups={**before.groups, **groups})
            self._notify(key_of(after), after)

    # ── readings ──

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
            if group is NETWORKS:
                after = noticing_networks(before, after, at)
            if group is GATEWAYS:
                plans = [plan for plan in self.plan_subjects() if plan.scope.account == scope.account]
                after = noticing_gateways(before, after, at, {subject.plan.gateway_id for subject in plans})
                out = outages(after, at)
                for subject in plans:
                    if subject.plan.gateway_id in out:
                        outage = Outage(began_at=out[subject.plan.gateway_id], seen_at=at)
                        self._replace_plan(replace(subject, outage=outage))
            self._regions[scope] = after
            self._notify(key_of(after), after)

    def put_plans(
        self,
        scope: Scope,
        plans: Iterable[Plan],
        *,
        whole: bool,
        at: float,
        promised_until: float,
        shown: Container[str] = (),
    ) -> Listed:
        """Take a list of plans to watch, read at `at` (Unix seconds); plans that a whole one does not hold are gone.

        `promised_until` is until when these plans are promised to be listed again. `shown` are ids of plans that a page of this
        list brought already; they are not listed twice.
        """
        with self._lock:
            known = self._plans.setdefault(scope, {})
            listed = {plan.plan_id: plan for plan in plans}
            gone = [plan_id for plan_id in known if whole and plan_id not in listed]
            region = self._regions.get(scope) or RegionSubject(scope=scope)
            missed = {
                plan_id: then
                for plan_id, then in region.gone.items()
                if plan_id not in listed and at - then < GONE_PLAN_SECONDS
            }
            missed |= {plan_id: at for plan_id in gone if has_backups(known[plan_id])}
            if missed != region.gone:
                self._regions[scope] = replace(region, gone=missed)
                self._notify(key_of(region), self._regions[scope])
            for plan_id in gone:
                self._forget_plan(scope, known.pop(plan_id), at)
            if whole:
                self._forget_gone(scope, at)
            new, changed = [], []
            for plan_id, plan in listed.items():
                before = known.get(plan_id)
                again = plan_id in shown
                if before is None:
                    new.append(plan_id)
                    before = self._first_seen(scope, plan)
                elif again and plan == before.plan:
                    continue
                elif is_change(before, plan):
                    changed.append(plan_id)
                self._sharing.share(plan)
                held_to = self._held_to(before, plan)
                after = listed_plan(before, plan, held_to, at, promised_until, again=again)
                known[plan_id] = after
                self._notify(key_of(after), after)
            return Listed(new=new, changed=changed, gone=gone)

    def _held_to(self, subject: PlanSubject, plan: Plan) -> Objectives:
        logs = subject.get(LOG_BACKUPS)
        return learned_objectives(self._objectives(plan), logs.spacing_seconds if logs is not None else None)

    def _first_seen(self, scope: Scope, plan: Plan) -> PlanSubject:
        gone = self._gone.get(scope, {}).pop(plan.plan_id, None)
        return PlanSubject(scope=scope, plan=plan, groups=gone.counters if gone is not None else {})

    def _forget_plan(self, scope: Scope, subject: PlanSubject, at: float) -> None:
        counters = {
            name: only_counters(known) for name, known in subject.groups.items() if known.counted is not None
        }
        if counters:
            gone = GonePlan(gone_at=at, counters=counters)
            self._gone.setdefault(scope, {})[subject.plan.plan_id] = gone
        self._notify(key_of(subject), None)

    def _forget_gone(self, scope: Scope, at: float) -> None:
        gone = self._gone.get(scope, {})
        for plan_id in [each for each, plan in gone.items() if plan.gone_at < at - GONE_PLAN_SECONDS]:
            del gone[plan_id]
            self._notify((scope.account, scope.region, plan_id), None)

    def put_plan(self, scope: Scope, plan_id: str, group: Group[Any], read: Read[Any], at: float) -> None:
        """Take one group of a plan, read at `at` (Unix seconds). A plan that is gone meanwhile stays gone."""
        with self._lock:
            before = self._plans.get(scope, {}).get(plan_id)
            if before is None:
                return
            self._sharing.share(read.facts)
            count = None if read.ended is None else counted(before.known(group).counted, read.ended, at)
            tally = None if count is None or self._held else count.tally
            after = with_facts(before, group, read.facts, at, tally, count)
            end_at = end_of_window(after, group)
            if end_at is not None:
                after = replace(after, window=after_reading(after.window, end_at))
            if group is LOG_BACKUPS and (held_to := self._held_to(after, after.plan)) != after.objectives:
                after = replace(after, objectives=held_to)
            after = noticing(before, after, at)
            self._plans[scope][plan_id] = after
            self._notify(key_of(after), after)

    def merge_plan(
        self, scope: Scope, plan_id: str, group: Group[F], merge: Callable[[F], F], at: float
    ) -> None:
        """Change the facts of a group that was read already, by what was read of a part of it at `at` (Unix seconds)."""
        with self._lock:
            before = self._plans.get(scope, {}).get(plan_id)
            facts = before.get(group) if before is not None else None
            if before is None or facts is None:
                return
            known = before.known(group)
            merged = merge(facts)
            self._sharing.share(merged)
            after = noticing(before, with_facts(before, group, merged, known.read_at), at)
            self._plans[scope][plan_id] = after
            self._notify(key_of(after), after)

    def promise_plan(self, scope: Scope, plan_id: str, promised: Mapping[str, float]) -> None:
        """Promise until when groups of a plan will be read again, by their names, in Unix seconds."""
        with self._lock:
            before = self._plans.get(scope, {}).get(plan_id)
            if before is None or all(before.promised.get(name) == until for name, until in promised.items()):
                return
            after = replace(before, promised={**before.promised, **promised})
            self._plans[scope][plan_id] = after
            self._notify(key_of(after), after)

    def promise_region(self, scope: Scope, name: str, until: float) -> None:
        """Promise until when a group of a region will be read again, in Unix seconds."""
        with self._lock:
            before = self._regions.get(scope) or RegionSubject(scope=scope)
            if before.promised.get(name) != until:
                after = replace(before, promised={**before.promised, name: until})
                self._regions[scope] = after
                self._notify(key_of(after), after)
            if name == GATEWAYS.name:
                # What explains a plan's conditions is known as long as the list that shows it.
                for plan in self.plan_subjects():
                    if plan.outage is not None and plan.outage.seen_at == before.known(GATEWAYS).read_at:
                        self._replace_plan(replace(plan, outage=replace(plan.outage, known_until=until)))

    def _replace_plan(self, after: PlanSubject) -> None:
        self._plans[after.scope][after.plan.plan_id] = after
        self._notify(key_of(after), after)

    def keep(self, scope: Scope, collectors: Iterable[Collector[Any]]) -> None:
        """Forget what no collector brings any more: it would stay for ever."""
        kept = {collector.group.name for collector in collectors}
        with self._lock:
            if PLANS.name not in kept:
                for plan_id in self._plans.pop(scope, {}):
                    self._notify((scope.account, scope.region, plan_id), None)
            for subject in self.plans_of(scope):
                after = with_groups(subject, kept)
                if after is not subject:
                    self._plans[scope][subject.plan.plan_id] = after
                    self._notify(key_of(after), after)
            region = self._regions.get(scope)
            if region is not None and (kept_region := with_groups(region, kept)) is not region:
                self._regions[scope] = kept_region
                self._notify(key_of(region), kept_region)

    def keep_account(self, account: str, collectors: Iterable[Collector[Any]]) -> None:
        """Forget of an account what no collector brings any more."""
        kept = {collector.group.name for collector in collectors}
        with self._lock:
            subject = self._accounts.get(account)
            if subject is not None and (after := with_groups(subject, kept)) is not subject:
                self._accounts[account] = after
                self._notify(key_of(after), after)

    def drop(self, scope: Scope) -> None:
        """Forget an account's region: it is no longer watched."""
        with self._lock:
            for plan_id in {**self._gone.pop(scope, {}), **self._plans.pop(scope, {})}:
                self._notify((scope.account, scope.region, plan_id), None)
            if self._regions.pop(scope, None) is not None:
                self._notify((scope.account, scope.region, ""), None)

    def drop_account(self, account: str) -> None:
        """Forget an account and all its regions."""
        with self._lock:
            for scope in self.scopes():
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
                    after = replace(before, objectives=self._held_to(before, before.plan))
                    if after.objectives != before.objectives:
                        plans[plan_id] = after
                        self._notify(key_of(after), after)

    def _notify(self, key: SubjectKey, subject: Subject | None) -> None:
        for subscriber in self._subscribers:
            subscriber(key, subject)
