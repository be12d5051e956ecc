"""Families that rest on several things."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.family_lines import lines
from support.known_subjects import PLAN
from support.subjects import subject_with

from dbs_exporter.collectors import protection
from dbs_exporter.facts.billing import BILLING, Billing
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_plan_restore_estimate_seconds": [],  # It has no proof.
    "dbs_plan_objective_source_info": [],  # The plan is made with its objectives.
    "dbs_plan_recovery_gap_begin_timestamp_seconds": [],  # Its ranges have no hole.
    "dbs_plan_recovery_gap_end_timestamp_seconds": [],
    "dbs_plan_expires_timestamp_seconds": ["{} 99000.0"],
    "dbs_plan_recoverable_from_timestamp_seconds": ["{} 11.0"],
    "dbs_plan_recoverable_until_timestamp_seconds": ["{} 22.0"],
    "dbs_plan_recovery_gaps": ['{scope="current"} 1.0', '{scope="older"} 2.0'],
    "dbs_plan_recovery_gap_seconds": ['{scope="current"} 60.0', '{scope="older"} 120.0'],
    "dbs_plan_recovery_point_timestamp_seconds": ["{} 33.0"],
    "dbs_plan_last_good_expires_timestamp_seconds": ["{} 9000.0"],
    "dbs_plan_objective_seconds": [
        '{objective="rpo"} 300.0',
        '{objective="full_backup_interval"} 90000.0',
        '{objective="restore_time"} 3600.0',
        '{objective="restore_test_interval"} 8e+06',
    ],
}


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known answers in place of the derivations, which have tests of their own."""
    monkeypatch.setattr(protection, "recoverable_window", lambda subject: (11.0, 22.0))
    monkeypatch.setattr(
        protection, "recovery_gaps", lambda subject: {"current": (1, 60.0), "older": (2, 120.0)}
    )
    monkeypatch.setattr(protection, "recovery_point", lambda subject: 33.0)


@pytest.mark.parametrize("family", protection.FAMILIES, ids=lambda family: family.name)
@pytest.mark.usefixtures("derived")
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_the_end_of_a_prepaid_plan_may_come_from_billing() -> None:
    """The plan list has the last word; billing stands in where the list is silent."""
    silent = replace(PLAN, plan=replace(PLAN.plan, expires_at=None))
    billed = subject_with(silent, (BILLING, Billing(expires_at=7.0)))

    assert lines(billed, "dbs_plan_expires_timestamp_seconds") == ["{} 7.0"]


def test_what_cannot_be_derived_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """None from a derivation, whole or in part, gives no sample."""
    monkeypatch.setattr(protection, "recoverable_window", lambda subject: (None, 5.0))
    monkeypatch.setattr(protection, "recovery_gaps", lambda subject: None)
    monkeypatch.setattr(protection, "recovery_point", lambda subject: None)

    assert lines(PLAN, "dbs_plan_recoverable_from_timestamp_seconds") == []
    assert lines(PLAN, "dbs_plan_recoverable_until_timestamp_seconds") == ["{} 5.0"]
    assert lines(PLAN, "dbs_plan_recovery_gaps") == []
    assert lines(PLAN, "dbs_plan_recovery_point_timestamp_seconds") == []
