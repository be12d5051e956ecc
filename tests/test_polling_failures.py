"""What no server can be made to do on cue: a hang at the wrong moment, an exit in a thread, plans broken in a row."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from dbs_exporter.clock import SystemClock
from dbs_exporter.errors import ServerError
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.poller import HOPELESS_AFTER, Poller, Target
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.scheduler import Account, Discovery, Scheduler
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store

HERE = Scope(account="prod", region="cn-hangzhou")
PATIENCE = 30.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a bound that only a hang reaches."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        threading.Event().wait(0.005)


class FakeApi:
    """Plans p000, p001, ...; `before` is called with each operation and plan and may raise or wait."""

    def __init__(self, plans: int = 3) -> None:
        self.plans = plans
        self.before: Callable[[str, str], None] = lambda _operation, _plan: None
        self.asked: list[tuple[str, str]] = []

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        assert within
        plan = str(params.get("BackupPlanId", ""))
        self.asked.append((operation, plan))
        self.before(operation, plan)
        return {"Item": {"ErrorCode": "DBS.Failed"}} if operation == "DescribeJobErrorCode" else {}

    def pages(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> list[dict[str, Any]]:
        self.call(operation, params, within=within)
        if operation == "DescribeBackupPlanList":
            names = (f"p{number:03}" for number in range(self.plans))
            return [{"BackupPlanId": name, "BackupPlanStatus": "running"} for name in names]
        if operation == "DescribeFullBackupList":
            return [{"BackupSetId": "s1", "BackupStatus": "stop", "CreateTime": 1_700_000_000_000}]
        return []


def target(api: FakeApi, scope: Scope = HERE, *names: str) -> Target:
    return Target(
        scope=scope,
        api=api,
        concurrency=3,
        intervals=dict.fromkeys(names or ("plans", "full_backups"), 3600.0),
        selects=lambda _: True,
        fingerprint=1,
    )


def parts() -> tuple[Store, Runs, SystemClock]:
    clock = SystemClock()
    return Store(lambda _: Objectives()), Runs(clock), clock


@contextmanager
def polled(api: FakeApi, *names: str) -> Iterator[tuple[Poller, Store, Runs]]:
    store, runs, clock = parts()
    made = target(api, HERE, *names)
    poller = Poller(made, store=store, runs=runs, clock=clock, shard=Shard(), unknown=lambda _: None)
    try:
        yield poller, store, runs
    finally:
        poller.close()
        poller.join(PATIENCE)


@contextmanager
def scheduled(shard: Shard = Shard()) -> Iterator[tuple[Scheduler, Store, Runs]]:  # noqa: B008 - frozen
    store, runs, clock = parts()
    scheduler = Scheduler(store=store, runs=runs, clock=clock, shard=shard)
    try:
        yield scheduler, store, runs
    finally:
        scheduler.close()


def account(api: FakeApi, *regions: str, fingerprint: int = 1) -> Account:
    return Account(
        name="prod",
        target=lambda region: target(api, Scope(account="prod", region=region)),
        regions=regions,
        fingerprint=fingerprint,
    )


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()])
def test_an_exit_in_a_collector_is_a_failed_run_that_ends(raised: BaseException) -> None:
    """It is told by the plan's id, the other plans are read, and the next run may begin."""
    api = FakeApi()

    def exits(operation: str, plan: str) -> None:
        if (operation, plan) == ("DescribeFullBackupList", "p001"):
            raise raised

    api.before = exits
    with polled(api) as (poller, store, runs):
        poller.run("plans")
        until(lambda: not runs.missing())
        state = next(one for one in runs.states() if one.collector == "full_backups")

        assert (state.success, state.failed_subjects) == (False, 1)
        assert "p001" in state.last_error
        assert [one.plan.plan_id for one in store.plans_of(HERE) if one.full_backups is None] == ["p001"]


def test_plans_broken_in_a_row_do_not_starve_those_behind_them() -> None:
    """A run that is given up is taken up where it was left, so every healthy plan is read in the end."""
    api = FakeApi(plans=40)

    def broken(operation: str, plan: str) -> None:
        if operation == "DescribeFullBackupList" and plan < f"p{HOPELESS_AFTER:03}":
            raise ServerError("broken", operation=operation)

    api.before = broken
    with polled(api) as (poller, store, runs):
        poller.run("plans")
        until(lambda: not runs.missing())
        until(lambda: not poller._active)
        poller.run("full_backups")
        until(lambda: not poller._active)

        assert sum(one.full_backups is not None for one in store.plans_of(HERE)) == 40 - HOPELESS_AFTER


def test_error_codes_are_there_when_it_is_ready() -> None:
    """What others must find first is asked about after them, not an interval later."""
    api = FakeApi()
    slow = threading.Event()

    def late(operation: str, _plan: str) -> None:
        if operation == "DescribeFullBackupList":
            slow.wait(PATIENCE)

    api.before = late
    with polled(api, "plans", "full_backups", "restores", "job_errors") as (poller, store, runs):
        poller.run("plans")
        until(lambda: ("DescribeRestoreTaskList", "p000") in api.asked)
        slow.set()
        until(lambda: not runs.missing())

        assert all(one.job_errors for one in store.plans_of(HERE))


def test_error_codes_do_not_wait_for_what_is_switched_off() -> None:
    """Without the collectors that would find failed jobs there is none to ask about."""
    with polled(FakeApi(), "plans", "job_errors") as (poller, store, runs):
        poller.run("plans")
        until(lambda: not runs.missing())

        assert [one.job_errors for one in store.plans_of(HERE)] == [(), (), ()]


def test_a_plan_list_that_comes_after_its_account_was_removed_brings_nothing_back() -> None:
    """Nobody would ever take these plans away again."""
    api, asked, release = FakeApi(), threading.Event(), threading.Event()

    def hangs(_operation: str, _plan: str) -> None:
        asked.set()
        release.wait(PATIENCE)

    api.before = hangs
    with scheduled() as (scheduler, store, _):
        scheduler.apply([account(api, "cn-hangzhou")])
        assert asked.wait(PATIENCE)
        (poller,) = scheduler._pollers.values()
        scheduler.apply([])
        release.set()
        poller.join(PATIENCE)

        assert store.plan_subjects() == []
        assert store.region_subjects() == []


@pytest.mark.parametrize("index", [0, 1])
def test_a_region_taken_out_of_an_account_leaves_no_plan_on_any_shard(index: int) -> None:
    """One shard holds the region's own facts, the other only plans."""
    api = FakeApi(plans=20)
    with scheduled(Shard(index=index, total=2)) as (scheduler, store, runs):
        scheduler.apply([account(api, "cn-hangzhou", "cn-beijing")])
        until(lambda: not runs.missing())
        before = {one.scope.region for one in store.plan_subjects()}
        scheduler.apply([account(api, "cn-beijing", fingerprint=2)])

        assert before == {"cn-hangzhou", "cn-beijing"}
        assert {one.scope.region for one in store.plan_subjects()} == {"cn-beijing"}


def test_what_the_plan_list_begins_is_not_due_at_the_same_moment_again() -> None:
    """At a start each collector runs once: a job beside the run that the list begins would count as skipped."""
    with scheduled() as (scheduler, store, runs):
        scheduler.apply([account(FakeApi(), "cn-hangzhou")])
        until(lambda: not runs.missing())
        due = {one.id.rpartition("/")[2]: one.next_run_time for one in scheduler._scheduler.get_jobs()}

        # Both are hourly; the one that began by itself is next due in an hour and not now.
        assert (due["full_backups"] - datetime.now(UTC)).total_seconds() > 1800
        assert [one.skipped_runs for one in runs.states()] == [0, 0]
        assert store.plan_subjects() != []


def test_accounts_whose_regions_cannot_be_found_hold_up_nobody() -> None:
    """However many wait for DescribeRegions, another account is polled."""
    api, release = FakeApi(), threading.Event()

    def hangs() -> tuple[str, ...]:
        release.wait(3 * PATIENCE)
        return ()

    stuck = [
        Account(
            name=f"stuck{number}",
            target=lambda region: target(api, Scope(account="stuck", region=region)),
            discover=Discovery(region="cn-hangzhou", ask=hangs, interval=3600.0),
        )
        for number in range(12)
    ]
    with scheduled() as (scheduler, store, _):
        scheduler.apply([*stuck, account(api, "cn-hangzhou")])
        try:
            until(lambda: len(store.plan_subjects()) == 3)
            assert {one.scope.account for one in store.plan_subjects()} == {"prod"}
        finally:
            release.set()


HANGING = """
import threading
from dbs_exporter.clock import SystemClock
from dbs_exporter.model import Objectives
from dbs_exporter.runs import Runs
from dbs_exporter.scheduler import Account, Discovery, Scheduler
from dbs_exporter.store import Store

asked = threading.Event()

def ask():
    asked.set()
    threading.Event().wait()

scheduler = Scheduler(store=Store(lambda plan: Objectives()), runs=Runs(SystemClock()), clock=SystemClock())
discover = Discovery(region="cn-hangzhou", ask=ask, interval=60.0)
scheduler.apply([Account(name="a", target=lambda region: None, discover=discover)])
asked.wait()
scheduler.close()
print("closed")
"""


def test_a_process_ends_while_the_question_for_regions_hangs() -> None:
    """The question hangs for ever, so that only a process which does not wait for it ends at all."""
    ended = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert (ended.returncode, ended.stdout) == (0, "closed\n")
