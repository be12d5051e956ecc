"""What a plan list makes of a plan, and what stays of a subject when collectors are switched off. Pure."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from dbs_exporter.facts.groups import Known, Subject
from dbs_exporter.facts.noticed import noticing
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.subjects import AccountSubject, PlanSubject
from dbs_exporter.facts.windows import after_list

S = TypeVar("S", bound=Subject)


def is_change(before: PlanSubject, plan: Plan) -> bool:
    """Return whether a plan list shows that something happened, so that the plan's lists are worth a look."""
    was = before.plan
    if (was.status, was.error_message, was.schedule, was.log_backup_enabled, was.gateway_id) != (
        plan.status,
        plan.error_message,
        plan.schedule,
        plan.log_backup_enabled,
        plan.gateway_id,
    ):
        return True
    # With log the window's end moves all the time; without it, a full backup finished.
    return not plan.log_backup_enabled and was.restore_end_at != plan.restore_end_at


def listed_plan(
    before: PlanSubject, plan: Plan, objectives: Objectives, at: float, promised_until: float, *, again: bool
) -> PlanSubject:
    """Return a plan as a list that was read at `at` shows it; `again` if this list had shown it before."""
    after = replace(
        before,
        plan=before.plan if plan == before.plan else plan,
        objectives=before.objectives if objectives == before.objectives else objectives,
        first_listed_at=at if before.first_listed_at is None else before.first_listed_at,
        listed_at=at,
        changed_at=at if before.listed_at is not None and is_change(before, plan) else before.changed_at,
        window=after_list(before.window, plan.restore_end_at, at, again=again),
        promised={**before.promised, PLANS.name: promised_until},
    )
    return noticing(before, after, at)


def with_groups(subject: S, kept: set[str]) -> S:
    """Return the subject without the facts of groups that are not kept; itself if there are none."""
    if all(name in kept or known.facts is None for name, known in subject.groups.items()):
        return subject
    groups = {name: known if name in kept else only_counters(known) for name, known in subject.groups.items()}
    if isinstance(subject, AccountSubject):
        return replace(subject, groups=groups)
    promised = {name: until for name, until in subject.promised.items() if name in kept}  # type: ignore[attr-defined]
    return replace(subject, groups=groups, promised=promised)


def only_counters(known: Known) -> Known:
    """Return what stays of a group whose facts are forgotten."""
    return Known(facts=None, tally=known.tally, counted=known.counted)
