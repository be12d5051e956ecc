"""Condenses the API's lists, which may be thousands long, into what the exporter keeps of them.

The order of a list is not documented, so nothing here depends on it: equal times are settled by id, and of a
record listed twice the one that has come further counts. All functions are pure; `now` is Unix seconds and only
tells what has expired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from statistics import median
from typing import TypeVar

from dbs_exporter.facts.model import (
    DOWNLOAD_STATUSES,
    FULL_BACKUP_STATUSES,
    LOG_FILE_STATUSES,
    RESTORE_STATUSES,
    Counts,
    DownloadHistory,
    DownloadTask,
    FullBackup,
    FullBackupHistory,
    LogFile,
    LogHistory,
    RestoreHistory,
    RestoreTask,
)

CHAIN_TOLERANCE_SECONDS = 60.0
"""Log files whose ends are this close count as joined: the API's times are rounded, and rotation takes a moment."""

SPANS_KEPT = 64
MEDIAN_SETS = 30
MEDIAN_AT_LEAST = 5
ENDED_TASKS_KEPT = 5

FULL_RUNNING = frozenset({"schedule", "running"})
FULL_ENDED = frozenset({"stop", "finish"})
LOG_ENDED = frozenset({"COMPLETED", "UNCOMPLETED"})
RESTORE_ENDED = frozenset({"stop", "finish"})
DOWNLOAD_ENDED = frozenset({"stop", "finish", "failed", "warning", "cached", "Caught"})


def full_backup_history(sets: Iterable[FullBackup], now: float) -> FullBackupHistory:
    """A plan's full backups, condensed · DescribeFullBackupList.

    A set succeeded when its status is `finish`, failed when it is `stop`; running, paused and unknown ones are neither.
    Medians are of up to 30 finished sets before the newest one and absent below 5. A set whose BackupSetExpiredTime has passed
    is not kept: it takes no part in what can be restored. The last good
    expiry alone looks at expired sets too: an alert on it must not end at the very moment it warned of.
    """
    unique = _distinct(
        sets, attrgetter("backup_set_id"), lambda one: (one.status in FULL_ENDED, _finished(one))
    )
    jobs = sorted(unique, key=_by_begin)
    finished = sorted([one for one in jobs if one.status == "finish"], key=_by_end)
    last_success = finished[-1] if finished else None
    failures = [one for one in jobs if one.status == "stop"]
    since = _began(last_success) if last_success else float("-inf")
    usable = [one for one in finished if one.expires_at is None or one.expires_at > now]
    points = [at for one in usable if (at := _point(one)) is not None]
    earlier = finished[:-1][-MEDIAN_SETS:]
    running = [one for one in jobs if one.status in FULL_RUNNING]
    return FullBackupHistory(
        last_success=last_success,
        last_attempt=jobs[-1] if jobs else None,
        running=running[-1] if running else None,
        consecutive_failures=sum(_began(one) > since for one in failures),
        counts=_counts(map(_status, unique), FULL_BACKUP_STATUSES),
        bytes_by_storage_class=_bytes(unique),
        size_median_bytes=_median([one.size_bytes for one in earlier]),
        duration_median_seconds=_median([full_backup_duration(one) for one in earlier]),
        oldest_kept_at=min(points, default=None),
        newest_recovery_point_at=max(points, default=None),
        last_good_expires_at=max(
            (one.expires_at for one in finished if one.expires_at is not None), default=None
        ),
        last_failure_message=failures[-1].error_message if failures and _began(failures[-1]) > since else "",
    )


def full_backup_duration(one: FullBackup) -> float | None:
    """Seconds from StartTime (the dump begins) to FinishTime, else EndTime; None while either is unknown."""
    end = one.finished_at if one.finished_at is not None else one.ended_at
    if one.started_at is None or end is None or end < one.started_at:
        return None
    return end - one.started_at


def log_history(files: Iterable[LogFile]) -> LogHistory:
    """A plan's log files, condensed · DescribeIncrementBackupList.

    Log data counts up to the EndTime of COMPLETED and FILLING files; a FILLING file's EndTime is how far it has come, which the
    documents' sample shows but no sentence says. A file name that
    comes again with another StartTime is another file, as after a failover or a reset of the binary log. Spans join files that follow each other within CHAIN_TOLERANCE_SECONDS.
    """
    unique = _distinct(
        files,
        attrgetter("job_id", "source_id", "file_id", "started_at"),
        lambda one: (one.status in LOG_ENDED, one.ended_at or 0.0),
    )
    received = [one for one in unique if one.status in ("COMPLETED", "FILLING") and one.ended_at is not None]
    completed = [one.ended_at for one in received if one.status == "COMPLETED" and one.ended_at is not None]
    return LogHistory(
        last_data_at=max((one.ended_at for one in received if one.ended_at is not None), default=None),
        last_completed_at=max(completed, default=None),
        counts=_counts(map(_status, unique), LOG_FILE_STATUSES),
        bytes_by_storage_class=_bytes(unique),
        spans=_spans(
            (one.started_at, one.ended_at)
            for one in received
            if one.started_at is not None and one.ended_at is not None and one.started_at <= one.ended_at
        ),
    )


def restore_succeeded(task: RestoreTask) -> bool:
    """True if the task brought its data back.

    No document names the terminal status. `finish` is taken as success; so is a status the documents do not know when the task
    has a finish time and every stage it reports stands at 1.
    """
    if task.status == "finish":
        return True
    return (
        task.status not in RESTORE_STATUSES
        and task.finished_at is not None
        and bool(task.progress)
        and all(progress >= 1 for _, progress in task.progress)
    )


def restore_ended(task: RestoreTask) -> bool:
    """True if the task will not go on: failed, finished, or a status the documents do not know with a finish time."""
    if task.status in RESTORE_ENDED:
        return True
    return task.status not in RESTORE_STATUSES and task.finished_at is not None


def restore_duration(task: RestoreTask) -> float | None:
    """Seconds from RestoreTaskCreateTime to RestoreTaskFinishTime; None while either is unknown.

    The API gives no time at which a task was started, so waiting between creation and start is in it.
    """
    if task.created_at is None or task.finished_at is None or task.finished_at < task.created_at:
        return None
    return task.finished_at - task.created_at


def restore_history(tasks: Iterable[RestoreTask]) -> RestoreHistory:
    """A plan's restore tasks: those not ended and the newest five ended ones · DescribeRestoreTaskList."""
    unique = sorted(
        _distinct(tasks, lambda one: one.task_id, lambda one: (restore_ended(one), one.finished_at or 0.0)),
        key=_task_time,
    )
    ended = [one for one in unique if restore_ended(one)]
    good = [one for one in ended if restore_succeeded(one) and one.finished_at is not None]
    last = max(good, key=lambda one: (one.finished_at or 0.0, one.task_id), default=None)
    return RestoreHistory(
        tasks=(*(one for one in unique if not restore_ended(one)), *ended[-ENDED_TASKS_KEPT:]),
        counts=_counts(map(_status, unique), RESTORE_STATUSES),
        last_success_at=last.finished_at if last else None,
        last_success_duration_seconds=restore_duration(last) if last else None,
    )


def download_ended(task: DownloadTask) -> bool:
    """True if the download will not go on."""
    return task.status in DOWNLOAD_ENDED or (
        task.status not in DOWNLOAD_STATUSES and task.finished_at is not None
    )


def download_history(tasks: Iterable[DownloadTask]) -> DownloadHistory:
    """A plan's download tasks, kept as restores are · DescribeBackupSetDownloadTaskList."""
    unique = sorted(
        _distinct(tasks, lambda one: one.task_id, lambda one: (download_ended(one), one.finished_at or 0.0)),
        key=lambda one: (one.created_at or 0.0, one.task_id),
    )
    ended = [one for one in unique if download_ended(one)]
    good = [one.finished_at for one in ended if one.status == "finish" and one.finished_at is not None]
    return DownloadHistory(
        tasks=(*(one for one in unique if not download_ended(one)), *ended[-ENDED_TASKS_KEPT:]),
        counts=_counts(map(_status, unique), DOWNLOAD_STATUSES),
        last_success_at=max(good, default=None),
    )


_status = attrgetter("status")
_Fact = TypeVar("_Fact", FullBackup, LogFile, RestoreTask, DownloadTask)


def _distinct(
    facts: Iterable[_Fact],
    identity: Callable[[_Fact], object],
    advance: Callable[[_Fact], tuple[bool, float]],
) -> list[_Fact]:
    """One fact for each identity, the one that has come furthest; a tie of different facts is settled by what they say."""
    chosen: dict[object, _Fact] = {}
    for one in facts:
        other = chosen.setdefault(identity(one), one)
        if other is not one and other != one:
            chosen[identity(one)] = max(other, one, key=lambda fact: (advance(fact), repr(fact)))
    return list(chosen.values())


def _began(one: FullBackup) -> float:
    if one.created_at is not None:
        return one.created_at
    return next((at for at in (one.started_at, one.ended_at, one.finished_at) if at is not None), 0.0)


def _finished(one: FullBackup) -> float:
    if one.finished_at is not None:
        return one.finished_at
    return next((at for at in (one.ended_at, one.started_at, one.created_at) if at is not None), 0.0)


def _by_begin(one: FullBackup) -> tuple[float, str]:
    at = one.created_at
    return (_began(one) if at is None else at, one.backup_set_id)


def _by_end(one: FullBackup) -> tuple[float, str]:
    at = one.finished_at
    return (_finished(one) if at is None else at, one.backup_set_id)


def _point(one: FullBackup) -> float | None:
    return one.ended_at if one.ended_at is not None else one.finished_at


def _task_time(one: RestoreTask) -> tuple[float, str]:
    return (one.finished_at or one.created_at or 0.0, one.task_id)


def _counts(seen: Iterable[str], documented: Sequence[str]) -> Counts:
    found = Counter(seen)
    return (
        *(_pair(status, found.pop(status, 0)) for status in documented),
        *(_pair(status, number) for status, number in sorted(found.items())),
    )


@lru_cache(maxsize=4096)
def _pair(status: str, number: int) -> tuple[str, int]:
    """One tuple for all plans that count the same: most do, and theirs would be a fifth of what a plan costs."""
    return (status, number)


def _bytes(records: Iterable[FullBackup | LogFile]) -> Counts:
    total: dict[str, int] = {}
    for one in records:
        if one.size_bytes is not None:
            kind = one.storage_class or "UNKNOWN"
            total[kind] = total.get(kind, 0) + one.size_bytes
    return tuple(sorted(total.items()))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if len(known) >= MEDIAN_AT_LEAST else None


def _spans(intervals: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if joined and begin <= joined[-1][1] + CHAIN_TOLERANCE_SECONDS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined[-SPANS_KEPT:])
