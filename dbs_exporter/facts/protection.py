"""Pure derivations from a plan's facts: recovery point, restorable window, holes, schedule, objectives.

Every rule names its source and its doubt. Nothing here reads a clock: ages are the work of whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from dbs_exporter.facts.history import CHAIN_TOLERANCE_SECONDS
from dbs_exporter.facts.model import Objectives, Plan, PlanSubject, RestoreRange, Schedule

PROTECTION_COLLECTORS = ("full_backups", "incremental_backups", "restore_ranges")
"""The collectors whose age decides whether anything can be said of a plan."""
TOLD_COLLECTORS = (*PROTECTION_COLLECTORS, "restores")
"""The collectors of which it is told when they last read a plan: also the one whose silence would look like a restore that stands."""

DAY_SECONDS = 86_400.0
WEEK_SECONDS = 7 * DAY_SECONDS
FULL_BACKUP_GRACE = 1.2
"""A full backup may come this many of the schedule's largest gaps after the last one, unless an objective is configured."""
DEFAULT_LOG_RPO_SECONDS = 1_800.0
"""What a plan with log backup is held to, unless an objective is configured."""


class ObjectiveRule(Protocol):
    """One entry of `objectives` in the configuration; seconds, None where it says nothing."""

    @property
    def plans(self) -> Sequence[str]:
        """Shell patterns on plan id and name."""
        ...

    @property
    def rpo(self) -> float | None:
        """How much data may be lost."""
        ...

    @property
    def full_backup_interval(self) -> float | None:
        """Between two full backups."""
        ...

    @property
    def restore_time(self) -> float | None:
        """How long a restore may take."""
        ...

    @property
    def restore_test_interval(self) -> float | None:
        """How old the last successful restore may be."""
        ...


def schedule_max_gap_seconds(schedule: Schedule | None) -> float | None:
    """The largest gap between two scheduled full backups, over the weekly cycle of BackupPeriod; None without a schedule."""
    if schedule is None or not schedule.weekdays:
        return None
    days = sorted(set(schedule.weekdays))
    gaps = [later - earlier for earlier, later in zip(days, [*days[1:], days[0] + 7], strict=True)]
    return max(gaps) * DAY_SECONDS


def objectives_for(rules: Sequence[ObjectiveRule]) -> Callable[[Plan], Objectives]:
    """What each plan is held to: the first rule whose pattern matches its id or name, and what its schedule implies.

    full_backup_interval defaults to the schedule's largest gap plus 20 %; rpo to 30 minutes with log backup and to
    full_backup_interval without; the restore objectives have no default, since nothing in DBS implies one.
    """

    def objectives(plan: Plan) -> Objectives:
        rule = next((one for one in rules if matches(one.plans, plan)), None)
        gap = schedule_max_gap_seconds(plan.schedule)
        interval = rule.full_backup_interval if rule else None
        if interval is None and gap is not None:
            interval = gap * FULL_BACKUP_GRACE
        rpo = rule.rpo if rule else None
        if rpo is None:
            rpo = DEFAULT_LOG_RPO_SECONDS if plan.log_backup_enabled else interval
        return Objectives(
            rpo=rpo,
            full_backup_interval=interval,
            restore_time=rule.restore_time if rule else None,
            restore_test_interval=rule.restore_test_interval if rule else None,
        )

    return objectives


def matches(patterns: Iterable[str], plan: Plan) -> bool:
    """True if a shell pattern fits the plan's id or name."""
    return any(fnmatchcase(plan.plan_id, pattern) or fnmatchcase(plan.name, pattern) for pattern in patterns)


def recoverable_window(subject: PlanSubject) -> tuple[float | None, float | None]:
    """(oldest, newest) instant that the API offers to restore.

    From DescribeRestoreRangeInfo; where that was not read or is empty, BeginTimestampForRestore and EndTimestampForRestore of the
    plan list. Points and ranges both count.
    """
    begins = [one.begin_at for one in subject.ranges or () if one.begin_at is not None]
    ends = [one.end_at for one in subject.ranges or () if one.end_at is not None]
    return (
        min(begins, default=subject.plan.restore_begin_at),
        max(ends, default=subject.plan.restore_end_at),
    )


def recovery_point(subject: PlanSubject) -> float | None:
    """The newest instant to which the database can be brought back; None if there is none or nothing is known.

    The newest of: the API's word (the ranges' ends and EndTimestampForRestore); the EndTime of the newest finished full backup
    that has not expired; and log that continues from there without a hole. The ranges are polled seldom, log files often, so the
    log carries the answer in between. Doubt: an idle database may produce no log files; then the point stays at the API's word,
    which is the careful side.
    """
    ends = [one.end_at for one in subject.ranges or () if one.end_at is not None]
    full = subject.full_backups.newest_recovery_point_at if subject.full_backups else None
    known = [at for at in (*ends, subject.plan.restore_end_at, full) if at is not None]
    if not known:
        return None
    newest = max(known)
    for begin, end in subject.logs.spans if subject.logs else ():
        if begin <= newest + CHAIN_TOLERANCE_SECONDS:
            newest = max(newest, end)
    return newest


def recovery_gaps(subject: PlanSubject) -> dict[str, tuple[int, float]] | None:
    """Holes in continuous recoverability: scope -> (how many, seconds in all); None if the ranges were never read.

    A hole lies between two ranges of type `range` (DescribeRestoreRangeInfo). It is `current` if it ends after the oldest full
    backup still kept, else `older`. Single points inside a hole do not close it. Holes are not inferred from log files: an idle
    database legitimately produces none.
    """
    if subject.ranges is None:
        return None
    oldest = subject.full_backups.oldest_kept_at if subject.full_backups else None
    found = {"current": (0, 0.0), "older": (0, 0.0)}
    for begin, end in _holes(subject.ranges):
        scope = "current" if oldest is None or end > oldest else "older"
        count, seconds = found[scope]
        found[scope] = (count + 1, seconds + end - begin)
    return found


def last_good_expires(subject: PlanSubject) -> float | None:
    """When the last usable backup expires if nothing new succeeds: the latest expiry among the finished full backups.

    Log needs a full backup under it, so no recovery point outlives that. Doubt: whether DBS ever keeps the last set beyond its
    BackupSetExpiredTime is not documented.
    """
    return subject.full_backups.last_good_expires_at if subject.full_backups else None


def _holes(ranges: Iterable[RestoreRange]) -> list[tuple[float, float]]:
    continuous = sorted(
        (one.begin_at, one.end_at)
        for one in ranges
        if one.range_type == "range" and one.begin_at is not None and one.end_at is not None
    )
    holes = []
    covered: float | None = None
    for begin, end in continuous:
        if covered is not None and begin > covered + CHAIN_TOLERANCE_SECONDS:
            holes.append((covered, begin))
        covered = end if covered is None else max(covered, end)
    return holes
