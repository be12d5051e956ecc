"""The runs of one account in one region: who is read, what failure means, and what the store gets.

A run begins when the scheduler says so and ends when its last read has. A read that fails leaves the last good facts; dead
credentials and an API that does not answer end a run early instead of being tried once per plan.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import Api, Collector, PlanCollector, PlanReading, Reading, RegionCollector
from dbs_exporter.collectors.table import Table
from dbs_exporter.errors import ApiError, BadCredentials, CredentialsError, NotPermitted
from dbs_exporter.facts.plans import PLANS, Plan, PlanList
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.workers import Workers

HOPELESS_AFTER = 8
"""A run is given up after so many reads in a row have failed because the API does not answer, with no success between."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One account in one region, ready to be polled. `intervals` holds the enabled collectors of its level and below, in seconds."""

    scope: Scope
    api: Api
    concurrency: int
    intervals: Mapping[str, float]
    selects: Callable[[Plan], bool]
    fingerprint: object
    """Equal for targets that a reload need not touch."""
    close: Callable[[], None] = lambda: None


class _Run:
    """One run of one collector over some subjects."""

    def __init__(self, subjects: Sequence[str], began: float, began_at: float, *, whole: bool) -> None:
        self.subjects = subjects
        self.left = len(subjects)
        self.began = began
        self.began_at = began_at
        self.whole = whole
        self.probe = False
        """It only asks whether an operation that was refused altogether is granted by now."""
        self.failures = 0
        self.in_a_row = 0
        self.gave_up: BaseException | None = None
        self.untried: list[str] = []
        self.first_error = ""
        self.lock = threading.Lock()


class Poller:
    """Carries out runs for one target. All methods may be called from any thread and return at once."""

    def __init__(
        self,
        target: Target,
        *,
        table: Table,
        store: Store,
        runs: Runs,
        clock: Clock,
        shard: Shard,
        unknown: Callable[[str], None],
    ) -> None:
        self.target = target
        self._table = table
        self._store = store
        self._runs = runs
        self._clock = clock
        self._shard = shard
        self._unknown = unknown
        self._workers = Workers(f"{target.scope.account}/{target.scope.region}", target.concurrency)
        self._active: set[str] = set()
        self._listed = False
        self._has_list = False
        self._ended: set[str] = set()
        self._untried: dict[str, list[str]] = {}
        self._closed = False
        self._storing = threading.Lock()
        self._lock = threading.Lock()
        for name in self.collectors:
            runs.expect(target.scope, name, target.intervals[name])

    @property
    def collectors(self) -> list[str]:
        """The collectors that run here: region-level facts only where this shard owns the region."""
        owns = self._shard.owns_region(self.target.scope)
        return [
            name
            for name in self.target.intervals
            if isinstance(collector := self._table[name], PlanCollector) or collector.group is PLANS or owns
        ]

    def close(self) -> None:
        """Stop; reads that are under way may still end, but their facts are neither waited for nor taken."""
        with self._storing:
            self._closed = True
        self._workers.close()
        self.target.close()

    def join(self, seconds: float) -> None:
        """Wait for reads under way."""
        self._workers.join(seconds)

    def run(self, name: str) -> None:
        """Begin a run, unless the last one still goes on, which is counted."""
        scope = self.target.scope
        if self._of_plans(name) and not self._listed:
            return
        if any(need not in self._ended for need in self._needs(name)):
            return
        with self._lock:
            if name in self._active:
                self._runs.skipped(scope, name)
                return
            self._active.add(name)
        if self._of_plans(name):
            self._begin(name, [one.plan.plan_id for one in self._store.plans_of(scope)], whole=True)
        else:
            self._begin(name, [""], whole=True)

    def _begin(self, name: str, subjects: Sequence[str], *, whole: bool) -> None:
        asked = self._runs.worth_asking(self.target.scope, name, subjects)
        if whole:
            # First those that the last run gave up before their turn, or a few broken plans would starve all behind them.
            before = set(self._untried.pop(name, ()))
            asked.sort(key=lambda one: one not in before)
        run = _Run(subjects, self._clock.monotonic(), self._clock.now(), whole=whole)
        run.left = len(asked)
        run.probe = self._runs.wholly_denied(self.target.scope, name)
        if not asked:
            self._end(name, run)
            return
        for subject in asked:
            self._workers.submit(name, partial(self._read, name, subject, run))

    def _read(self, name: str, subject: str, run: _Run) -> None:
        scope = self.target.scope
        problem: BaseException | None = run.gave_up
        try:
            if problem is not None:
                with run.lock:
                    run.untried.append(subject)
            elif not run.probe and self._runs.wholly_denied(scope, name):
                # Refused for the first plans of this run and granted for none: the others are not worth a call each.
                pass
            else:
                self._read_subject(self._table[name], subject)
        except NotPermitted as error:
            if self._runs.denied(scope, name, subject, f"{subject} {error}".strip()):
                _log.warning(
                    "operation not permitted",
                    extra={**self._where(name), "plan_id": subject or None, "error": str(error)},
                )
            problem = None
        except (ApiError, CredentialsError) as error:
            problem = error
        except BaseException as error:
            # SystemExit too: in a thread nobody would hear of it, and the run would never end.
            _log.exception("a collector broke", extra={**self._where(name), "plan_id": subject or None})
            problem = error
        if self._closed:
            return
        self._note(name, subject, run, problem)
        with run.lock:
            run.left -= 1
            over = run.left == 0
        if over:
            self._end(name, run)

    def _note(self, name: str, subject: str, run: _Run, problem: BaseException | None) -> None:
        with run.lock:
            if problem is None:
                run.in_a_row = 0
                return
            run.failures += 1
            run.in_a_row += 1
            words = f"{subject} {str(problem) or type(problem).__name__}".strip()
            run.first_error = run.first_error or words
            silent = isinstance(problem, ApiError) and problem.retryable and run.in_a_row >= HOPELESS_AFTER
            if isinstance(problem, BadCredentials | CredentialsError) or silent:
                run.gave_up = run.gave_up or problem
        self._runs.failed(self.target.scope, name, subject, words)

    def _end(self, name: str, run: _Run) -> None:
        scope = self.target.scope
        if run.whole:
            with self._lock:
                self._active.discard(name)
                self._untried[name] = run.untried
                first = name not in self._ended
                self._ended.add(name)
            if first:
                for waiting in [other for other in self.collectors if name in self._needs(other)]:
                    self.run(waiting)
            if run.failures:
                _log.warning(
                    "run failed",
                    extra={
                        **self._where(name),
                        "failed": run.failures,
                        "of": len(run.subjects),
                        "error": run.first_error,
                    },
                )
            unlisted = self._of_plans(name) and self._plan_list_unknown()
            present = (
                [one.plan.plan_id for one in self._store.plans_of(scope)] if self._of_plans(name) else [""]
            )
            if unlisted:
                self._runs.failed(scope, name, "", "the plan list could not be read yet")
            self._runs.finished(
                scope,
                name,
                began_at=run.began_at,
                took_seconds=self._clock.monotonic() - run.began,
                subjects=present,
                success=run.failures == 0 and not unlisted,
            )
        if self._table[name].group is PLANS:
            self._plans_ended()

    def _plan_list_unknown(self) -> bool:
        with self._lock:
            return not self._has_list

    def _plans_ended(self) -> None:
        """The first list, read or not, lets the plan-level collectors begin."""
        with self._lock:
            first = not self._listed
            self._listed = True
        if first:
            for name in self.collectors:
                if self._of_plans(name):
                    self.run(name)

    def _read_subject(self, collector: Collector[Any], subject: str) -> None:
        if isinstance(collector, PlanCollector):
            self._read_plan(collector, subject)
        elif isinstance(collector, RegionCollector):
            self._read_region(collector)

    def _of_plans(self, name: str) -> bool:
        return isinstance(self._table[name], PlanCollector)

    def _needs(self, name: str) -> list[str]:
        """Return the collectors that run here whose facts this one asks about."""
        collector = self._table[name]
        needs = collector.needs if isinstance(collector, PlanCollector) else ()
        return [other for other in self.target.intervals if self._table[other].group in needs]

    def _read_plan(self, collector: PlanCollector[Any], plan_id: str) -> None:
        scope = self.target.scope
        subject = self._store.plan(scope, plan_id)
        if subject is None:
            return
        read = collector.read_group(
            PlanReading(
                api=self.target.api,
                region=scope.region,
                now=self._clock.now(),
                within=self.target.intervals[collector.name],
                unknown=self._unknown,
                subject=subject,
            )
        )
        at = self._clock.now()
        with self._storing:
            if self._closed:
                return
            self._store.put_plan(scope, plan_id, collector.group, read, at)
            self._runs.read(scope, collector.name, plan_id, at)

    def _read_region(self, collector: RegionCollector[Any]) -> None:
        scope = self.target.scope
        facts = collector.read(
            Reading(
                api=self.target.api,
                region=scope.region,
                now=self._clock.now(),
                within=self.target.intervals[collector.name],
                unknown=self._unknown,
            )
        )
        at = self._clock.now()
        with self._storing:
            # What a target brings after it was given up would stay for ever: nobody would ever take it away again.
            if self._closed:
                return
            if self._shard.owns_region(scope):
                self._store.put_region(scope, collector.group, facts, at)
            if collector.group is PLANS:
                self._take_plans(facts)
            self._runs.read(scope, collector.name, "", at)

    def _take_plans(self, listed: PlanList) -> None:
        scope = self.target.scope
        mine = [
            plan for plan in listed.plans if self._shard.owns_plan(plan.plan_id) and self.target.selects(plan)
        ]
        new = self._store.put_plans(scope, mine, whole=listed.whole)
        with self._lock:
            self._has_list = True
            late = self._listed and bool(new)
        if late:
            # Plans that appear later are read at once instead of at each collector's next turn.
            for name in self.collectors:
                if self._of_plans(name):
                    self._begin(name, new, whole=False)

    def _where(self, name: str) -> dict[str, str]:
        return {"account": self.target.scope.account, "region": self.target.scope.region, "collector": name}
