"""What the page shows of each plan, and in which order."""

from __future__ import annotations

from msgspec.structs import replace
from support.page_plans import (
    GOOD,
    HOUR,
    NOW,
    SCOPE,
    backup,
    collectors,
    fleet,
    with_backups,
    with_group,
    with_plan,
)
from support.subjects import subject_with

from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.job_errors import JOB_ERRORS, JobError
from dbs_exporter.facts.prechecks import PRECHECKS, Precheck, PrecheckItem
from dbs_exporter.facts.restores import RESTORES, RestoreHistory
from dbs_exporter.web.page.overview import Snapshot, collector_row, overview, plan_row


def test_a_row_has_ages_ratios_and_lags_against_the_objectives() -> None:
    """Numbers are of the facts and the given time alone."""
    row = plan_row(with_backups(GOOD, last_success=backup(5 * HOUR, size_bytes=250)), collectors(), NOW)

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

    assert plan_row(off, collectors(), NOW).log_lag is None
    assert [plan_row(plan, collectors(), NOW).proven_late for plan in (GOOD, tested, never, unread)] == [
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

    assert plan_row(plan, collectors(), NOW).messages == (
        "disk full",
        "full backup j1: DBS.X: no room",
        "pre-check of plan: CHECK_CONN: refused",
    )
    assert plan_row(mended, collectors(), NOW).messages == ()


def test_the_overview_puts_what_is_wrong_first() -> None:
    """Plans by state, then by how much of an objective is used; gateways, restores and collectors in trouble first."""
    found = fleet()

    assert [row.state for row in found.plans[:3]] == ["unprotected", "breached", "at_risk"]
    assert {row.state for row in found.plans[3:]} == {"protected"}
    assert found.counts() == {"unprotected": 1, "breached": 1, "unknown": 0, "at_risk": 1, "protected": 4}
    assert [(row.gateway.gateway_id, row.trouble, row.plans) for row in found.gateways] == [
        ("g1", True, 4),
        ("g3", True, 0),
        ("g2", False, 0),
    ]
    assert [(row.task.task_id, row.elapsed, row.late) for row in found.restores] == [("t1", 2 * HOUR, True)]
    assert found.collectors[0].state.collector == "billing"
    assert [row.trouble for row in found.collectors] == [True, False, False, False, False]


def test_the_oldest_data_is_told_against_its_interval() -> None:
    """A minute-old read of every minute is older than an hour-old read of every day."""
    hourly = CollectorState(
        scope=SCOPE, collector="nodes", interval_seconds=86_400.0, oldest_success_at=NOW - HOUR
    )
    never = CollectorState(scope=SCOPE, collector="billing", interval_seconds=1.0)
    found = overview(Snapshot(plans=[], regions=[], collectors=[hourly, never, *collectors().values()]), NOW)

    assert found.oldest is not None
    assert found.oldest.age == 30.0
    assert found.first_runs_pending == 2
    assert collector_row(never, NOW).trouble is False
    assert overview(Snapshot(plans=[], regions=[], collectors=[]), NOW).oldest is None
