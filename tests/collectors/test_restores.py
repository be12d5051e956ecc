"""Restore tasks: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.dues import promised_within
from support.fake_api import NOW, FakeApi, reading_of, reading_of_plan, subject_of
from support.family_lines import lines, states
from support.known_subjects import PLAN, TASK
from support.subjects import subject_with

from dbs_exporter.collectors.dues import Pace
from dbs_exporter.collectors.restores import COLLECTOR, due, read_followed, read_restores
from dbs_exporter.facts.restores import RESTORE_STATUSES, RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_restore_task_started_timestamp_seconds": [],  # Nobody saw it begin.
    "dbs_restore_last_proof_timestamp_seconds": [],  # The one that runs proves nothing yet.
    "dbs_restore_task_info": [
        '{backup_set_id="set1",destination_address="",destination_instance_id="rm-2",destination_region="cn-beijing",'
        'destination_type="RDS",directory="",gateway_id="",restore_task_id="task1",restore_task_name="drill"} 1.0'
    ],
    "dbs_restore_task_status": states(RESTORE_STATUSES, "running", before='restore_task_id="task1",'),
    "dbs_restore_task_progress_ratio": [
        '{restore_task_id="task1",stage="pre_structure"} 1.0',
        '{restore_task_id="task1",stage="full_data"} 0.5',
    ],
    "dbs_restore_task_created_timestamp_seconds": ['{restore_task_id="task1"} 3000.0'],
    "dbs_restore_task_finished_timestamp_seconds": ['{restore_task_id="task1"} 3500.0'],
    "dbs_restore_task_target_timestamp_seconds": ['{restore_task_id="task1"} 2500.0'],
    "dbs_restore_tasks": states(RESTORE_STATUSES, "running"),
    "dbs_restore_last_success_timestamp_seconds": ["{} 1800.0"],
    "dbs_restore_last_success_duration_seconds": ["{} 60.0"],
    "dbs_restores_completed_total": ['{result="success"} 1.0', '{result="failure"} 2.0'],
}


@pytest.mark.parametrize(("status", "rows"), [("running", 2), ("stop", 2), ("finish", 0)])
def test_a_finished_restore_has_no_progress(status: str, rows: int) -> None:
    """Of one that stopped it says how far it came."""
    known = subject_with(PLAN, (RESTORES, RestoreHistory(tasks=(replace(TASK, status=status),))))

    assert len(lines(known, "dbs_restore_task_progress_ratio")) == rows


def test_only_restores_that_have_ended_are_told_to_the_counters() -> None:
    """One that runs is no event yet, and what failed is told apart."""
    records = [
        {"RestoreTaskId": f"r{number}", "RestoreStatus": status}
        for number, status in enumerate(["finish", "stop", "running"])
    ]
    ended = read_restores(reading_of_plan(FakeApi(DescribeRestoreTaskList=records))).ended

    assert ended is not None
    assert [(end.identity, end.success) for end in ended] == [("r0/success", True), ("r1/failure", False)]


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    known = subject_with(PLAN, (RESTORES, RestoreHistory(tasks=(replace(TASK, status="NEW"),))))

    assert lines(known, "dbs_restore_task_status") == states(
        (*RESTORE_STATUSES, "NEW"), "NEW", before='restore_task_id="task1",'
    )


# ── when they are worth reading ──

PACE = Pace(now=NOW, interval=60.0, at_rest=1_800.0)


def test_the_list_is_read_seldom_also_while_a_restore_runs() -> None:
    """What runs is followed by its id; the list finds what is new."""
    for history in (RestoreHistory(), RestoreHistory(tasks=(TASK,))):
        subject = subject_with(subject_of(), (RESTORES, history, NOW))
        [found] = due(subject, PACE)
        assert found.latest == NOW + promised_within(1_800.0)


def test_a_restore_that_was_seen_to_end_has_the_list_read_at_once() -> None:
    """Counts, the last success and its proof are older than the task."""
    subject = subject_with(subject_of(), (RESTORES, RestoreHistory(overtaken=True), NOW - 900.0))
    [found] = due(subject, PACE)

    assert found.latest <= NOW


def test_running_restores_are_asked_about_by_their_ids_alone() -> None:
    """The API refuses a plan's id beside them."""
    records = [
        {"RestoreTaskId": "r1", "RestoreStatus": "running", "FullDataRestoreProgress": 40},
        {"RestoreTaskId": "r2", "RestoreStatus": "finish"},
    ]
    api = FakeApi(DescribeRestoreTaskList=records)
    found = read_followed(reading_of(api), ["r1", "r2", "r3"])

    assert api.asked == [("DescribeRestoreTaskList", {"RestoreTaskId": "r1,r2,r3"})]
    assert {task_id: task.status for task_id, task in found.items()} == {"r1": "running", "r2": "finish"}
    assert found["r1"].progress == (("full_data", 0.4),)


def test_what_was_followed_takes_the_place_of_what_was_known() -> None:
    """The rest of the list stays as it was, and is marked as older where a task has ended."""
    follow = COLLECTOR.follow
    assert follow is not None
    known = RestoreHistory(
        tasks=(TASK, replace(TASK, task_id="task2")), counts=(("running", 2),), last_success_at=5.0
    )
    moved = replace(TASK, progress=(("full_data", 0.9),))
    ended = RestoreTask(task_id="task2", plan_id="dbs1", status="stop")

    assert follow.merge(known, [moved]) == replace(known, tasks=(moved, known.tasks[1]))
    after = follow.merge(known, [moved, ended])
    assert after == replace(known, tasks=(moved, ended), overtaken=True)
    assert follow.unfinished(after) == ("task1",)
    assert follow.unfinished(None) == ()
