"""Subjects and their keys."""

from __future__ import annotations

import pytest

from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import (
    AccountSubject,
    Level,
    PlanSubject,
    RegionSubject,
    Scope,
    SubjectKey,
    key_of,
    level_of,
)

SCOPE = Scope(account="prod", region="cn-hangzhou")


@pytest.mark.parametrize(
    ("subject", "key", "level"),
    [
        (AccountSubject(account="prod"), ("prod", "", ""), "account"),
        (RegionSubject(scope=SCOPE), ("prod", "cn-hangzhou", ""), "region"),
        (PlanSubject(scope=SCOPE, plan=Plan(plan_id="dbs1")), ("prod", "cn-hangzhou", "dbs1"), "plan"),
    ],
)
def test_a_key_says_whose_it_is_and_of_what_kind(subject: Subject, key: SubjectKey, level: Level) -> None:
    """What a subject does not belong to is empty in its key, and by that its kind is told."""
    assert key_of(subject) == key
    assert level_of(key) == level


def test_what_is_no_account_region_or_plan_has_no_key() -> None:
    """Another kind of subject would be mistaken for one of these."""
    with pytest.raises(TypeError, match="not a subject"):
        key_of(Subject())


def test_scopes_are_in_order_and_stand_in_sets() -> None:
    """By account, then by region; equal ones are one."""
    others = [Scope(account="test", region="cn-beijing"), Scope(account="prod", region="cn-beijing")]

    assert sorted([*others, SCOPE]) == [others[1], SCOPE, others[0]]
    assert len({SCOPE, Scope(account="prod", region="cn-hangzhou")}) == 1
