"""Log (incremental) backups: files, and what is kept of a plan's list of them · DescribeIncrementBackupList."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from operator import attrgetter
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from dbs_exporter.facts.condensing import counts_of, distinct, median_of, size_by_storage_class
from dbs_exporter.facts.enums import STORAGE_CLASS, spellings
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.limits import CHAIN_TOLERANCE_SECONDS, SPANS_KEPT
from dbs_exporter.facts.records import Fields
from dbs_exporter.facts.tallies import Counts, Ended, Sizes

LOG_FILE_STATUSES = ("INIT", "FILLING", "COMPLETED", "UNCOMPLETED")
LOG_FILE_STATUS = spellings(*LOG_FILE_STATUSES)
LOG_FILE_ENDED = frozenset({"COMPLETED", "UNCOMPLETED"})

_TIMES = frozenset({"StartTime", "EndTime", "BackupSetExpiredTime"})
_SOURCE = ("SourceEndpointInstanceId", "SourceEndpointInstanceID", "SourceEndpointIpPort")
_COUNTED = frozenset({"BackupSetJobId", *_SOURCE, "StartTime", "BackupSize"})


class LogFile(Struct, frozen=True, kw_only=True):
    """One incremental (log) backup file · DescribeIncrementBackupList, Items.IncrementBackupFile.

    Identity is (job_id, source_id, file_id, started_at): file names repeat across source instances.
    """

    file_id: str
    job_id: str
    source_id: str
    status: str
    started_at: float | None = None
    ended_at: float | None = None
    expires_at: float | None = None
    size_bytes: int | None = None
    storage_class: str = ""
    unreadable: tuple[str, ...] = ()
    """API fields of this record that could not be read, and so are unknown here."""


class LogHistory(Struct, frozen=True, kw_only=True):
    """A plan's log file list, condensed."""

    last_data_at: float | None = None
    last_completed_at: float | None = None
    counts: Counts | None = ()
    """None where records of the list were left out."""
    bytes_by_storage_class: Sizes = ()
    spans: tuple[tuple[float, float], ...] = ()
    """Merged (begin, end) of contiguous log, oldest first; at most 64, the newest kept."""
    count: int | None = None
    """Files in the list when it was last read whole; None before."""
    listed_at: float | None = None
    """When the list was last read whole, in Unix seconds: counts, bytes and spacing are as of then."""
    kept_seconds: float | None = None
    """For how long log is kept, the usual time from a file's end to its expiry; None where no expiry is known."""
    spacing_seconds: float | None = None
    """Usual time between the ends of two files; None below MEDIAN_AT_LEAST of them."""


LOG_BACKUPS: Group[LogHistory] = Group("log_backups", LogHistory)


def read_log_file(fields: Fields) -> LogFile:
    """Read one log backup file · DescribeIncrementBackupList, Items.IncrementBackupFile. Raises BadAnswer without id or status."""
    return LogFile(
        file_id=fields.identity("BackupSetId"),
        job_id=fields.text("BackupSetJobId"),
        source_id=fields.first_text(*_SOURCE),
        status=fields.status("BackupStatus", LOG_FILE_STATUS),
        started_at=fields.instant("StartTime"),
        ended_at=fields.instant("EndTime"),
        expires_at=fields.expiry("BackupSetExpiredTime"),
        size_bytes=fields.size("BackupSize"),
        storage_class=fields.enum("StorageMethod", STORAGE_CLASS),
        unreadable=fields.unreadable,
    )


def log_history(files: Iterable[LogFile], at: float | None = None, left_out: int = 0) -> LogHistory:
    """Condense a plan's log files, a list that was read whole at `at` (Unix seconds) · DescribeIncrementBackupList.

    `left_out` is how many records of it could not be read.

    Log data counts up to the EndTime of COMPLETED and FILLING files; a FILLING file's EndTime is how far it has come, which
    the documents' sample shows but no sentence states. A file whose times cannot be read carries no log. A file name that comes
    again with another StartTime is another file, as after a failover or a reset of the binary log. Spans join files that follow
    each other within CHAIN_TOLERANCE_SECONDS. A file whose BackupSetExpiredTime has passed is listed for a while, and carries none.
    """
    unique = _distinct_files(files)
    received = _received(unique, at)
    ends = sorted(ended_at for _, ended_at in received)
    return LogHistory(
        last_data_at=max((ended_at for _, ended_at in received), default=None),
        last_completed_at=max(
            (ended_at for file, ended_at in received if file.status == "COMPLETED"), default=None
        ),
        counts=None if left_out else counts_of((file.status for file in unique), LOG_FILE_STATUSES),
        bytes_by_storage_class=size_by_storage_class(unique, left_out),
        spans=_spans(
            (file.started_at, ended_at)
            for file, ended_at in received
            if file.started_at is not None and file.started_at <= ended_at
        ),
        count=len(unique),
        listed_at=at,
        kept_seconds=_kept(received),
        spacing_seconds=median_of([later - earlier for earlier, later in pairwise(ends) if later > earlier]),
    )


def with_newest(history: LogHistory, files: Iterable[LogFile]) -> LogHistory:
    """Return the history with the newest part of the list as it was read since.

    That moves how far the log has come and its spans; counts, bytes and spacing stay as of the whole list.
    """
    newest = log_history(files)
    return replace(
        history,
        kept_seconds=newest.kept_seconds if history.kept_seconds is None else history.kept_seconds,
        last_data_at=_later(history.last_data_at, newest.last_data_at),
        last_completed_at=_later(history.last_completed_at, newest.last_completed_at),
        spans=_spans((*history.spans, *newest.spans)),
    )


def _kept(received: Iterable[tuple[LogFile, float]]) -> float | None:
    kept = [
        file.expires_at - ended_at
        for file, ended_at in received
        if file.expires_at is not None and file.status == "COMPLETED"
    ]
    return median(kept) if kept else None


def _later(at: float | None, other: float | None) -> float | None:
    return max((each for each in (at, other) if each is not None), default=None)


def _distinct_files(files: Iterable[LogFile]) -> list[LogFile]:
    return distinct(
        files,
        attrgetter("job_id", "source_id", "file_id", "started_at"),
        lambda file: (file.status in LOG_FILE_ENDED, file.ended_at or 0.0),
    )


def _received(files: Iterable[LogFile], at: float | None) -> list[tuple[LogFile, float]]:
    """Return the files that carry log at that time (None: whatever the time), each with how far it goes."""
    return [
        (file, file.ended_at)
        for file in files
        if file.status in ("COMPLETED", "FILLING")
        and file.ended_at is not None
        and (at is None or file.expires_at is None or file.expires_at > at)
        and _TIMES.isdisjoint(file.unreadable)
    ]


def ended_log_files(files: Iterable[LogFile]) -> tuple[Ended, ...]:
    """Return those that have ended, for the counters; each outcome of a file is an end of its own.

    What cannot be read for certain is not counted, and neither is a file without its start: it cannot be distinguished from others.
    """
    return tuple(
        Ended(
            f"{file.job_id}/{file.source_id}/{file.file_id}/{file.started_at}/{file.status}",
            file.ended_at or file.started_at or 0.0,
            file.status == "COMPLETED",
            file.size_bytes or 0,
        )
        for file in files
        if file.status in LOG_FILE_ENDED
        and file.started_at is not None
        and _COUNTED.isdisjoint(file.unreadable)
    )


def _spans(intervals: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if joined and begin <= joined[-1][1] + CHAIN_TOLERANCE_SECONDS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined[-SPANS_KEPT:])
