"""When what runs: starts, reloads, regions that are found, questions that hang, and ends that wait for nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from support.polling import (
    HANGZHOU,
    PATIENCE_SECONDS,
    FakeApi,
    SimulatedRegion,
    fake_account,
    scheduled,
    simulated_region,
    until,
)

from dbs_exporter.collectors.base import Api
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.errors import NotPermitted, ServerError
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.subjects import PlanSubject, Scope
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.scheduler import Account, Scheduler
from dbs_exporter.polling.sharding import Shard

OF_ACCOUNT = {"regions": 3600.0}


@contextmanager
def scheduler_of(region: SimulatedRegion) -> Iterator[Scheduler]:
    scheduler = Scheduler(store=region.store, runs=region.runs, clock=region.clock)
    try:
        yield scheduler
    finally:
        scheduler.close()


def account(
    region: SimulatedRegion,
    *,
    regions: tuple[str, ...] | None = ("cn-hangzhou",),
    api: Api | None = None,
    of_account: Mapping[str, float] = OF_ACCOUNT,
    interval: float = 3600.0,
    fingerprint: object = 1,
) -> Account:
    """An account of the simulated cloud; `interval` is that of what is read of regions and plans."""
    return Account(
        name="demo",
        target=lambda name: region.target(Scope(account="demo", region=name), interval),
        regions=regions,
        home="cn-hangzhou",
        api=api or region.client(HANGZHOU),
        intervals=of_account,
        fingerprint=fingerprint,
    )


def regions_of(plans: list[PlanSubject]) -> set[str]:
    return {plan.scope.region for plan in plans}


def test_the_scheduler_runs_everything_at_once() -> None:
    """Right after the start every collector runs, without waiting for its interval."""
    with simulated_region() as region, scheduler_of(region) as scheduler:
        scheduler.apply([account(region)])
        until(lambda: not region.runs.missing())

        assert {state.collector for state in region.runs.states()} == set(TABLE.collectors)
        assert len(region.runs.states()) == len(TABLE.collectors)
        assert region.plan_ids()


def test_a_reload_keeps_what_did_not_change_and_drops_what_is_gone() -> None:
    """An unchanged account is not polled again; a region that is gone takes its plans with it."""
    with simulated_region() as region, scheduler_of(region) as scheduler:
        scheduler.apply([account(region, regions=("cn-hangzhou", "cn-shanghai"))])
        until(lambda: not region.runs.missing())
        before = region.simulator.requests["DescribeBackupPlanList"]
        scheduler.apply([account(region, regions=("cn-hangzhou", "cn-shanghai"))])
        assert region.simulator.requests["DescribeBackupPlanList"] == before
        scheduler.apply([account(region, fingerprint=2)])

        assert regions_of(region.store.plan_subjects()) == {"cn-hangzhou"}
        assert {state.scope.region for state in region.runs.states()} == {"cn-hangzhou"}
        scheduler.apply([])
        assert region.store.plan_subjects() == []
        assert region.store.account("demo") is None
        assert region.runs.states() == []


def test_regions_can_be_found() -> None:
    """With `all`, the API's regions are watched; one that disappears goes with its data."""
    api = FakeApi(regions=("cn-hangzhou", "cn-shanghai"))
    with simulated_region() as region, scheduler_of(region) as scheduler:
        scheduler.apply([account(region, regions=None, api=api, of_account={"regions": 0.3})])
        until(lambda: regions_of(region.store.plan_subjects()) == {"cn-hangzhou", "cn-shanghai"})
        api.regions = ("cn-hangzhou",)
        until(lambda: regions_of(region.store.plan_subjects()) == {"cn-hangzhou"})

        assert {state.scope.region for state in region.runs.states()} == {"cn-hangzhou"}


def test_an_interval_of_zero_is_refused() -> None:
    """A collector that would never rest is an error that names it."""
    with simulated_region() as region, scheduler_of(region) as scheduler:
        for restless in (account(region, interval=0.0), account(region, of_account={"regions": 0.0})):
            with pytest.raises(ValueError, match="never rest"):
                scheduler.apply([restless])
            scheduler.apply([])


def test_closing_does_not_wait_for_a_hanging_read() -> None:
    """With the API hanging, the scheduler ends within its bound and no run begins any more."""
    with simulated_region(plans=6) as region:
        scheduler = Scheduler(store=region.store, runs=region.runs, clock=region.clock)
        region.simulator.set_faults([{"kind": "latency", "seconds": 1.5}])
        scheduler.apply([account(region)])
        until(lambda: region.simulator.requests["DescribeBackupPlanList"] > 0)
        region.clock.stop()
        scheduler.close()
        asked = sum(region.simulator.requests.values())

        assert region.runs.missing()
        assert sum(region.simulator.requests.values()) - asked <= 4


def test_a_plan_list_that_comes_after_its_account_was_removed_brings_nothing_back() -> None:
    """Nobody would ever take these plans away again."""
    api, asked, release = FakeApi(), threading.Event(), threading.Event()

    def hangs(_operation: str, _plan: str) -> None:
        asked.set()
        release.wait(PATIENCE_SECONDS)

    api.before = hangs
    with scheduled() as (scheduler, store, _):
        scheduler.apply([fake_account(api, regions=("cn-hangzhou",))])
        assert asked.wait(PATIENCE_SECONDS)
        (poller,) = scheduler._pollers.values()
        scheduler.apply([])
        release.set()
        poller.join(PATIENCE_SECONDS)

        assert store.plan_subjects() == []
        assert store.region_subjects() == []


@pytest.mark.parametrize("index", [0, 1])
def test_a_region_taken_out_of_an_account_leaves_no_plan_on_any_shard(index: int) -> None:
    """One shard holds the region's own facts, the other only plans."""
    api = FakeApi(plans=20)
    with scheduled(Shard(index=index, total=2)) as (scheduler, store, runs):
        scheduler.apply([fake_account(api, regions=("cn-hangzhou", "cn-beijing"))])
        until(lambda: not runs.missing())
        before = regions_of(store.plan_subjects())
        scheduler.apply([fake_account(api, regions=("cn-beijing",), fingerprint=2)])

        assert before == {"cn-hangzhou", "cn-beijing"}
        assert regions_of(store.plan_subjects()) == {"cn-beijing"}


def test_what_the_plan_list_begins_is_not_due_at_the_same_moment_again() -> None:
    """At a start each collector runs once: a job beside the run that the list begins would count as skipped."""
    with scheduled() as (scheduler, store, runs):
        scheduler.apply([fake_account(FakeApi(), regions=("cn-hangzhou",))])
        until(lambda: not runs.missing())
        due = {job.id.rpartition("/")[2]: job.next_run_time for job in scheduler._scheduler.get_jobs()}

        # Both are hourly; the one that began by itself is next due in an hour and not now.
        assert (due["full_backups"] - datetime.now(UTC)).total_seconds() > 1800
        assert [state.skipped_runs for state in runs.states()] == [0, 0]
        assert store.plan_subjects() != []


# ── what is asked about an account itself ──


def of_regions(runs: Runs) -> CollectorState:
    """How the question for regions fares."""
    (state,) = (state for state in runs.states() if state.collector == "regions")
    return state


def test_what_is_known_of_an_account_does_not_say_what_is_watched_where_regions_are_listed() -> None:
    """Of an account with regions of its own the supported ones are a fact like any other."""
    api = FakeApi(regions=("cn-hangzhou", "cn-beijing", "cn-shanghai"))
    with scheduled() as (scheduler, store, runs):
        scheduler.apply([fake_account(api, regions=("cn-hangzhou",), of_account=OF_ACCOUNT)])
        until(lambda: not runs.missing())
        known = store.account("prod")

        assert known is not None
        assert known.get(REGIONS) == ("cn-hangzhou", "cn-beijing", "cn-shanghai")
        assert regions_of(store.plan_subjects()) == {"cn-hangzhou"}


def test_what_is_no_longer_asked_about_an_account_is_forgotten() -> None:
    """Switched off by a reload, its facts would never change again."""
    api = FakeApi(regions=("cn-hangzhou",))
    with scheduled() as (scheduler, store, runs):
        scheduler.apply([fake_account(api, regions=("cn-hangzhou",), of_account=OF_ACCOUNT)])
        until(lambda: not runs.missing())
        scheduler.apply([fake_account(api, regions=("cn-hangzhou",), fingerprint=2)])
        known = store.account("prod")

        assert known is not None
        assert known.get(REGIONS) is None
        assert "regions" not in {state.collector for state in runs.states()}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_what_is_known_of_an_account_is_exported_by_one_shard(index: int) -> None:
    """It is the one that owns the account's home region; every shard watches the regions that are found."""
    shard = Shard(index=index, total=3)
    with scheduled(shard) as (scheduler, store, runs):
        scheduler.apply(
            [fake_account(FakeApi(30, regions=("cn-hangzhou",)), regions=None, of_account=OF_ACCOUNT)]
        )
        until(lambda: bool(store.plan_subjects()) and not runs.missing())
        owner = shard.owns_region(Scope(account="prod", region="cn-hangzhou"))

        assert (store.account("prod") is not None) == owner


@pytest.mark.parametrize(
    ("raised", "permitted"),
    [
        (NotPermitted("RAM refuses it", operation="DescribeRegions"), False),
        (ServerError("down", operation="DescribeRegions"), True),
        (ZeroDivisionError("boom"), True),
    ],
)
def test_regions_that_cannot_be_found_are_a_run_that_ended_without_success(
    raised: Exception, permitted: bool
) -> None:
    """Refused, failed or broken, it is told why, and readiness does not wait for another answer."""
    api = FakeApi()

    def fails(_operation: str, _plan: str) -> None:
        raise raised

    api.before = fails
    with scheduled() as (scheduler, store, runs):
        scheduler.apply([fake_account(api, regions=None, of_account=OF_ACCOUNT)])
        until(lambda: not runs.missing())
        state = of_regions(runs)

        assert (state.success, state.permitted) == (False, permitted)
        assert str(raised) in state.last_error
        assert store.account("prod") is None


def test_a_question_for_regions_that_is_due_while_the_last_goes_on_is_skipped() -> None:
    """It is counted, and is not asked twice at once."""
    api, release = FakeApi(regions=("cn-hangzhou",)), threading.Event()

    def hangs(operation: str, _plan: str) -> None:
        if operation == "DescribeRegions":
            release.wait(PATIENCE_SECONDS)

    api.before = hangs
    with scheduled() as (scheduler, _, runs):
        scheduler.apply([fake_account(api, regions=None, of_account={"regions": 0.2})])
        try:
            until(lambda: of_regions(runs).skipped_runs >= 2)
            assert [operation for operation, _ in api.asked] == ["DescribeRegions"]
        finally:
            release.set()


def test_accounts_whose_regions_cannot_be_found_hold_up_nobody() -> None:
    """However many wait for DescribeRegions, another account is polled."""
    stuck_api, release = FakeApi(), threading.Event()

    def hangs(_operation: str, _plan: str) -> None:
        release.wait(3 * PATIENCE_SECONDS)

    stuck_api.before = hangs
    stuck = [
        fake_account(stuck_api, f"stuck{number}", regions=None, of_account=OF_ACCOUNT) for number in range(12)
    ]
    with scheduled() as (scheduler, store, _):
        scheduler.apply([*stuck, fake_account(FakeApi(), regions=("cn-hangzhou",))])
        try:
            until(lambda: len(store.plan_subjects()) == 3)
            assert {plan.scope.account for plan in store.plan_subjects()} == {"prod"}
        finally:
            release.set()


HANGING = """
import threading
from dbs_exporter.clock import SystemClock
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.scheduler import Account, Scheduler
from dbs_exporter.polling.store import Store

asked = threading.Event()

class Hanging:
    def call(self, operation, params, *, within=None):
        asked.set()
        threading.Event().wait()

account = Account(
    name="a", target=lambda region: None, regions=None, home="cn-hangzhou", api=Hanging(), intervals={"regions": 60.0}
)
scheduler = Scheduler(store=Store(lambda plan: Objectives()), runs=Runs(SystemClock()), clock=SystemClock())
scheduler.apply([account])
asked.wait()
scheduler.close()
print("closed")
"""


def test_a_process_ends_while_the_question_for_regions_hangs() -> None:
    """The question hangs for ever, so that only a process which does not wait for it ends at all."""
    ended = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )

    assert (ended.returncode, ended.stdout) == (0, "closed\n")
