"""Backup set downloads of a plan: how they are read, and their families · DescribeBackupSetDownloadTaskList."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read
from dbs_exporter.collectors.dues import Dues, Pace, resting, soon
from dbs_exporter.facts.downloads import (
    DOWNLOAD_STATUSES,
    DOWNLOADS,
    DownloadHistory,
    DownloadTask,
    download_ended,
    download_history,
    read_download_task,
)
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import WHICH_TASKS as _WHICH
from dbs_exporter.metrics.rows import counts, single, state

_LIST = "DescribeBackupSetDownloadTaskList"


def read_downloads(reading: PlanReading) -> Read[DownloadHistory]:
    """Read a plan's list of downloads."""
    records = reading.pages(_LIST, BackupPlanId=reading.plan_id)
    tasks, left_out = reading.reader.each(records, read_download_task)
    return Read(facts=download_history(tasks, left_out))


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when a plan's downloads can have changed: soon while one is under way."""
    known = subject.known(DOWNLOADS)
    history = subject.get(DOWNLOADS)
    if history is not None and any(not download_ended(task) for task in history.tasks):
        return (soon(known, pace, "a download is under way"),)
    return (resting(known, pace),)


def _tasks(of: Callable[[DownloadTask], Iterable[Row]]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        history = subject.get(DOWNLOADS)
        return [row for task in (history.tasks if history else ()) for row in of(task)]

    return rows


def _counts(subject: PlanSubject) -> list[Row]:
    history = subject.get(DOWNLOADS)
    return [] if history is None else counts(DOWNLOAD_STATUSES, history.counts)


def _last_success(subject: PlanSubject) -> list[Row]:
    history = subject.get(DOWNLOADS)
    return [] if history is None else single(history.last_success_at)


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_download_tasks",
        "Backup set downloads in the list now",
        f"{_LIST} BackupSetDownloadStatus",
        _counts,
        labels=("status",),
    ),
    plan_family(
        "dbs_download_task_info",
        f"What a download task downloads, and to where; always 1; {_WHICH}",
        f"{_LIST} BackupSetDownloadTaskDetail",
        _tasks(
            lambda task: single(
                1,
                task.task_id,
                task.backup_set_id,
                task.data_format,
                task.way,
                task.target_type,
                task.gateway_id,
                task.job_type,
                task.name,
                task.directory,
                task.backup_set_code,
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
            "download_task_name",
            "directory",
            "backup_set_code",
        ),
    ),
    plan_family(
        "dbs_download_task_status",
        f"1 for the status the download task has, 0 for the others; {_WHICH}",
        f"{_LIST} BackupSetDownloadStatus",
        _tasks(lambda task: state(DOWNLOAD_STATUSES, task.status, task.task_id)),
        labels=("download_task_id", "status"),
        is_state=True,
    ),
    plan_family(
        "dbs_download_task_size_bytes",
        f"Size of the backup set that the task downloads; {_WHICH}",
        f"{_LIST} BackupSetDataSize",
        _tasks(lambda task: single(task.size_bytes, task.task_id)),
        labels=("download_task_id",),
    ),
    plan_family(
        "dbs_download_task_created_timestamp_seconds",
        f"When the download task was created; {_WHICH}",
        f"{_LIST} BackupSetDownloadCreateTime",
        _tasks(lambda task: single(task.created_at, task.task_id)),
        labels=("download_task_id",),
    ),
    plan_family(
        "dbs_download_task_finished_timestamp_seconds",
        f"When the download task ended; {_WHICH}",
        f"{_LIST} BackupSetDownloadFinishTime",
        _tasks(lambda task: single(task.finished_at, task.task_id)),
        labels=("download_task_id",),
    ),
    plan_family(
        "dbs_download_last_success_timestamp_seconds",
        "When a backup set was last downloaded whole",
        f"{_LIST} BackupSetDownloadFinishTime with BackupSetDownloadStatus finish",
        _last_success,
    ),
)

COLLECTOR = PlanCollector(
    name="downloads",
    summary="DescribeBackupSetDownloadTaskList, for each plan.",
    section="Downloads",
    group=DOWNLOADS,
    operations=(_LIST,),
    interval_seconds=120,
    at_rest_seconds=3_600,
    rank=5,
    due=due,
    read=read_downloads,
    nothing=DownloadHistory(),
    families=with_reads(_FAMILIES, DOWNLOADS),
)
