"""Full backups of a plan: how they are read, and their families · DescribeFullBackupList."""

from __future__ import annotations

from collections.abc import Callable

from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read
from dbs_exporter.collectors.dues import (
    EARLY_SHARE,
    LEAST_PATIENCE_SECONDS,
    Due,
    Dues,
    Pace,
    at_once,
    resting,
    soon,
)
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.full_backups import (
    FULL_BACKUP_STATUSES,
    FULL_BACKUPS,
    FullBackup,
    FullBackupHistory,
    ended_full_backups,
    full_backup_duration,
    full_backup_end,
    full_backup_history,
    read_full_backup,
)
from dbs_exporter.facts.plans import NOT_RUNNING
from dbs_exporter.facts.protection import missing_databases
from dbs_exporter.facts.schedules import next_start
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import SEEN, completed, counts, of_kinds, single, sizes, state

_LIST = "DescribeFullBackupList"

CHECKPOINTS_SECONDS = (120.0, 600.0)
"""After a scheduled start: did it begin, did it fail at once?"""
RUNS_SECONDS = 60.0
"""After its start: a backup that runs then did not fail at once."""
END_SHARE = 0.84
"""Of the usual duration: from then on a backup may end."""
END_STEP_SHARE = 0.07
"""Of the usual duration: how old the facts may be from then on."""
LATE_STEP_SHARE = 0.1
"""The same once it takes more than twice as long."""
PATIENCE_SHARE = 0.02
"""Of the usual duration: how late a look may be."""
END_READINGS = 3
"""How many readings the end of a backup takes, on average: a few steps, and it is seen."""
SOON_SECONDS = 1_800.0
EARLY_START_SECONDS = 1800.0
"""A job that was created no earlier than this before a scheduled start is that start's."""


def read_full_backups(reading: PlanReading) -> Read[FullBackupHistory]:
    """Read a plan's list of full backups."""
    records = reading.pages(_LIST, BackupPlanId=reading.plan_id, ShowStorageType=True, ShowProgress="true")
    backups, left_out = reading.reader.each(records, read_full_backup)
    return Read(facts=full_backup_history(backups, reading.now, left_out), ended=ended_full_backups(backups))


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when a plan's full backups can have changed.

    Between two backups: seldom, and two and ten minutes after a scheduled start, when one that fails at once has failed. While
    one runs: two minutes after its start, and from 0.84 of the usual duration on every few per cent of it, more slowly once it
    takes twice as long.
    """
    known = subject.known(FULL_BACKUPS)
    history = subject.get(FULL_BACKUPS)
    read_at = known.read_at or 0.0
    if subject.changed_at is not None and subject.changed_at > read_at:
        return (at_once(pace, subject.changed_at, "the plan list shows a change"),)
    if history is not None and history.running is not None:
        return _while_running(history, history.running, read_at, pace), resting(known, pace)
    if subject.plan.status in NOT_RUNNING and (history is None or history.last_attempt is None):
        return (soon(known, pace, "nothing was backed up yet"),)
    return *_at_start(subject, history, read_at, pace), resting(known, pace)


def _while_running(history: FullBackupHistory, running: FullBackup, read_at: float, pace: Pace) -> Due:
    usual = history.usual_duration_seconds
    if running.started_at is None:
        # It waits for its turn, and some wait for ever.
        waited = read_at - (running.created_at or read_at)
        return Due(
            at=read_at + max(pace.interval, LATE_STEP_SHARE * waited),
            patience=_patience(usual),
            follow=_follow(usual),
            why="a full backup waits",
        )
    began = running.started_at
    if read_at < began + RUNS_SECONDS:
        return Due(
            at=began + RUNS_SECONDS,
            patience=_patience(usual),
            follow=_follow(usual),
            why="a full backup has begun",
        )
    if usual is not None and read_at < began + END_SHARE * usual:
        return Due(
            at=began + END_SHARE * usual,
            patience=_patience(usual),
            follow=END_READINGS,
            why="a full backup runs",
        )
    if usual is None:
        step = max(pace.interval, END_STEP_SHARE * (read_at - began))
    elif read_at - began < 2 * usual:
        step = max(pace.interval, END_STEP_SHARE * usual)
    else:
        step = max(5 * pace.interval, LATE_STEP_SHARE * usual)
    slack = max(min(LEAST_PATIENCE_SECONDS, step / 2), step * EARLY_SHARE)
    return Due(
        at=read_at + step - slack,
        patience=slack,
        follow=END_READINGS - 1,
        why="a full backup is about to end",
    )


def _at_start(subject: PlanSubject, history: FullBackupHistory | None, read_at: float, pace: Pace) -> Dues:
    """Return when the next scheduled start, or the last one if it did not show yet, is looked at."""
    newest = history.last_attempt.created_at if history and history.last_attempt else None
    usual = history.usual_duration_seconds if history else None
    learned = history.usual_start_at if history else None
    wait = history.usual_wait_seconds if history else None
    first, last = CHECKPOINTS_SECONDS
    # The first look comes when the job has usually begun and run a minute.
    checkpoints = (min(max(first, (wait or 0.0) + RUNS_SECONDS), last), last)
    after = read_at - last
    start = next_start(subject.plan.schedule, learned, after)
    while start is not None:
        began = newest is not None and newest >= start - EARLY_START_SECONDS
        for checkpoint in checkpoints if not began else ():
            if start + checkpoint > read_at:
                at, patience = start + checkpoint, _patience(usual)
                return (
                    Due(at=at, patience=patience, follow=_follow(usual), why="a full backup is to begin"),
                )
        start = next_start(subject.plan.schedule, learned, start)
        if start is not None and start > pace.now + pace.at_rest:
            return ()
    return ()


def _patience(usual: float | None) -> float:
    """Return how late a checkpoint may be: little for backups that end soon."""
    return max(60.0, PATIENCE_SHARE * (usual or 0.0))


def _follow(usual: float | None) -> int:
    """Return how many readings follow the first look at a backup soon, until it ends."""
    return END_READINGS if usual is not None and usual <= SOON_SECONDS else 0


def _history(of: Callable[[FullBackupHistory], float | None]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        history = subject.get(FULL_BACKUPS)
        return [] if history is None else single(of(history))

    return rows


def _last_success(of: Callable[[FullBackup], float | None]) -> Callable[[PlanSubject], list[Row]]:
    return _history(lambda history: of(history.last_success) if history.last_success else None)


def _queue_seconds(backup: FullBackup) -> float | None:
    created, started = backup.created_at, backup.started_at
    return None if created is None or started is None or started < created else started - created


def _missing(subject: PlanSubject) -> list[Row]:
    missing = missing_databases(subject)
    return [] if missing is None else single(len(missing))


def _last_attempt_status(subject: PlanSubject) -> list[Row]:
    history = subject.get(FULL_BACKUPS)
    attempt = history.last_attempt if history else None
    return [] if attempt is None else state(FULL_BACKUP_STATUSES, attempt.status)


def _progress(subject: PlanSubject) -> list[Row]:
    history = subject.get(FULL_BACKUPS)
    running = history.running if history else None
    if running is None:
        return []
    return of_kinds(structure=running.structure_progress, data=running.data_progress)


def _counts(subject: PlanSubject) -> list[Row]:
    history = subject.get(FULL_BACKUPS)
    return [] if history is None else counts(FULL_BACKUP_STATUSES, history.counts)


def _bytes(subject: PlanSubject) -> list[Row]:
    history = subject.get(FULL_BACKUPS)
    return [] if history is None else sizes(STORAGE_CLASSES, history.bytes_by_storage_class)


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_full_backup_last_success_timestamp_seconds",
        "When the newest finished full backup finished",
        f"{_LIST} FinishTime, else EndTime",
        _last_success(full_backup_end),
    ),
    plan_family(
        "dbs_full_backup_last_success_duration_seconds",
        "How long the newest finished full backup took, without its wait",
        f"{_LIST} FinishTime - StartTime",
        _last_success(full_backup_duration),
    ),
    plan_family(
        "dbs_full_backup_last_success_queue_seconds",
        "How long the newest finished full backup waited for its start",
        f"{_LIST} StartTime - CreateTime",
        _last_success(_queue_seconds),
    ),
    plan_family(
        "dbs_full_backup_last_success_size_bytes",
        "Size of the newest finished full backup",
        f"{_LIST} BackupSize",
        _last_success(lambda backup: backup.size_bytes),
    ),
    plan_family(
        "dbs_full_backup_missing_databases",
        "Databases that the plan names and the newest finished full backup does not hold, or not whole",
        f"DescribeBackupPlanList BackupObjects and {_LIST} BackupObjects",
        _missing,
        reads=(FULL_BACKUPS, "plan"),
    ),
    plan_family(
        "dbs_full_backup_last_success_expires_timestamp_seconds",
        "When the newest finished full backup expires",
        f"{_LIST} BackupSetExpiredTime",
        _last_success(lambda backup: backup.expires_at),
    ),
    plan_family(
        "dbs_full_backup_last_attempt_timestamp_seconds",
        "When the newest full backup job was created, whatever came of it",
        f"{_LIST} CreateTime",
        _history(lambda history: history.last_attempt.created_at if history.last_attempt else None),
    ),
    plan_family(
        "dbs_full_backup_last_attempt_status",
        "1 for the status of the newest full backup job, 0 for the others",
        f"{_LIST} BackupStatus",
        _last_attempt_status,
        labels=("status",),
        is_state=True,
    ),
    plan_family(
        "dbs_full_backup_consecutive_failures",
        "Full backups that failed since the last one that finished",
        f"{_LIST} BackupStatus",
        _history(lambda history: history.consecutive_failures),
    ),
    plan_family(
        "dbs_full_backup_running_started_timestamp_seconds",
        "When the full backup that runs now started; absent while none runs",
        f"{_LIST} StartTime",
        _history(lambda history: history.running.started_at if history.running else None),
    ),
    plan_family(
        "dbs_full_backup_running_progress_ratio",
        "How far the full backup that runs now has come, 0 to 1; absent while none runs",
        f"{_LIST} LogicalStructureBackupProgress and LogicalFullBackupProgress",
        _progress,
        labels=("stage",),
    ),
    plan_family(
        "dbs_full_backup_orphaned_jobs",
        "Full backup jobs listed as running though a later one has ended; absent if there are none",
        f"{_LIST} BackupStatus and CreateTime",
        _history(lambda history: history.orphans or None),
    ),
    plan_family(
        "dbs_full_backup_sets",
        "Full backup sets and jobs in the list now",
        f"{_LIST} BackupStatus",
        _counts,
        labels=("status",),
    ),
    plan_family(
        "dbs_full_backup_sets_bytes",
        "Bytes of the full backup sets in the list now",
        f"{_LIST} BackupSize by StorageMethod",
        _bytes,
        labels=("storage_class",),
    ),
    plan_family(
        "dbs_full_backup_size_median_bytes",
        "Median size of up to 30 finished full backups before the last one; absent below 5",
        f"{_LIST} BackupSize",
        _history(lambda history: history.size_median_bytes),
    ),
    plan_family(
        "dbs_full_backup_duration_median_seconds",
        "Median duration of up to 30 finished full backups before the last one; absent below 5",
        f"{_LIST} FinishTime - StartTime",
        _history(lambda history: history.duration_median_seconds),
    ),
    plan_family(
        "dbs_full_backups_completed_total",
        f"Distinct full backups seen to reach an end, {SEEN}",
        f"{_LIST} BackupStatus",
        lambda subject: completed(subject.tally(FULL_BACKUPS)),
        labels=("result",),
        type="counter",
    ),
    plan_family(
        "dbs_full_backup_bytes_total",
        f"Bytes of the full backups seen to finish, {SEEN}",
        f"{_LIST} BackupSize",
        lambda subject: single(subject.tally(FULL_BACKUPS).size_bytes),
        type="counter",
    ),
    plan_family(
        "dbs_full_backup_duration_seconds_total",
        f"Seconds that the full backups seen to finish took, {SEEN}",
        f"{_LIST} FinishTime - StartTime",
        lambda subject: single(subject.tally(FULL_BACKUPS).duration_seconds),
        type="counter",
    ),
)

COLLECTOR = PlanCollector(
    name="full_backups",
    summary="DescribeFullBackupList, for each plan.",
    section="Full backups",
    group=FULL_BACKUPS,
    operations=(_LIST,),
    interval_seconds=120,
    at_rest_seconds=3_600,
    rank=1,
    # The first look replaces a reading at rest.
    calls_per_backup=END_READINGS,
    due=due,
    read=read_full_backups,
    nothing=FullBackupHistory(),
    families=with_reads(_FAMILIES, FULL_BACKUPS),
)
