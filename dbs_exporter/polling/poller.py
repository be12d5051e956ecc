"""Reading one account in one region: what a reading brings goes to the store, and what failure means.

A poller carries out the readings of its planner when the dispatcher hands them out. A reading that fails leaves the last good facts;
dead credentials and an API that does not answer let one reading at a time try.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import (
    Follow,
    PlanCollector,
    PlanReading,
    Reading,
    RegionCollector,
)
from dbs_exporter.collectors.learned import Learned, Restored, Tails
from dbs_exporter.collectors.table import Table
from dbs_exporter.errors import ApiError, CredentialsError, NotPermitted
from dbs_exporter.facts.collection import BudgetState
from dbs_exporter.facts.plans import PLANS, PlanList
from dbs_exporter.polling.counting import CountingApi
from dbs_exporter.polling.following import plans_by_id, things_by_id
from dbs_exporter.polling.health import Health
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.planner import Planner
from dbs_exporter.polling.queue import Entry, Key
from dbs_exporter.polling.restoring import CatchingUp, first_in, learned, restore
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Target
from dbs_exporter.polling.workers import Task

READING_SECONDS = 120.0
"""How long a reading may take with all its pages and attempts."""
WHOLE_LIST_SECONDS = 900.0
"""The same for a whole log list, of up to a hundred pages."""

_log = logging.getLogger(__name__)


class Poller:
    """Carries out readings of one target. All methods may be called from any thread."""

    def __init__(
        self,
        target: Target,
        *,
        table: Table,
        store: Store,
        outcomes: Outcomes,
        clock: Clock,
        unknown: Callable[[str], None],
        on_due: Callable[[], None] = lambda: None,
        restored: Restored | None = None,
    ) -> None:
        """Take what is known of the target; `on_due` is called when something may be due earlier than `next_at` gave.

        `restored` is what another process left; its facts are in the store already.
        """
        self.target = target
        self.tails = Tails()
        self._store = store
        self._outcomes = outcomes
        self._clock = clock
        self._unknown = unknown
        self._on_due = on_due
        self._planner = Planner(target, table=table, store=store, clock=clock, tails=self.tails)
        self._health = Health()
        self._spaced_until = float("-inf")
        self._closed = False
        self._lock = threading.RLock()
        scope = target.scope
        for name in target.collectors:
            collector = table[name]
            first = isinstance(collector, PlanCollector) and collector.rank == 1
            outcomes.expect(
                scope, name, collector.group.name, gates_readiness=first or collector.group is PLANS
            )
            if isinstance(collector, RegionCollector):
                outcomes.set_subjects(scope, name, [""])
        self._on_plans([], expected=0)
        self._catching_up = CatchingUp(clock, self._planner)
        if restored is not None:
            restore(restored, target, self._planner, store, outcomes, self.tails)
            self._catching_up.begin(restored)
        self._planner.reschedule_all()
        if restored is not None:
            # Promises that are stretched are published so.
            self._planner.weigh(clock.monotonic())

    # ── what the dispatcher asks ──

    @property
    def intervals(self) -> dict[str, float]:
        """The collectors that read lists of the region, and how often, in seconds."""
        return {name: self._planner.interval(name) for name in self._planner.region_collectors}

    @property
    def is_doubtful(self) -> bool:
        """Whether the API did not answer the last reading, or no reading yet."""
        return self._health.is_doubtful

    def next_at(self, now: float) -> float | None:
        """Return when a reading may be carried out (monotonic seconds): now or later, None while nothing is to come."""
        with self._lock:
            if self._closed or self._planner.running >= self._health.places(self.target.concurrency):
                return None
            at = self._planner.next_at(now)
            if at is None:
                return None
            return max(at, self._health.paused_until, self._spaced_until, now + self.target.rate.ready_in())

    def urgency(self, now: float) -> tuple[bool, float]:
        """Return the place of the next reading in the order of all regions; smaller comes first."""
        with self._lock:
            return self._planner.urgency(now)

    def take(self, now: float) -> Task | None:
        """Return the reading that is to be carried out now, None if there is none."""
        with self._lock:
            next_at = self.next_at(now)
            if next_at is None or next_at > now:
                return None
            # What is refused or not answered costs no call, and so no turn either.
            while (entry := self._planner.take(now)) is not None and (wait := self._wait_for(entry, now)) > 0:
                self._planner.hold(entry, wait)
                self._planner.done(entry)
            if entry is None:
                return None
            # A reading that could not call yet would hold a thread for nothing.
            self._spaced_until = now + 1.0 / max(self.target.rate.rate, 1e-6)
            return partial(self._carry_out, entry)

    def request(self, collector: str) -> None:
        """Have a list of the region read next."""
        with self._lock:
            if not self._closed:
                self._planner.request(collector)
        self._on_due()

    def ask_again(self) -> None:
        """Have what failed or was refused tried again now: somebody may have mended it."""
        with self._lock:
            self._planner.forgive()
        self._on_due()

    def budget(self) -> BudgetState:
        """Return whether the calls suffice here."""
        with self._lock:
            self._planner.weigh(self._clock.monotonic())
            return BudgetState(
                scope=self.target.scope,
                allowed_per_second=self.target.rate.rate,
                stretch=self._planner.stretch,
                wanted_per_second=self._planner.wanted_per_second,
                clock_offset_seconds=self.target.time.offset_seconds,
                catching_up=self._catching_up.goes_on(),
            )

    def first_in(self) -> dict[str, float]:
        """Return in how many seconds each list of the region that was read before is to be read again."""
        return first_in(self.target, self._planner, self._store)

    def learned(self) -> Learned:
        """Return what was learned here besides facts, for another process to take over."""
        with self._lock:
            return learned(self.target, self._planner, self._outcomes, self.tails)

    def close(self) -> None:
        """Stop; readings under way may still end, but their facts are neither waited for nor taken."""
        with self._lock:
            self._closed = True
        self.target.close()

    # ── carrying out ──

    def _wait_for(self, entry: Entry, now: float) -> float:
        """Return in how many seconds a plan is worth asking about, 0 for now."""
        key = entry.key
        if not key.plan_id:
            return 0.0
        refused = self._outcomes.retry_after(self.target.scope, key.collector, key.plan_id)
        return max(refused, self._health.paused_for(key.collector, now))

    def _carry_out(self, entry: Entry) -> None:
        try:
            self._read(entry)
        finally:
            with self._lock:
                self._planner.done(entry)
            self._on_due()

    def _read(self, entry: Entry) -> None:
        key = entry.key
        try:
            if key.plan_id:
                self._read_plan(key, self._planner.plan_collectors[key.collector])
            elif key.collector in self._planner.plan_collectors:
                self._follow(self._planner.plan_collectors[key.collector])
            else:
                self._read_region(key, self._planner.region_collectors[key.collector])
        except NotPermitted as error:
            self._on_denied(entry, error)
        except (ApiError, CredentialsError) as error:
            self._on_failed(entry, error)
        except BaseException as error:
            # SystemExit too: in a thread nobody would hear of it, and the group would never be read again.
            _log.exception("a collector broke", extra=self._where(key))
            self._on_failed(entry, error)

    def _read_plan(self, key: Key, collector: PlanCollector[Any]) -> None:
        scope = self.target.scope
        subject = self._store.plan(scope, key.plan_id)
        if subject is None:
            return
        api = CountingApi(self.target.api)
        read = collector.read_group(
            PlanReading(
                api=api,
                region=scope.region,
                now=self.target.time.now(),
                within=WHOLE_LIST_SECONDS if key.whole else READING_SECONDS,
                unknown=self._unknown,
                subject=subject,
                whole=key.whole or collector.audit is None,
                tails=self.tails,
            )
        )
        at = self.target.time.now()
        with self._lock:
            if self._closed:
                return
            self._store.put_plan(scope, key.plan_id, collector.group, read, at)
            self._on_success(key, at, api.calls)
            if not api.calls:
                # Nothing had to be asked, so the next reading need not wait for its turn.
                self._spaced_until = float("-inf")
            # It runs no longer as far as its next time is concerned.
            self._planner.running_over(key)
            self._planner.reschedule(key.plan_id, read=key)

    def _read_region(self, key: Key, collector: RegionCollector[Any]) -> None:
        scope = self.target.scope
        lists_plans = collector.group is PLANS
        shown: set[str] = set()
        api = CountingApi(self.target.api)
        facts = collector.read(
            Reading(
                api=api,
                region=scope.region,
                now=self.target.time.now(),
                within=max(READING_SECONDS, self._planner.interval(key.collector)),
                unknown=self._unknown,
                on_part=partial(self._take_plans, key.collector, shown) if lists_plans else _ignore,
            )
        )
        at = self.target.time.now()
        with self._lock:
            # What a target brings after it was given up would stay for ever: nobody would ever take it away again.
            if self._closed:
                return
            self._store.put_region(scope, collector.group, facts, at)
            until = self._planner.promises.of_region(key.collector, at)
            self._store.promise_region(scope, collector.group.name, until)
            self._on_success(key, at, api.calls)
            if lists_plans:
                self._take_plans(key.collector, shown, facts)

    def _take_plans(self, collector: str, shown: set[str], listed: PlanList) -> None:
        """Take plans of a list, or of a page of one: a plan that is listed is a fact at once.

        `shown` are those that earlier pages of the list brought; these are added.
        """
        scope = self.target.scope
        at = self.target.time.now()
        mine = [plan for plan in listed.plans if self.target.selects(plan)]
        with self._lock:
            if self._closed:
                return
            until = self._planner.promises.of_region(collector, at)
            change = self._store.put_plans(
                scope, mine, whole=listed.whole, at=at, promised_until=until, shown=shown
            )
            if change.new or change.gone or listed.whole:
                self._on_plans(change.gone, expected=0 if listed.whole else listed.total)
            for plan in mine:
                # A window that stands still makes its log list due, so each plan that is listed is looked at.
                if plan.plan_id not in shown or plan.plan_id in change.changed:
                    self._planner.reschedule(plan.plan_id)
            shown.update(plan.plan_id for plan in mine)
        self._on_due()

    def _on_plans(self, gone: Iterable[str], expected: int) -> None:
        present = [subject.plan.plan_id for subject in self._store.plans_of(self.target.scope)]
        for name in self._planner.plan_collectors:
            self._outcomes.set_subjects(self.target.scope, name, present)
        self._planner.on_plans(max(len(present), expected), gone)

    def _follow(self, collector: PlanCollector[Any]) -> None:
        """Read what is under way of many plans by its ids; what the API does not know any more is left to its plan's list."""
        follow = collector.follow
        if follow is None:
            return
        scope = self.target.scope
        plan_of = plans_by_id(collector, self._store.plans_of(scope))
        reading = Reading(
            api=self.target.api,
            region=scope.region,
            now=self.target.time.now(),
            within=READING_SECONDS,
            unknown=self._unknown,
        )
        things = things_by_id(follow, reading, plan_of)
        by_plan: dict[str, list[Any]] = {}
        for thing_id, thing in things.items():
            if thing_id in plan_of:
                by_plan.setdefault(plan_of[thing_id], []).append(thing)
        with self._lock:
            if self._closed:
                return
            for plan_id, found in by_plan.items():
                merge = partial(_merged, follow, found)
                self._store.merge_plan(scope, plan_id, collector.group, merge, reading.now)
                self._planner.reschedule(plan_id)
            for plan_id in {plan_of[thing_id] for thing_id in plan_of.keys() - things.keys()}:
                self._planner.send_back(collector.name, plan_id)
            self._outcomes.on_followed(scope, collector.name, set(plan_of.values()))
            self._on_answer(collector.name)
            self._planner.running_over(Key(collector.name))
            self._planner.schedule_follow(collector)

    # ── outcomes ──

    def _on_success(self, key: Key, at: float, calls: int) -> None:
        self._planner.on_read(key, calls)
        if self._outcomes.on_read(self.target.scope, key.collector, key.plan_id, at):
            self._planner.forgive(key.collector)
        self._on_answer(key.collector)

    def _on_answer(self, collector: str) -> None:
        for name in self._health.on_answer(collector, self._clock.monotonic()):
            self._planner.forgive(name)

    def _on_denied(self, entry: Entry, error: NotPermitted) -> None:
        key, scope = entry.key, self.target.scope
        if self._closed:
            return
        if not key.plan_id and key.collector in self._planner.plan_collectors:
            # Each plan's own list shows what is permitted of it.
            self._on_failed(entry, error)
            return
        sentence = f"{key.plan_id} {error}".strip()
        if self._outcomes.on_denied(scope, key.collector, key.plan_id, sentence, self.target.time.now()):
            _log.warning("operation not permitted", extra={**self._where(key), "error": str(error)})
        wait = self._outcomes.retry_after(scope, key.collector, key.plan_id)
        with self._lock:
            self._on_answer(key.collector)
            self._planner.hold(entry, max(wait, self._planner.interval(key.collector)))

    def _on_failed(self, entry: Entry, error: BaseException) -> None:
        key, scope = entry.key, self.target.scope
        if self._closed:
            return
        sentence = f"{key.plan_id} {str(error) or type(error).__name__}".strip()
        collector = self._planner.plan_collectors.get(key.collector)
        subjects, news = [key.plan_id], False
        if collector is not None and not key.plan_id:
            subjects = list(dict.fromkeys(plans_by_id(collector, self._store.plans_of(scope)).values()))
        for subject in subjects:
            at = self.target.time.now()
            news |= self._outcomes.on_failed(scope, key.collector, subject, sentence, at)
        if news:
            _log.warning("a reading failed", extra={**self._where(key), "error": str(error)})
        with self._lock:
            for name in self._health.on_error(key.collector, error, self._clock.monotonic()):
                self._planner.forgive(name)
            self._planner.on_failed(entry)

    def _where(self, key: Key) -> dict[str, str | None]:
        scope = self.target.scope
        return {
            "account": scope.account,
            "region": scope.region,
            "collector": key.collector,
            "plan_id": key.plan_id or None,
        }


def _ignore(_part: object) -> None:
    pass


def _merged(follow: Follow[Any], things: list[Any], facts: Any) -> Any:
    return follow.merge(facts, things)
