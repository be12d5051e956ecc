"""Log (incremental) backups of a plan: how they are read, and their families · DescribeIncrementBackupList.

They are read of every plan, also where log backup is switched off: the files from before are what is left to restore from.
"""

from __future__ import annotations

from collections.abc import Callable

from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.log_backups import (
    LOG_BACKUPS,
    LOG_FILE_STATUSES,
    LogHistory,
    ended_log_files,
    log_history,
    read_log_file,
)
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import SEEN, completed, counts, single, sizes

_LIST = "DescribeIncrementBackupList"


def read_log_backups(reading: PlanReading) -> Read[LogHistory]:
    """Read a plan's list of log files."""
    records = reading.pages(_LIST, BackupPlanId=reading.plan_id, ShowStorageType=True)
    files = reading.reader.each(records, read_log_file)
    return Read(facts=log_history(files), ended=ended_log_files(files))


def _history(of: Callable[[LogHistory], float | None]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        history = subject.get(LOG_BACKUPS)
        return [] if history is None else single(of(history))

    return rows


def _counts(subject: PlanSubject) -> list[Row]:
    history = subject.get(LOG_BACKUPS)
    return [] if history is None else counts(LOG_FILE_STATUSES, history.counts)


def _bytes(subject: PlanSubject) -> list[Row]:
    history = subject.get(LOG_BACKUPS)
    return [] if history is None else sizes(STORAGE_CLASSES, history.bytes_by_storage_class)


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_incremental_backup_last_data_timestamp_seconds",
        "How far the log has been received",
        f"the newest {_LIST} EndTime",
        _history(lambda history: history.last_data_at),
    ),
    plan_family(
        "dbs_incremental_backup_last_completed_timestamp_seconds",
        "The end of the newest completed log file",
        f"the newest {_LIST} EndTime with BackupStatus COMPLETED",
        _history(lambda history: history.last_completed_at),
    ),
    plan_family(
        "dbs_incremental_backup_files",
        "Log files in the list now",
        f"{_LIST} BackupStatus",
        _counts,
        labels=("status",),
    ),
    plan_family(
        "dbs_incremental_backup_files_bytes",
        "Bytes of the log files in the list now",
        f"{_LIST} BackupSize by StorageMethod",
        _bytes,
        labels=("storage_class",),
    ),
    plan_family(
        "dbs_incremental_backups_completed_total",
        f"Distinct log files seen to reach an end, {SEEN}",
        f"{_LIST} BackupStatus",
        lambda subject: completed(subject.tally(LOG_BACKUPS)),
        labels=("result",),
        type="counter",
    ),
    plan_family(
        "dbs_incremental_backup_bytes_total",
        f"Bytes of the log files seen to complete, {SEEN}",
        f"{_LIST} BackupSize",
        lambda subject: single(subject.tally(LOG_BACKUPS).size_bytes),
        type="counter",
    ),
)

COLLECTOR = PlanCollector(
    name="incremental_backups",
    summary="DescribeIncrementBackupList, for each plan: what log there is, also from before log backup was switched off.",
    section="Log backups",
    group=LOG_BACKUPS,
    operations=(_LIST,),
    interval_seconds=60,
    read=read_log_backups,
    nothing=LogHistory(),
    families=with_reads(_FAMILIES, LOG_BACKUPS),
)
