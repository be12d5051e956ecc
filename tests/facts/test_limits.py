"""Limits that must fit each other."""

from __future__ import annotations

from dbs_exporter.facts import limits


def test_a_backup_that_comes_when_it_is_due_is_not_late() -> None:
    """The schedule's grace leaves it below the share of the objective from which it counts as late."""
    assert 1 / limits.FULL_BACKUP_GRACE < limits.LATE_SHARE < 1


def test_a_plan_is_at_risk_before_it_breaks_its_objective() -> None:
    """The share is one of the objective, so there is a time in which to act."""
    assert 0 < limits.AT_RISK_SHARE < 1


def test_a_median_needs_no_more_sets_than_it_is_taken_of() -> None:
    """Else there would never be one."""
    assert 0 < limits.MEDIAN_AT_LEAST <= limits.MEDIAN_SETS
