"""Readings and what collectors have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.dues import promised_within
from support.fake_api import NOW, WITHIN, FakeApi, reading_of, reading_of_plan, subject_of
from support.subjects import subject_with
from support.unknown_values import Told

from dbs_exporter.collectors.base import AccountCollector, PlanCollector, Read, RegionCollector
from dbs_exporter.collectors.dues import Due, Dues, Pace
from dbs_exporter.errors import BadAnswer, Invalid, NotPermitted, Throttled
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import PlanSubject

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


PACE = Pace(now=NOW, interval=60.0, at_rest=3_600.0, at_most=3_600.0)


def test_due_times_are_those_of_the_collector() -> None:
    """All of them, none if there are none."""
    due = Due(at=NOW, patience=60.0)

    assert replace(BEYOND, due=lambda _subject, _pace: (due, due)).dues_of(subject_of(), PACE) == (due, due)
    assert BEYOND.dues_of(subject_of(), PACE) == ()


def test_a_due_time_that_cannot_be_told_is_that_at_rest(caplog: pytest.LogCaptureFixture) -> None:
    """One plan with odd facts keeps no other from being read, and is read itself; the log says which."""

    def broken(_subject: PlanSubject, _pace: Pace) -> Dues:
        raise ZeroDivisionError("boom")

    subject = subject_with(subject_of(), (NUMBERS, 1, NOW - 60.0))
    [due] = replace(BEYOND, due=broken).dues_of(subject, PACE)

    assert due.latest == NOW - 60.0 + promised_within(3_600.0)
    assert "ZeroDivisionError" in caplog.text
    assert [record.__dict__["plan_id"] for record in caplog.records] == ["dbs1"]
