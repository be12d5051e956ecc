"""Pre-checks: what is asked and what is not, and what their families make of them."""

from __future__ import annotations

import pytest
from support.dues import promised_within
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines
from support.known_subjects import PLAN
from support.subjects import subject_with

from dbs_exporter.collectors.dues import Pace
from dbs_exporter.collectors.prechecks import COLLECTOR, due, read_prechecks
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.prechecks import PRECHECK_ITEM_STATES, PRECHECK_STATUSES, PRECHECKS, Precheck
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_precheck_status": [
        f'{{status="{status}",subject="plan",subject_id="dbs1"}} {float(status == "failed")}'
        for status in PRECHECK_STATUSES
    ],
    "dbs_precheck_progress_ratio": ['{subject="plan",subject_id="dbs1"} 0.75'],
    "dbs_precheck_items": [
        f'{{state="{state}",subject="plan",subject_id="dbs1"}} {float(state != "running")}'
        for state in PRECHECK_ITEM_STATES
    ],
    "dbs_precheck_item_failed": [
        '{item="CHECK_SOURCE_CONN",subject="plan",subject_id="dbs1"} 1.0',
        '{item="CHECK_BINLOG",subject="plan",subject_id="dbs1"} 1.0',
    ],
}


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        ("wait", True), ("init", True), ("check_pass", True), ("running", False), ("pause", False),
        ("stop", False), ("locked", False),
    ],
)  # fmt: skip
def test_a_pre_check_of_a_plan_is_asked_where_one_can_be_running_or_failed(status: str, asked: bool) -> None:
    """A plan that has begun has passed it."""
    api = FakeApi()
    read_prechecks(reading_of_plan(api, subject_of(Plan(plan_id="dbs1", status=status))))

    assert bool(api.asked) is asked


def test_a_pre_check_of_a_restore_is_asked_by_the_task_alone() -> None:
    """Exactly one of the two ids may be given."""
    statuses = {"r1": "init", "r2": "running", "r3": "finish"}
    tasks = tuple(
        RestoreTask(task_id=task_id, plan_id="dbs1", status=status) for task_id, status in statuses.items()
    )
    api = FakeApi()
    subject = subject_with(subject_of(), (RESTORES, RestoreHistory(tasks=tasks)))
    read_prechecks(reading_of_plan(api, subject))

    assert api.asked == [("DescribePreCheckProgressList", {"RestoreTaskId": "r1"})]


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    precheck = Precheck(subject="plan", subject_id="dbs1", status="NEW", progress=None)
    known = subject_with(PLAN, (PRECHECKS, (precheck,)))

    assert lines(known, "dbs_precheck_status") == [
        f'{{status="{status}",subject="plan",subject_id="dbs1"}} {float(status == "NEW")}'
        for status in (*PRECHECK_STATUSES, "NEW")
    ]


# ── when they are worth reading ──

PACE = Pace(now=NOW, interval=120.0, at_rest=3_600.0, at_most=3_600.0)


def restoring(status: str) -> RestoreHistory:
    return RestoreHistory(tasks=(RestoreTask(task_id="r1", plan_id="dbs1", status=status),))


@pytest.mark.parametrize("status", ["running", "pause", "stop", "locked"])
def test_nothing_is_due_where_no_pre_check_can_be_running_or_failed(status: str) -> None:
    """A thousand plans that run cost no call, and neither do restores that have begun."""
    subject = subject_of(Plan(plan_id="dbs1", status=status))

    assert due(subject, PACE) == ()
    assert due(subject_with(subject, (RESTORES, restoring("running"))), PACE) == ()


@pytest.mark.parametrize("status", ["wait", "init", "check_pass"])
def test_a_plan_that_has_not_begun_has_its_pre_check_read_soon(status: str) -> None:
    """At its interval, after it was read."""
    subject = subject_of(Plan(plan_id="dbs1", status=status))
    [found] = due(subject_with(subject, (PRECHECKS, (), NOW)), PACE)

    assert found.latest == NOW + promised_within(120.0)


@pytest.mark.parametrize("status", ["init", "check_pass"])
def test_a_restore_that_has_not_begun_has_its_pre_check_read_soon(status: str) -> None:
    """Though its plan runs."""
    [found] = due(subject_with(subject_of(), (RESTORES, restoring(status)), (PRECHECKS, (), NOW)), PACE)

    assert found.latest == NOW + promised_within(120.0)


def test_a_pre_check_that_is_over_is_read_once_more() -> None:
    """Then it is gone, and its series with it."""
    checked = Precheck(subject="plan", subject_id="dbs1", status="failed", progress=0.5, items=())
    known = subject_with(subject_of(), (PRECHECKS, (checked,), NOW))

    assert len(due(known, PACE)) == 1
    assert due(subject_with(known, (PRECHECKS, (), NOW + 60.0)), PACE) == ()
