"""Log backups: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.dues import promised_first, promised_within
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines, numbers, states
from support.known_subjects import PLAN
from support.subjects import subject_with
from support.unknown_values import Told

from dbs_exporter.collectors.dues import Due, Pace
from dbs_exporter.collectors.log_backups import (
    COLLECTOR,
    SHORT_LIST,
    WHOLE_LIST_SECONDS,
    audit,
    due,
    read_log_backups,
)
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LOG_FILE_STATUSES, LogHistory
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.facts.windows import Window
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_incremental_backup_last_data_timestamp_seconds": ["{} 2200.0"],
    "dbs_incremental_backup_last_completed_timestamp_seconds": ["{} 2190.0"],
    "dbs_incremental_backup_files": numbers(LOG_FILE_STATUSES, {"COMPLETED": 9, "FILLING": 1}),
    "dbs_incremental_backup_files_bytes": numbers(STORAGE_CLASSES, {"IA": 512}, "storage_class"),
    "dbs_incremental_backups_completed_total": ['{result="success"} 9.0', '{result="failure"} 0.0'],
    "dbs_incremental_backup_bytes_total": ["{} 512.0"],
}


@pytest.mark.parametrize("enabled", [True, False, None])
def test_log_files_are_read_also_where_log_backup_is_off(enabled: bool | None) -> None:
    """What was received before is what is left to restore from, and its lag is what an alert looks at."""
    api = FakeApi()
    plan = Plan(plan_id="dbs1", log_backup_enabled=enabled)
    read_log_backups(reading_of_plan(api, subject_of(plan)))

    assert api.asked == [("DescribeIncrementBackupList", {"BackupPlanId": "dbs1", "ShowStorageType": True})]


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    counted = subject_with(PLAN, (LOG_BACKUPS, LogHistory(count=1, counts=(("NEW", 1),))))

    assert lines(counted, "dbs_incremental_backup_files") == states((*LOG_FILE_STATUSES, "NEW"), "NEW")


def test_files_that_were_never_listed_whole_are_not_counted_as_none() -> None:
    """The newest part of a list alone says how far the log has come, and nothing of how many files there are."""
    newest_alone = subject_with(PLAN, (LOG_BACKUPS, LogHistory(last_data_at=1.0)))

    assert lines(newest_alone, "dbs_incremental_backup_files") == []
    assert lines(newest_alone, "dbs_incremental_backup_files_bytes") == []


def test_bytes_that_may_lack_a_size_are_absent() -> None:
    """Those of the other storage classes are there."""
    known = subject_with(PLAN, (LOG_BACKUPS, LogHistory(count=1, bytes_by_storage_class=(("IA", None),))))

    assert lines(known, "dbs_incremental_backup_files_bytes") == [
        '{storage_class="Standard"} 0.0',
        '{storage_class="Archive"} 0.0',
        '{storage_class="UNKNOWN"} 0.0',
    ]


def test_one_odd_file_of_168_costs_that_file() -> None:
    """A week of log stays known, but for the hour that is not."""
    told = Told()
    hour = 3_600_000
    records = [
        {
            "BackupSetId": f"bin.{number}",
            "BackupStatus": "COMPLETED",
            "StartTime": 1_583_740_800_000 + number * hour,
            "EndTime": 1_583_740_800_000 + (number + 1) * hour,
            "BackupSize": 10,
            "StorageMethod": "Standard",
        }
        for number in range(168)
    ]
    records[100] |= {"EndTime": "soon", "BackupSize": -1}
    read = read_log_backups(reading_of_plan(FakeApi(DescribeIncrementBackupList=records), unknown=told))

    assert [(end - begin) / 3600 for begin, end in read.facts.spans] == [100.0, 67.0]
    assert read.facts.bytes_by_storage_class == (("Standard", None),)
    assert len(read.ended or ()) == 167
    assert sorted(told.fields) == ["BackupSize", "EndTime"]


# ── when they are worth reading ──

AT_REST = 1_800.0
PACE = Pace(now=NOW, interval=60.0, at_rest=AT_REST, at_most=AT_REST)


def plan_of(
    *,
    window_age: float | None = 60.0,
    trusted: bool = True,
    enabled: bool = True,
    rpo: float | None = 1_800.0,
    history: LogHistory | None = LogHistory(count=168),  # noqa: B008 - frozen
    unchanged: int = 0,
) -> PlanSubject:
    """A plan whose list was read just now; its window ended so long ago."""
    window = Window(end_at=None if window_age is None else NOW - window_age, confirmed=trusted)
    subject = replace(
        subject_of(Plan(plan_id="dbs1", status="running", log_backup_enabled=enabled)),
        window=window,
        objectives=Objectives(rpo=rpo),
    )
    subject = subject_with(subject, (LOG_BACKUPS, history, NOW))
    known = replace(subject.known(LOG_BACKUPS), unchanged=unchanged)
    return replace(subject, groups={LOG_BACKUPS.name: known})


def latest(subject: PlanSubject, pace: Pace = PACE) -> float:
    """In how many seconds the list is promised to be read again."""
    return promised_first(due(subject, pace)).latest - NOW


def test_while_the_window_moves_on_the_list_is_read_seldom() -> None:
    """The plan list says what it would."""
    assert latest(plan_of()) == promised_within(AT_REST)
    assert latest(plan_of(window_age=900.0)) == promised_within(AT_REST)


def test_when_the_window_lags_the_list_is_read_soon_and_ever_more_seldom_while_nothing_comes() -> None:
    """From half of the plan's rpo on; it may be the window alone that stands."""
    found = [latest(plan_of(window_age=901.0, unchanged=number)) for number in (0, 1, 2, 20)]

    assert found == [promised_within(age) for age in (60.0, 120.0, 240.0, AT_REST)]


def test_a_short_rpo_does_not_have_each_list_of_plans_taken_for_a_lag() -> None:
    """The window is as old as the plan list that shows it."""
    assert latest(plan_of(window_age=230.0, rpo=60.0)) == promised_within(AT_REST)
    assert latest(plan_of(window_age=250.0, rpo=60.0)) == promised_within(60.0)


@pytest.mark.parametrize(("window_age", "trusted"), [(60.0, False), (None, True), (None, False)])
@pytest.mark.parametrize(
    ("rpo", "seconds"), [(1_800.0, 450.0), (None, 450.0), (600.0, 150.0), (120.0, 60.0), (86_400.0, AT_REST)]
)
def test_where_the_window_says_nothing_the_list_is_read_as_often_as_the_rpo_needs(
    window_age: float | None, trusted: bool, rpo: float | None, seconds: float
) -> None:
    """A quarter of it, not more often than the interval and not more seldom than at rest."""
    assert latest(plan_of(window_age=window_age, trusted=trusted, rpo=rpo)) == promised_within(seconds)


def test_where_log_backup_is_off_nothing_is_expected() -> None:
    """However old the window is; the plan list shows when it is switched on, so the log list is read very seldom."""
    off = plan_of(enabled=False, window_age=9_999.0)
    eased = Pace(now=NOW, interval=60.0, at_rest=120.0, at_most=AT_REST)
    [found] = due(off, eased)

    assert latest(off) == promised_within(4 * AT_REST)
    assert latest(off, eased) == promised_within(480.0)
    assert found.wanted_spacing == pytest.approx(0.95 * 4 * AT_REST)


@pytest.mark.parametrize("history", [None, LogHistory(count=SHORT_LIST + 1)])
def test_a_long_list_whose_newest_part_cannot_be_read_alone_is_left_to_the_whole_reading(
    history: LogHistory | None,
) -> None:
    """A hundred pages for one file that may be new."""
    assert due(plan_of(history=history), replace_tail(PACE)) == ()
    assert due(plan_of(history=history, window_age=9_999.0), replace_tail(PACE)) == ()


def test_a_short_list_needs_no_tail() -> None:
    """It comes in one call."""
    assert latest(plan_of(history=LogHistory(count=SHORT_LIST)), replace_tail(PACE)) == promised_within(
        AT_REST
    )


def replace_tail(pace: Pace) -> Pace:
    return Pace(now=pace.now, interval=pace.interval, at_rest=pace.at_rest, tail=False)


def test_the_whole_list_is_read_once_a_day() -> None:
    """Counts, bytes and spacing come from it; half a day of patience lets whole lists wait for their share."""
    listed = audit(plan_of(history=LogHistory(count=168, listed_at=NOW - 3_600.0)), PACE)
    never = audit(plan_of(history=LogHistory()), PACE)

    assert listed == Due(
        at=NOW - 3_600.0 + WHOLE_LIST_SECONDS,
        patience=WHOLE_LIST_SECONDS / 2,
        spacing=WHOLE_LIST_SECONDS,
        wanted_spacing=WHOLE_LIST_SECONDS,
        why=listed.why,
    )
    assert (never.at, never.latest) == (NOW, NOW + WHOLE_LIST_SECONDS)
    assert never.spacing == never.wanted_spacing == WHOLE_LIST_SECONDS
