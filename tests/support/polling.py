"""What tests of polling share: a region of a simulated cloud that is polled by hand, and an API that does what a test says."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dbs_exporter.polling.runs import Runs

from dbs_exporter.api.client import Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.base import AccountCollector
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject, Scope
from dbs_exporter.polling.poller import Poller, Target
from dbs_exporter.polling.scheduler import Account, Scheduler
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.simulator import Simulator, World, start_simulator

HANGZHOU = Scope(account="demo", region="cn-hangzhou")
IN_A_REGION = tuple(collector.name for collector in TABLE if not isinstance(collector, AccountCollector))
"""The collectors of regions and plans, which a poller runs."""
PATIENCE_SECONDS = 30.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a bound that only a hang reaches."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        threading.Event().wait(0.005)


# ── a simulated cloud ──


class Keys:
    """A source of credentials whose secret a test may change."""

    def __init__(self) -> None:
        self.secret = "testsk"

    def get(self) -> Credentials:
        return Credentials(
            access_key_id="testak", access_key_secret=self.secret, security_token="", expires_at=None
        )


class SimulatedRegion:
    """One region of a simulated cloud, polled by hand."""

    def __init__(
        self,
        simulator: Simulator,
        *,
        collectors: tuple[str, ...] = IN_A_REGION,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        table: Table = TABLE,
    ) -> None:
        self.simulator = simulator
        self.clock = SystemClock()
        self.store = Store(lambda plan: Objectives())
        self.runs = Runs(self.clock)
        self.calls: Counter[tuple[str, str]] = Counter()
        self.unknown: Counter[str] = Counter()
        self.keys = Keys()
        self.collectors = collectors
        self.poller = Poller(
            self.target(HANGZHOU),
            table=table,
            store=self.store,
            runs=self.runs,
            clock=self.clock,
            shard=shard,
            unknown=lambda field: self.unknown.update([field]),
        )

    def count(self, call: Call) -> None:
        self.calls[call.operation, call.outcome] += 1

    def client(self, scope: Scope) -> Client:
        pacer = Pacer(1000.0, 4, self.clock)
        return Client(scope, self.simulator.url, self.keys, pacer, self.clock, 2.0, self.count)

    def target(self, scope: Scope, interval: float = 3600.0) -> Target:
        client = self.client(scope)
        return Target(
            scope=scope,
            api=client,
            concurrency=4,
            intervals=dict.fromkeys(self.collectors, interval),
            selects=lambda plan: True,
            fingerprint=scope,
            close=client.close,
        )

    def state(self, name: str) -> CollectorState:
        return next(state for state in self.runs.states() if state.collector == name)

    def run(self, *names: str) -> None:
        """Run collectors to their end, one after the other; `plans` first lets the others begin by themselves."""
        for name in names:
            before = self.state(name).last_run_at
            self.poller.run(name)
            until(lambda name=name, before=before: self.state(name).last_run_at != before)  # type: ignore[misc]

    def begin(self) -> None:
        """The first list and the first run of every plan-level collector."""
        for name in self.poller.collectors:
            self.poller.run(name)
        until(lambda: not self.runs.missing())

    def plan(self, plan_id: str) -> PlanSubject:
        found = self.store.plan(HANGZHOU, plan_id)
        assert found is not None
        return found

    def plan_ids(self) -> list[str]:
        return sorted(subject.plan.plan_id for subject in self.store.plans_of(HANGZHOU))

    def region(self) -> RegionSubject | None:
        """What is known of the region itself."""
        return next((region for region in self.store.region_subjects() if region.scope == HANGZHOU), None)


@contextmanager
def simulated_region(
    *, plans: int = 12, incidents: tuple[str, ...] = (), **more: Any
) -> Iterator[SimulatedRegion]:
    with start_simulator(World(plans=plans, incidents=incidents)) as simulator:
        polled = SimulatedRegion(simulator, **more)
        try:
            yield polled
        finally:
            polled.clock.stop()
            polled.poller.close()
            polled.poller.join(5.0)


# ── an API that does what a test says ──


class FakeApi:
    """Plans p000, p001, ...; `before` is called with each operation and plan and may raise or wait."""

    def __init__(self, plans: int = 3, regions: tuple[str, ...] = ()) -> None:
        self.plans = plans
        self.regions = regions
        self.before: Callable[[str, str], None] = lambda _operation, _plan: None
        self.asked: list[tuple[str, str]] = []
        self.unreadable: list[dict[str, Any]] = []
        """Records of the plan list that nobody can read, besides those of the plans."""

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        assert within
        plan = str(params.get("BackupPlanId", ""))
        self.asked.append((operation, plan))
        self.before(operation, plan)
        if operation == "DescribeRegions":
            return {"Regions": {"RegionCode": list(self.regions)}}
        return {"Item": {"ErrorCode": "DBS.Failed"}} if operation == "DescribeJobErrorCode" else {}

    def pages(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> list[dict[str, Any]]:
        self.call(operation, params, within=within)
        if operation == "DescribeBackupPlanList":
            names = (f"p{number:03}" for number in range(self.plans))
            readable = [{"BackupPlanId": name, "BackupPlanStatus": "running"} for name in names]
            return [*readable, *self.unreadable]
        if operation == "DescribeFullBackupList":
            return [{"BackupSetId": "s1", "BackupStatus": "stop", "CreateTime": 1_700_000_000_000}]
        return []


def fake_target(api: FakeApi, scope: Scope, *collectors: str) -> Target:
    """A target whose plans are read, by default, by the collectors `plans` and `full_backups`."""
    return Target(
        scope=scope,
        api=api,
        concurrency=3,
        intervals=dict.fromkeys(collectors or ("plans", "full_backups"), 3600.0),
        selects=lambda _: True,
        fingerprint=1,
    )


def fake_account(
    api: FakeApi,
    name: str = "prod",
    *,
    regions: tuple[str, ...] | None,
    of_account: Mapping[str, float] | None = None,
    fingerprint: int = 1,
) -> Account:
    """An account whose home is cn-hangzhou; `of_account` has the intervals of what is read of the account itself."""
    return Account(
        name=name,
        target=lambda region: fake_target(api, Scope(account=name, region=region)),
        regions=regions,
        home="cn-hangzhou",
        api=api,
        intervals=of_account or {},
        fingerprint=fingerprint,
    )


@contextmanager
def polled(api: FakeApi, scope: Scope, *collectors: str) -> Iterator[tuple[Poller, Store, Runs]]:
    clock = SystemClock()
    store, runs = Store(lambda _: Objectives()), Runs(clock)
    poller = Poller(
        fake_target(api, scope, *collectors),
        table=TABLE,
        store=store,
        runs=runs,
        clock=clock,
        shard=Shard(),
        unknown=lambda _: None,
    )
    try:
        yield poller, store, runs
    finally:
        poller.close()
        poller.join(PATIENCE_SECONDS)


@contextmanager
def scheduled(shard: Shard = Shard()) -> Iterator[tuple[Scheduler, Store, Runs]]:  # noqa: B008 - frozen
    clock = SystemClock()
    store, runs = Store(lambda _: Objectives()), Runs(clock)
    scheduler = Scheduler(store=store, runs=runs, clock=clock, shard=shard)
    try:
        yield scheduler, store, runs
    finally:
        scheduler.close()
