"""Backup set downloads, and what is kept of a plan's list of them · DescribeBackupSetDownloadTaskList."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from dbs_exporter.facts.condensing import counts_of, distinct
from dbs_exporter.facts.enums import UnknownValue, spellings
from dbs_exporter.facts.fields import (
    Record,
    enum,
    error_message,
    gateway_id,
    instant,
    required_text,
    size,
    text,
)
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.limits import ENDED_TASKS_KEPT
from dbs_exporter.facts.tallies import Counts

DOWNLOAD_STATUSES = (
    "init", "checking", "check_pass", "schedule", "running", "pause", "stop", "warning", "cached", "failed", "finish",
)  # fmt: skip
# The English page says `Caught` where the Chinese says `cached`.
DOWNLOAD_STATUS = spellings(*DOWNLOAD_STATUSES, caught="cached", catched="cached")
DOWNLOAD_ENDED = frozenset({"stop", "finish", "failed", "warning", "cached"})
DATA_FORMAT = spellings("Native", "SQL", "CSV", "JSON")
DOWNLOAD_WAY = spellings("manual", "auto")
DOWNLOAD_TARGET = spellings("agent")


class DownloadTask(Struct, frozen=True, kw_only=True):
    """One backup set download · DescribeBackupSetDownloadTaskList, Items.BackupSetDownloadTaskDetail."""

    task_id: str
    plan_id: str
    status: str
    backup_set_id: str = ""
    data_format: str = ""
    way: str = ""
    target_type: str = ""
    gateway_id: str = ""
    job_type: str = ""
    size_bytes: int | None = None
    created_at: float | None = None
    finished_at: float | None = None
    error_message: str = ""


class DownloadHistory(Struct, frozen=True, kw_only=True):
    """A plan's download tasks: those not ended and the newest five ended ones, and what the whole list says."""

    tasks: tuple[DownloadTask, ...] = ()
    counts: Counts = ()
    last_success_at: float | None = None


DOWNLOADS: Group[DownloadHistory] = Group("downloads", DownloadHistory)


def read_download_task(record: Record, unknown: UnknownValue) -> DownloadTask:
    """Read one download · DescribeBackupSetDownloadTaskList, Items.BackupSetDownloadTaskDetail. Raises BadAnswer."""
    return DownloadTask(
        task_id=required_text(record, "BackupSetDownloadTaskId"),
        plan_id=text(record, "BackupPlanId"),
        status=enum(record, "BackupSetDownloadStatus", DOWNLOAD_STATUS, unknown, required=True),
        backup_set_id=text(record, "BackupSetId"),
        data_format=enum(record, "BackupSetDataFormat", DATA_FORMAT, unknown),
        way=enum(record, "BackupSetDownloadWay", DOWNLOAD_WAY, unknown),
        target_type=enum(record, "BackupSetDownloadTargetType", DOWNLOAD_TARGET, unknown),
        gateway_id=gateway_id(record, "BackupGatewayId"),
        job_type=text(record, "BackupSetJobType"),
        size_bytes=size(record, "BackupSetDataSize"),
        created_at=instant(record, "BackupSetDownloadCreateTime"),
        finished_at=instant(record, "BackupSetDownloadFinishTime"),
        error_message=error_message(record),
    )


def download_ended(task: DownloadTask) -> bool:
    """Return True if the download will not go on."""
    return task.status in DOWNLOAD_ENDED or (
        task.status not in DOWNLOAD_STATUSES and task.finished_at is not None
    )


def download_history(tasks: Iterable[DownloadTask]) -> DownloadHistory:
    """Condense a plan's download tasks: those not ended and the newest five ended ones."""
    unique = sorted(
        distinct(
            tasks, lambda task: task.task_id, lambda task: (download_ended(task), task.finished_at or 0.0)
        ),
        key=lambda task: (task.created_at or 0.0, task.task_id),
    )
    ended = [task for task in unique if download_ended(task)]
    good = [task.finished_at for task in ended if task.status == "finish" and task.finished_at is not None]
    return DownloadHistory(
        tasks=(*(task for task in unique if not download_ended(task)), *ended[-ENDED_TASKS_KEPT:]),
        counts=counts_of((task.status for task in unique), DOWNLOAD_STATUSES),
        last_success_at=max(good, default=None),
    )
