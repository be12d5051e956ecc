"""Families of full backups and log backups."""

from __future__ import annotations

from collections.abc import Callable

from dbs_exporter.facts.history import full_backup_duration
from dbs_exporter.facts.model import (
    FULL_BACKUP_STATUSES,
    LOG_FILE_STATUSES,
    STORAGE_CLASSES,
    FullBackup,
    FullBackupHistory,
    LogHistory,
    PlanSubject,
    Tally,
)
from dbs_exporter.metrics.family import Family, Row, plan_family
from dbs_exporter.metrics.rows import counts, of_kinds, one, state

_FULL = "DescribeFullBackupList"
_LOG = "DescribeIncrementBackupList"
_SEEN = "counted from 0 since the exporter first saw the plan"


def _full(of: Callable[[FullBackupHistory], float | None]) -> Callable[[PlanSubject], list[Row]]:
    return lambda subject: [] if subject.full_backups is None else one(of(subject.full_backups))


def _last_success(of: Callable[[FullBackup], float | None]) -> Callable[[PlanSubject], list[Row]]:
    return _full(lambda history: of(history.last_success) if history.last_success else None)


def _log(of: Callable[[LogHistory], float | None]) -> Callable[[PlanSubject], list[Row]]:
    return lambda subject: [] if subject.logs is None else one(of(subject.logs))


def _span(begin: float | None, end: float | None) -> float | None:
    """Seconds from one to the other; not known if either is not, or if they are the wrong way round."""
    return None if begin is None or end is None or end < begin else end - begin


def completed(tally: Tally) -> list[Row]:
    """Return the rows of a counter of ends by result."""
    return of_kinds(success=tally.success, failure=tally.failure)


def _last_attempt_status(subject: PlanSubject) -> list[Row]:
    history = subject.full_backups
    attempt = history.last_attempt if history else None
    return [] if attempt is None else state(FULL_BACKUP_STATUSES, attempt.status)


def _progress(subject: PlanSubject) -> list[Row]:
    running = subject.full_backups.running if subject.full_backups else None
    if running is None:
        return []
    return of_kinds(structure=running.structure_progress, data=running.data_progress)


def _full_counts(subject: PlanSubject) -> list[Row]:
    history = subject.full_backups
    return [] if history is None else counts(FULL_BACKUP_STATUSES, history.counts)


def _full_bytes(subject: PlanSubject) -> list[Row]:
    history = subject.full_backups
    return [] if history is None else counts(STORAGE_CLASSES, history.bytes_by_storage_class)


def _log_counts(subject: PlanSubject) -> list[Row]:
    return [] if subject.logs is None else counts(LOG_FILE_STATUSES, subject.logs.counts)


def _log_bytes(subject: PlanSubject) -> list[Row]:
    return [] if subject.logs is None else counts(STORAGE_CLASSES, subject.logs.bytes_by_storage_class)


FULL_BACKUP_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_full_backup_last_success_timestamp_seconds",
        "When the newest finished full backup finished",
        f"{_FULL} FinishTime, else EndTime",
        _last_success(lambda backup: backup.ended_at if backup.finished_at is None else backup.finished_at),
    ),
    plan_family(
        "dbs_full_backup_last_success_duration_seconds",
        "How long the newest finished full backup took, without its wait",
        f"{_FULL} FinishTime - StartTime",
        _last_success(full_backup_duration),
    ),
    plan_family(
        "dbs_full_backup_last_success_queue_seconds",
        "How long the newest finished full backup waited for its start",
        f"{_FULL} StartTime - CreateTime",
        _last_success(lambda backup: _span(backup.created_at, backup.started_at)),
    ),
    plan_family(
        "dbs_full_backup_last_success_size_bytes",
        "Size of the newest finished full backup",
        f"{_FULL} BackupSize",
        _last_success(lambda backup: backup.size_bytes),
    ),
    plan_family(
        "dbs_full_backup_last_success_expires_timestamp_seconds",
        "When the newest finished full backup expires",
        f"{_FULL} BackupSetExpiredTime",
        _last_success(lambda backup: backup.expires_at),
    ),
    plan_family(
        "dbs_full_backup_last_attempt_timestamp_seconds",
        "When the newest full backup job was created, whatever came of it",
        f"{_FULL} CreateTime",
        _full(lambda history: history.last_attempt.created_at if history.last_attempt else None),
    ),
    plan_family(
        "dbs_full_backup_last_attempt_status",
        "1 for the status of the newest full backup job, 0 for the others",
        f"{_FULL} BackupStatus",
        _last_attempt_status,
        labels=("status",),
    ),
    plan_family(
        "dbs_full_backup_consecutive_failures",
        "Full backups that failed since the last one that finished",
        f"{_FULL} BackupStatus",
        _full(lambda history: history.consecutive_failures),
    ),
    plan_family(
        "dbs_full_backup_running_started_timestamp_seconds",
        "When the full backup that runs now started; absent while none runs",
        f"{_FULL} StartTime",
        _full(lambda history: history.running.started_at if history.running else None),
    ),
    plan_family(
        "dbs_full_backup_running_progress_ratio",
        "How far the full backup that runs now has come, 0 to 1; absent while none runs",
        f"{_FULL} LogicalStructureBackupProgress and LogicalFullBackupProgress",
        _progress,
        labels=("stage",),
    ),
    plan_family(
        "dbs_full_backup_sets",
        "Full backup sets and jobs in the list now",
        f"{_FULL} BackupStatus",
        _full_counts,
        labels=("status",),
    ),
    plan_family(
        "dbs_full_backup_sets_bytes",
        "Bytes of the full backup sets in the list now",
        f"{_FULL} BackupSize by StorageMethod",
        _full_bytes,
        labels=("storage_class",),
    ),
    plan_family(
        "dbs_full_backup_size_median_bytes",
        "Median size of up to 30 finished full backups before the last one; absent below 5",
        f"{_FULL} BackupSize",
        _full(lambda history: history.size_median_bytes),
    ),
    plan_family(
        "dbs_full_backup_duration_median_seconds",
        "Median duration of up to 30 finished full backups before the last one; absent below 5",
        f"{_FULL} FinishTime - StartTime",
        _full(lambda history: history.duration_median_seconds),
    ),
    plan_family(
        "dbs_full_backups_completed_total",
        f"Distinct full backups seen to reach an end, {_SEEN}",
        f"{_FULL} BackupStatus",
        lambda subject: completed(subject.full_backup_tally),
        labels=("result",),
        type="counter",
    ),
    plan_family(
        "dbs_full_backup_bytes_total",
        f"Bytes of the full backups seen to finish, {_SEEN}",
        f"{_FULL} BackupSize",
        lambda subject: one(subject.full_backup_tally.size_bytes),
        type="counter",
    ),
    plan_family(
        "dbs_full_backup_duration_seconds_total",
        f"Seconds that the full backups seen to finish took, {_SEEN}",
        f"{_FULL} FinishTime - StartTime",
        lambda subject: one(subject.full_backup_tally.duration_seconds),
        type="counter",
    ),
)

LOG_BACKUP_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_incremental_backup_last_data_timestamp_seconds",
        "How far the log has been received",
        f"the newest {_LOG} EndTime",
        _log(lambda history: history.last_data_at),
    ),
    plan_family(
        "dbs_incremental_backup_last_completed_timestamp_seconds",
        "The end of the newest completed log file",
        f"the newest {_LOG} EndTime with BackupStatus COMPLETED",
        _log(lambda history: history.last_completed_at),
    ),
    plan_family(
        "dbs_incremental_backup_files",
        "Log files in the list now",
        f"{_LOG} BackupStatus",
        _log_counts,
        labels=("status",),
    ),
    plan_family(
        "dbs_incremental_backup_files_bytes",
        "Bytes of the log files in the list now",
        f"{_LOG} BackupSize by StorageMethod",
        _log_bytes,
        labels=("storage_class",),
    ),
    plan_family(
        "dbs_incremental_backups_completed_total",
        f"Distinct log files seen to reach an end, {_SEEN}",
        f"{_LOG} BackupStatus",
        lambda subject: completed(subject.log_tally),
        labels=("result",),
        type="counter",
    ),
    plan_family(
        "dbs_incremental_backup_bytes_total",
        f"Bytes of the log files seen to complete, {_SEEN}",
        f"{_LOG} BackupSize",
        lambda subject: one(subject.log_tally.size_bytes),
        type="counter",
    ),
)
