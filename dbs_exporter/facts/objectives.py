"""What plans are held to: from the configuration, else from their own schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dbs_exporter.facts.limits import DAY_SECONDS, DEFAULT_LOG_RPO_SECONDS, FULL_BACKUP_GRACE
from dbs_exporter.facts.maintenance import Maintenance
from dbs_exporter.facts.plans import Plan, Schedule

OBJECTIVES = ("rpo", "full_backup_interval", "restore_time", "restore_test_interval")

Source = Literal["configured", "schedule", "learned", "default"]
"""The configuration; the plan's own schedule; how often its log ends; the exporter's default."""


class Owner(Struct, frozen=True, kw_only=True):
    """Whose a plan is; "" where the configuration does not say."""

    owner: str = ""
    team: str = ""
    tier: str = ""


class Objectives(Struct, frozen=True, kw_only=True):
    """What a plan is held to, in seconds; None where neither the configuration nor the plan's schedule has any."""

    rpo: float | None = None
    full_backup_interval: float | None = None
    restore_time: float | None = None
    restore_test_interval: float | None = None
    sources: dict[str, Source] = {}
    """Objective -> where it comes from, of each that there is."""
    owner: Owner = Owner()
    maintenance: tuple[Maintenance, ...] = ()
    """When conditions are shown, but raise no alert."""


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
    def whose(self) -> Owner:
        """Whose the plans are."""
        ...

    @property
    def mutes(self) -> tuple[Maintenance, ...]:
        """When the plans raise no alerts."""
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

    full_backup_interval defaults to the schedule's largest gap plus 20 %; rpo to 30 minutes with log backup (what log shows may
    lengthen it, `learned_objectives`) and to full_backup_interval without; the restore objectives have no default, since nothing in DBS implies one.
    """

    def objectives(plan: Plan) -> Objectives:
        rule = next((rule for rule in rules if matches(rule.plans, plan)), None)
        gap = schedule_max_gap_seconds(plan.schedule)
        configured = {
            name: seconds for name in OBJECTIVES if rule and (seconds := getattr(rule, name)) is not None
        }
        sources: dict[str, Source] = dict.fromkeys(configured, "configured")
        interval, rpo = configured.get("full_backup_interval"), configured.get("rpo")
        if interval is None and gap is not None:
            interval, sources["full_backup_interval"] = gap * FULL_BACKUP_GRACE, "schedule"
        # Whether there should be log decides which of the two it is.
        if rpo is None and "EnableBackupLog" not in plan.unreadable:
            if plan.log_backup_enabled:
                rpo, sources["rpo"] = DEFAULT_LOG_RPO_SECONDS, "default"
            elif interval is not None:
                rpo, sources["rpo"] = interval, sources["full_backup_interval"]
        return Objectives(
            rpo=rpo,
            full_backup_interval=interval,
            restore_time=configured.get("restore_time"),
            restore_test_interval=configured.get("restore_test_interval"),
            sources=sources,
            owner=rule.whose if rule else Owner(),
            maintenance=rule.mutes if rule else (),
        )

    return objectives


def learned_objectives(given: Objectives, spacing_seconds: float | None) -> Objectives:
    """Return objectives where the default rpo is as long as two of the log files that come: a database that ends its log every
    45 minutes would else breach each hour. Never longer than between two full backups.
    """
    if given.sources.get("rpo") != "default" or spacing_seconds is None:
        return given
    learned = 2 * spacing_seconds
    if given.full_backup_interval is not None:
        learned = min(learned, given.full_backup_interval)
    if learned <= DEFAULT_LOG_RPO_SECONDS:
        return given
    return replace(given, rpo=learned, sources={**given.sources, "rpo": "learned"})


def matches(patterns: Iterable[str], plan: Plan) -> bool:
    """Return True if a shell pattern fits the plan's id or name."""
    return any(fnmatchcase(plan.plan_id, pattern) or fnmatchcase(plan.name, pattern) for pattern in patterns)
