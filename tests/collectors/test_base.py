"""Readings and what collectors have in common."""

from __future__ import annotations

from support.fake_api import WITHIN, FakeApi, reading_of, reading_of_plan, subject_of

from dbs_exporter.collectors.base import AccountCollector, PlanCollector, Read, RegionCollector
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.plans import Plan

NUMBERS: Group[int] = Group("numbers", int)


def test_a_reading_asks_within_the_time_it_has() -> None:
    """Lists and single answers alike, so that no run outlives its interval; the fake API asserts the time."""
    record = {"BackupSetId": "set1"}
    api = FakeApi(DescribeFullBackupList=[record], DescribeRegions={"Regions": {}})
    reading = reading_of(api)

    assert reading.within == WITHIN
    assert reading.pages("DescribeFullBackupList", BackupPlanId="dbs1") == [record]
    assert reading.call("DescribeRegions") == {"Regions": {}}
    assert api.asked == [("DescribeFullBackupList", {"BackupPlanId": "dbs1"}), ("DescribeRegions", {})]


def test_a_reading_of_a_plan_knows_its_id() -> None:
    """It is what every question about the plan needs."""
    assert reading_of_plan(FakeApi(), subject_of(Plan(plan_id="dbs7"))).plan_id == "dbs7"


def test_a_collector_knows_what_it_reads() -> None:
    """Its class says whether that is an account, a region or a plan."""
    account = AccountCollector(
        name="a", summary="", section="", group=NUMBERS, operations=(), interval_seconds=1, read=lambda _: 1
    )
    region = RegionCollector(
        name="b", summary="", section="", group=NUMBERS, operations=(), interval_seconds=1, read=lambda _: 1
    )
    plan = PlanCollector(
        name="c",
        summary="",
        section="",
        group=NUMBERS,
        operations=(),
        interval_seconds=1,
        read=lambda _: Read(facts=1),
        nothing=0,
    )

    assert [collector.level for collector in (account, region, plan)] == ["account", "region", "plan"]
