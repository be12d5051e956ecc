"""What explains conditions: deadlines until which something else, with an alert of its own, is why they hold.

A cause explains only what began after it. Each reading that shows it renews it, and it ends by itself a quarter of an hour after
the last, but not before its facts are stale. Only a cause whose own alert is at least as severe explains: that a plan is paused
somebody meant; that it is stopped or locked explains nothing critical.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dbs_exporter.conditions.algebra import Condition
from dbs_exporter.conditions.full_backups import full_backup_age, full_backup_failed, full_backup_stuck
from dbs_exporter.conditions.plans import plan_not_running
from dbs_exporter.conditions.recovery import last_good_expiring, no_recovery_point_overdue, recovery_point
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.limits import EXPLAINED_SECONDS
from dbs_exporter.facts.noticed import not_running_since, precheck_key
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.facts.subjects import PlanSubject

_BY_GATEWAY = (
    no_recovery_point_overdue, recovery_point, full_backup_age, last_good_expiring, full_backup_failed, full_backup_stuck,
)  # fmt: skip
_BY_PAUSE = (recovery_point, full_backup_age, no_recovery_point_overdue, last_good_expiring)


class Explanation(NamedTuple):
    """Until when, in Unix seconds, a cause explains a condition, and the facts that the cause rests on."""

    condition: Condition
    cause: str
    facts: str
    until: float


def explanations(subject: PlanSubject) -> Iterator[Explanation]:
    """Yield what explains conditions of a plan."""
    for cause, facts, began, until, explained in _causes(subject):
        for condition in explained:
            if any(stage.since >= began for stage in condition.stages(subject)):
                yield Explanation(condition, cause, facts, until)


def _causes(subject: PlanSubject) -> Iterator[tuple[str, str, float, float, tuple[Condition, ...]]]:
    """Yield (cause, its facts, when it began, until when it explains, the conditions that it can explain)."""
    listed = max((subject.listed_at or 0.0) + EXPLAINED_SECONDS, subject.promised.get(PLANS.name, 0.0))
    paused = not_running_since(subject) if subject.plan.status == "pause" else None
    if paused is not None:
        yield "pause", PLANS.name, paused, listed, _BY_PAUSE
    refused = subject.noticed.get(precheck_key("plan", subject.plan.plan_id))
    if refused is not None:
        yield "precheck_failed", PLANS.name, refused, listed, (plan_not_running,)
    outage = subject.outage
    if outage is None:
        return
    until = max(outage.seen_at + EXPLAINED_SECONDS, outage.known_until)
    yield "gateway_offline", GATEWAYS.name, outage.began_at, until, _BY_GATEWAY
    if outage.caught_up_at is not None:
        # As long as the outage lasted, at most.
        most = outage.seen_at + (outage.seen_at - outage.began_at)
        until = min(outage.caught_up_at + EXPLAINED_SECONDS, most)
        yield "log_catching_up", PLANS.name, outage.began_at, until, (recovery_point,)
