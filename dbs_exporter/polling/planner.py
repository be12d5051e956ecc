"""When what is read in one account and region: the queue, filled from the `due` functions, and the promises that follow.

It owns the queue, the stretch and the ease; it reads nothing and judges nothing. Due times are Unix seconds, as facts are; the
queue goes by monotonic seconds, so that a clock that is set moves nothing. Not thread-safe: its poller guards it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import itemgetter
from typing import Any

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import PlanCollector, RegionCollector
from dbs_exporter.collectors.dues import EARLY_SHARE, NEVER, Due, Pace
from dbs_exporter.collectors.learned import Learned, Tails
from dbs_exporter.collectors.table import Table
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.facts.plans import NOT_RUNNING, PLANS
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.polling.budget import (
    HORIZON_SECONDS,
    Stretch,
    WholeListShare,
    ease,
    log_stretch,
    wanted_calls,
)
from dbs_exporter.polling.counting import PAGE
from dbs_exporter.polling.crowds import Crowds, in_phase
from dbs_exporter.polling.promises import Promises
from dbs_exporter.polling.queue import Entry, Key, ReadingQueue
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Target

BUDGET_SECONDS = 15.0
"""How often wants are weighed against what is allowed."""


class Planner:
    """Decides for one target what is read next."""

    def __init__(self, target: Target, *, table: Table, store: Store, clock: Clock, tails: Tails) -> None:
        self.plan_collectors: dict[str, PlanCollector[Any]] = {
            name: collector
            for name in target.collectors
            if isinstance(collector := table[name], PlanCollector)
        }
        self.region_collectors: dict[str, RegionCollector[Any]] = {
            name: collector
            for name in target.collectors
            if isinstance(collector := table[name], RegionCollector)
        }
        self._target = target
        self._store = store
        self._clock = clock
        self._tails = tails
        self._queue = ReadingQueue()
        self._crowds = Crowds()
        self._running: dict[Key, Entry] = {}
        self._again: set[Key] = set()
        """Readings that became worth repeating while they ran."""
        self._firsts: set[Key] = set()
        """First readings that are still to be made."""
        self._failures: dict[Key, int] = {}
        """Readings that failed last, and how many times in a row; 0 for those that were not even tried."""
        self._costs: dict[Key, int] = {}
        self._sent_back: set[tuple[str, str]] = set()
        """(collector, plan) whose list is wanted because a followed thing is gone."""
        self._stretch = Stretch()
        self.promises = Promises(target, self._stretch, clock)
        self._ease = 1.0
        self._whole_lists = WholeListShare(clock.monotonic())
        self._weighed_at = float("-inf")
        self.wanted_per_second: tuple[tuple[str, float], ...] = ()
        """(collector, calls) within the next half hour, as last weighed."""

    @property
    def stretch(self) -> float:
        """By how much readings come later than wanted; 1 while the calls suffice."""
        return self._stretch.factor

    @property
    def running(self) -> int:
        """How many readings are under way."""
        return len(self._running)

    def restore(self, learned: Learned) -> None:
        """Take over what another process learned, before anything is planned."""
        self._stretch.restore(learned.stretch)
        self.promises.restore(learned.since)

    def is_late(self, now: float) -> bool:
        """Return whether something is waiting that was promised for earlier."""
        return self._queue.is_late(now)

    # ── taking ──

    def next_at(self, now: float) -> float | None:
        """Return when something is due, in monotonic seconds; None if nothing ever is."""
        whole_lists_at = now + self._whole_lists.ready_in(self._target.rate.rate, now)
        return self._queue.next_at(now, whole_lists_at=whole_lists_at)

    def urgency(self, now: float) -> tuple[bool, float]:
        """Return the place of what is due in the order of all regions; smaller comes first."""
        return self._queue.most_urgent(now) or (True, NEVER)

    def take(self, now: float) -> Entry | None:
        """Take out the reading that is to be carried out now; `done` must follow."""
        self.weigh(now)
        whole_lists = self._whole_lists.ready_in(self._target.rate.rate, now) <= 0
        entry = self._queue.take(now, whole_lists=whole_lists)
        if entry is not None:
            self._running[entry.key] = entry
        return entry

    def running_over(self, key: Key) -> None:
        """Note that a reading has brought its facts, so that its next time can be planned."""
        self._firsts.discard(key)
        self._running.pop(key, None)
        self._again.discard(key)

    def done(self, entry: Entry) -> None:
        """Note that a reading is over, however it went."""
        if self._running.get(entry.key) is not entry:
            # It brought its facts, and its next reading may be under way.
            return
        del self._running[entry.key]
        if entry.key in self._again:
            self._again.discard(entry.key)
            self.reschedule(entry.key.plan_id)

    # ── putting ──

    def request(self, collector: str) -> None:
        """Have a list of the region read before all else."""
        key = Key(collector)
        if key not in self._running:
            now = self._clock.monotonic()
            self._queue.put(
                Entry(key=key, at=now, latest=now, wanted_at=now, urgent=True, cost=self._cost(key))
            )

    def reschedule_all(self) -> None:
        """Queue every group of every plan by what is known of it now."""
        for subject in self._store.plans_of(self._target.scope):
            self.reschedule(subject.plan.plan_id)
        for collector in self.plan_collectors.values():
            self.schedule_follow(collector)

    def reschedule(self, plan_id: str, read: Key | None = None) -> None:
        """Queue every group of a plan by what is known of it now; `read` was read just now."""
        subject = self._store.plan(self._target.scope, plan_id)
        if subject is None:
            return
        promised: dict[str, float] = {}
        for name, collector in self.plan_collectors.items():
            until = self._schedule_group(subject, collector)
            if until is not None:
                before = subject.promised.get(collector.group.name, NEVER)
                # A promise that was made for a reading stands, whatever follows sooner.
                stands = before < NEVER and not (read and read.collector == name)
                promised[collector.group.name] = max(before, until) if stands else until
            if collector.audit is not None:
                self._schedule_audit(subject, collector)
        if read is not None and self.plan_collectors[read.collector].follow is not None:
            self.schedule_follow(self.plan_collectors[read.collector])
        self._store.promise_plan(self._target.scope, plan_id, promised)

    def schedule_follow(self, collector: PlanCollector[Any]) -> None:
        """Queue the reading that follows what is under way in all plans, if anything is."""
        key = Key(collector.name)
        if collector.follow is None or key in self._running:
            return
        unfinished = collector.follow.unfinished
        subjects = self._store.plans_of(self._target.scope)
        count = sum(len(unfinished(subject.get(collector.group))) for subject in subjects)
        if not count:
            self._queue.remove(key)
        elif key not in self._queue:
            every = self.interval(collector.name)
            self._costs[key] = -(-count // collector.follow.most)
            at = self._clock.monotonic() + every
            entry = Entry(key=key, at=at, latest=at + every / 2, wanted_at=at, spacing=every)
            entry.cost = self._cost(key)
            self._queue.put(entry)

    def send_back(self, collector: str, plan_id: str) -> None:
        """Have a plan's list read soon: something of it that was followed is gone."""
        self._sent_back.add((collector, plan_id))
        self.reschedule(plan_id)

    def retry(self, entry: Entry, wait: float) -> None:
        """Queue a reading that was not made, in so many seconds; its promise stands. Lists of the region have their cadence."""
        plan_id = entry.key.plan_id
        self._firsts.discard(entry.key)
        if plan_id and self._store.plan(self._target.scope, plan_id) is None:
            self._failures.pop(entry.key, None)
        elif not entry.urgent:
            at = self._clock.monotonic() + wait
            again = replace(entry, at=at, latest=max(at, entry.latest), wanted_at=at, follow=0)
            self._queue.put(again)

    def hold(self, entry: Entry, wait: float) -> None:
        """Queue a reading that is refused or gets no answer, to be made in so many seconds."""
        self._failures.setdefault(entry.key, 0)
        # One try now and then, and often none at all: the budget need not know of it.
        self.retry(replace(entry, cost=0), wait)

    def on_read(self, key: Key, calls: int) -> None:
        """Note that a reading succeeded, and how many calls it took."""
        self._failures.pop(key, None)
        self._costs[key] = calls
        if key.whole:
            self._whole_lists.spend(calls)

    def on_failed(self, entry: Entry) -> None:
        """Note that a reading failed, and have it tried again: ever later, as long as it goes on failing."""
        key = entry.key
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        interval = self.interval(key.collector)
        longest = max(interval, self._at_rest(key.collector)) if key.plan_id else interval
        self.retry(entry, min(interval * 2.0 ** min(failures - 1, 16), longest))

    def forgive(self, collector: str | None = None) -> None:
        """Have what failed tried again now: whatever was wrong, of a collector or of all, is mended."""
        keys = [key for key in self._failures if collector in (None, key.collector)]
        for key in keys:
            del self._failures[key]
            if key.plan_id:
                self._queue.remove(key)
        for plan_id in {key.plan_id for key in keys}:
            self.reschedule(plan_id)

    def on_plans(self, count: int, gone: Iterable[str]) -> None:
        """Note that plans came or went: `count` are there or about to be listed."""
        self.promises.plans = count
        left = set(gone)
        for plan_id in left:
            self._queue.remove_plan(plan_id, self.plan_collectors)
        if left:
            self._crowds.leave_all(left)
            self._firsts = {key for key in self._firsts if key.plan_id not in left}
            for known in (self._failures, self._costs):
                for key in [key for key in known if key.plan_id in left]:
                    del known[key]
        self._set_ease(count)

    def interval(self, collector: str) -> float:
        """Return how old facts of a collector may be while something happens, in seconds."""
        return self._target.collectors[collector].interval

    # ── scheduling one group ──

    def _schedule_group(self, subject: PlanSubject, collector: PlanCollector[Any]) -> float | None:
        """Queue one group of a plan; return until when it is promised to be read, None if nothing is promised anew."""
        key = Key(collector.name, subject.plan.plan_id)
        if key in self._running:
            self._again.add(key)
            return None
        now, unix = self._clock.monotonic(), self._target.time.now()
        read_before = subject.known(collector.group).read_at is not None
        if not read_before and not collector.on_demand:
            if key not in self._queue and key not in self._failures:
                self._put_first(key, subject, collector, now, unix)
            return self.promises.of_first(subject, collector)
        read_here = {other.group for other in self.plan_collectors.values()}
        if any(subject.known(group).read_at is None for group in read_here.intersection(collector.needs)):
            return None
        pace = self._pace(collector, unix)
        dues = collector.dues_of(subject, pace)
        if (collector.name, subject.plan.plan_id) in self._sent_back:
            self._sent_back.discard((collector.name, subject.plan.plan_id))
            dues = (Due(at=unix, patience=self.interval(collector.name), why="a followed thing is gone"),)
        if key in self._failures:
            # It waits for its next try, and no reading was made that anything new could be promised for.
            return None
        if not dues:
            self._queue.remove(key)
            self._crowds.leave(key)
            # Where only the whole list can be read, that is what is promised.
            audit = collector.audit and collector.audit(subject, pace)
            return self._stretched(key, audit)[1] + FRESH_GRACE_SECONDS if audit else NEVER
        dues = tuple(self._waiting_since(key, due, now, unix) for due in dues)
        at, latest, due = min(((*self._stretched(key, due), due) for due in dues), key=itemgetter(1))
        self._crowds.join(key, due.at) if due.spacing == NEVER else self._crowds.leave(key)
        self._put(key, now + at - unix, now + latest - unix, due, now + due.at - unix)
        return latest + FRESH_GRACE_SECONDS

    def _waiting_since(self, key: Key, due: Due, now: float, unix: float) -> Due:
        """Return the due time, no later than a reading that waits already: that it is planned anew must not put it off."""
        queued = self._queue.get(key)
        if queued is None or queued.wanted_at > now or due.at > unix:
            return due
        return replace(due, at=min(due.at, unix + queued.wanted_at - now))

    def _schedule_audit(self, subject: PlanSubject, collector: PlanCollector[Any]) -> None:
        """Queue the reading of a plan's whole list, once its newest part is known. It is not promised."""
        key = Key(collector.name, subject.plan.plan_id, whole=True)
        known = subject.known(collector.group)
        if collector.audit is None or known.read_at is None or key in self._running or key in self._failures:
            return
        now, unix = self._clock.monotonic(), self._target.time.now()
        due = collector.audit(subject, self._pace(collector, unix))
        due = self._waiting_since(key, due, now, unix)
        at = now + due.at - unix
        self._put(key, at, at + due.patience, due, at)

    def _put_first(
        self, key: Key, subject: PlanSubject, collector: PlanCollector[Any], now: float, unix: float
    ) -> None:
        # Kind after kind, also where a fleet is so small that its first promises are the same.
        latest = now + self.promises.turn_seconds(collector)
        end_at, rpo = subject.window.end_at, subject.objectives.rpo
        stands = end_at is not None and rpo is not None and unix - end_at > rpo
        if stands or subject.plan.status in NOT_RUNNING:
            # Those that look bad go before the others of their kind.
            latest -= self.promises.seconds_for(self.promises.plans) / 2
        self._firsts.add(key)
        # What it will want from then on counts from the beginning.
        spacing = (1.0 - EARLY_SHARE) * self._at_most(collector.name)
        self._queue.put(Entry(key=key, at=now, latest=latest, wanted_at=now, spacing=spacing))

    def _put(self, key: Key, at: float, latest: float, due: Due, wanted_at: float) -> None:
        entry = Entry(key=key, at=at, latest=latest, wanted_at=wanted_at, follow=due.follow)
        entry.spacing, entry.cost = due.wanted_spacing, self._cost(key)
        self._queue.put(entry)

    def _cost(self, key: Key) -> int:
        return self._costs.get(key, 1)

    def _stretched(self, key: Key, due: Due) -> tuple[float, float]:
        """Return from when on a reading is carried out and until when it is promised, as far as the calls suffice."""
        factor = self._stretch.factor
        if due.spacing < NEVER:
            at = due.at + (factor - 1.0) * due.wanted_spacing
            latest = at + due.patience * factor
            # At a start, what was read already must not take the calls of what was not.
            return at if self._firsts else in_phase(key, at, due.spacing * factor), latest
        # Many that are expected at the same time can only be looked at one after the other.
        crowd = self.promises.seconds_for(self._crowds.size(due.at))
        return due.at, due.at + max(due.patience * factor, crowd)

    def _pace(self, collector: PlanCollector[Any], unix: float) -> Pace:
        return Pace(
            now=unix,
            interval=self.interval(collector.name),
            at_rest=self._at_rest(collector.name),
            at_most=self._at_most(collector.name),
            tail=self._tails.method is not None or not self._tails.given_up,
        )

    def _at_rest(self, collector: str) -> float:
        ages = self._target.collectors[collector]
        ease = self._ease if self._stretch.factor <= 1 else 1.0
        return max(ages.interval, ages.at_rest * ease)

    def _at_most(self, collector: str) -> float:
        ages = self._target.collectors[collector]
        return max(ages.interval, ages.at_rest)

    # ── the budget ──

    def weigh(self, now: float) -> None:
        """Weigh what is wanted against what is allowed, now and then; promises follow a factor that changed."""
        if now - self._weighed_at < BUDGET_SECONDS:
            return
        self._weighed_at = now
        allowed = self._target.rate.rate * HORIZON_SECONDS
        wanted = wanted_calls(self._queue, now, allowed)
        for name in self.region_collectors:
            wanted[name] = self._cost(Key(name)) * HORIZON_SECONDS / self.interval(name)
        self.wanted_per_second = tuple(
            sorted((name, calls / HORIZON_SECONDS) for name, calls in wanted.items())
        )
        before = self._stretch.factor
        if self._stretch.update(sum(wanted.values()), allowed, now):
            factor = self._stretch.factor
            log_stretch(self._target.scope, before, factor, wanted=sum(wanted.values()), allowed=allowed)
            self.reschedule_all()

    def _set_ease(self, plans: int) -> None:
        """Choose how fresh plans at rest are: as fresh as half of the calls allow, and never fresher than `interval`."""
        resting = sum(
            1.0 / self._target.collectors[name].at_rest
            for name, collector in self.plan_collectors.items()
            if not collector.on_demand
        )
        region = sum(
            (max(1, -(-plans // PAGE)) if collector.group is PLANS else 1) / self.interval(name)
            for name, collector in self.region_collectors.items()
        )
        self._ease = ease(plans * resting, region, self._target.rate.rate)
