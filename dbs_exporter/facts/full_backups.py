"""Full backups: sets and jobs, and what is kept of a plan's list of them · DescribeFullBackupList."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from operator import attrgetter
from struct import Struct as Layout
from typing import NamedTuple

from msgspec import Struct

from dbs_exporter.facts.condensing import counts_of, distinct, median_of, size_by_storage_class
from dbs_exporter.facts.enums import STORAGE_CLASS, spellings
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.limits import MEDIAN_SETS, RECENT_JOBS, STEPS_KEPT
from dbs_exporter.facts.objects import Objects, read_objects
from dbs_exporter.facts.records import Fields
from dbs_exporter.facts.schedules import learned_start
from dbs_exporter.facts.tallies import Counts, Ended, Sizes

FULL_BACKUP_STATUSES = ("schedule", "running", "finish", "stop", "pause")
FULL_BACKUP_STATUS = spellings(*FULL_BACKUP_STATUSES)
FULL_BACKUP_RUNNING = frozenset({"schedule", "running"})
FULL_BACKUP_ENDED = frozenset({"stop", "finish"})

_NEVER = (float("-inf"), "")
_RECENT = Layout("<BIIQ")
_NO_STATUS, _NO_SIZE = 255, 2**64 - 1
_ID_BYTES = 8
_TIMES = frozenset({"CreateTime", "StartTime", "EndTime", "FinishTime", "BackupSetExpiredTime"})
_COUNTED = frozenset({"StartTime", "EndTime", "FinishTime", "BackupSize"})


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
    objects: Objects | None = None
    """What BackupObjects names; None where that is not known."""
    error_message: str = ""
    unreadable: tuple[str, ...] = ()
    """API fields of this record that could not be read, and so are unknown here."""


class RecentJob(NamedTuple):
    """One of the last full backups: times in whole Unix seconds, None where unknown; the status is "" if it is no known one."""

    status: str
    began_at: int | None
    ended_at: int | None
    size_bytes: int | None


class FullBackupHistory(Struct, frozen=True, kw_only=True):
    """A plan's full backup list, condensed; its size does not depend on the list's length."""

    last_success: FullBackup | None = None
    last_attempt: FullBackup | None = None
    running: FullBackup | None = None
    """The newest job that runs or is scheduled, if no later one has ended."""
    orphans: int = 0
    """Jobs listed as running or scheduled though a later one has ended: killed in flight."""
    consecutive_failures: int = 0
    first_failure_at: float | None = None
    """When the first of these failed."""
    counts: Counts | None = ()
    """None where records of the list were left out."""
    bytes_by_storage_class: Sizes = ()
    size_median_bytes: float | None = None
    size_largest_bytes: int | None = None
    """The largest of the finished sets before the last."""
    duration_median_seconds: float | None = None
    oldest_kept_at: float | None = None
    """EndTime of the oldest finished set that has not expired; None where an older one may be kept."""
    points: tuple[tuple[float, float], ...] = ()
    """(EndTime, expiry) of finished sets, the newest first; of each only what outlives those before it."""
    last_good_expires_at: float | None = None
    """Latest expiry among the finished sets; None where that of one is not known."""
    last_expired_at: float | None = None
    """When the last usable set expired, where none is left."""
    last_failure_message: str = ""
    usual_wait_seconds: float | None = None
    """How long jobs wait for their start after they were created, at least three of four of them."""
    usual_start_at: float | None = None
    """CreateTime of the newest job that began at the usual hour of day."""
    recent: bytes = b""
    """The last RECENT_JOBS sets and jobs, packed (`recent_jobs`)."""
    recent_ids: bytes = b""
    """By which `set_positions` finds these by their ids."""
    count: int = 0
    """Records in the list."""

    @property
    def newest_recovery_point_at(self) -> float | None:
        """EndTime of the newest finished set that had not expired when the list was read."""
        return self.points[0][0] if self.points else None

    @property
    def usual_duration_seconds(self) -> float | None:
        """How long a backup takes: the median, else what the last one took."""
        if self.duration_median_seconds is not None:
            return self.duration_median_seconds
        return full_backup_duration(self.last_success) if self.last_success is not None else None


FULL_BACKUPS: Group[FullBackupHistory] = Group("full_backups", FullBackupHistory)


def read_full_backup(fields: Fields) -> FullBackup:
    """Read one full backup set or job · DescribeFullBackupList, Items.FullBackupFile. Raises BadAnswer without id or status."""
    backup_set_id = fields.identity("BackupSetId")
    status = fields.status("BackupStatus", FULL_BACKUP_STATUS)
    expires_at = fields.expiry("BackupSetExpiredTime")
    if status == "finish" and expires_at is None and "BackupSetExpiredTime" not in fields.unreadable:
        # The documents know no set that is kept for ever.
        fields.unknown("BackupSetExpiredTime")
    return FullBackup(
        backup_set_id=backup_set_id,
        status=status,
        created_at=fields.instant("CreateTime"),
        started_at=fields.instant("StartTime"),
        ended_at=fields.instant("EndTime"),
        finished_at=fields.instant("FinishTime"),
        expires_at=expires_at,
        size_bytes=fields.size("BackupSize"),
        storage_class=fields.enum("StorageMethod", STORAGE_CLASS),
        structure_progress=fields.progress("LogicalStructureBackupProgress"),
        data_progress=fields.progress("LogicalFullBackupProgress"),
        objects=read_objects(fields, "BackupObjects"),
        error_message=fields.error_message(),
        unreadable=fields.unreadable,
    )


def full_backup_history(backups: Iterable[FullBackup], now: float, left_out: int = 0) -> FullBackupHistory:
    """Condense a plan's full backups · DescribeFullBackupList. `now` is Unix seconds and decides only what has expired.

    `left_out` is how many records of the list could not be read. A set succeeded when its status is `finish`, failed when it is
    `stop`; running, paused and unknown ones are neither. A job that runs though a later one has ended is an orphan and not what
    runs now. A set whose times cannot be read or whose expiry is not known makes no recovery point: no document says that one
    without an expiry is kept.
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
    usable = [
        backup
        for backup in finished
        if backup.expires_at is not None and backup.expires_at > now and _TIMES.isdisjoint(backup.unreadable)
    ]
    points = [
        (at, backup.expires_at)
        for backup in usable
        if backup.expires_at is not None and (at := _point(backup)) is not None
    ]
    oldest = min((at for at, _ in points), default=None)
    since_success = [backup for backup in failures if _began(backup) > since]
    earlier = finished[:-1][-MEDIAN_SETS:]
    last_ended = max(
        (_by_begin(backup) for backup in jobs if backup.status in FULL_BACKUP_ENDED), default=_NEVER
    )
    running = [backup for backup in jobs if backup.status in FULL_BACKUP_RUNNING]
    current = [backup for backup in running if _by_begin(backup) > last_ended]
    return FullBackupHistory(
        last_success=last_success,
        last_attempt=jobs[-1] if jobs else None,
        running=current[-1] if current else None,
        # A job without any time may not have been overtaken.
        orphans=sum(_began(backup) > 0 and _by_begin(backup) <= last_ended for backup in running),
        consecutive_failures=len(since_success),
        first_failure_at=min(map(_finished, since_success), default=None),
        counts=None if left_out else counts_of((backup.status for backup in unique), FULL_BACKUP_STATUSES),
        bytes_by_storage_class=size_by_storage_class(unique, left_out),
        size_median_bytes=median_of([backup.size_bytes for backup in earlier]),
        size_largest_bytes=max(
            (backup.size_bytes for backup in earlier if backup.size_bytes is not None), default=None
        ),
        duration_median_seconds=median_of([full_backup_duration(backup) for backup in earlier]),
        oldest_kept_at=None if left_out or _may_be_older(finished, oldest, now) else oldest,
        points=outliving(points),
        last_good_expires_at=None if left_out else _last_expiry(finished),
        last_expired_at=None
        if points
        else max(
            (at for backup in finished if (at := backup.expires_at) is not None and at <= now), default=None
        ),
        last_failure_message=since_success[-1].error_message if since_success else "",
        usual_wait_seconds=_usual_wait(jobs),
        usual_start_at=learned_start(backup.created_at for backup in jobs if backup.created_at is not None),
        recent=_packed(jobs[-RECENT_JOBS:]),
        recent_ids=b"".join(_id_digest(backup.backup_set_id) for backup in jobs[-RECENT_JOBS:]),
        count=len(unique),
    )


def recent_jobs(history: FullBackupHistory) -> tuple[RecentJob, ...]:
    """Return the last full backups, the oldest first."""
    return tuple(
        RecentJob(
            status=FULL_BACKUP_STATUSES[status] if status != _NO_STATUS else "",
            began_at=began or None,
            ended_at=ended or None,
            size_bytes=size if size != _NO_SIZE else None,
        )
        for status, began, ended, size in _RECENT.iter_unpack(history.recent)
    )


def set_positions(history: FullBackupHistory, backup_set_id: str) -> tuple[int, ...]:
    """Return where among `recent_jobs` a set is, by its id; empty where it is not among them."""
    digest, ids = _id_digest(backup_set_id), history.recent_ids
    count = min(len(ids), len(history.recent) // _RECENT.size * _ID_BYTES)
    return tuple(at // _ID_BYTES for at in range(0, count, _ID_BYTES) if ids[at : at + _ID_BYTES] == digest)


def _id_digest(backup_set_id: str) -> bytes:
    return blake2b(backup_set_id.encode("utf-8", "replace"), digest_size=_ID_BYTES).digest()


def _packed(jobs: Iterable[FullBackup]) -> bytes:
    return b"".join(
        _RECENT.pack(
            FULL_BACKUP_STATUSES.index(job.status) if job.status in FULL_BACKUP_STATUSES else _NO_STATUS,
            _seconds(_began(job)),
            _seconds(full_backup_end(job)) if job.status in FULL_BACKUP_ENDED else 0,
            _NO_SIZE if job.size_bytes is None else min(job.size_bytes, _NO_SIZE - 1),
        )
        for job in jobs
    )


def _seconds(at: float | None) -> int:
    return 0 if at is None else int(min(max(at, 0.0), 2**32 - 1))


def _usual_wait(jobs: Sequence[FullBackup]) -> float | None:
    """Return how long most jobs wait for their start after they were created: three of four no longer; None if none started."""
    waits = sorted(
        backup.started_at - backup.created_at
        for backup in jobs[-MEDIAN_SETS:]
        if backup.started_at is not None and backup.created_at is not None
    )
    return max(0.0, waits[len(waits) * 3 // 4]) if waits else None


def outliving(points: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return of (instant, expiry) the newest first, and then only what expires later than all newer ones; at most STEPS_KEPT."""
    kept: list[tuple[float, float]] = []
    for at, expiry in sorted(points, reverse=True):
        if not kept or expiry > kept[-1][1]:
            kept.append((at, expiry))
    return tuple(kept[:STEPS_KEPT])


def _may_be_older(finished: Iterable[FullBackup], oldest: float | None, now: float) -> bool:
    """Return whether a set that may still be kept may end before the oldest one that is kept for certain."""
    return oldest is not None and any(
        (backup.expires_at is None or backup.expires_at > now) and _earliest_end(backup) < oldest
        for backup in finished
    )


def _earliest_end(backup: FullBackup) -> float:
    """Return before when a set did not end, by whatever of its times is known."""
    known = (backup.created_at, backup.started_at, backup.ended_at)
    return max((at for at in known if at is not None), default=float("-inf"))


def _last_expiry(finished: Sequence[FullBackup]) -> float | None:
    """Return the latest expiry; None if that of one is not known, since it might be the latest."""
    known = [backup.expires_at for backup in finished if backup.expires_at is not None]
    return max(known, default=None) if len(known) == len(finished) else None


def full_backup_end(backup: FullBackup | None) -> float | None:
    """Return when a full backup ended: FinishTime, else EndTime."""
    if backup is None:
        return None
    return backup.finished_at if backup.finished_at is not None else backup.ended_at


def full_backup_duration(backup: FullBackup) -> float | None:
    """Return the seconds from StartTime (the dump begins) to FinishTime, else EndTime; None while either is unknown."""
    end = full_backup_end(backup)
    if backup.started_at is None or end is None or end < backup.started_at:
        return None
    return end - backup.started_at


def ended_full_backups(backups: Iterable[FullBackup]) -> tuple[Ended, ...]:
    """Return those that have ended, for the counters; each outcome of a set is an end of its own.

    What cannot be read for certain is not counted.
    """
    return tuple(
        Ended(
            f"{backup.backup_set_id}/{backup.status}",
            _finished(backup),
            backup.status == "finish",
            backup.size_bytes or 0,
            full_backup_duration(backup) or 0.0,
        )
        for backup in backups
        if backup.status in FULL_BACKUP_ENDED and _COUNTED.isdisjoint(backup.unreadable)
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
    """Return the instant a set restores to; where its end is not known, its start is what it holds for certain."""
    return backup.ended_at if backup.ended_at is not None else backup.started_at
