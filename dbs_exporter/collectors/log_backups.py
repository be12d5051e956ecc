"""Log (incremental) backups of a plan: how they are read, and their families · DescribeIncrementBackupList.

They are read of every plan, also where log backup is switched off: the files from before are what is left to restore from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read
from dbs_exporter.collectors.dues import Due, Dues, Pace, periodic, resting, soon
from dbs_exporter.collectors.tails import is_provable, proved_method, read_tail
from dbs_exporter.errors import ApiError, CredentialsError
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.limits import DEFAULT_LOG_RPO_SECONDS, LOG_LATE_SHARE, WINDOW_LIST_SECONDS
from dbs_exporter.facts.log_backups import (
    LOG_BACKUPS,
    LOG_FILE_STATUSES,
    LogFile,
    LogHistory,
    ended_log_files,
    log_history,
    read_log_file,
    with_newest,
)
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import SEEN, completed, counts, single, sizes

_LIST = "DescribeIncrementBackupList"


FIRST_TAIL_SECONDS = 21_600.0
"""How much of a log list is read of a plan of which nothing is known yet."""
WHOLE_LIST_SECONDS = 86_400.0
"""How old counts, bytes and spacing of log files may be."""
OFF_FACTOR = 4.0
"""Where log backup is off, its list is read so many times more seldom."""
SHORT_LIST = 100
"""Files that come in one call: such a list is read whole each time."""


def read_log_backups(reading: PlanReading) -> Read[LogHistory]:
    """Read the newest part of a plan's list of log files, or all of it."""
    history = reading.subject.get(LOG_BACKUPS)
    method = reading.tails.method
    if not reading.whole and method is not None:
        since = _tail_begin(history, reading.now)
        files = read_tail(reading, _LIST, method, since, history.count if history else None)
        if files and _meets(files, history):
            facts = with_newest(history or LogHistory(), files)
            return Read(facts=facts, ended=ended_log_files(files))
    records = reading.pages(_LIST, BackupPlanId=reading.plan_id, ShowStorageType=True)
    files, left_out = reading.reader.each(records, read_log_file)
    _learn(reading, files)
    return Read(facts=log_history(files, reading.now, left_out), ended=ended_log_files(files))


def _learn(reading: PlanReading, files: Sequence[LogFile]) -> None:
    """Learn from a whole list how its newest part is asked for; a proof that fails proves nothing, and costs nothing else."""
    if is_provable(files):
        try:
            reading.tails.learn(proved_method(reading, _LIST, files))
        except (ApiError, CredentialsError) as error:
            # What will pass, such as throttling, is no try.
            if isinstance(error, ApiError) and not error.retryable:
                reading.tails.miss()
    elif len(files) > SHORT_LIST:
        reading.tails.miss()


def _meets(files: Iterable[LogFile], history: LogHistory | None) -> bool:
    """Return whether a tail holds the file up to which the log is known: one that does not has left something out."""
    if history is None or history.last_data_at is None:
        return True
    known = history.last_completed_at or history.last_data_at
    return any(file.started_at is not None and file.started_at <= known for file in files)


def _tail_begin(history: LogHistory | None, now: float) -> float:
    """Return from when on files are asked for: far enough back to meet the newest one that is known to be complete."""
    if history is None or history.last_data_at is None:
        return now - FIRST_TAIL_SECONDS
    known = history.last_completed_at or history.last_data_at
    return min(known, history.last_data_at) - 1.5 * (history.spacing_seconds or 3_600.0)


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when the newest part of a plan's log list is worth reading.

    While the window of the plan list, if it is known to follow the log, moves on in time: seldom. Where it lags: soon. Where it
    is not trusted: often enough for the plan's RPO. Nothing is due where only the whole list, which is long, would show it.
    """
    known = subject.known(LOG_BACKUPS)
    history = subject.get(LOG_BACKUPS)
    if not pace.tail and (history is None or (history.count or 0) > SHORT_LIST):
        return ()
    if not subject.plan.log_backup_enabled:
        # The plan list shows when it is switched on.
        slower = replace(pace, at_rest=OFF_FACTOR * pace.at_rest, at_most=OFF_FACTOR * pace.at_most)
        return (resting(known, slower, "log backup is off"),)
    rpo = subject.objectives.rpo or DEFAULT_LOG_RPO_SECONDS
    window = subject.window
    if window.trusted and window.end_at is not None:
        if pace.now - window.end_at > max(LOG_LATE_SHARE * rpo, 2 * WINDOW_LIST_SECONDS):
            return (soon(known, pace, "the window lags"),)
        return (resting(known, pace),)
    period = max(pace.interval, min(pace.at_rest, rpo / 4))
    return (periodic(known, period, "the window is not known to follow the log"),)


def audit(subject: PlanSubject, pace: Pace) -> Due:
    """Return when a plan's whole log list is worth reading: counts, bytes and spacing come from it."""
    history = subject.get(LOG_BACKUPS)
    listed_at = history.listed_at if history else None
    if listed_at is None:
        return Due(
            at=pace.now,
            patience=WHOLE_LIST_SECONDS,
            spacing=WHOLE_LIST_SECONDS,
            wanted_spacing=WHOLE_LIST_SECONDS,
            why="never read whole",
        )
    return Due(
        at=listed_at + WHOLE_LIST_SECONDS,
        patience=WHOLE_LIST_SECONDS / 2,
        spacing=WHOLE_LIST_SECONDS,
        wanted_spacing=WHOLE_LIST_SECONDS,
        why="counts, bytes and spacing of the list",
    )


def _history(of: Callable[[LogHistory], float | None]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        history = subject.get(LOG_BACKUPS)
        return [] if history is None else single(of(history))

    return rows


def _counts(subject: PlanSubject) -> list[Row]:
    history = subject.get(LOG_BACKUPS)
    return [] if history is None or history.count is None else counts(LOG_FILE_STATUSES, history.counts)


def _bytes(subject: PlanSubject) -> list[Row]:
    history = subject.get(LOG_BACKUPS)
    if history is None or history.count is None:
        return []
    return sizes(STORAGE_CLASSES, history.bytes_by_storage_class)


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
    at_rest_seconds=1_800,
    rank=2,
    due=due,
    audit=audit,
    read=read_log_backups,
    nothing=LogHistory(),
    families=with_reads(_FAMILIES, LOG_BACKUPS),
)
