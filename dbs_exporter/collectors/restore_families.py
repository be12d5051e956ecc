"""Families of restores, of pre-checks and the error codes of failed jobs, and of backup set downloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dbs_exporter.collectors.backup_families import completed
from dbs_exporter.facts.model import (
    DOWNLOAD_STATUSES,
    PRECHECK_ITEM_STATES,
    PRECHECK_STATUSES,
    RESTORE_STATUSES,
    DownloadTask,
    PlanSubject,
    Precheck,
    RestoreTask,
)
from dbs_exporter.metrics.family import Family, Row, plan_family
from dbs_exporter.metrics.rows import counted, counts, one, state

_RESTORE = "DescribeRestoreTaskList"
_PRECHECK = "DescribePreCheckProgressList"
_DOWNLOAD = "DescribeBackupSetDownloadTaskList"
_WHICH = "tasks that have not ended and the newest five that have"

NOT_PASSED = frozenset({"warning", "caught", "catched", "failed"})
"""Item states that the reference explains as failed or abnormal; newer metadata spell `caught` as
`catched`."""


def _tasks(of: Callable[[RestoreTask], Iterable[Row]]) -> Callable[[PlanSubject], list[Row]]:
    return lambda subject: [
        row for task in (subject.restores.tasks if subject.restores else ()) for row in of(task)
    ]


def _prechecks(of: Callable[[Precheck], Iterable[Row]]) -> Callable[[PlanSubject], list[Row]]:
    return lambda subject: [row for precheck in subject.prechecks or () for row in of(precheck)]


def _downloads(of: Callable[[DownloadTask], Iterable[Row]]) -> Callable[[PlanSubject], list[Row]]:
    return lambda subject: [
        row for task in (subject.downloads.tasks if subject.downloads else ()) for row in of(task)
    ]


def _failed_items(precheck: Precheck) -> list[Row]:
    # The same check may be listed once per object it looked at; the label names the check.
    names = dict.fromkeys(each.item for each in precheck.items if each.state in NOT_PASSED)
    return [((precheck.subject, precheck.subject_id, name), 1) for name in names]


RESTORE_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_restore_task_info",
        f"What a restore task restores to; always 1; {_WHICH}",
        f"{_RESTORE} RestoreTaskDetail",
        _tasks(
            lambda task: one(
                1,
                task.task_id,
                task.name,
                task.destination_type,
                task.destination_instance_id,
                task.destination_region,
                task.backup_set_id,
            )
        ),
        labels=(
            "restore_task_id",
            "restore_task_name",
            "destination_type",
            "destination_instance_id",
            "destination_region",
            "backup_set_id",
        ),
    ),
    plan_family(
        "dbs_restore_task_status",
        f"1 for the status the restore task has, 0 for the others; {_WHICH}",
        f"{_RESTORE} RestoreStatus",
        _tasks(lambda task: state(RESTORE_STATUSES, task.status, task.task_id)),
        labels=("restore_task_id", "status"),
    ),
    plan_family(
        "dbs_restore_task_progress_ratio",
        f"How far each stage of the restore task has come, 0 to 1; {_WHICH}",
        f"{_RESTORE} FullStruforeRestoreProgress, FullDataRestoreProgress and the other progress fields",
        _tasks(lambda task: [((task.task_id, stage), progress) for stage, progress in task.progress]),
        labels=("restore_task_id", "stage"),
    ),
    plan_family(
        "dbs_restore_task_created_timestamp_seconds",
        f"When the restore task was created; {_WHICH}",
        f"{_RESTORE} RestoreTaskCreateTime",
        _tasks(lambda task: one(task.created_at, task.task_id)),
        labels=("restore_task_id",),
    ),
    plan_family(
        "dbs_restore_task_finished_timestamp_seconds",
        f"When the restore task ended; {_WHICH}",
        f"{_RESTORE} RestoreTaskFinishTime",
        _tasks(lambda task: one(task.finished_at, task.task_id)),
        labels=("restore_task_id",),
    ),
    plan_family(
        "dbs_restore_task_target_timestamp_seconds",
        f"The instant that the restore task restores to; {_WHICH}",
        f"{_RESTORE} RestoreTime",
        _tasks(lambda task: one(task.target_at, task.task_id)),
        labels=("restore_task_id",),
    ),
    plan_family(
        "dbs_restore_tasks",
        "Restore tasks in the list now",
        f"{_RESTORE} RestoreStatus",
        lambda subject: counts(RESTORE_STATUSES, subject.restores.counts) if subject.restores else [],
        labels=("status",),
    ),
    plan_family(
        "dbs_restore_last_success_timestamp_seconds",
        "When a restore last succeeded, the last proof that one works",
        f"{_RESTORE} RestoreTaskFinishTime, RestoreStatus and the progress fields",
        lambda subject: one(subject.restores.last_success_at if subject.restores else None),
    ),
    plan_family(
        "dbs_restore_last_success_duration_seconds",
        "How long the last restore that succeeded took",
        f"{_RESTORE} RestoreTaskFinishTime - RestoreTaskCreateTime",
        lambda subject: one(subject.restores.last_success_duration_seconds if subject.restores else None),
    ),
    plan_family(
        "dbs_restores_completed_total",
        "Distinct restore tasks seen to reach an end, counted from 0 since the exporter first saw the plan",
        f"{_RESTORE} RestoreStatus",
        lambda subject: completed(subject.restore_tally),
        labels=("result",),
        type="counter",
    ),
)

PRECHECK_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_precheck_status",
        "1 for the status of the pre-check, 0 for the others",
        f"{_PRECHECK} Status",
        _prechecks(lambda each: state(PRECHECK_STATUSES, each.status, each.subject, each.subject_id)),
        labels=("subject", "subject_id", "status"),
    ),
    plan_family(
        "dbs_precheck_progress_ratio",
        "How far the pre-check has come, 0 to 1",
        f"{_PRECHECK} Progress",
        _prechecks(lambda each: one(each.progress, each.subject, each.subject_id)),
        labels=("subject", "subject_id"),
    ),
    plan_family(
        "dbs_precheck_items",
        "Items of the pre-check",
        f"{_PRECHECK} State",
        _prechecks(
            lambda each: counted(
                PRECHECK_ITEM_STATES, [item.state for item in each.items], each.subject, each.subject_id
            )
        ),
        labels=("subject", "subject_id", "state"),
    ),
    plan_family(
        "dbs_precheck_item_failed",
        "1 for each item of the pre-check that did not pass",
        f"{_PRECHECK} Item and State",
        _prechecks(_failed_items),
        labels=("subject", "subject_id", "item"),
    ),
    plan_family(
        "dbs_job_error_info",
        "Why the last full backup or restore failed, while it stands failed; always 1; without honor_labels"
        " Prometheus stores the label job as exported_job",
        "DescribeJobErrorCode ErrorCode",
        lambda subject: [
            ((each.job, each.job_id, each.error_code), 1)
            for each in subject.job_errors or ()
            if each.error_code
        ],
        labels=("job", "job_id", "error_code"),
    ),
)

DOWNLOAD_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_download_tasks",
        "Backup set downloads in the list now",
        f"{_DOWNLOAD} BackupSetDownloadStatus",
        lambda subject: counts(DOWNLOAD_STATUSES, subject.downloads.counts) if subject.downloads else [],
        labels=("status",),
    ),
    plan_family(
        "dbs_download_task_info",
        f"What a download task downloads, and to where; always 1; {_WHICH}",
        f"{_DOWNLOAD} BackupSetDownloadTaskDetail",
        _downloads(
            lambda task: one(
                1,
                task.task_id,
                task.backup_set_id,
                task.data_format,
                task.way,
                task.target_type,
                task.gateway_id,
                task.job_type,
            )
        ),
        labels=(
            "download_task_id",
            "backup_set_id",
            "data_format",
            "way",
            "target_type",
            "gateway_id",
            "job_type",
        ),
    ),
    plan_family(
        "dbs_download_task_status",
        f"1 for the status the download task has, 0 for the others; {_WHICH}",
        f"{_DOWNLOAD} BackupSetDownloadStatus",
        _downloads(lambda task: state(DOWNLOAD_STATUSES, task.status, task.task_id)),
        labels=("download_task_id", "status"),
    ),
    plan_family(
        "dbs_download_task_size_bytes",
        f"Size of the backup set that the task downloads; {_WHICH}",
        f"{_DOWNLOAD} BackupSetDataSize",
        _downloads(lambda task: one(task.size_bytes, task.task_id)),
        labels=("download_task_id",),
    ),
    plan_family(
        "dbs_download_task_created_timestamp_seconds",
        f"When the download task was created; {_WHICH}",
        f"{_DOWNLOAD} BackupSetDownloadCreateTime",
        _downloads(lambda task: one(task.created_at, task.task_id)),
        labels=("download_task_id",),
    ),
    plan_family(
        "dbs_download_task_finished_timestamp_seconds",
        f"When the download task ended; {_WHICH}",
        f"{_DOWNLOAD} BackupSetDownloadFinishTime",
        _downloads(lambda task: one(task.finished_at, task.task_id)),
        labels=("download_task_id",),
    ),
    plan_family(
        "dbs_download_last_success_timestamp_seconds",
        "When a backup set was last downloaded whole",
        f"{_DOWNLOAD} BackupSetDownloadFinishTime with BackupSetDownloadStatus finish",
        lambda subject: one(subject.downloads.last_success_at if subject.downloads else None),
    ),
)
