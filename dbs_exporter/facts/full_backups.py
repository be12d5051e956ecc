"""Full backups: sets and jobs, and what is kept of a plan's list of them · DescribeFullBackupList."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from msgspec import Struct

from dbs_exporter.facts.condensing import counts_of, distinct, median_of, size_by_storage_class
from dbs_exporter.facts.enums import STORAGE_CLASS, UnknownValue, spellings
from dbs_exporter.facts.fields import Record, enum, error_message, instant, progress, required_text, size
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.limits import MEDIAN_SETS
from dbs_exporter.facts.tallies import Counts, Ended

FULL_BACKUP_STATUSES = ("schedule", "running", "finish", "stop", "pause")
FULL_BACKUP_STATUS = spellings(*FULL_BACKUP_STATUSES)
FULL_BACKUP_RUNNING = frozenset({"schedule", "running"})
FULL_BACKUP_ENDED = frozenset({"stop", "finish"})


class FullBackup(Struct, frozen=True, kw_only=True):
    """One full backup set or job · DescribeFullBackupList, Items.FullBackupFile."""

    backup_set_id: str
    status: str
    created_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    size_bytes: int | None = None
    storage_class: str = ""
    structure_progress: float | None = None
    data_progress: float | None = None
    error_message: str = ""


class FullBackupHistory(Struct, frozen=True, kw_only=True):
    """A plan's full backup list, condensed; its size does not depend on the list's length."""

    last_success: FullBackup | None = None
    last_attempt: FullBackup | None = None
    running: FullBackup | None = None
    consecutive_failures: int = 0
    counts: Counts = ()
    bytes_by_storage_class: Counts = ()
    size_median_bytes: float | None = None
    duration_median_seconds: float | None = None
    oldest_kept_at: float | None = None
    """EndTime of the oldest finished set that has not expired."""
    newest_recovery_point_at: float | None = None
    """EndTime of the newest finished set that has not expired."""
    last_good_expires_at: float | None = None
    """Latest expiry among the finished sets."""
    last_failure_message: str = ""


FULL_BACKUPS: Group[FullBackupHistory] = Group("full_backups", FullBackupHistory)


def read_full_backup(record: Record, unknown: UnknownValue) -> FullBackup:
    """Read one full backup set or job · DescribeFullBackupList, Items.FullBackupFile. Raises BadAnswer."""
    return FullBackup(
        backup_set_id=required_text(record, "BackupSetId"),
        status=enum(record, "BackupStatus", FULL_BACKUP_STATUS, unknown, required=True),
        created_at=instant(record, "CreateTime"),
        started_at=instant(record, "StartTime"),
        ended_at=instant(record, "EndTime"),
        finished_at=instant(record, "FinishTime"),
        expires_at=instant(record, "BackupSetExpiredTime"),
        size_bytes=size(record, "BackupSize"),
        storage_class=enum(record, "StorageMethod", STORAGE_CLASS, unknown),
        structure_progress=progress(record, "LogicalStructureBackupProgress"),
        data_progress=progress(record, "LogicalFullBackupProgress"),
        error_message=error_message(record),
    )


def full_backup_history(backups: Iterable[FullBackup], now: float) -> FullBackupHistory:
    """Condense a plan's full backups · DescribeFullBackupList. `now` is Unix seconds and decides only what has expired.

    A set succeeded when its status is `finish`, failed when it is `stop`; running, paused and unknown ones are neither.
    Medians are of up to 30 finished sets before the newest one and absent below 5. A set whose BackupSetExpiredTime has
    passed is not kept: it takes no part in what can be restored. The last good expiry alone looks at expired sets too: an
    alert on it must not end at the very moment it warned of.
    """
    unique = distinct(
        backups,
        attrgetter("backup_set_id"),
        lambda backup: (backup.status in FULL_BACKUP_ENDED, _finished(backup)),
    )
    jobs = sorted(unique, key=_by_begin)
    finished = sorted([backup for backup in jobs if backup.status == "finish"], key=_by_end)
    last_success = finished[-1] if finished else None
    failures = [backup for backup in jobs if backup.status == "stop"]
    since = _began(last_success) if last_success else float("-inf")
    usable = [backup for backup in finished if backup.expires_at is None or backup.expires_at > now]
    points = [at for backup in usable if (at := _point(backup)) is not None]
    earlier = finished[:-1][-MEDIAN_SETS:]
    running = [backup for backup in jobs if backup.status in FULL_BACKUP_RUNNING]
    return FullBackupHistory(
        last_success=last_success,
        last_attempt=jobs[-1] if jobs else None,
        running=running[-1] if running else None,
        consecutive_failures=sum(_began(backup) > since for backup in failures),
        counts=counts_of((backup.status for backup in unique), FULL_BACKUP_STATUSES),
        bytes_by_storage_class=size_by_storage_class(unique),
        size_median_bytes=median_of([backup.size_bytes for backup in earlier]),
        duration_median_seconds=median_of([full_backup_duration(backup) for backup in earlier]),
        oldest_kept_at=min(points, default=None),
        newest_recovery_point_at=max(points, default=None),
        last_good_expires_at=max(
            (backup.expires_at for backup in finished if backup.expires_at is not None), default=None
        ),
        last_failure_message=failures[-1].error_message if failures and _began(failures[-1]) > since else "",
    )


def full_backup_duration(backup: FullBackup) -> float | None:
    """Return the seconds from StartTime (the dump begins) to FinishTime, else EndTime; None while either is unknown."""
    end = backup.finished_at if backup.finished_at is not None else backup.ended_at
    if backup.started_at is None or end is None or end < backup.started_at:
        return None
    return end - backup.started_at


def ended_full_backups(backups: Iterable[FullBackup]) -> tuple[Ended, ...]:
    """Return those that have ended, for the counters."""
    return tuple(
        Ended(
            backup.backup_set_id,
            backup.status == "finish",
            backup.size_bytes or 0,
            full_backup_duration(backup) or 0.0,
        )
        for backup in backups
        if backup.status in FULL_BACKUP_ENDED
    )


def _began(backup: FullBackup) -> float:
    if backup.created_at is not None:
        return backup.created_at
    others = (backup.started_at, backup.ended_at, backup.finished_at)
    return next((at for at in others if at is not None), 0.0)


def _finished(backup: FullBackup) -> float:
    if backup.finished_at is not None:
        return backup.finished_at
    others = (backup.ended_at, backup.started_at, backup.created_at)
    return next((at for at in others if at is not None), 0.0)


def _by_begin(backup: FullBackup) -> tuple[float, str]:
    return (_began(backup), backup.backup_set_id)


def _by_end(backup: FullBackup) -> tuple[float, str]:
    return (_finished(backup), backup.backup_set_id)


def _point(backup: FullBackup) -> float | None:
    return backup.ended_at if backup.ended_at is not None else backup.finished_at
