"""Conditions of what can be restored: the recovery point, its absence, holes, and the last good backup's end."""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.conditions.algebra import Stage, after, condition, first, stage
from dbs_exporter.facts.freshness import RECOVERY
from dbs_exporter.facts.full_backups import FULL_BACKUPS, full_backup_end
from dbs_exporter.facts.limits import AT_RISK_SHARE, DAY_SECONDS
from dbs_exporter.facts.plans import NOT_CONFIGURED
from dbs_exporter.facts.protection import is_current, last_good_expires, newest_hole, recovery_steps
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.subjects import PlanSubject

NEVER = float("inf")


@condition("no_recovery_point_overdue", basis=RECOVERY, unprotected=("DBSNoRecoveryPoint", "critical"))
def no_recovery_point_overdue(subject: PlanSubject) -> Iterable[Stage]:
    """Nothing to restore from, and the objective since the plan was made has passed."""
    objectives = subject.objectives
    span = next(
        (each for each in (objectives.full_backup_interval, objectives.rpo) if each is not None), DAY_SECONDS
    )
    without = _without_point(subject)
    # Nothing is overdue of a plan that was bought and not yet configured.
    if without is not None and subject.plan.status != NOT_CONFIGURED:
        yield from stage("unprotected", max(without, (_made(subject) or without) + span))


@condition("no_recovery_point", basis=RECOVERY)
def no_recovery_point(subject: PlanSubject) -> Iterable[Stage]:
    """Nothing to restore from: since the plan was made, or from when the last usable backup expires."""
    yield from stage("unprotected", _without_point(subject))


@condition(
    "recovery_point",
    basis=RECOVERY,
    breached=("DBSRecoveryPointBreached", "critical"),
    at_risk=("DBSRecoveryPointAtRisk", "warning"),
)
def recovery_point(subject: PlanSubject) -> Iterable[Stage]:
    """The newest instant that can be restored is too old, where log keeps it young."""
    rpo = subject.objectives.rpo
    if rpo is None or subject.plan.log_backup_enabled is False:
        return
    steps = recovery_steps(subject)
    end = steps[-1][1] if steps else NEVER
    until = None if end == NEVER else end
    yield from stage("at_risk", _older_than(steps, AT_RISK_SHARE * rpo), until)
    yield from stage("breached", _older_than(steps, rpo), until)


@condition("last_good_expiring", basis=FULL_BACKUPS.name, at_risk=("DBSLastGoodBackupExpiring", "critical"))
def last_good_expiring(subject: PlanSubject) -> Iterable[Stage]:
    """The last usable backup expires within two intervals, and the newest failed or is late."""
    backups, interval = subject.get(FULL_BACKUPS), subject.objectives.full_backup_interval
    expires = last_good_expires(subject)
    if backups is not None and expires is not None and interval is not None:
        worried = first(backups.first_failure_at, after(full_backup_end(backups.last_success), interval))
        if worried is not None:
            yield from stage("at_risk", max(expires - 2 * interval, worried))


@condition(
    "recovery_gap",
    basis=RANGES.name,
    attention=("DBSRecoveryGap", "warning"),
    protected=("DBSRecoveryGapOlder", "info"),
)
def recovery_gap(subject: PlanSubject) -> Iterable[Stage]:
    """There is a hole in continuous recoverability: a warning for a week after its end, then a note."""
    hole = newest_hole(subject)
    if hole is None:
        return
    if is_current(subject, hole):
        yield from stage("attention", hole[1], hole[1] + 7 * DAY_SECONDS)
    yield from stage("protected", hole[1])


def _older_than(steps: tuple[tuple[float, float], ...], span: float) -> float | None:
    """Return when the recovery point is first older than `span`: while a step lasts, or when the next, older one begins."""
    begin = -NEVER
    for point, end in steps:
        since = max(begin, point + span)
        if since < end:
            return since
        begin = end
    return None


def _without_point(subject: PlanSubject) -> float | None:
    """Return from when on there is no recovery point: always, or once the last has expired."""
    steps = recovery_steps(subject)
    if steps:
        return None if steps[-1][1] == NEVER else steps[-1][1]
    backups = subject.get(FULL_BACKUPS)
    if backups is None:
        return None
    return _made(subject) if backups.last_expired_at is None else backups.last_expired_at


def _made(subject: PlanSubject) -> float | None:
    return subject.plan.created_at if subject.plan.created_at is not None else subject.first_listed_at
