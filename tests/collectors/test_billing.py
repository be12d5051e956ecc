"""Billing: what is asked, and what its families make of it."""

from __future__ import annotations

import pytest
from support.dues import promised_within
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines
from support.known_subjects import PLAN
from support.subjects import subject_with

from dbs_exporter.collectors.billing import COLLECTOR, due, read_plan_billing
from dbs_exporter.collectors.dues import Pace
from dbs_exporter.facts.billing import BILLING, Billing
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_plan_billing_storage_bytes": ['{backup_type="full"} 1.0', '{backup_type="log"} 2.0'],
    "dbs_plan_billing_used_bytes": ['{backup_type="full"} 3.0', '{backup_type="log"} 4.0'],
    "dbs_plan_billing_free_bytes": ["{} 5.0"],
    "dbs_plan_billing_paid_bytes": ["{} 6.0"],
    "dbs_plan_billing_info": ['{charge_type="PREPAY",spec="small"} 1.0'],
}


def test_billing_is_asked_of_one_plan() -> None:
    """It has no list and nothing that ends."""
    api = FakeApi(DescribeBackupPlanBilling={"Item": {"BuySpec": "small"}})
    read = read_plan_billing(reading_of_plan(api))

    assert api.asked == [("DescribeBackupPlanBilling", {"BackupPlanId": "dbs1", "ShowStorageType": True})]
    assert (read.facts, read.ended) == (Billing(spec="small"), None)


def test_billing_is_read_only_where_it_is_asked_for() -> None:
    """Few may see it, and no alert rests on it."""
    assert not COLLECTOR.enabled


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_billing_is_read_by_the_age_at_rest() -> None:
    """It changes slowly, and nothing tells when."""
    pace = Pace(now=NOW, interval=3_600.0, at_rest=21_600.0, at_most=21_600.0)
    [found] = due(subject_with(subject_of(), (BILLING, Billing(), NOW)), pace)

    assert found.latest == NOW + promised_within(21_600.0)
