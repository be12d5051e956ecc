"""What plans are held to: from the configuration, else from their own schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from msgspec import Struct

from dbs_exporter.facts.limits import DAY_SECONDS, DEFAULT_LOG_RPO_SECONDS, FULL_BACKUP_GRACE
from dbs_exporter.facts.plans import Plan, Schedule


class Objectives(Struct, frozen=True, kw_only=True):
    """What a plan is held to, in seconds; None where neither the configuration nor the plan's schedule has any."""

    rpo: float | None = None
    full_backup_interval: float | None = None
    restore_time: float | None = None
    restore_test_interval: float | None = None
    alerts: bool = True
    """False: conditions are shown, but raise no alert."""


class ObjectiveRule(Protocol):
    """One entry of `objectives` in the configuration; seconds, None where it sets none."""

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

    @property
    def alerts(self) -> bool:
        """Whether the plans raise alerts."""
        ...


def schedule_max_gap_seconds(schedule: Schedule | None) -> float | None:
    """Return the largest gap between two scheduled full backups, over the weekly cycle of BackupPeriod; None without one."""
    if schedule is None or not schedule.weekdays:
        return None
    days = sorted(set(schedule.weekdays))
    gaps = [later - earlier for earlier, later in zip(days, [*days[1:], days[0] + 7], strict=True)]
    return max(gaps) * DAY_SECONDS


def objectives_for(rules: Sequence[ObjectiveRule]) -> Callable[[Plan], Objectives]:
    """Return what each plan is held to: the first rule whose pattern matches its id or name, and what its schedule implies.

    full_backup_interval defaults to the schedule's largest gap plus 20 %; rpo to 30 minutes with log backup and to
    full_backup_interval without; the restore objectives have no default, since nothing in DBS implies one.
    """

    def objectives(plan: Plan) -> Objectives:
        rule = next((rule for rule in rules if matches(rule.plans, plan)), None)
        gap = schedule_max_gap_seconds(plan.schedule)
        interval = rule.full_backup_interval if rule else None
        if interval is None and gap is not None:
            interval = gap * FULL_BACKUP_GRACE
        rpo = rule.rpo if rule else None
        # Whether there should be log decides which of the two it is.
        if rpo is None and "EnableBackupLog" not in plan.unreadable:
            rpo = DEFAULT_LOG_RPO_SECONDS if plan.log_backup_enabled else interval
        return Objectives(
            rpo=rpo,
            full_backup_interval=interval,
            restore_time=rule.restore_time if rule else None,
            restore_test_interval=rule.restore_test_interval if rule else None,
            alerts=rule.alerts if rule else True,
        )

    return objectives


def matches(patterns: Iterable[str], plan: Plan) -> bool:
    """Return True if a shell pattern fits the plan's id or name."""
    return any(fnmatchcase(plan.plan_id, pattern) or fnmatchcase(plan.name, pattern) for pattern in patterns)
