"""Subjects: everything known of one account, region or plan, replaced by one swap each."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan

Level = Literal["account", "region", "plan"]
SubjectKey = tuple[str, str, str]
"""(account, region, plan_id); plan_id is "" for a region, and region is "" too for an account."""


class Scope(Struct, frozen=True, kw_only=True, order=True):
    """One account in one region: the labels that most families start with."""

    account: str
    region: str


class AccountSubject(Subject, frozen=True, kw_only=True):
    """Everything known of one account that belongs to no single region."""

    account: str


class RegionSubject(Subject, frozen=True, kw_only=True):
    """Everything known of one account and region that belongs to no single plan."""

    scope: Scope


class PlanSubject(Subject, frozen=True, kw_only=True):
    """Everything known of one plan. A group that was never read gives no rows."""

    scope: Scope
    plan: Plan
    objectives: Objectives = Objectives()


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
