"""What the page shows of each plan, and in which order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.page_plans import (
    GOOD,
    HOUR,
    LATE_POINT,
    NOW,
    SCOPE,
    backup,
    collectors,
    fleet,
    good_plan,
    overview_of,
    stale_for,
    with_backups,
    with_group,
    with_plan,
)
from support.subjects import subject_with

from dbs_exporter.facts.collection import BudgetState
from dbs_exporter.facts.downloads import DOWNLOADS, DownloadHistory, DownloadTask
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.job_errors import JOB_ERRORS, JobError
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.maintenance import Maintenance
from dbs_exporter.facts.noticed import status_key
from dbs_exporter.facts.prechecks import PRECHECKS, Precheck, PrecheckItem
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import RegionSubject, Scope
from dbs_exporter.web.page.overview import collector_row, plan_row


def test_a_row_has_ages_ratios_and_lags_against_the_objectives() -> None:
    """Numbers are of the facts and the given time alone."""
    row = plan_row(with_backups(GOOD, last_success=backup(5 * HOUR, size_bytes=250)), NOW)

    assert (row.recovery_point_age, row.recovery_point_ratio) == (60.0, 60 / 1800)
    assert (row.last_full_age, row.last_full_ratio) == (5 * HOUR, 0.2)
    assert row.size_ratio == 0.25
    assert row.log_lag == 60.0
    assert row.expires_at == NOW + 700 * HOUR
    assert row.urgency == 0.2


def test_log_lag_is_absent_where_log_backup_is_off_and_a_restore_test_can_be_late() -> None:
    """Old log files of a switched-off log backup are no lag."""
    off = with_plan(GOOD, log_backup_enabled=False)
    tested = replace(GOOD, objectives=replace(GOOD.objectives, restore_test_interval=99 * HOUR))
    never = with_group(tested, RESTORES, RestoreHistory())
    unread = with_group(tested, RESTORES, None)

    assert plan_row(off, NOW).log_lag is None
    assert [plan_row(plan, NOW).proven_late for plan in (GOOD, tested, never, unread)] == [
        False,
        True,
        True,
        False,
    ]


def test_messages_say_what_failed_in_the_apis_words_once_each() -> None:
    """The last failure, the plan's message, job errors and failed pre-check items; a mended failure is not told."""
    failed = with_backups(GOOD, consecutive_failures=1, last_failure_message="disk full")
    precheck = Precheck(
        subject="plan",
        subject_id="dbs1",
        status="failed",
        progress=None,
        items=(
            PrecheckItem(item="CHECK_CONN", state="failed", error_message="refused"),
            PrecheckItem(item="CHECK_VERSION", state="finish"),
        ),
    )
    error = JobError(job_kind="full_backup", job_id="j1", error_code="DBS.X", error_message="no room")
    plan = subject_with(
        with_plan(failed, error_message="disk full"), (JOB_ERRORS, (error,)), (PRECHECKS, (precheck,))
    )
    mended = with_backups(GOOD, last_failure_message="disk full")

    assert plan_row(plan, NOW).messages == (
        "disk full",
        "full backup j1: DBS.X: no room",
        "pre-check of plan: CHECK_CONN: refused",
    )
    assert plan_row(mended, NOW).messages == ()


def test_what_the_api_says_of_restores_downloads_and_backups_that_ended_badly_is_shown() -> None:
    """A task that failed without a job's code, a finished set with a remark, a pre-check with one message for all its items."""
    restore = RestoreTask(task_id="r1", plan_id="dbs1", status="stop", error_message="no space")
    download = DownloadTask(task_id="d1", plan_id="dbs1", status="failed", error_message="no route")
    check = Precheck(
        subject="plan", subject_id="dbs1", status="failed", progress=None, error_message="denied"
    )
    plan = subject_with(
        with_backups(GOOD, last_success=replace(backup(), error_message="3 tables were skipped")),
        (RESTORES, RestoreHistory(tasks=(restore, replace(restore, task_id="r2", status="finish")))),
        (DOWNLOADS, DownloadHistory(tasks=(download,))),
        (PRECHECKS, (check,)),
    )

    assert plan_row(plan, NOW).messages == (
        "restore r1: no space",
        "download d1: no route",
        "full backup set1: 3 tables were skipped",
        "pre-check of plan: denied",
    )


def test_a_restore_that_waits_has_not_begun() -> None:
    """Its objective counts from when it was first seen to run, however long it was waiting before."""
    waiting = RestoreTask(task_id="r1", plan_id="dbs1", status="init", created_at=NOW - 144 * HOUR)
    held = replace(GOOD, objectives=replace(GOOD.objectives, restore_time=HOUR))
    [row] = overview_of([with_group(held, RESTORES, RestoreHistory(tasks=(waiting,)))]).restores

    assert (row.elapsed, row.late) == (None, False)


def test_how_long_a_plan_stays_well_and_what_explains_is_said() -> None:
    """The least deadline ahead; and for what holds, for how long, and why."""
    paused = replace(with_plan(LATE_POINT, status="pause"), noticed={status_key("pause"): NOW - HOUR})
    row = plan_row(paused, NOW)

    assert plan_row(GOOD, NOW).worse_at == NOW - 60 + 0.8 * 1800
    assert row.worse_at is None
    assert row.reasons[:2] == (
        "The plan does not run, for 1 h, since 2027-01-15 07:00 UTC",
        "The newest recovery point is older than its objective, for 1 s, since 2027-01-15 07:59 UTC, because the plan is paused",
    )


def test_a_plan_that_is_muted_is_shown_as_that() -> None:
    """A window that begins within a day, too."""
    for begin, shown in ((-50.0, True), (23 * HOUR, True), (25 * HOUR, False)):
        window = Maintenance(begin=NOW + begin, end=NOW + begin + 99, reason="moves")
        row = plan_row(replace(GOOD, objectives=replace(GOOD.objectives, maintenance=(window,))), NOW)
        assert (row.muted is not None) is shown
    assert plan_row(GOOD, NOW).muted is None


def test_a_restore_of_a_part_is_shown_as_that() -> None:
    """Beside the last one of everything."""
    history = RestoreHistory(last_success_at=NOW, successes=((NOW, ("a",)), (NOW - HOUR, ("a", "b"))))
    row = plan_row(with_group(with_plan(GOOD, objects=("a", "b")), RESTORES, history), NOW)

    assert (row.proven_at, row.partly_proven_at) == (NOW - HOUR, NOW)
    assert plan_row(GOOD, NOW).partly_proven_at is None


def test_the_overview_puts_what_is_wrong_first() -> None:
    """Plans by state, then by how much of an objective is used; gateways, restores and collectors in trouble first."""
    found = fleet()

    assert [row.state for row in found.plans[:4]] == ["unprotected", "breached", "attention", "attention"]
    assert {row.state for row in found.plans[4:]} == {"protected"}
    assert found.counts() == {
        "unknown": 0,
        "unprotected": 1,
        "breached": 1,
        "at_risk": 0,
        "attention": 2,
        "protected": 3,
    }
    assert [(row.gateway.gateway_id, row.trouble, row.plans) for row in found.gateways] == [
        ("g1", True, 4),
        ("g3", True, 0),
        ("g2", False, 0),
    ]
    assert [(row.task.task_id, row.elapsed, row.late) for row in found.restores] == [("t1", 2 * HOUR, True)]
    assert found.collectors[0].state.collector == "billing"
    assert [row.trouble for row in found.collectors] == [True, False, False, False, False]


def test_of_plans_in_the_same_state_comes_first_whose_time_runs_out_first() -> None:
    """Whatever their names are."""
    logs = LogHistory(last_data_at=NOW - 500, spans=((NOW - 2 * HOUR, NOW - 500),))
    soon = with_group(good_plan("z"), LOG_BACKUPS, logs)
    later = good_plan("a")
    rows = overview_of([later, soon]).plans

    assert [row.subject.plan.plan_id for row in rows] == ["z", "a"]
    assert rows[0].state == rows[1].state
    assert rows[0].worse_at is not None
    assert rows[1].worse_at is not None
    assert rows[0].worse_at < rows[1].worse_at


def test_a_gateway_is_of_one_account() -> None:
    """Another account's may have the same id."""
    regions = [
        subject_with(
            RegionSubject(scope=Scope(account=account, region="cn-hangzhou")),
            (GATEWAYS, (Gateway(gateway_id="g1", status="online", display_name=account),)),
        )
        for account in ("prod", "staging")
    ]
    found = overview_of(regions=regions)

    for account in ("prod", "staging"):
        row = found.gateway(account, "g1")
        assert row is not None
        assert row.gateway.display_name == account
    assert found.gateway("other", "g1") is None


def test_log_lag_goes_by_the_window_where_that_is_newer() -> None:
    """The list of log files is read seldom while the window moves, and its age is no lag."""
    newer = with_plan(GOOD, restore_end_at=NOW - 20.0)
    older = with_plan(GOOD, restore_end_at=NOW - 500.0)

    assert plan_row(newer, NOW).log_lag == 20.0
    assert plan_row(older, NOW).log_lag == 60.0


def test_what_was_not_read_in_time_is_counted_by_collector() -> None:
    """By the promises of plans and regions in its own account and region, and of the group that it brings."""
    elsewhere = Scope(account="staging", region="cn-beijing")
    plans = [
        stale_for(good_plan("a"), 1.0, "full_backups", "log_backups"),
        stale_for(good_plan("b"), 1.0, "full_backups"),
        good_plan("c"),
        stale_for(good_plan("d", scope=elsewhere), 1.0, "plans"),
    ]
    region = RegionSubject(scope=SCOPE, promised={"plans": NOW + 1.0, "gateways": NOW - 1.0})
    states = [
        *collectors().values(),
        replace(collectors()["plans"], collector="gateways", facts="gateways"),
        replace(collectors()["plans"], scope=elsewhere),
    ]
    found = overview_of(plans, regions=[region], collectors=states)
    stale = {
        (row.state.scope.account, row.state.collector): (row.stale, row.trouble) for row in found.collectors
    }

    assert stale == {
        ("prod", "plans"): (0, False),
        ("prod", "full_backups"): (2, True),
        ("prod", "incremental_backups"): (1, True),
        ("prod", "restore_ranges"): (0, False),
        ("prod", "gateways"): (1, True),
        ("staging", "plans"): (1, True),
    }


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({}, False),
        ({"success": False}, True),
        ({"permitted": False}, True),
        ({"tried": False, "success": False}, False),
    ],
)
def test_a_collector_in_trouble_is_one_that_fails_or_may_not(changes: dict[str, bool], trouble: bool) -> None:
    """One that has read nothing yet is neither; its data are as old as the worst subject's."""
    row = collector_row(replace(collectors()["plans"], **changes), 0, NOW)

    assert row.trouble is trouble
    assert row.age == 30.0
    assert collector_row(row.state, 3, NOW).trouble
    assert collector_row(replace(row.state, oldest_success_at=None), 0, NOW).age is None


def test_collectors_that_have_read_nothing_yet_are_counted() -> None:
    """The page says that it is still looking."""
    waiting = replace(collectors()["plans"], tried=False, success=False)

    assert overview_of(collectors=[waiting, *collectors().values()]).untried == 1
    assert overview_of().untried == 0


def test_where_calls_are_too_few_the_worst_comes_first() -> None:
    """A budget that suffices is not mentioned."""
    budgets = [
        BudgetState(scope=Scope(account=name, region="cn-hangzhou"), allowed_per_second=5.0, stretch=stretch)
        for name, stretch in (("a", 1.0), ("b", 1.05), ("c", 3.0), ("d", 1.05))
    ]

    assert [budget.scope.account for budget in overview_of(budgets=budgets).stretched] == ["c", "b", "d"]
