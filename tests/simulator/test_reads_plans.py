"""Plans and what can be restored: filters choose, and a page costs the page."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from support.simulated_cloud import NOW, Cloud, all_plans, ask, standing_world

from dbs_exporter.simulator import World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.past import PlanHistory


def test_a_page_costs_the_page() -> None:
    """Of ten thousand plans with 90 days each, a page makes its own records and no more."""
    world = standing_world(plans=10_000)
    before = world.rendered_records
    ask(world, "DescribeBackupPlanList", PageSize=100, PageNum=50)
    assert world.rendered_records - before == 100
    before = world.rendered_records
    ask(world, "DescribeIncrementBackupList", BackupPlanId=all_plans(world)[4], PageSize=30, PageNum=2)
    assert world.rendered_records - before == 30


def test_filters_choose() -> None:
    """Plan ids, status, name and region, as the documents say."""
    world = standing_world()
    here = world.plan_ids("demo", "cn-hangzhou")
    two = ask(world, "DescribeBackupPlanList", BackupPlanId=",".join(here[:2]))
    locked = ask(world, "DescribeBackupPlanList", BackupPlanStatus="locked")

    assert two["TotalElements"] == 2
    assert locked["TotalElements"] == 1
    assert ask(world, "DescribeBackupPlanList", Region="cn-hangzhou")["TotalElements"] == len(here)


def test_plans_are_chosen_by_resource_group_and_method(cloud: Cloud) -> None:
    """Some of them, and not all."""
    everything = cloud.ask("DescribeBackupPlanList")["TotalElements"]
    physical = cloud.ask("DescribeBackupPlanList", BackupMethod="physical")["TotalElements"]
    grouped = cloud.ask("DescribeBackupPlanList", ResourceGroupId="rg-acfm1")["TotalElements"]

    assert 0 < physical < everything
    assert 0 < grouped < everything


def test_the_newest_of_what_can_be_restored_can_be_asked_for_alone(cloud: Cloud) -> None:
    """RecentlyRestore leaves one entry."""
    plan = cloud.plan()
    recently = cloud.ask(
        "DescribeRestoreRangeInfo",
        BackupPlanId=cloud.plan_id,
        RecentlyRestore="true",
        BeginTimestampForRestore=plan["BeginTimestampForRestore"],
        EndTimestampForRestore=plan["EndTimestampForRestore"],
    )
    assert len(recently["Items"]["DBSRecoverRange"]) == 1


def test_a_plan_paid_by_use_has_no_free_bytes_and_no_end(cloud: Cloud) -> None:
    """Used bytes are paid where nothing was bought beforehand."""
    for plan in cloud.ask("DescribeBackupPlanList", PageSize=100)["Items"]["BackupPlanDetail"]:
        bill = cloud.ask("DescribeBackupPlanBilling", BackupPlanId=plan["BackupPlanId"])["Item"]
        prepaid = plan["InstanceChargeType"] == "PREPAY"

        assert (bill["BuyChargeType"], bill["PaiedBytes"] == 0) == (plan["InstanceChargeType"], prepaid)
        assert ("BuyExpiredTimestamp" in bill) is prepaid
        assert prepaid or "TotalFreeBytes" not in bill


@pytest.mark.parametrize(
    "operation", ["DescribeBackupPlanList", "DescribeFullBackupList", "DescribeIncrementBackupList"]
)
def test_a_page_of_a_large_fleet_is_no_more_work(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in draws, schedule look-ups and plans touched, a page of 10,000 plans costs what a page of 40 costs."""
    work = {"count": 0}

    def counted(holder: Any, name: str) -> None:
        real = getattr(holder, name)

        def call(*arguments: Any, **named: Any) -> Any:
            work["count"] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(holder, name, call)

    worlds = [World.healthy(plans=plans, clock=lambda: NOW) for plans in (40, 10_000)]
    plan_id = worlds[0].plan_ids("demo")[3]
    assert worlds[1].spec(plan_id) == worlds[0].spec(plan_id)
    counted(importlib.import_module("dbs_exporter.simulator.past"), "draw")
    counted(PlanHistory, "due")
    counted(World, "spec")
    counted(World, "history")
    costs = []
    for world in worlds:
        work["count"] = 0
        given = {"BackupPlanId": plan_id, "PageSize": "30"} | (
            {"BackupPlanId": ""} if operation == "DescribeBackupPlanList" else {}
        )
        assert READS[operation](world, "demo", given)["TotalElements"] > 30
        costs.append(work["count"])

    assert 0 < costs[1] <= 1.2 * costs[0]
