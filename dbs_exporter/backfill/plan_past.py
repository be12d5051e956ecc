"""A plan as it was: the facts that the exporter would have had at an instant, from what the lists hold now. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from dbs_exporter.backfill.offered import OFFERED
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.full_backups import (
    FULL_BACKUP_ENDED,
    FULL_BACKUPS,
    FullBackup,
    ended_full_backups,
    full_backup_end,
    full_backup_history,
)
from dbs_exporter.facts.groups import Known
from dbs_exporter.facts.limits import MEDIAN_SETS
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.restores import RESTORES, RestoreTask, ended_restores, restore_ended, restore_history
from dbs_exporter.facts.subjects import PlanSubject, Scope, key_of
from dbs_exporter.facts.tallies import Ended, Tally
from dbs_exporter.metrics.family import Family, render

FAMILIES: tuple[Family, ...] = tuple(family for family in TABLE.families if family.name in OFFERED)
_OF_FULL = ("dbs_full_backups_completed_total", "dbs_full_backup_bytes_total", "dbs_full_backup_duration_seconds_total")  # fmt: skip
_MEDIANS = ("dbs_full_backup_size_median_bytes", "dbs_full_backup_duration_median_seconds")

Lines = tuple[bytes, ...]
"""Sample lines without times, an entry for each of FAMILIES."""


class PlanPast(Struct, frozen=True, kw_only=True):
    """What the lists hold of a plan now."""

    scope: Scope
    plan: Plan
    backups: tuple[FullBackup, ...]
    restores: tuple[RestoreTask, ...]


def changes(past: PlanPast) -> list[float]:
    """Return when anything of a plan changed, in Unix seconds, the oldest first."""
    found: list[float | None] = [past.plan.created_at]
    for backup in past.backups:
        found += (_created(backup), backup.started_at, full_backup_end(backup))
    found += (task.finished_at for task in past.restores)
    return sorted({at for at in found if at is not None})


def segments(past: PlanPast, steps: Sequence[float]) -> list[tuple[int, Lines]]:
    """Return the lines of a plan at equidistant steps (Unix seconds) as (first step, lines until the next entry)."""
    if not steps:
        return []
    step = steps[1] - steps[0] if len(steps) > 1 else 1.0
    begins = {0}
    for at in changes(past):
        index = math.ceil((at - steps[0]) / step)
        if 0 < index < len(steps):
            begins.add(index)
    return [(index, lines_at(past, steps[index])) for index in sorted(begins)]


def lines_at(past: PlanPast, at: float) -> Lines:
    """Return what the exporter would have shown of a plan at an instant, of what can be known."""
    made = past.plan.created_at
    if made is not None and made > at:
        return (b"",) * len(FAMILIES)
    subject = subject_at(past, at)
    lines = render(FAMILIES, key_of(subject), subject, _refused)
    hidden = _unknown(past, at)
    return tuple(b"" if family.name in hidden else line for family, line in zip(FAMILIES, lines, strict=True))


def subject_at(past: PlanPast, at: float) -> PlanSubject:
    """Return a plan with its full backups and restores as they were at an instant."""
    # The window of the list of now lies after that instant.
    plan = replace(past.plan, restore_begin_at=None, restore_end_at=None)
    backups = [found for backup in past.backups if (found := _backup_at(backup, at)) is not None]
    restores = [task for task in past.restores if restore_ended(task) and (task.finished_at or at) <= at]
    return PlanSubject(
        scope=past.scope,
        plan=plan,
        listed_at=at,
        groups={
            FULL_BACKUPS.name: Known(
                facts=full_backup_history(backups, at),
                read_at=at,
                tally=_tally(ended_full_backups(past.backups), _first_end(past), at),
            ),
            RESTORES.name: Known(
                facts=restore_history(restores),
                read_at=at,
                tally=_tally(ended_restores(past.restores), _first_restore(past), at),
            ),
        },
    )


def _backup_at(backup: FullBackup, at: float) -> FullBackup | None:
    created, end = _created(backup), full_backup_end(backup)
    if created is None or created > at:
        return None
    if backup.status not in FULL_BACKUP_ENDED and backup.status != "running":
        return backup
    if backup.status in FULL_BACKUP_ENDED and (end is None or end <= at):
        return backup
    began = backup.started_at is not None and backup.started_at <= at
    return replace(
        backup,
        status="running" if began else "schedule",
        started_at=backup.started_at if began else None,
        ended_at=None,
        finished_at=None,
        size_bytes=None,
        error_message="",
    )


def _created(backup: FullBackup) -> float | None:
    return backup.created_at if backup.created_at is not None else backup.started_at


def _unknown(past: PlanPast, at: float) -> set[str]:
    """Return the families of which nothing is known at an instant: the lists reach back no further."""
    hidden: set[str] = set()
    first, finished = _first_end(past), _ends(past, lambda backup: backup.status == "finish")
    if first is None or at < first:
        hidden.update(_OF_FULL)
    restored = _first_restore(past)
    if restored is None or at < restored:
        hidden.add("dbs_restores_completed_total")
    if sum(end <= at for end in finished) <= MEDIAN_SETS:
        hidden.update(_MEDIANS)
    if not finished or at < finished[0]:
        hidden.add("dbs_full_backup_consecutive_failures")
    if past.plan.log_backup_enabled is not False:
        hidden.add("dbs_plan_recovery_point_timestamp_seconds")
    return hidden


def _ends(past: PlanPast, of: Callable[[FullBackup], bool]) -> list[float]:
    ends = (full_backup_end(backup) for backup in past.backups if of(backup))
    return sorted(end for end in ends if end is not None)


def _first_end(past: PlanPast) -> float | None:
    return min(_ends(past, lambda backup: backup.status in FULL_BACKUP_ENDED), default=None)


def _first_restore(past: PlanPast) -> float | None:
    return min((task.finished_at for task in past.restores if task.finished_at is not None), default=None)


def _tally(ended: Iterable[Ended], first: float | None, at: float) -> Tally:
    """Return what ended after the first end that is listed: before it, others may have ended that are listed no more."""
    counted = [each for each in ended if first is not None and first < each.ended_at <= at]
    return Tally(
        success=sum(each.success for each in counted),
        failure=sum(not each.success for each in counted),
        size_bytes=sum(each.size_bytes for each in counted),
        duration_seconds=sum(each.duration_seconds for each in counted),
    )


def _refused(family: str, key: object, why: str, problem: str) -> None:
    raise AssertionError(f"{family} of {key}: {why}: {problem}")
