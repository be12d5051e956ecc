"""Backup plans: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.fake_api import FakeApi, reading_of
from support.family_lines import lines, states
from support.known_subjects import PLAN

from dbs_exporter.collectors.plans import COLLECTOR, read_plans
from dbs_exporter.facts.plans import PLAN_STATUSES
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_plan_info": [
        '{backup_method="logical",cross_account_id="42",database_type="MySQL",gateway_id="7",'
        'instance_class="small",plan_name="orders",resource_group_id="rg-1",source_instance_id="rm-1",'
        'source_region="cn-hangzhou",source_type="RDS"} 1.0'
    ],
    "dbs_plan_status": states(PLAN_STATUSES, "running"),
    "dbs_plan_created_timestamp_seconds": ["{} 100.0"],
    "dbs_plan_log_backup_enabled": ["{} 1.0"],
    "dbs_plan_retention_seconds": ['{backup_type="full"} 604800.0', '{backup_type="log"} 86400.0'],
    "dbs_plan_schedule_max_gap_seconds": ["{} 345600.0"],
    "dbs_plan_database_objects": ["{} 3.0"],
}


def test_plans_are_asked_with_their_window_and_left_to_their_own_region() -> None:
    """Many regions share an endpoint, and one that ignores Region must not give every plan to each."""
    records = [
        {"BackupPlanId": "dbs1", "BackupPlanRegion": "cn-hangzhou"},
        {"BackupPlanId": "dbs2", "BackupPlanRegion": "cn-beijing"},
        {"BackupPlanId": "dbs3"},
        {"BackupPlanId": "dbs3"},
    ]
    api = FakeApi(DescribeBackupPlanList=records)
    plans = read_plans(reading_of(api))

    assert [plan.plan_id for plan in plans.plans] == ["dbs1", "dbs3"]
    assert api.asked[0][1] == {
        "Region": "cn-hangzhou",
        "ShowRecoverTimeRange": True,
        "ShowBackupStrategyInfo": True,
        "ShowStorageStrategyInfo": True,
    }


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    hibernating = replace(PLAN, plan=replace(PLAN.plan, status="NEW"))

    assert lines(hibernating, "dbs_plan_status") == states((*PLAN_STATUSES, "NEW"), "NEW")
