"""Restorable points and ranges: what is asked, and what their family makes of them."""

from __future__ import annotations

import pytest
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines
from support.known_subjects import PLAN

from dbs_exporter.collectors.restore_ranges import COLLECTOR, read_ranges
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.plans import Plan
from dbs_exporter.metrics.family import Family

EXPECTED = {"dbs_plan_recoverable_ranges": ['{range_type="point"} 0.0', '{range_type="range"} 2.0']}


@pytest.mark.parametrize(("begin", "end"), [(None, None), (1.0, None), (None, 2.0)])
def test_without_a_window_there_is_nothing_to_ask_and_nothing_to_restore(
    begin: float | None, end: float | None
) -> None:
    """DescribeRestoreRangeInfo needs both edges, which the plan list leaves out where nothing can be restored."""
    api = FakeApi()
    plan = Plan(plan_id="dbs1", restore_begin_at=begin, restore_end_at=end)

    assert read_ranges(reading_of_plan(api, subject_of(plan))).facts == ()
    assert api.asked == []


def test_ranges_are_asked_in_milliseconds_to_the_present() -> None:
    """The window of a plan list that is minutes old must not cut off what came since."""
    api = FakeApi()
    plan = Plan(plan_id="dbs1", restore_begin_at=1_000_000.5, restore_end_at=1_500_000.0)
    read_ranges(reading_of_plan(api, subject_of(plan)))

    assert api.asked[0][1] == {
        "BackupPlanId": "dbs1",
        "BeginTimestampForRestore": 1_000_000_500,
        "EndTimestampForRestore": int(NOW * 1000),
    }


def test_permission_is_tried_with_the_last_day() -> None:
    """The window must be given, and a day is a small question."""
    assert COLLECTOR.probe is not None
    [(operation, parameters)] = COLLECTOR.probe.items()

    assert (operation,) == COLLECTOR.operations
    assert parameters(NOW) == {
        "BeginTimestampForRestore": int((NOW - 86_400) * 1000),
        "EndTimestampForRestore": int(NOW * 1000),
    }


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


@pytest.mark.parametrize("edge", ["BeginTimestampForRestore", "EndTimestampForRestore"])
def test_an_edge_that_cannot_be_read_is_not_one_that_is_missing(edge: str) -> None:
    """What was known of the ranges stays: that nothing can be restored was never said."""
    api = FakeApi()
    plan = Plan(plan_id="dbs1", unreadable=(edge,))
    with pytest.raises(BadAnswer) as caught:
        read_ranges(reading_of_plan(api, subject_of(plan)))

    assert caught.value.field == edge
    assert api.asked == []
