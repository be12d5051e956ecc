"""Restorable points and ranges: what is asked, and what their family makes of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.dues import promised_first, promised_within
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines
from support.known_subjects import BACKUP, PLAN
from support.subjects import subject_with

from dbs_exporter.collectors.dues import Pace
from dbs_exporter.collectors.restore_ranges import COLLECTOR, STALL_SECONDS, due, read_ranges
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.windows import Window
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


# ── when they are worth reading ──

HOUR = 3_600.0


def latest(
    *,
    read: float = 2 * HOUR,
    finished: float | None = None,
    moved: float | None = None,
    stood: float = 0.0,
    at_rest: float = 6 * HOUR,
) -> float:
    """In how many seconds ranges are promised to be read again; ages are seconds before now."""
    last = None if finished is None else replace(BACKUP, ended_at=NOW - finished, finished_at=NOW - finished)
    subject = subject_with(
        subject_of(), (RANGES, (), NOW - read), (FULL_BACKUPS, FullBackupHistory(last_success=last), NOW)
    )
    if moved is not None:
        subject = replace(subject, window=Window(moved_at=NOW - moved, stood_seconds=stood))
    return promised_first(due(subject, Pace(now=NOW, interval=600.0, at_rest=at_rest))).latest - NOW


def test_ranges_of_a_plan_to_which_nothing_happens_are_read_every_few_hours() -> None:
    """They change with full backups and holes alone."""
    assert latest() == latest(finished=5 * HOUR) == promised_within(6 * HOUR) - 2 * HOUR


def test_after_a_full_backup_they_are_read_within_minutes() -> None:
    """It begins a new range, and the oldest one may have gone."""
    assert latest(finished=60.0) == 540.0


def test_after_the_log_came_back_they_are_read_within_minutes() -> None:
    """There may be a hole now; a window that stood for no longer than log files take leaves none."""
    assert latest(moved=60.0, stood=STALL_SECONDS + 1.0) == 540.0
    assert latest(moved=60.0, stood=STALL_SECONDS) == latest()
    assert latest(moved=3 * HOUR, stood=STALL_SECONDS + 1.0) == latest()


def test_they_are_read_hourly_at_most() -> None:
    """A plan with a full backup every few minutes does not have its ranges read each time."""
    assert latest(read=600.0, finished=60.0) == HOUR - 600.0 + 600.0
    assert latest(read=600.0, finished=60.0, at_rest=1_200.0) == promised_within(1_200.0) - 600.0


def test_a_set_without_a_finish_time_counts_by_its_end() -> None:
    """FinishTime is told later than EndTime, and of some sets never."""
    last = replace(BACKUP, ended_at=NOW - 60.0, finished_at=None)
    subject = subject_with(
        subject_of(), (RANGES, (), NOW - 2 * HOUR), (FULL_BACKUPS, FullBackupHistory(last_success=last), NOW)
    )

    pace = Pace(now=NOW, interval=600.0, at_rest=6 * HOUR)

    assert promised_first(due(subject, pace)).latest == NOW - 60.0 + 600.0
