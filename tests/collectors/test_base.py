"""Readings and what collectors have in common."""

from __future__ import annotations

import pytest
from support.fake_api import NOW, WITHIN, FakeApi, reading_of, reading_of_plan, subject_of
from support.unknown_values import Told

from dbs_exporter.collectors.base import AccountCollector, PlanCollector, Read, RegionCollector
from dbs_exporter.errors import BadAnswer, Invalid, NotPermitted, Throttled
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
        at_rest_seconds=1,
        rank=1,
        due=lambda _subject, _pace: (),
        read=lambda _: Read(facts=1),
        nothing=0,
    )

    assert [collector.level for collector in (account, region, plan)] == ["account", "region", "plan"]


BEYOND = PlanCollector(
    name="c",
    summary="",
    section="",
    group=NUMBERS,
    operations=("DescribeFullBackupList",),
    interval_seconds=1,
    at_rest_seconds=1,
    rank=1,
    due=lambda _subject, _pace: (),
    read=lambda reading: Read(
        facts=len(reading.pages("DescribeFullBackupList", BackupPlanId=reading.plan_id))
    ),
    nothing=0,
)
"""Counts full backups."""


def test_what_the_api_refuses_of_a_plan_that_was_never_configured_is_not_there() -> None:
    """Such a plan has no lists: that is no failure, and there is nothing to count."""
    api = FakeApi(DescribeFullBackupList=Invalid("no such job", code="InvalidJobId"))
    read = BEYOND.read_group(reading_of_plan(api, subject_of(Plan(plan_id="dbs1", status="wait"))))

    assert read == Read(facts=0, ended=None)
    assert api.asked == [("DescribeFullBackupList", {"BackupPlanId": "dbs1"})]


@pytest.mark.parametrize("status", ["running", "init", "stop", ""])
def test_what_the_api_refuses_of_any_other_plan_is_a_failure(status: str) -> None:
    """It should be there, and what is known of it stays."""
    api = FakeApi(DescribeFullBackupList=Invalid("no such job", code="InvalidJobId"))

    with pytest.raises(Invalid):
        BEYOND.read_group(reading_of_plan(api, subject_of(Plan(plan_id="dbs1", status=status))))


@pytest.mark.parametrize("error", [NotPermitted("no"), BadAnswer("odd"), Throttled("later")])
def test_a_plan_that_waits_is_not_excused_from_other_failures(error: Exception) -> None:
    """Only what the API calls wrong is not there."""
    api = FakeApi(DescribeFullBackupList=error)

    with pytest.raises(type(error)):
        BEYOND.read_group(reading_of_plan(api, subject_of(Plan(plan_id="dbs1", status="wait"))))


def test_what_the_api_answers_of_a_plan_that_waits_is_read() -> None:
    """Nothing is taken for granted."""
    api = FakeApi(DescribeFullBackupList=[{}, {}])

    assert BEYOND.read_group(reading_of_plan(api, subject_of(Plan(plan_id="dbs1", status="wait")))).facts == 2


def test_a_reading_reads_records_of_its_own_time() -> None:
    """What lies further than a day ahead of it is no time, and is told to whoever counts."""
    told = Told()
    fields = reading_of(FakeApi(), told).reader.fields({"now": NOW * 1000, "later": (NOW + 90_000) * 1000})

    assert (fields.instant("now"), fields.instant("later")) == (NOW, None)
    assert told.fields == ["later"]
