"""Conditions of plans themselves: not running, without log, weakened, ending, not judged."""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.conditions.algebra import Stage, after, condition, stage
from dbs_exporter.facts.billing import BILLING
from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.noticed import (
    NO_OBJECTIVE,
    RETENTION_SHORT,
    log_off_since,
    not_running_since,
    precheck_key,
)
from dbs_exporter.facts.plans import NOT_RUNNING, PLANS
from dbs_exporter.facts.prechecks import PRECHECKS
from dbs_exporter.facts.subjects import PlanSubject

NOT_YET_RUNNING = frozenset({"wait", "init", "check_pass"})


@condition("plan_not_running", basis=PLANS.name, unprotected=("DBSPlanNotRunning", "warning"))
def plan_not_running(subject: PlanSubject) -> Iterable[Stage]:
    """Nothing is being backed up: stopped, paused or locked, or a day after it was made not yet running."""
    plan = subject.plan
    if plan.status in NOT_YET_RUNNING:
        made = plan.created_at if plan.created_at is not None else subject.first_listed_at
        yield from stage("unprotected", after(made, DAY_SECONDS))
    elif plan.status in NOT_RUNNING:
        yield from stage("unprotected", not_running_since(subject))


@condition("plan_expiry", basis=PLANS.name, unprotected=("DBSPlanExpired", "warning"), at_risk=("DBSPlanExpiresSoon", "warning"), attention=("DBSPlanExpiring", "warning"))  # fmt: skip
def plan_expiry(subject: PlanSubject) -> Iterable[Stage]:
    """A prepaid plan ends in two weeks, in three days, or has ended."""
    end = plan_end(subject)
    yield from stage("attention", after(end, -14 * DAY_SECONDS))
    yield from stage("at_risk", after(end, -3 * DAY_SECONDS))
    yield from stage("unprotected", end)


@condition("log_backup_off", basis=PLANS.name, attention=("DBSLogBackupOff", "warning"))
def log_backup_off(subject: PlanSubject) -> Iterable[Stage]:
    """Log backup is off though it was on, or though full backups alone cannot keep the objective."""
    yield from stage("attention", log_off_since(subject))


@condition("retention_short", basis=PLANS.name, attention=("DBSRetentionTooShort", "warning"))
def retention_short(subject: PlanSubject) -> Iterable[Stage]:
    """Full backups are kept for less than two of the intervals at which they are due."""
    yield from stage("attention", subject.noticed.get(RETENTION_SHORT))


@condition("plan_weakened", basis=PLANS.name, attention=("DBSPlanWeakened", "warning"))
def plan_weakened(subject: PlanSubject) -> Iterable[Stage]:
    """Retention was shortened, backups made rarer or databases dropped within a week, and it was not undone."""
    changes = [weakening.at for weakening in subject.weakened.values()]
    if changes:
        yield from stage("attention", min(changes), max(changes) + 7 * DAY_SECONDS)


@condition("no_objective", basis=PLANS.name, attention=("DBSNoObjective", "info"))
def no_objective(subject: PlanSubject) -> Iterable[Stage]:
    """Neither a schedule, log backup nor the configuration says how old backups may be, so nobody judges them."""
    yield from stage("attention", subject.noticed.get(NO_OBJECTIVE))


@condition("precheck_failed", basis=PLANS.name, at_risk=("DBSPrecheckFailed", "warning"), attention=("DBSPrecheckFailedForRestore", "warning"))  # fmt: skip
def precheck_failed(subject: PlanSubject) -> Iterable[Stage]:
    """A pre-check failed: the plan, or a restore from it, cannot start."""
    failed: dict[str, list[float]] = {}
    for check in subject.get(PRECHECKS) or ():
        since = check.failed_at
        if since is None:
            since = subject.noticed.get(precheck_key(check.subject, check.subject_id))
        if since is not None:
            failed.setdefault(check.subject, []).append(since)
    yield from stage("at_risk", min(failed.get("plan", ()), default=None))
    yield from stage("attention", min(failed.get("restore_task", ()), default=None))


def plan_end(subject: PlanSubject) -> float | None:
    """Return when a prepaid plan ends: by the plan list, else by its bill."""
    billing = subject.get(BILLING)
    if subject.plan.expires_at is None and billing is not None:
        return billing.expires_at
    return subject.plan.expires_at
