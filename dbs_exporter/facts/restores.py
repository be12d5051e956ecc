"""Restore tasks, and what is kept of a plan's list of them · DescribeRestoreTaskList."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from dbs_exporter.facts.condensing import counts_of, distinct
from dbs_exporter.facts.enums import ENDPOINT_TYPE, spellings
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.limits import ENDED_TASKS_KEPT, SUCCESSES_KEPT
from dbs_exporter.facts.objects import Objects, read_objects
from dbs_exporter.facts.records import Fields
from dbs_exporter.facts.tallies import Counts, Ended

RESTORE_STATUSES = ("init", "check_pass", "running", "stop", "pause", "finish")
"""`finish` counts as documented although no document lists it: tasks must end somehow, and other lists call it that."""
RESTORE_STATUS = spellings(*RESTORE_STATUSES)
RESTORE_ENDED = frozenset({"stop", "finish"})

STAGE_FIELDS = (
    ("pre_structure", "FullStruforeRestoreProgress"),
    ("full_data", "FullDataRestoreProgress"),
    ("post_structure", "FullStruAfterRestoreProgress"),
    ("continuous", "ContinuousRestoreProgress"),
    ("physical_full", "PhysicalFullBackupRecoverProgress"),
    ("physical_incremental", "PhysicalIncrementBackupRecoverProgress"),
    ("physical_full_and_incremental", "PhysicalFullAndIncrementBackupRecoverProgress"),
    ("physical_recover", "PhysicalBackupRecoverProgress"),
    ("physical_online", "PhysicalDatabaseOnlineProgress"),
)
"""(stage, the field of its progress)"""
RESTORE_STAGES = tuple(stage for stage, _ in STAGE_FIELDS)

_TIMES = frozenset({"RestoreTaskCreateTime", "RestoreTaskFinishTime"})
_PROGRESS = frozenset(field for _, field in STAGE_FIELDS)


class RestoreTask(Struct, frozen=True, kw_only=True):
    """One restore task · DescribeRestoreTaskList, Items.RestoreTaskDetail."""

    task_id: str
    plan_id: str
    status: str
    name: str = ""
    created_at: float | None = None
    finished_at: float | None = None
    target_at: float | None = None
    progress: tuple[tuple[str, float], ...] = ()
    """(stage of RESTORE_STAGES, 0 to 1), only the stages the API reports."""
    destination_type: str = ""
    destination_instance_id: str = ""
    destination_region: str = ""
    destination_address: str = ""
    """Host and port of the destination, for where it is no instance."""
    gateway_id: str = ""
    directory: str = ""
    backup_set_id: str = ""
    objects: Objects | None = None
    """What RestoreObjects names; None where that is not known, as where a gateway's task restores all there is."""
    error_message: str = ""
    unreadable: tuple[str, ...] = ()
    """API fields of this record that could not be read, and so are unknown here."""


class RestoreHistory(Struct, frozen=True, kw_only=True):
    """A plan's restore tasks: those not ended and the newest five ended ones, and what follows from the whole list."""

    tasks: tuple[RestoreTask, ...] = ()
    counts: Counts | None = ()
    """None where records of the list were left out."""
    last_success_at: float | None = None
    last_success_id: str = ""
    last_success_duration_seconds: float | None = None
    """From its creation on, as the API gives it."""
    successes: tuple[tuple[float, Objects | None], ...] = ()
    """When restores last succeeded of the same objects, the newest first; at most SUCCESSES_KEPT."""
    overtaken: bool = False
    """A task was seen to end since the list was read, so the rest of this is older than the task."""


RESTORES: Group[RestoreHistory] = Group("restores", RestoreHistory)


def read_restore_task(fields: Fields) -> RestoreTask:
    """Read one restore task · DescribeRestoreTaskList, Items.RestoreTaskDetail. Raises BadAnswer without id or status."""
    stages = []
    for stage, field in STAGE_FIELDS:
        reached = fields.progress(field)
        if reached is not None:
            stages.append((stage, reached))
    return RestoreTask(
        task_id=fields.identity("RestoreTaskId"),
        plan_id=fields.text("BackupPlanId"),
        status=fields.status("RestoreStatus", RESTORE_STATUS),
        name=fields.text("RestoreTaskName"),
        created_at=fields.instant("RestoreTaskCreateTime"),
        finished_at=fields.instant("RestoreTaskFinishTime"),
        target_at=fields.instant("RestoreTime"),
        progress=tuple(stages),
        destination_type=fields.enum("DestinationEndpointInstanceType", ENDPOINT_TYPE),
        destination_instance_id=fields.first_text(
            "DestinationEndpointInstanceID", "DestinationEndpointInstanceId"
        ),
        destination_region=fields.text("DestinationEndpointRegion"),
        destination_address=_address(fields),
        gateway_id=fields.gateway_id("BackupGatewayId"),
        directory=fields.text("RestoreDir"),
        backup_set_id=fields.text("BackupSetId"),
        objects=read_objects(fields, "RestoreObjects"),
        error_message=fields.error_message(),
        unreadable=fields.unreadable,
    )


def _address(fields: Fields) -> str:
    """Read the address of a destination: both in one, else host and port."""
    both = fields.text("DestinationEndpointIpPort")
    host, port = fields.text("DestinationEndpointHost"), fields.text("DestinationEndpointPort")
    return both or (f"{host}:{port}" if host and port else host)


def restore_succeeded(task: RestoreTask) -> bool:
    """Return True if the task brought its data back.

    No document names the terminal status. `finish` is taken as success; so is a status the documents do not know when the
    task has a finish time and every stage it reports stands at 1.
    """
    if task.status == "finish":
        return True
    return (
        task.status not in RESTORE_STATUSES
        and task.finished_at is not None
        and bool(task.progress)
        and all(progress >= 1 for _, progress in task.progress)
        and _PROGRESS.isdisjoint(task.unreadable)
    )


def restore_ended(task: RestoreTask) -> bool:
    """Return True if the task will not go on: failed, finished, or an undocumented status with a finish time."""
    if task.status in RESTORE_ENDED:
        return True
    return task.status not in RESTORE_STATUSES and task.finished_at is not None


def restore_duration(task: RestoreTask) -> float | None:
    """Return the seconds from RestoreTaskCreateTime to RestoreTaskFinishTime; None while either is unknown.

    The API gives no time at which a task was started, so waiting between creation and start is in it.
    """
    if task.created_at is None or task.finished_at is None or task.finished_at < task.created_at:
        return None
    return task.finished_at - task.created_at


def waiting_key(task: RestoreTask) -> str:
    """Return the key in a plan's `noticed` of a restore that was seen to wait for its start."""
    return f"waiting {task.task_id}"


def running_key(task: RestoreTask) -> str:
    """Return the key in a plan's `noticed` of a restore that runs."""
    return f"running {task.task_id}"


def restore_history(tasks: Iterable[RestoreTask], left_out: int = 0) -> RestoreHistory:
    """Condense a plan's restore tasks: those not ended and the newest five ended ones · DescribeRestoreTaskList.

    `left_out` is how many records of the list could not be read.
    """
    unique = sorted(
        distinct(
            tasks, lambda task: task.task_id, lambda task: (restore_ended(task), task.finished_at or 0.0)
        ),
        key=lambda task: (task.finished_at or task.created_at or 0.0, task.task_id),
    )
    ended = [task for task in unique if restore_ended(task)]
    good = [task for task in ended if restore_succeeded(task) and task.finished_at is not None]
    last = max(good, key=lambda task: (task.finished_at or 0.0, task.task_id), default=None)
    return RestoreHistory(
        tasks=(*(task for task in unique if not restore_ended(task)), *ended[-ENDED_TASKS_KEPT:]),
        counts=None if left_out else counts_of((task.status for task in unique), RESTORE_STATUSES),
        last_success_at=last.finished_at if last else None,
        last_success_id=last.task_id if last else "",
        last_success_duration_seconds=restore_duration(last) if last else None,
        successes=_successes(good),
    )


def _successes(good: Iterable[RestoreTask]) -> tuple[tuple[float, Objects | None], ...]:
    newest: dict[Objects | None, float] = {}
    for task in good:
        if task.finished_at is not None:
            newest[task.objects] = max(task.finished_at, newest.get(task.objects, task.finished_at))
    found = sorted(
        ((at, objects) for objects, at in newest.items()), key=lambda each: (-each[0], each[1] or ())
    )
    return tuple(found[:SUCCESSES_KEPT])


def unfinished_restores(history: RestoreHistory | None) -> tuple[str, ...]:
    """Return the ids of the tasks that have not ended."""
    return tuple(task.task_id for task in history.tasks if not restore_ended(task)) if history else ()


def followed(history: RestoreHistory, tasks: Iterable[RestoreTask]) -> RestoreHistory:
    """Return the history with tasks as they were read by their ids since; what follows from the whole list stays as it was."""
    newer = {task.task_id: task for task in tasks}
    current = tuple(newer.get(task.task_id, task) for task in history.tasks)
    ended = any(restore_ended(task) for task in newer.values())
    return replace(history, tasks=current, overtaken=history.overtaken or ended)


def ended_restores(tasks: Iterable[RestoreTask]) -> tuple[Ended, ...]:
    """Return those that have ended, for the counters; each outcome of a task is an end of its own.

    What cannot be read for certain is not counted.
    """
    return tuple(
        Ended(
            f"{task.task_id}/{'success' if restore_succeeded(task) else 'failure'}",
            task.finished_at or task.created_at or 0.0,
            restore_succeeded(task),
            duration_seconds=restore_duration(task) or 0.0,
        )
        for task in tasks
        if restore_ended(task)
        and _TIMES.isdisjoint(task.unreadable)
        # Without a documented status the progress distinguishes success from failure.
        and (task.status in RESTORE_ENDED or _PROGRESS.isdisjoint(task.unreadable))
    )
