"""Backup set downloads, and what is kept of a plan's list of them · DescribeBackupSetDownloadTaskList."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from dbs_exporter.facts.condensing import counts_of, distinct
from dbs_exporter.facts.enums import spellings
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.limits import ENDED_TASKS_KEPT
from dbs_exporter.facts.records import Fields
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
    name: str = ""
    directory: str = ""
    backup_set_code: str = ""
    size_bytes: int | None = None
    created_at: float | None = None
    finished_at: float | None = None
    error_message: str = ""


class DownloadHistory(Struct, frozen=True, kw_only=True):
    """A plan's download tasks: those not ended and the newest five ended ones, and what follows from the whole list."""

    tasks: tuple[DownloadTask, ...] = ()
    counts: Counts | None = ()
    """None where records of the list were left out."""
    last_success_at: float | None = None


DOWNLOADS: Group[DownloadHistory] = Group("downloads", DownloadHistory)


def read_download_task(fields: Fields) -> DownloadTask:
    """Read one download · DescribeBackupSetDownloadTaskList, Items.BackupSetDownloadTaskDetail. Raises BadAnswer without id or status."""
    return DownloadTask(
        task_id=fields.identity("BackupSetDownloadTaskId"),
        plan_id=fields.text("BackupPlanId"),
        status=fields.status("BackupSetDownloadStatus", DOWNLOAD_STATUS),
        backup_set_id=fields.text("BackupSetId"),
        data_format=fields.enum("BackupSetDataFormat", DATA_FORMAT),
        way=fields.enum("BackupSetDownloadWay", DOWNLOAD_WAY),
        target_type=fields.enum("BackupSetDownloadTargetType", DOWNLOAD_TARGET),
        gateway_id=fields.gateway_id("BackupGatewayId"),
        job_type=fields.text("BackupSetJobType"),
        name=fields.text("BackupSetDownloadTaskName"),
        directory=fields.text("BackupSetDownloadDir"),
        backup_set_code=fields.text("BackupSetCode"),
        size_bytes=fields.size("BackupSetDataSize"),
        created_at=fields.instant("BackupSetDownloadCreateTime"),
        finished_at=fields.instant("BackupSetDownloadFinishTime"),
        error_message=fields.error_message(),
    )


def download_ended(task: DownloadTask) -> bool:
    """Return True if the download will not go on."""
    return task.status in DOWNLOAD_ENDED or (
        task.status not in DOWNLOAD_STATUSES and task.finished_at is not None
    )


def download_history(tasks: Iterable[DownloadTask], left_out: int = 0) -> DownloadHistory:
    """Condense a plan's download tasks: those not ended and the newest five ended ones.

    `left_out` is how many records of the list could not be read.
    """
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
        counts=None if left_out else counts_of((task.status for task in unique), DOWNLOAD_STATUSES),
        last_success_at=max(good, default=None),
    )
