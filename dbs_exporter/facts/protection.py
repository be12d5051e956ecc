"""Pure derivations from a plan's facts: recovery point, restorable window, holes.

Every rule names its source and its doubt. Nothing here reads a clock: ages are computed by whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dbs_exporter.facts.full_backups import FULL_BACKUPS, outliving
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.limits import CHAIN_TOLERANCE_SECONDS, DEFAULT_LOG_RPO_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.objects import lacking
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject

LOG_DENIED = "log denied"
"""The key in `noticed` while the API denies what log would seem to bring back: when the ranges were last read that do."""


def end_of_window(subject: PlanSubject, group: Group[Any]) -> float | None:
    """Return how far a group of a plan says it can be restored, for comparison with the window of the plan list.

    Of a plan with log that is how far the log has come, of another the newest full backup; None for any other group.
    """
    if group is LOG_BACKUPS and subject.plan.log_backup_enabled:
        logs = subject.get(LOG_BACKUPS)
        return logs.last_data_at if logs else None
    if group is FULL_BACKUPS and subject.plan.log_backup_enabled is False:
        backups = subject.get(FULL_BACKUPS)
        return backups.newest_recovery_point_at if backups else None
    return None


def log_until(subject: PlanSubject) -> float | None:
    """Return how far the log of a plan that backs it up has come: its newest file, or the end of the window, which is read more often.

    None where log backup is off or nothing is known.
    """
    if not subject.plan.log_backup_enabled:
        return None
    logs = subject.get(LOG_BACKUPS)
    known = [
        at for at in (logs.last_data_at if logs else None, subject.plan.restore_end_at) if at is not None
    ]
    return max(known, default=None)


def recoverable_window(subject: PlanSubject) -> tuple[float | None, float | None]:
    """Return the (oldest, newest) instant that the API offers to restore.

    From DescribeRestoreRangeInfo; where that was not read or is empty, BeginTimestampForRestore and EndTimestampForRestore
    of the plan list. Points and ranges both count.
    """
    ranges = subject.get(RANGES) or ()
    begins = [each.begin_at for each in ranges if each.begin_at is not None]
    ends = [each.end_at for each in ranges if each.end_at is not None]
    return (
        min(begins, default=subject.plan.restore_begin_at),
        max(ends, default=subject.plan.restore_end_at),
    )


def recovery_point(subject: PlanSubject) -> float | None:
    """Return the newest instant to which the database can be brought back; None if there is none or nothing is known.

    The newest of: what the API offers (the ranges' ends and EndTimestampForRestore); the EndTime of the newest finished full
    backup that has not expired; and log that continues from there without a hole. The ranges are polled seldom, log files
    often, so the log carries the answer in between. Doubt: an idle database may produce no log files; then the point stays
    at what the API offers, which is the careful side. What had expired when a list last showed the plan counts no more.
    """
    seen = float("-inf") if subject.listed_at is None else subject.listed_at
    return next((at for at, until in recovery_steps(subject) if until > seen), None)


def recovery_steps(subject: PlanSubject) -> tuple[tuple[float, float], ...]:
    """Return the recovery point as a step function of time: (newest instant that can be restored, until when it can be).

    What the API offers has no end here, since the next reading says; a full backup ends when it expires, and the log on it when
    that or the first log file after it does. Log that the API denied (`denies_log`) carries nothing that was there when it did.
    """
    backups, logs = subject.get(FULL_BACKUPS), subject.get(LOG_BACKUPS)
    steps: list[tuple[float, float]] = []
    denied_at = subject.noticed.get(LOG_DENIED)
    bases = [(at, float("inf")) for at in _offered(subject)]
    if backups is not None:
        bases += backups.points
    for at, until in bases:
        steps.append((at, until))
        reached = _with_log(at, logs)
        if logs is not None and reached > at and (denied_at is None or at > denied_at):
            kept = logs.kept_seconds
            log_until = until if kept is None or until == float("inf") else min(until, at + kept)
            steps.append((reached, log_until))
    return outliving(steps)


def denies_log(subject: PlanSubject) -> bool:
    """Return whether the API offers less than log would seem to bring back; to be asked when its ranges were just read.

    The chain of log is then broken where nobody sees it, as by files that have expired and are still listed. That the ranges lag
    by two files, or half an hour, denies nothing.
    """
    ends = [each.end_at for each in subject.get(RANGES) or () if each.end_at is not None]
    backups, logs = subject.get(FULL_BACKUPS), subject.get(LOG_BACKUPS)
    read_at = subject.known(RANGES).read_at
    if not ends or logs is None or read_at is None:
        return False
    bases = (
        (*_offered(subject), *(at for at, _ in backups.points if at <= read_at))
        if backups
        else _offered(subject)
    )
    reached = max((_with_log(at, logs) for at in bases), default=0.0)
    lag = max(2 * (logs.spacing_seconds or 0.0), DEFAULT_LOG_RPO_SECONDS)
    return reached > max((*ends, subject.plan.restore_end_at or 0.0)) + lag


def _offered(subject: PlanSubject) -> tuple[float, ...]:
    """Return the ends of what the API offers to restore."""
    offered = (*(each.end_at for each in subject.get(RANGES) or ()), subject.plan.restore_end_at)
    return tuple(at for at in offered if at is not None)


def _with_log(at: float, logs: LogHistory | None) -> float:
    for begin, end in logs.spans if logs else ():
        if begin <= at + CHAIN_TOLERANCE_SECONDS:
            at = max(at, end)
    return at


def recovery_gaps(subject: PlanSubject) -> dict[str, tuple[int, float]] | None:
    """Return the holes in continuous recoverability, scope -> (how many, seconds in all); None if the ranges were never read.

    A hole lies between two ranges of type `range` (DescribeRestoreRangeInfo). It is `current` if it ends after the oldest
    full backup still kept, else `older`. Single points inside a hole do not close it. Holes are not inferred from log files:
    an idle database legitimately produces none.
    """
    ranges = subject.get(RANGES)
    if ranges is None:
        return None
    found = {"current": (0, 0.0), "older": (0, 0.0)}
    for begin, end in _holes(ranges):
        scope = "current" if is_current(subject, (begin, end)) else "older"
        count, seconds = found[scope]
        found[scope] = (count + 1, seconds + end - begin)
    return found


def recovery_holes(subject: PlanSubject) -> list[tuple[float, float]]:
    """Return (begin, end) of every hole in continuous recoverability, the oldest first."""
    ranges = subject.get(RANGES)
    return _holes(ranges or ())


def newest_hole(subject: PlanSubject) -> tuple[float, float] | None:
    """Return begin and end of the newest hole in continuous recoverability; None without one."""
    ranges = subject.get(RANGES)
    return max(_holes(ranges or ()), key=lambda hole: hole[1], default=None)


def is_current(subject: PlanSubject, hole: tuple[float, float]) -> bool:
    """Return whether a hole ends after the oldest full backup still kept, so that it matters to what can be restored."""
    backups = subject.get(FULL_BACKUPS)
    oldest = backups.oldest_kept_at if backups else None
    return oldest is None or hole[1] > oldest


def current_hole(subject: PlanSubject) -> tuple[float, float] | None:
    """Return begin and end of the newest current hole; None without one."""
    hole = newest_hole(subject)
    return hole if hole is not None and is_current(subject, hole) else None


def last_good_expires(subject: PlanSubject) -> float | None:
    """Return when the last usable backup expires if nothing new succeeds: the latest expiry among the finished full backups.

    Log needs a full backup under it, so no recovery point outlives that. Doubt: whether DBS ever keeps the last set beyond
    its BackupSetExpiredTime is not documented.
    """
    backups = subject.get(FULL_BACKUPS)
    return backups.last_good_expires_at if backups else None


def last_proof(subject: PlanSubject) -> float | None:
    """Return when a restore of all that the plan names last succeeded: only that proves that it can be restored.

    Where what the plan names or what was restored is not known, it was all.
    """
    restores = subject.get(RESTORES)
    successes = restores.successes if restores else ()
    return max((at for at, objects in successes if not lacking(objects, subject.plan.objects)), default=None)


def missing_databases(subject: PlanSubject) -> set[str] | None:
    """Return the databases that the plan names and its last full backup does not hold, or not whole; None if that is not known."""
    backups = subject.get(FULL_BACKUPS)
    last = backups.last_success if backups else None
    return None if last is None else lacking(last.objects, subject.plan.objects)


def _holes(ranges: Iterable[RestoreRange]) -> list[tuple[float, float]]:
    continuous = sorted(
        (each.begin_at, each.end_at)
        for each in ranges
        if each.range_type == "range" and each.begin_at is not None and each.end_at is not None
    )
    holes = []
    covered: float | None = None
    for begin, end in continuous:
        if covered is not None and begin > covered + CHAIN_TOLERANCE_SECONDS:
            holes.append((covered, begin))
        covered = end if covered is None else max(covered, end)
    return holes
