"""Backup plans: what is asked, and what their families make of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from support.fake_api import FakeApi, reading_of
from support.family_lines import lines, states
from support.known_subjects import PLAN
from support.unknown_values import Told, fail_on_unknown

from dbs_exporter.collectors.base import OnPage
from dbs_exporter.collectors.plans import COLLECTOR, read_plans
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.plans import PLAN_STATUSES, PlanList
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


ODD = {"BackupPlanId": ["dbs2"]}


def test_one_odd_plan_costs_that_plan() -> None:
    """Also one in two: a region is not blind for one record, and nobody is gone by a list that is not whole."""
    told = Told()
    plans = read_plans(reading_of(FakeApi(DescribeBackupPlanList=[{"BackupPlanId": "dbs1"}, ODD]), told))

    assert [plan.plan_id for plan in plans.plans] == ["dbs1"]
    assert not plans.whole
    assert told.fields == ["BackupPlanId"]


@pytest.mark.parametrize(
    "odd",
    [
        {"BackupRetentionPeriod": -1},
        {"InstanceExpiredTimestamp": 1_646_813_439},
        {"BackupPlanCreateTime": "long ago"},
        {"BackupPlanStatus": []},
    ],
)
def test_one_odd_field_costs_that_field(odd: dict[str, object]) -> None:
    """The plan is there, and the list is whole."""
    told = Told()
    records = [{"BackupPlanId": "dbs1"}, {"BackupPlanId": "dbs2", **odd}]
    plans = read_plans(reading_of(FakeApi(DescribeBackupPlanList=records), told))

    assert [plan.plan_id for plan in plans.plans] == ["dbs1", "dbs2"]
    assert plans.whole
    assert told.fields == list(odd)


@pytest.mark.parametrize("region", [[], "-1", -1, True, "cn-hang\ufffdhou", "China (Hangzhou)"])
def test_a_plan_of_a_region_that_is_none_is_not_left_to_it(region: object) -> None:
    """It would be in no list and so be gone; and of this region it may not be."""
    told = Told()
    records = [{"BackupPlanId": "dbs1"}, {"BackupPlanId": "dbs2", "BackupPlanRegion": region}]
    plans = read_plans(reading_of(FakeApi(DescribeBackupPlanList=records), told))

    assert [plan.plan_id for plan in plans.plans] == ["dbs1"]
    assert not plans.whole
    assert told.fields == ["BackupPlanRegion"]


@pytest.mark.parametrize("region", [None, "", "NULL", "cn-hangzhou", "CN-HANGZHOU"])
def test_a_plan_that_names_this_region_or_none_is_of_this_region(region: object) -> None:
    """Regions are compared without regard to case, and nothing is written in many ways."""
    records = [{"BackupPlanId": "dbs1", "BackupPlanRegion": region}]
    plans = read_plans(reading_of(FakeApi(DescribeBackupPlanList=records), fail_on_unknown))

    assert [plan.plan_id for plan in plans.plans] == ["dbs1"]
    assert plans.whole


def test_a_list_of_which_no_plan_can_be_read_is_refused() -> None:
    """It is not a region without plans."""
    with pytest.raises(BadAnswer) as caught:
        read_plans(reading_of(FakeApi(DescribeBackupPlanList=[ODD, ODD])))

    assert caught.value.field == "BackupPlanId"


def test_a_region_without_plans_is_whole() -> None:
    """Those that were there are gone."""
    elsewhere = [{"BackupPlanId": "dbs2", "BackupPlanRegion": "cn-beijing"}]

    assert read_plans(reading_of(FakeApi())) == PlanList()
    assert read_plans(reading_of(FakeApi(DescribeBackupPlanList=elsewhere))) == PlanList(total=1)
    odd = read_plans(reading_of(FakeApi(DescribeBackupPlanList=[*elsewhere, ODD])))
    assert odd == PlanList(whole=False, total=2)


def test_plans_of_each_page_are_handed_on_as_they_come() -> None:
    """A plan that is listed is a fact at once, as is how many there are; that another one is gone takes the whole list."""
    readable: list[dict[str, object]] = [{"BackupPlanId": f"dbs{number:03}"} for number in range(249)]
    records = [*readable[:120], ODD, *readable[120:]]
    told, parts = Told(), list[PlanList]()
    reading = reading_of(FakeApi(DescribeBackupPlanList=records), told)
    whole = read_plans(dataclasses.replace(reading, on_part=parts.append))

    assert [len(part.plans) for part in parts] == [100, 99, 50]
    assert not any(part.whole for part in parts)
    assert [part.total for part in parts] == [250, 250, 250]
    assert whole.total == 250
    assert [plan for part in parts for plan in part.plans] == list(whole.plans)
    assert not whole.whole
    assert told.fields == ["BackupPlanId"]


def test_a_list_that_was_read_twice_is_what_it_was_the_second_time() -> None:
    """The client reads a list again that changed meanwhile; what was on the first pages alone is not in it."""

    class Changing(FakeApi):
        def pages(
            self,
            operation: str,
            params: Mapping[str, object],
            *,
            within: float | None = None,
            on_page: OnPage | None = None,
        ) -> list[dict[str, Any]]:
            assert on_page is not None
            on_page([{"BackupPlanId": "gone"}, ODD], 2)
            on_page([{"BackupPlanId": "stays"}], 1)
            return [{"BackupPlanId": "stays"}]

    plans = read_plans(reading_of(Changing()))

    assert [plan.plan_id for plan in plans.plans] == ["stays"]
    assert (plans.whole, plans.total) == (True, 1)


def test_an_empty_list_has_no_plans() -> None:
    """And it is whole, so that plans that were there are gone."""
    assert read_plans(reading_of(FakeApi(DescribeBackupPlanList=[]))) == PlanList(total=0)
