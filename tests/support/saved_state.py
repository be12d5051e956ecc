"""A state in a directory, with a store that it saves and restores, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

from support.fake_clock import FakeClock

from dbs_exporter.collectors.base import Read
from dbs_exporter.collectors.learned import Restored
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import PlanSubject, Scope
from dbs_exporter.facts.tallies import Ended
from dbs_exporter.polling.store import Store
from dbs_exporter.state.saved import State

HERE = Scope(account="prod", region="cn-hangzhou")
GROUPS = [collector.group for collector in TABLE]
EVERYTHING = frozenset(group.name for group in GROUPS)


class Saved:
    """A store and its state; `again` is the process that comes after this one was killed."""

    def __init__(self, path: Path, clock: FakeClock | None = None) -> None:
        self.path = path
        self.clock = clock or FakeClock()
        self.store = Store(objectives_for(()))
        self.state = State(str(path), GROUPS, counters=self.store, clock=self.clock)
        self.store.subscribe(self.state.update)

    def again(self, away_seconds: float = 1.0) -> Saved:
        """Kill this one, without saving anything, and start another on the same directory."""
        self.kill()
        self.clock.advance(away_seconds)
        return Saved(self.path, self.clock)

    def kill(self) -> None:
        """Let go of the files as the system does for a process that is killed."""
        self.state._close_files()

    def restore(self, scope: Scope = HERE, wanted: Container[str] = EVERYTHING) -> Restored | None:
        """Give a region back to the store."""
        restored = self.state.region(scope, wanted, lambda _plan: True)
        if restored is not None:
            self.store.restore(scope, restored)
        return restored

    def save(self, seconds: float = 5.0) -> None:
        """Let so many seconds pass, then save."""
        self.clock.advance(seconds)
        self.state.save()

    def list_plans(self, *plan_ids: str, scope: Scope = HERE, **fields: Any) -> None:
        """Have a whole plan list arrive."""
        now = self.clock.now()
        plans = [Plan(plan_id=plan_id, **fields) for plan_id in plan_ids]
        self.store.put_plans(scope, plans, whole=True, at=now, promised_until=now + 300.0)

    def ends(self, plan_id: str, *numbers: int, scope: Scope = HERE) -> None:
        """Have a list of full backups arrive of which these have ended now."""
        now = self.clock.now()
        ended = tuple(Ended(f"{number}/finish", now, True, size_bytes=10) for number in numbers)
        facts = FullBackupHistory(counts=(("finish", len(numbers)),))
        self.store.put_plan(scope, plan_id, FULL_BACKUPS, Read(facts=facts, ended=ended), now)

    def plan(self, plan_id: str, scope: Scope = HERE) -> PlanSubject:
        """A plan that is known."""
        subject = self.store.plan(scope, plan_id)
        assert subject is not None
        return subject

    def published(self, plan_id: str) -> int:
        """The counter that is published of a plan's full backups."""
        return self.plan(plan_id).tally(FULL_BACKUPS).success
