"""When what is read in one account and region: the queue, filled from the `due` functions, and the promises that follow.

It owns the queue, the stretch and the ease; it reads nothing and judges nothing. Due times are Unix seconds, as facts are; the
queue goes by monotonic seconds, so that a clock that is set moves nothing. Not thread-safe: its poller guards it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from zlib import crc32

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import PlanCollector, RegionCollector
from dbs_exporter.collectors.dues import NEVER, Due, Pace
from dbs_exporter.collectors.learned import Tails
from dbs_exporter.collectors.table import Table
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.facts.plans import NOT_RUNNING, PLANS
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.polling.budget import (
    HORIZON_SECONDS,
    WHOLE_LIST_SHARE,
    Stretch,
    ease,
    wanted_calls,
)
from dbs_exporter.polling.cadence import JITTER_SHARE
from dbs_exporter.polling.crowds import Crowds
from dbs_exporter.polling.queue import Entry, Key, ReadingQueue
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Target

REGION_PATIENCE_SHARE = 0.25
"""How much later than its interval a list of the region is promised."""
REGION_STRETCH_SHARE = 4.0
"""Lists of the region are stretched only by what goes beyond this factor."""
START_SHARE = 1.2
"""A first reading is promised for when all before it take this much longer than the rate allows."""
BUDGET_SECONDS = 15.0
"""How often wants are weighed against what is allowed."""
LEAST_PHASED_SECONDS = 300.0
PHASE_SHARE = 0.7
"""Of their spacing: by how much readings come earlier at most, to come at a time of their own."""
PAGE = 100
"""Records in a page of a list."""

_log = logging.getLogger(__name__)


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
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        """Readings that became worth repeating while they ran."""
        self._firsts: set[Key] = set()
        """First readings that are still to be made."""
        self._failures: dict[Key, int] = {}
        self._costs: dict[Key, int] = {}
        self._sent_back: set[tuple[str, str]] = set()
        """(collector, plan) whose list is wanted because a followed thing is gone."""
        self._plans = 0
        self._stretch = Stretch()
        self._ease = 1.0
        self._whole_tokens = float(PAGE)
        self._whole_since = clock.monotonic()
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

    # ── taking ──

    def next_at(self, now: float) -> float | None:
        """Return when something is due, in monotonic seconds; None if nothing ever is."""
        return self._queue.next_at(now, whole_lists_at=now + self._whole_list_in(now))

    def urgency(self, now: float) -> tuple[bool, float]:
        """Return the place of what is due in the order of all regions; smaller comes first."""
        return self._queue.most_urgent(now) or (True, NEVER)

    def take(self, now: float) -> Entry | None:
        """Take out the reading that is to be carried out now; `done` must follow."""
        self.weigh(now)
        entry = self._queue.take(now, whole_lists=self._whole_list_in(now) <= 0)
        if entry is not None:
            self._running.add(entry.key)
        return entry

    def running_over(self, key: Key) -> None:
        """Note that a reading has brought its facts, so that its next time can be planned."""
        self._firsts.discard(key)
        self._running.discard(key)
        self._again.discard(key)

    def done(self, entry: Entry) -> None:
        """Note that a reading is over, however it went."""
        self._running.discard(entry.key)
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
                before = subject.promised.get(collector.group.name, -NEVER)
                # A promise that was made for a reading stands, whatever follows sooner.
                promised[collector.group.name] = (
                    until if read and read.collector == name else max(before, until)
                )
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
            self._queue.put(
                Entry(
                    key=key,
                    at=at,
                    latest=at + every / 2,
                    wanted_at=at,
                    spacing=every,
                    cost=self._cost(key),
                )
            )

    def send_back(self, collector: str, plan_id: str) -> None:
        """Have a plan's list read soon: something of it that was followed is gone."""
        self._sent_back.add((collector, plan_id))
        self.reschedule(plan_id)

    def retry(self, entry: Entry, wait: float) -> None:
        """Queue a reading that was not made again, in so many seconds; its promise stands.

        Lists of the region come again by their cadence.
        """
        plan_id = entry.key.plan_id
        self._firsts.discard(entry.key)
        if entry.urgent or (plan_id and self._store.plan(self._target.scope, plan_id) is None):
            return
        at = self._clock.monotonic() + wait
        again = Entry(
            key=entry.key,
            at=at,
            latest=max(at, entry.latest),
            wanted_at=at,
            spacing=entry.spacing,
            cost=entry.cost,
        )
        self._queue.put(again)

    def on_read(self, key: Key, calls: int) -> None:
        """Note that a reading succeeded, and how many calls it took."""
        self._failures.pop(key, None)
        self._costs[key] = max(1, calls)
        if key.whole:
            self._whole_tokens -= calls

    def on_failed(self, entry: Entry) -> None:
        """Note that a reading failed, and have it tried again: ever later, as long as it goes on failing."""
        key = entry.key
        self._firsts.discard(key)
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        interval = self.interval(key.collector)
        longest = max(interval, self._at_rest(key.collector)) if key.plan_id else interval
        self.retry(entry, min(interval * 2.0 ** min(failures - 1, 16), longest))

    def forgive(self, collector: str | None = None) -> None:
        """Have what failed tried again now: whatever was wrong, of a collector or of all, is mended."""
        for key in [key for key in self._failures if collector in (None, key.collector)]:
            del self._failures[key]
            if key.plan_id:
                self._queue.remove(key)
                self.reschedule(key.plan_id)

    def on_plans(self, count: int, gone: Iterable[str]) -> None:
        """Note that plans came or went: `count` are there or about to be listed."""
        self._plans = count
        for plan_id in gone:
            self._queue.remove_plan(plan_id, self.plan_collectors)
            self._crowds.leave_all(plan_id)
            self._firsts = {key for key in self._firsts if key.plan_id != plan_id}
            for known in (self._failures, self._costs):
                for key in [key for key in known if key.plan_id == plan_id]:
                    del known[key]
        self._set_ease(count)

    # ── promises ──

    def region_promise(self, collector: str, at: float) -> float:
        """Return until when a list of the region that was read at `at` counts as known, in Unix seconds."""
        stretch = max(1.0, self._stretch.factor / REGION_STRETCH_SHARE)
        latest = self.interval(collector) * (1 + JITTER_SHARE + REGION_PATIENCE_SHARE) * stretch
        return at + latest + FRESH_GRACE_SECONDS

    def interval(self, collector: str) -> float:
        """Return how old facts of a collector may be while something happens, in seconds."""
        return self._target.collectors[collector].interval

    def _first_promise(self, subject: PlanSubject, collector: PlanCollector[Any]) -> float:
        """Return until when the first reading of a group is promised, in Unix seconds, a grace included."""
        listed_at = subject.listed_at or self._target.time.now()
        sweeps = collector.rank * self._sweep_seconds() * self._stretch.factor
        return listed_at + max(self.interval(collector.name), sweeps) + FRESH_GRACE_SECONDS

    def _sweep_seconds(self) -> float:
        """Return how long one call for each plan takes at the present rate."""
        return START_SHARE * self._plans / max(self._target.rate.rate, 1e-6)

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
            return (
                None if collector.group.name in subject.promised else self._first_promise(subject, collector)
            )
        if any(subject.known(group).read_at is None for group in self._needed(collector)):
            return None
        due = collector.due(subject, self._pace(collector, unix))
        if (collector.name, subject.plan.plan_id) in self._sent_back:
            self._sent_back.discard((collector.name, subject.plan.plan_id))
            due = Due(at=unix, patience=self.interval(collector.name), why="a followed thing is gone")
        if due is None:
            self._queue.remove(key)
            self._crowds.leave(key)
            audit = collector.audit and collector.audit(subject, self._pace(collector, unix))
            return self._stretched(key, audit)[1] + FRESH_GRACE_SECONDS if audit else NEVER
        at, latest = self._stretched(key, due)
        if key not in self._failures:
            self._put(key, now + at - unix, now + latest - unix, due, now + due.at - unix)
        return latest + FRESH_GRACE_SECONDS

    def _schedule_audit(self, subject: PlanSubject, collector: PlanCollector[Any]) -> None:
        """Queue the reading of a plan's whole list, once its newest part is known. It is not promised."""
        key = Key(collector.name, subject.plan.plan_id, whole=True)
        known = subject.known(collector.group)
        if collector.audit is None or known.read_at is None or key in self._running or key in self._failures:
            return
        now, unix = self._clock.monotonic(), self._target.time.now()
        due = collector.audit(subject, self._pace(collector, unix))
        if due is None:
            self._queue.remove(key)
        else:
            at = now + due.at - unix
            self._put(key, at, at + due.patience, due, at)

    def _put_first(
        self, key: Key, subject: PlanSubject, collector: PlanCollector[Any], now: float, unix: float
    ) -> None:
        latest = now + self._first_promise(subject, collector) - FRESH_GRACE_SECONDS - unix
        end_at, rpo = subject.window.end_at, subject.objectives.rpo
        stands = end_at is not None and rpo is not None and unix - end_at > rpo
        if stands or subject.plan.status in NOT_RUNNING:
            # Those that look bad go before the others of their kind.
            latest -= self._sweep_seconds() / 2
        self._firsts.add(key)
        self._queue.put(Entry(key=key, at=now, latest=latest, wanted_at=now, first=True))

    def _put(self, key: Key, at: float, latest: float, due: Due, wanted_at: float) -> None:
        self._queue.put(
            Entry(
                key=key,
                at=at,
                latest=latest,
                wanted_at=wanted_at,
                spacing=due.wanted_spacing,
                follow=due.follow,
                cost=self._cost(key),
            )
        )

    def _cost(self, key: Key) -> int:
        return self._costs.get(key, 1)

    def _stretched(self, key: Key, due: Due) -> tuple[float, float]:
        """Return from when on a reading is carried out and until when it is promised, as far as the calls suffice."""
        factor = self._stretch.factor
        if due.spacing < NEVER:
            self._crowds.leave(key)
            at = due.at + (factor - 1.0) * due.wanted_spacing
            latest = at + due.patience * factor
            # At a start, what was read already must not take the calls of what was not.
            return at if self._firsts else _in_phase(key, at, due.spacing * factor), latest
        # Many that are expected at the same time can only be looked at one after the other.
        crowd = START_SHARE * self._crowds.join(key, due.at) / max(self._target.rate.rate, 1e-6)
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

    def _needed(self, collector: PlanCollector[Any]) -> list[Any]:
        """Return the groups that a collector asks about and that are read here."""
        read_here = {other.group for other in self.plan_collectors.values()}
        return [group for group in collector.needs if group in read_here]

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
            rises = self._stretch.factor > before
            _log.log(
                logging.WARNING if rises else logging.INFO,
                "the call budget does not suffice; readings come later"
                if rises
                else "the call budget suffices better again",
                extra={
                    "account": self._target.scope.account,
                    "region": self._target.scope.region,
                    "stretch": round(self._stretch.factor, 2),
                },
            )
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

    def _whole_list_in(self, now: float) -> float:
        """Return in how many seconds whole lists may take a call, 0 for now: a share of all calls is theirs."""
        share = WHOLE_LIST_SHARE * self._target.rate.rate
        self._whole_tokens = min(float(PAGE), self._whole_tokens + share * (now - self._whole_since))
        self._whole_since = now
        return max(0.0, (1.0 - self._whole_tokens) / share) if share > 0 else NEVER


def _in_phase(key: Key, at: float, spacing: float) -> float:
    """Return the time at most so much earlier at which this reading comes round, each at a time of its own.

    After a start all groups are read one after the other; without this they would come together again and again.
    """
    if spacing < LEAST_PHASED_SECONDS:
        return at
    phase = crc32(f"{key.collector}/{key.plan_id}".encode()) / 2**32 * spacing
    earlier = at - (at - phase) % spacing
    return earlier if earlier > at - PHASE_SHARE * spacing else at
