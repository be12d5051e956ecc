"""Subjects: everything known of one account, region or plan, replaced by one swap each."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from dbs_exporter.facts.groups import Known, Subject
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.windows import Window

Level = Literal["account", "region", "plan"]
SubjectKey = tuple[str, str, str]
"""(account, region, plan_id); plan_id is "" for a region, and region is "" too for an account."""


class Scope(Struct, frozen=True, kw_only=True, order=True):
    """One account in one region: the labels that most families start with."""

    account: str
    region: str


class Weakening(Struct, frozen=True, kw_only=True):
    """Something of a plan that was better before."""

    was: float
    at: float
    """When a list first showed that it is weaker, in Unix seconds."""


class Outage(Struct, frozen=True, kw_only=True):
    """The last outage of a plan's gateway; times in Unix seconds."""

    began_at: float
    seen_at: float
    """When a list last showed it."""
    known_until: float = 0.0
    """Until when the list of gateways that showed it counts as known."""
    caught_up_at: float | None = None
    """When the plan's recovery point was last seen to catch up after it."""


class Proof(Struct, frozen=True, kw_only=True):
    """What a restore that brought back all that a plan names took."""

    task_id: str
    finished_at: float
    destination_type: str
    seconds: float
    """How long it ran; with its wait where that was not seen."""
    size_bytes: int
    """Of the set that it restored; more than 0."""
    log_seconds: float
    """How far beyond the end of the set it replayed log; 0 for none."""


class AccountSubject(Subject, frozen=True, kw_only=True):
    """Everything known of one account that belongs to no single region."""

    account: str


class RegionSubject(Subject, frozen=True, kw_only=True):
    """Everything known of one account and region that belongs to no single plan."""

    scope: Scope
    promised: dict[str, float] = field(default_factory=dict)
    """By the names of groups: until when what was last read is promised to be read again, a grace included, in Unix seconds."""
    noticed: dict[str, float] = field(default_factory=dict)
    """Since when what carries no time is so, by the keys of `facts.noticed`, in Unix seconds."""
    gone: dict[str, float] = field(default_factory=dict)
    """Plans with backups that left a complete list, and when, in Unix seconds."""


class PlanSubject(Subject, frozen=True, kw_only=True):
    """Everything known of one plan. A group that was never read gives no rows."""

    scope: Scope
    plan: Plan
    objectives: Objectives = Objectives()
    first_listed_at: float | None = None
    """When a plan list first showed the plan, in Unix seconds."""
    listed_at: float | None = None
    """When a plan list last showed the plan, in Unix seconds."""
    changed_at: float | None = None
    """When a plan list last showed another status, error, schedule, log switch or source than the one before."""
    window: Window = Window()
    promised: dict[str, float] = field(default_factory=dict)
    """By the names of groups: until when what was last read is promised to be read again, a grace included, in Unix seconds."""
    noticed: dict[str, float] = field(default_factory=dict)
    """Since when what carries no time is so, by the keys of `facts.noticed`, in Unix seconds."""
    weakened: dict[str, Weakening] = field(default_factory=dict)
    """What was better before, by its name."""
    outage: Outage | None = None
    proofs: tuple[Proof, ...] = ()
    """The last restores of all that the plan names whose pace is known, the newest first."""


class GonePlan(Struct, frozen=True, kw_only=True):
    """What is remembered of a plan that a list no longer holds, lest its counters begin anew if it returns."""

    gone_at: float
    """When a list first did not show it, in Unix seconds."""
    counters: dict[str, Known]
    """By the names of groups; without facts."""


def key_of(subject: Subject) -> SubjectKey:
    """Return a subject's key."""
    match subject:
        case PlanSubject(scope=scope, plan=plan):
            return (scope.account, scope.region, plan.plan_id)
        case RegionSubject(scope=scope):
            return (scope.account, scope.region, "")
        case AccountSubject(account=account):
            return (account, "", "")
    raise TypeError(f"not a subject: {subject!r}")


def level_of(key: SubjectKey) -> Level:
    """Return what kind of subject a key names."""
    if key[2]:
        return "plan"
    return "region" if key[1] else "account"
