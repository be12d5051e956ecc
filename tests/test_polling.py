"""Runs against the simulated cloud: what fails alone, what is given up, what survives."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dbs_exporter.api.client import Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.clock import SystemClock
from dbs_exporter.errors import ServerError
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.subjects import PlanSubject, Scope
from dbs_exporter.polling.poller import Poller, Target
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.scheduler import Account, Discovery, Scheduler
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.simulator import Simulator, World, start_simulator

HERE = Scope(account="demo", region="cn-hangzhou")
ALL = (
    "plans", "gateways", "nodes", "full_backups", "incremental_backups", "restores", "restore_ranges", "prechecks",
    "downloads", "job_errors", "billing",
)  # fmt: skip
PATIENCE = 30.0


class Keys:
    def __init__(self, secret: str = "testsk") -> None:
        self.secret = secret

    def get(self) -> Credentials:
        return Credentials(
            access_key_id="testak", access_key_secret=self.secret, security_token="", expires_at=None
        )


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a bound that only a hang reaches."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        threading.Event().wait(0.01)


class Rig:
    """One region of a simulated cloud, polled by hand."""

    def __init__(
        self,
        simulator: Simulator,
        *,
        collectors: tuple[str, ...] = ALL,
        secret: str = "testsk",
        shard: Shard | None = None,
    ) -> None:
        self.simulator = simulator
        self.clock = SystemClock()
        self.store = Store(lambda plan: Objectives())
        self.runs = Runs(self.clock)
        self.calls: Counter[tuple[str, str]] = Counter()
        self.unknown: Counter[str] = Counter()
        self.keys = Keys(secret)
        self.collectors = collectors
        self.shard = shard or Shard()
        self.poller = self.made(HERE)

    def told(self, call: Call) -> None:
        self.calls[call.operation, call.outcome] += 1

    def target(self, scope: Scope, interval: float = 3600.0) -> Target:
        pacer = Pacer(1000.0, 4, self.clock)
        client = Client(scope, self.simulator.url, self.keys, pacer, self.clock, 2.0, self.told)
        return Target(
            scope=scope,
            api=client,
            concurrency=4,
            intervals=dict.fromkeys(self.collectors, interval),
            selects=lambda plan: True,
            fingerprint=scope,
            close=client.close,
        )

    def made(self, scope: Scope) -> Poller:
        return Poller(
            self.target(scope),
            store=self.store,
            runs=self.runs,
            clock=self.clock,
            shard=self.shard,
            unknown=lambda field: self.unknown.update([field]),
        )

    def state(self, name: str) -> CollectorState:
        return next(one for one in self.runs.states() if one.collector == name)

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
        found = self.store.plan(HERE, plan_id)
        assert found is not None
        return found


@contextmanager
def rig(*, plans: int = 12, incidents: tuple[str, ...] = (), **more: Any) -> Iterator[Rig]:
    with start_simulator(World(plans=plans, incidents=incidents)) as simulator:
        made = Rig(simulator, **more)
        try:
            yield made
        finally:
            made.clock.stop()
            made.poller.close()
            made.poller.join(5.0)


def ids(made: Rig) -> list[str]:
    return sorted(one.plan.plan_id for one in made.store.plans_of(HERE))


def test_everything_is_read_once_the_plans_are_known() -> None:
    """The plan list lets all other collectors begin, and each plan has all its groups in the end."""
    with rig() as made:
        made.begin()
        subjects = made.store.plans_of(HERE)

        assert len(subjects) == len(made.simulator.world.plan_ids("demo", "cn-hangzhou"))
        for subject in subjects:
            assert subject.full_backups is not None
            assert subject.logs is not None
            assert subject.restores is not None
            assert subject.ranges is not None
            assert subject.billing is not None
        region = made.store.subject(("demo", "cn-hangzhou", ""))
        assert region is not None
        assert all(state.success for state in made.runs.states())
        assert not made.unknown


def test_only_reads_are_ever_called() -> None:
    """Whatever a collector does, it asks Describe operations only."""
    with rig(incidents=("failed_full_backup", "failed_restore", "failed_precheck")) as made:
        made.begin()
        made.run("job_errors", "prechecks")

        assert all(operation.startswith("Describe") for operation in made.simulator.requests)


def test_an_error_code_is_asked_once_for_each_failed_job() -> None:
    """Later runs keep the answer as long as the job stands failed."""
    with rig(incidents=("failed_full_backup",)) as made:
        made.begin()
        made.run("job_errors", "job_errors", "job_errors")
        (failed,) = made.simulator.world.incident_plans["failed_full_backup"]

        assert [one.error_code for one in made.plan(failed).job_errors or ()] == ["DBS.SourceAccessDenied"]
        assert made.simulator.requests["DescribeJobErrorCode"] == 1


def test_a_plan_that_is_refused_fails_alone() -> None:
    """The others are read, the collector stays successful, and the refused plan is not asked again."""
    with rig() as made:
        made.run("plans")
        until(
            lambda: not [one for one in made.runs.missing() if "gateways" not in one and "nodes" not in one]
        )
        victim = ids(made)[0]
        made.simulator.set_faults([{"kind": "deny", "plan": victim, "operation": "DescribeFullBackupList"}])
        made.run("full_backups", "full_backups", "full_backups")

        assert made.state("full_backups").success is True
        assert made.state("full_backups").permitted is True
        assert made.calls["DescribeFullBackupList", "denied"] == 1


def test_an_operation_that_is_refused_is_not_hammered() -> None:
    """Refused for every plan, it is reported as not permitted and asked for a few plans only."""
    with rig(plans=30) as made:
        made.simulator.set_faults([{"kind": "deny", "operation": "DescribeRestoreTaskList"}])
        made.begin()
        asked = made.calls["DescribeRestoreTaskList", "denied"]
        assert asked <= 3 + 4
        made.run("restores", "restores")

        assert made.state("restores").permitted is False
        assert made.calls["DescribeRestoreTaskList", "denied"] == asked
        assert made.state("full_backups").success is True


def test_a_broken_plan_keeps_its_last_good_facts() -> None:
    """A torn or wrong answer fails that plan's group; what was known stays, and others are renewed."""
    with rig() as made:
        made.begin()
        victim, other = ids(made)[:2]
        before = made.plan(victim)
        made.simulator.set_faults(
            [{"kind": "wrong_total", "plan": victim, "operation": "DescribeFullBackupList"}]
        )
        made.run("full_backups")

        assert made.plan(victim).full_backups == before.full_backups
        assert dict(made.plan(victim).read_at)["full_backups"] == dict(before.read_at)["full_backups"]
        assert dict(made.plan(other).read_at)["full_backups"] > dict(before.read_at)["full_backups"]
        assert made.state("full_backups").failed_subjects == 1
        assert victim in made.state("full_backups").last_error


def test_a_failed_plan_list_deletes_nothing() -> None:
    """Neither an error nor a torn list nor one that does not add up removes a plan."""
    with rig() as made:
        made.begin()
        before = ids(made)
        for fault in ("unavailable", "torn", "wrong_total", "html", "reset", "no_items"):
            made.simulator.set_faults([{"kind": fault, "operation": "DescribeBackupPlanList"}])
            made.run("plans")
            assert made.state("plans").success is False, fault
            assert ids(made) == before, fault


def test_a_deleted_plan_is_gone_after_the_next_list() -> None:
    """A complete list without the plan removes it."""
    with rig() as made:
        made.begin()
        victim = ids(made)[0]
        made.simulator.world.delete_plan(victim)
        made.run("plans")

        assert victim not in ids(made)


def test_dead_credentials_end_a_run_early() -> None:
    """A key that stopped working is not tried once per plan."""
    with rig(plans=40) as made:
        made.begin()
        made.keys.secret = "wrong"
        before = made.calls["DescribeFullBackupList", "denied"]
        made.run("full_backups")

        assert made.calls["DescribeFullBackupList", "denied"] - before <= 4
        assert made.state("full_backups").success is False
        assert made.state("full_backups").failed_subjects == len(ids(made))
        assert "SignatureDoesNotMatch" in made.state("full_backups").last_error


def test_an_unknown_status_is_kept_and_counted() -> None:
    """A status the documents lack is a fact like others, and its field is told."""
    with rig() as made:
        made.simulator.set_faults([{"kind": "unknown_values", "operation": "DescribeBackupGatewayList"}])
        made.begin()
        region = made.store.subject(("demo", "cn-hangzhou", ""))

        assert made.unknown["BackupGatewayStatus"]
        assert region is not None
        assert {one.status for one in region.gateways or ()} == {"brand_new"}  # type: ignore[union-attr]


def test_a_run_that_is_due_while_the_last_goes_on_is_skipped() -> None:
    """It is counted, and nothing runs twice at once."""
    with rig(plans=3) as made:
        made.begin()
        made.simulator.set_faults(
            [{"kind": "latency", "seconds": 0.5, "operation": "DescribeFullBackupList"}]
        )
        before = made.state("full_backups")
        made.poller.run("full_backups")
        made.poller.run("full_backups")
        until(lambda: made.state("full_backups").last_run_at != before.last_run_at)

        assert made.state("full_backups").skipped_runs == before.skipped_runs + 1


def test_without_a_plan_list_the_others_end_and_say_why() -> None:
    """Readiness does not wait for an API that is down; the plan-level collectors have failed."""
    with rig() as made:
        made.simulator.set_faults([{"kind": "refuse", "operation": "DescribeBackupPlanList"}])
        made.begin()

        assert made.state("full_backups").success is False
        assert made.state("full_backups").last_error.strip() == "the plan list could not be read yet"
        made.simulator.set_faults([])
        made.run("plans", "full_backups")
        assert made.state("full_backups").success is True


def test_a_collector_that_breaks_is_a_failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is told like any other failure and takes nothing with it."""
    with rig(plans=6) as made:
        made.begin()

        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("boom")

        monkeypatch.setattr("dbs_exporter.collectors.table.gateways", broken)
        made.run("gateways", "plans")

        assert made.state("gateways").success is False
        assert "boom" in made.state("gateways").last_error
        assert made.state("plans").success is True


def test_an_api_that_does_not_answer_is_given_up_for_the_run() -> None:
    """After a row of failures with no success the rest of the plans are not tried."""
    with rig(plans=60, collectors=("plans", "full_backups")) as made:
        made.begin()
        calls = 0

        def pages(*_: Any, **__: Any) -> list[dict[str, Any]]:
            nonlocal calls
            calls += 1
            raise ServerError("down", operation="DescribeFullBackupList")

        object.__setattr__(made.poller.target.api, "pages", pages)
        made.run("full_backups")

        assert calls <= 8 + 4
        assert made.state("full_backups").failed_subjects == len(ids(made)) > 12


def test_shards_together_hold_exactly_what_one_does() -> None:
    """Three shards share the plans of a region without gap or overlap, and one of them has the region's facts."""
    with rig(plans=30) as whole:
        whole.begin()
        shares, owners = [], 0
        for index in range(3):
            part = Rig(whole.simulator, shard=Shard(index=index, total=3))
            part.begin()
            shares.append(set(ids(part)))
            region = part.store.subject(("demo", "cn-hangzhou", ""))
            owners += region is not None and region.gateways is not None  # type: ignore[union-attr]
            part.poller.close()

        assert set.union(*shares) == set(ids(whole))
        assert sum(map(len, shares)) == len(ids(whole))
        assert owners == 1


@contextmanager
def scheduled(made: Rig) -> Iterator[Scheduler]:
    scheduler = Scheduler(store=made.store, runs=made.runs, clock=made.clock)
    try:
        yield scheduler
    finally:
        scheduler.close()


def account(
    made: Rig, name: str = "demo", *, regions: tuple[str, ...] = ("cn-hangzhou",), fingerprint: object = 1
) -> Account:
    return Account(
        name=name,
        target=lambda region: made.target(Scope(account=name, region=region)),
        regions=regions,
        fingerprint=fingerprint,
    )


def test_the_scheduler_runs_everything_at_once() -> None:
    """Right after the start every collector runs, without waiting for its interval."""
    with rig() as made, scheduled(made) as scheduler:
        scheduler.apply([account(made)])
        until(lambda: not made.runs.missing())

        assert len(made.runs.states()) == len(ALL)
        assert ids(made)


def test_a_reload_keeps_what_did_not_change_and_drops_what_is_gone() -> None:
    """An unchanged account is not polled again; a region that is gone takes its plans with it."""
    with rig() as made, scheduled(made) as scheduler:
        scheduler.apply([account(made, regions=("cn-hangzhou", "cn-shanghai"))])
        until(lambda: not made.runs.missing())
        before = made.simulator.requests["DescribeBackupPlanList"]
        scheduler.apply([account(made, regions=("cn-hangzhou", "cn-shanghai"))])
        assert made.simulator.requests["DescribeBackupPlanList"] == before
        scheduler.apply([account(made, fingerprint=2)])

        assert {one.scope.region for one in made.store.plan_subjects()} == {"cn-hangzhou"}
        assert {state.scope.region for state in made.runs.states()} == {"cn-hangzhou"}
        scheduler.apply([])
        assert made.store.plan_subjects() == []
        assert made.runs.states() == []


def test_regions_can_be_found() -> None:
    """With `all`, the API's regions are watched; one that disappears goes with its data."""
    found = ["cn-hangzhou", "cn-shanghai"]
    with rig() as made, scheduled(made) as scheduler:
        discovery = Discovery(region="cn-hangzhou", ask=lambda: tuple(found), interval=0.3)
        everything = Account(
            name="demo",
            target=lambda region: made.target(Scope(account="demo", region=region)),
            discover=discovery,
        )
        scheduler.apply([everything])
        until(lambda: {one.scope.region for one in made.store.plan_subjects()} == set(found))
        found.remove("cn-shanghai")
        until(lambda: {one.scope.region for one in made.store.plan_subjects()} == {"cn-hangzhou"})

        assert {state.scope.region for state in made.runs.states()} == {"cn-hangzhou"}


def test_an_interval_of_zero_is_refused() -> None:
    """A collector that would never rest is an error that names it."""
    with rig() as made, scheduled(made) as scheduler:
        restless = Account(
            name="demo", target=lambda region: made.target(HERE, interval=0.0), regions=("cn-hangzhou",)
        )
        with pytest.raises(ValueError, match="never rest"):
            scheduler.apply([restless])


def test_closing_does_not_wait_for_a_hanging_read() -> None:
    """With the API hanging, the scheduler ends within its bound and no run begins any more."""
    with rig(plans=6) as made:
        scheduler = Scheduler(store=made.store, runs=made.runs, clock=made.clock)
        made.simulator.set_faults([{"kind": "latency", "seconds": 1.5}])
        scheduler.apply([account(made)])
        until(lambda: made.simulator.requests["DescribeBackupPlanList"] > 0)
        made.clock.stop()
        scheduler.close()
        asked = sum(made.simulator.requests.values())

        assert made.runs.missing()
        assert sum(made.simulator.requests.values()) - asked <= 4
