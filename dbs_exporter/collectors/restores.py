"""Restore tasks of a plan: how they are read, and their families · DescribeRestoreTaskList."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dbs_exporter.collectors.base import Follow, PlanCollector, PlanReading, Read, Reading
from dbs_exporter.collectors.dues import Dues, Pace, at_once, resting
from dbs_exporter.facts.noticed import restore_took
from dbs_exporter.facts.protection import last_proof
from dbs_exporter.facts.restores import (
    RESTORE_STATUSES,
    RESTORES,
    RestoreHistory,
    RestoreTask,
    ended_restores,
    followed,
    read_restore_task,
    restore_history,
    running_key,
    unfinished_restores,
)
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import SEEN, completed, counts, single, state
from dbs_exporter.metrics.rows import WHICH_TASKS as _WHICH

_LIST = "DescribeRestoreTaskList"


def read_restores(reading: PlanReading) -> Read[RestoreHistory]:
    """Read a plan's list of restore tasks."""
    records = reading.pages(_LIST, BackupPlanId=reading.plan_id)
    tasks, left_out = reading.reader.each(records, read_restore_task)
    return Read(facts=restore_history(tasks, left_out), ended=ended_restores(tasks))


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when a plan's restore tasks are worth listing; those that are known and under way are followed by their ids."""
    known = subject.known(RESTORES)
    history = subject.get(RESTORES)
    if history is not None and history.overtaken:
        return (at_once(pace, known.read_at or pace.now, "a task has ended"),)
    return (resting(known, pace),)


def read_followed(reading: Reading, task_ids: Sequence[str]) -> dict[str, RestoreTask]:
    """Read restore tasks by their ids; returns them by these."""
    records = reading.pages(_LIST, RestoreTaskId=",".join(task_ids))
    tasks, _ = reading.reader.each(records, read_restore_task)
    return {task.task_id: task for task in tasks}


def _tasks(of: Callable[[RestoreTask], Iterable[Row]]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        history = subject.get(RESTORES)
        return [row for task in (history.tasks if history else ()) for row in of(task)]

    return rows


def _history(of: Callable[[RestoreHistory], float | None]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        history = subject.get(RESTORES)
        return [] if history is None else single(of(history))

    return rows


def _started(subject: PlanSubject) -> list[Row]:
    history = subject.get(RESTORES)
    begins = ((task, subject.noticed.get(running_key(task))) for task in (history.tasks if history else ()))
    return [((task.task_id,), begin) for task, begin in begins if begin is not None]


def _info(task: RestoreTask) -> list[Row]:
    return single(
        1,
        task.task_id,
        task.name,
        task.destination_type,
        task.destination_instance_id,
        task.destination_region,
        task.destination_address,
        task.gateway_id,
        task.directory,
        task.backup_set_id,
    )


def _counts(subject: PlanSubject) -> list[Row]:
    history = subject.get(RESTORES)
    return [] if history is None else counts(RESTORE_STATUSES, history.counts)


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_restore_task_info",
        f"What a restore task restores to; always 1; {_WHICH}",
        f"{_LIST} RestoreTaskDetail",
        _tasks(_info),
        labels=(
            "restore_task_id",
            "restore_task_name",
            "destination_type",
            "destination_instance_id",
            "destination_region",
            "destination_address",
            "gateway_id",
            "directory",
            "backup_set_id",
        ),
    ),
    plan_family(
        "dbs_restore_task_status",
        f"1 for the status the restore task has, 0 for the others; {_WHICH}",
        f"{_LIST} RestoreStatus",
        _tasks(lambda task: state(RESTORE_STATUSES, task.status, task.task_id)),
        labels=("restore_task_id", "status"),
        is_state=True,
    ),
    plan_family(
        "dbs_restore_task_progress_ratio",
        f"How far each stage of the restore task has come, 0 to 1; absent once it is finished; {_WHICH}",
        f"{_LIST} FullStruforeRestoreProgress, FullDataRestoreProgress and the other progress fields",
        # Of a finished one all are 1, and most tasks are finished: rules over a day of them would cost more than all others.
        _tasks(
            lambda task: [
                ((task.task_id, stage), progress)
                for stage, progress in task.progress
                if task.status != "finish"
            ]
        ),
        labels=("restore_task_id", "stage"),
    ),
    plan_family(
        "dbs_restore_task_created_timestamp_seconds",
        f"When the restore task was created; {_WHICH}",
        f"{_LIST} RestoreTaskCreateTime",
        _tasks(lambda task: single(task.created_at, task.task_id)),
        labels=("restore_task_id",),
    ),
    plan_family(
        "dbs_restore_task_started_timestamp_seconds",
        f"When the restore task was first seen to run, as creation where it ran at the first reading already; {_WHICH}",
        f"{_LIST} RestoreStatus",
        _started,
        labels=("restore_task_id",),
        reads=(RESTORES, "noticed"),
    ),
    plan_family(
        "dbs_restore_task_finished_timestamp_seconds",
        f"When the restore task ended; {_WHICH}",
        f"{_LIST} RestoreTaskFinishTime",
        _tasks(lambda task: single(task.finished_at, task.task_id)),
        labels=("restore_task_id",),
    ),
    plan_family(
        "dbs_restore_task_target_timestamp_seconds",
        f"The instant that the restore task restores to; {_WHICH}",
        f"{_LIST} RestoreTime",
        _tasks(lambda task: single(task.target_at, task.task_id)),
        labels=("restore_task_id",),
    ),
    plan_family(
        "dbs_restore_tasks",
        "Restore tasks in the list now",
        f"{_LIST} RestoreStatus",
        _counts,
        labels=("status",),
    ),
    plan_family(
        "dbs_restore_last_success_timestamp_seconds",
        "When a restore last succeeded, whatever it restored",
        f"{_LIST} RestoreTaskFinishTime, RestoreStatus and the progress fields",
        _history(lambda history: history.last_success_at),
    ),
    plan_family(
        "dbs_restore_last_success_duration_seconds",
        "How long the last restore that succeeded took: since it was first seen to run, else since its creation, with its wait",
        f"{_LIST} RestoreTaskFinishTime, RestoreStatus and RestoreTaskCreateTime",
        lambda subject: single(restore_took(subject)),
        reads=(RESTORES, "noticed"),
    ),
    plan_family(
        "dbs_restore_last_proof_timestamp_seconds",
        "When a restore of all that the plan names last succeeded, the last proof that one works",
        f"{_LIST} RestoreObjects and RestoreTaskFinishTime, DescribeBackupPlanList BackupObjects",
        lambda subject: single(last_proof(subject)),
        reads=(RESTORES, "plan"),
    ),
    plan_family(
        "dbs_restores_completed_total",
        f"Distinct restore tasks seen to reach an end, {SEEN}",
        f"{_LIST} RestoreStatus",
        lambda subject: completed(subject.tally(RESTORES)),
        labels=("result",),
        type="counter",
    ),
)

COLLECTOR = PlanCollector(
    name="restores",
    summary="DescribeRestoreTaskList, for each plan.",
    section="Restores",
    group=RESTORES,
    operations=(_LIST,),
    interval_seconds=60,
    at_rest_seconds=1_800,
    rank=4,
    due=due,
    follow=Follow(operation=_LIST, unfinished=unfinished_restores, read=read_followed, merge=followed),
    read=read_restores,
    nothing=RestoreHistory(),
    families=with_reads(_FAMILIES, RESTORES),
)
