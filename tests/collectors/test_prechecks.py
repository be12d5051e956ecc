"""Pre-checks: what is asked and what is not, and what their families make of them."""

from __future__ import annotations

import pytest
from support.fake_api import FakeApi, reading_of_plan, subject_of
from support.family_lines import lines
from support.known_subjects import PLAN
from support.subjects import subject_with

from dbs_exporter.collectors.prechecks import COLLECTOR, read_prechecks
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
