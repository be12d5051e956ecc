"""Every condition, in the order in which the worse of several critical ones alerts; and the state of a plan by what holds."""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.conditions import full_backups, gateways, plans, recovery, regions, tasks
from dbs_exporter.conditions.algebra import STATES, Condition, Held, State, holding
from dbs_exporter.facts.freshness import RECOVERY, fresh_until
from dbs_exporter.facts.subjects import PlanSubject

ONE_CRITICAL = (
    recovery.no_recovery_point_overdue,
    recovery.recovery_point,
    full_backups.full_backup_age,
    recovery.last_good_expiring,
)
"""Of these only the first that holds alerts as critical."""

CONDITIONS: tuple[Condition, ...] = (
    *ONE_CRITICAL,
    recovery.no_recovery_point,
    recovery.recovery_gap,
    full_backups.full_backup_failed,
    full_backups.full_backup_empty,
    full_backups.full_backup_size,
    full_backups.full_backup_slow,
    full_backups.full_backup_remark,
    full_backups.full_backup_missing_databases,
    full_backups.full_backup_stuck,
    plans.plan_not_running,
    plans.plan_expiry,
    plans.log_backup_off,
    plans.retention_short,
    plans.plan_weakened,
    plans.no_objective,
    plans.precheck_failed,
    tasks.restore_test,
    tasks.restore_too_slow,
    tasks.restore_failed,
    tasks.restore_stuck,
    tasks.restore_time,
    tasks.download_failed,
    tasks.download_stuck,
    gateways.gateway_heartbeat,
    gateways.gateway_gone,
    regions.node_networks,
)


def conditions_of(*of: str) -> tuple[Condition, ...]:
    """Return the conditions of plans, tasks, gateways or regions."""
    return tuple(condition for condition in CONDITIONS if condition.of in of)


_OF_PLANS = conditions_of("plan", "restore_task", "download_task")


def judge(subject: PlanSubject, now: float) -> tuple[State, tuple[Held, ...]]:
    """Return a plan's state and everything that holds, the worst first; a task's conditions make it `attention` at most."""
    until = fresh_until(subject)
    held = sorted(holding(_OF_PLANS, subject, until, now), key=lambda each: STATES.index(each.stage.state))
    if until.get(RECOVERY, now) < now:
        return "unknown", tuple(held)
    return worst(held), tuple(held)


def worst(held: Iterable[Held]) -> State:
    """Return the worst state among what holds."""
    states: list[State] = [each.stage.state if each.condition.of == "plan" else "attention" for each in held]
    return min(states, key=STATES.index, default="protected")


def worse_from(subject: PlanSubject, state: State, now: float) -> float | None:
    """Return when a plan in a state will be at risk, or worse than that, unless something new arrives; None if that cannot come."""
    grave = STATES[: min(STATES.index("at_risk") + 1, STATES.index(state))]
    return min(
        (
            stage.since
            for condition in conditions_of("plan")
            for stage in condition.stages(subject)
            if stage.state in grave and stage.since >= now
        ),
        default=None,
    )
