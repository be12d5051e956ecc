"""Restore tasks: records to facts, and a plan's long list condensed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.records import RESTORE_TASK, fields_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.restores import (
    RestoreTask,
    ended_restores,
    read_restore_task,
    restore_duration,
    restore_history,
    restore_succeeded,
)
from dbs_exporter.facts.tallies import Ended

NOW = 1_790_000_000.0
DAY = 86_400.0
INSTANTS = st.sampled_from([None, 10.0, 20.0, 30.0, 90.0, 150.0])
"""Few, so that equal times are common."""
LISTS = st.lists(
    st.builds(
        RestoreTask,
        task_id=st.sampled_from("abcdefgh"),
        plan_id=st.just("dbs1"),
        status=st.sampled_from(["init", "running", "stop", "finish", "brand_new"]),
        created_at=INSTANTS,
        finished_at=INSTANTS,
        progress=st.sampled_from([(), (("full_data", 1.0),), (("full_data", 0.5),)]),
    )
)


def daily(number: int, status: str, *, finished: bool = False, progress: float = 1.0) -> RestoreTask:
    """A restore task of `number` days ago."""
    return RestoreTask(
        task_id=f"s{number}",
        plan_id="dbs1",
        status=status,
        created_at=NOW - number * DAY,
        finished_at=NOW - number * DAY + 1800 if finished else None,
        progress=(("full_data", progress), ("continuous", progress)),
    )


def test_the_reference_sample_of_a_restore_task() -> None:
    """Progress has the stages that the API reports and no others, as ratios."""
    task = read_restore_task(fields_of(RESTORE_TASK))

    assert task.progress == (("pre_structure", 1.0), ("full_data", 0.2), ("post_structure", 0.0))
    assert (task.created_at, task.finished_at, task.target_at) == (1583743872.0, None, 1583741465.0)
    assert (task.destination_type, task.destination_instance_id) == ("rds", "rm-bp1")
    assert (task.destination_address, task.gateway_id, task.directory, task.objects) == ("", "", "", None)


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"DestinationEndpointIpPort": "10.0.0.1:3306", "DestinationEndpointHost": "x"}, "10.0.0.1:3306"),
        ({"DestinationEndpointHost": "db.internal", "DestinationEndpointPort": 3306}, "db.internal:3306"),
        ({"DestinationEndpointHost": "db.internal"}, "db.internal"),
    ],
)
def test_where_there_is_no_instance_the_address_says_where_a_restore_goes(
    fields: dict[str, object], address: str
) -> None:
    """Beside it the gateway, the directory and what is restored."""
    more = {"BackupGatewayId": 23, "RestoreDir": "/r", "RestoreObjects": '[{"DBName":"a"}]'}
    task = read_restore_task(fields_of({**RESTORE_TASK, **more, **fields}))

    assert task.destination_address == address
    assert (task.gateway_id, task.directory, task.objects) == ("23", "/r", ("a",))


def test_the_newest_success_of_the_same_objects_is_kept() -> None:
    """A part that works says nothing of the whole."""
    whole, part = (
        replace(daily(number, "finish", finished=True), objects=objects)
        for number, objects in ((5, None), (2, ("a",)))
    )
    history = restore_history([whole, part, replace(part, task_id="x", finished_at=NOW - 9 * DAY)])

    assert history.successes == ((part.finished_at, ("a",)), (whole.finished_at, None))
    assert history.last_success_id == part.task_id


def test_every_physical_stage_has_its_name() -> None:
    """Each progress field of a physical restore becomes a stage of its own."""
    fields = (
        "ContinuousRestoreProgress",
        "PhysicalFullBackupRecoverProgress",
        "PhysicalIncrementBackupRecoverProgress",
        "PhysicalFullAndIncrementBackupRecoverProgress",
        "PhysicalBackupRecoverProgress",
        "PhysicalDatabaseOnlineProgress",
    )
    record = {"RestoreTaskId": "s", "RestoreStatus": "running"} | {
        field: number for number, field in enumerate(fields)
    }

    assert read_restore_task(fields_of(record)).progress == (
        ("continuous", 0.0),
        ("physical_full", 0.01),
        ("physical_incremental", 0.02),
        ("physical_full_and_incremental", 0.03),
        ("physical_recover", 0.04),
        ("physical_online", 0.05),
    )


def test_finish_is_a_known_end_of_a_restore() -> None:
    """No document lists `finish` for restores, but a task that reaches it is not counted as a surprise."""
    task = read_restore_task(fields_of({**RESTORE_TASK, "RestoreStatus": "finish"}))

    assert task.status == "finish"


@pytest.mark.parametrize("spelling", ["DestinationEndpointInstanceID", "DestinationEndpointInstanceId"])
def test_both_spellings_of_an_instance_id(spelling: str) -> None:
    """The reference and the SDK differ in one letter's case."""
    record = {"RestoreTaskId": "s", "RestoreStatus": "init", spelling: "rm-1"}

    assert read_restore_task(fields_of(record)).destination_instance_id == "rm-1"


@given(LISTS, st.randoms(use_true_random=False))
def test_restores_say_the_same_in_any_order_and_repeated(tasks: list[RestoreTask], random: Random) -> None:
    """Also with equal times, and with one task listed in two states, as by a list that shifts under the reader."""
    again = [*tasks, *tasks]
    random.shuffle(again)

    assert restore_history(again) == restore_history(tasks)


@pytest.mark.parametrize(
    ("task", "succeeded"),
    [
        (daily(1, "finish", finished=True), True),
        (daily(1, "done", finished=True), True),
        (daily(1, "done", finished=True, progress=0.9), False),
        (daily(1, "done"), False),
        (daily(1, "running", finished=True), False),
        (daily(1, "stop", finished=True), False),
        (replace(daily(1, "done", finished=True), progress=()), False),
    ],
)
def test_what_counts_as_a_successful_restore(task: RestoreTask, succeeded: bool) -> None:
    """`finish`, or an unknown status with a finish time and every reported stage at its end."""
    assert restore_succeeded(task) is succeeded


def test_of_restores_the_running_and_the_newest_five_ended_are_kept() -> None:
    """Old tasks go, but the last success and the counts are of the whole list."""
    tasks = [
        daily(0, "running"),
        *(daily(number, "stop", finished=True) for number in range(1, 9)),
        daily(9, "finish", finished=True),
    ]
    history = restore_history(tasks)

    assert {task.task_id for task in history.tasks} == {"s0", "s1", "s2", "s3", "s4", "s5"}
    assert dict(history.counts or ())["stop"] == 8
    assert history.last_success_at == NOW - 9 * DAY + 1800
    assert history.last_success_duration_seconds == 1800


def test_of_ended_restores_the_newest_five_are_kept() -> None:
    """By when they ended, whatever the order of the list."""
    tasks = [
        RestoreTask(task_id=f"r{at}", plan_id="dbs1", status="finish", finished_at=float(at))
        for at in (3, 8, 1, 6, 2, 7, 5, 4)
    ]

    assert [task.task_id for task in restore_history(tasks).tasks] == ["r4", "r5", "r6", "r7", "r8"]


def test_a_restore_without_times_has_no_duration() -> None:
    """A missing or earlier finish gives no duration."""
    assert restore_duration(daily(1, "running")) is None
    assert restore_duration(replace(daily(1, "finish"), finished_at=1.0)) is None


def test_only_restores_that_have_ended_are_told_to_the_counters() -> None:
    """An unknown status is an end where the task has a finish time; one without it took no time, and ended when it was created."""
    tasks = [
        daily(0, "running"),
        daily(1, "stop", finished=True),
        daily(2, "done", finished=True),
        daily(3, "brand_new"),
        daily(4, "finish"),
    ]

    assert ended_restores(tasks) == (
        Ended("s1/failure", NOW - DAY + 1800, False, duration_seconds=1800.0),
        Ended("s2/success", NOW - 2 * DAY + 1800, True, duration_seconds=1800.0),
        Ended("s4/success", NOW - 4 * DAY, True),
    )


# ── what cannot be read of a task ──

ENDED = {
    "RestoreTaskId": "s1",
    "RestoreStatus": "finish",
    "RestoreTaskCreateTime": 1583743872000,
    "RestoreTaskFinishTime": 1583743972000,
    "FullDataRestoreProgress": 100,
    "ContinuousRestoreProgress": 100,
}


def odd(field: str, status: str = "finish") -> RestoreTask:
    """A task that has ended, with one field that cannot be read."""
    return read_restore_task(fields_of({**ENDED, "RestoreStatus": status, field: ["odd"]}, Told()))


def test_an_unreadable_field_is_unknown_and_named() -> None:
    """A stage that cannot be read is one the API does not report, and the rest is as it was."""
    told = Told()
    task = read_restore_task(fields_of({**RESTORE_TASK, "FullDataRestoreProgress": 101}, told))
    whole = read_restore_task(fields_of(RESTORE_TASK))

    assert task == replace(
        whole,
        progress=(("pre_structure", 1.0), ("post_structure", 0.0)),
        unreadable=("FullDataRestoreProgress",),
    )
    assert told.fields == ["FullDataRestoreProgress"]


@pytest.mark.parametrize("field", ["RestoreTaskId", "RestoreStatus"])
def test_a_restore_task_without_id_or_status_is_refused(field: str) -> None:
    """What is not known to be one thing or another is none."""
    with pytest.raises(BadAnswer) as caught:
        read_restore_task(fields_of({**ENDED, field: []}))

    assert caught.value.field == field


@pytest.mark.parametrize("field", ["RestoreTaskCreateTime", "RestoreTaskFinishTime"])
@pytest.mark.parametrize("status", ["finish", "stop"])
def test_an_end_whose_times_cannot_be_read_is_not_counted(field: str, status: str) -> None:
    """Its duration would be wrong for as long as the counter lives."""
    assert ended_restores([odd(field, status)]) == ()


@pytest.mark.parametrize("field", ["FullDataRestoreProgress", "RestoreTime", "RestoreTaskName"])
def test_what_no_counter_adds_up_costs_no_end(field: str) -> None:
    """`finish` says by itself that a restore succeeded."""
    assert ended_restores([odd(field)]) == (Ended("s1/success", 1583743972.0, True, duration_seconds=100.0),)


def test_an_undocumented_end_of_which_a_stage_cannot_be_read_is_neither_success_nor_failure() -> None:
    """Only its stages would tell which it is."""
    whole = read_restore_task(fields_of({**ENDED, "RestoreStatus": "done"}, Told()))

    assert ended_restores([whole]) == (Ended("s1/success", 1583743972.0, True, duration_seconds=100.0),)
    assert not restore_succeeded(odd("FullDataRestoreProgress", "done"))
    assert ended_restores([odd("FullDataRestoreProgress", "done")]) == ()


def test_each_outcome_of_a_restore_is_an_end_of_its_own() -> None:
    """One that stopped and was begun again under the same id is a success when it comes."""
    [stopped] = ended_restores([daily(1, "stop", finished=True)])
    [finished] = ended_restores([daily(1, "finish", finished=True)])

    assert stopped.identity != finished.identity
    assert (stopped.success, finished.success) == (False, True)


def test_what_was_left_out_of_the_list_is_missing_in_its_numbers() -> None:
    """They are not known then; the tasks that can be read are."""
    history = restore_history([read_restore_task(fields_of(RESTORE_TASK))], left_out=1)

    assert history.counts is None
    assert len(history.tasks) == 1
