"""Full backups: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.dues import promised_first, promised_within
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines, numbers, states
from support.known_subjects import BACKUP, PLAN
from support.subjects import subject_with
from support.unknown_values import Told

from dbs_exporter.collectors.dues import Due, Pace
from dbs_exporter.collectors.full_backups import COLLECTOR, due, read_full_backups
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.full_backups import (
    FULL_BACKUP_STATUSES,
    FULL_BACKUPS,
    FullBackup,
    FullBackupHistory,
    full_backup_history,
)
from dbs_exporter.facts.plans import Plan, Schedule
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_full_backup_missing_databases": [],  # The plan names none.
    "dbs_full_backup_last_success_timestamp_seconds": ["{} 1500.0"],
    "dbs_full_backup_last_success_duration_seconds": ["{} 400.0"],
    "dbs_full_backup_last_success_queue_seconds": ["{} 100.0"],
    "dbs_full_backup_last_success_size_bytes": ["{} 4096.0"],
    "dbs_full_backup_last_success_expires_timestamp_seconds": ["{} 9000.0"],
    "dbs_full_backup_last_attempt_timestamp_seconds": ["{} 2000.0"],
    "dbs_full_backup_last_attempt_status": states(FULL_BACKUP_STATUSES, "running"),
    "dbs_full_backup_consecutive_failures": ["{} 2.0"],
    "dbs_full_backup_running_started_timestamp_seconds": ["{} 2100.0"],
    "dbs_full_backup_running_progress_ratio": ['{stage="structure"} 1.0', '{stage="data"} 0.25'],
    "dbs_full_backup_orphaned_jobs": ["{} 1.0"],
    "dbs_full_backup_sets": numbers(FULL_BACKUP_STATUSES, {"finish": 5, "running": 1}),
    "dbs_full_backup_sets_bytes": numbers(STORAGE_CLASSES, {"Standard": 4096}, "storage_class"),
    "dbs_full_backup_size_median_bytes": ["{} 4000.5"],
    "dbs_full_backup_duration_median_seconds": ["{} 290.0"],
    "dbs_full_backups_completed_total": ['{result="success"} 4.0', '{result="failure"} 1.0'],
    "dbs_full_backup_bytes_total": ["{} 20480.0"],
    "dbs_full_backup_duration_seconds_total": ["{} 1200.5"],
}


def with_history(history: FullBackupHistory) -> PlanSubject:
    return subject_with(PLAN, (FULL_BACKUPS, history))


def test_only_what_has_ended_is_told_to_the_counters() -> None:
    """A running set is no event yet, and what failed is told apart."""
    records = [
        {"BackupSetId": f"s{number}", "BackupStatus": status, "BackupSize": 5}
        for number, status in enumerate(["finish", "stop", "running", "pause", "schedule"])
    ]
    ended = read_full_backups(reading_of_plan(FakeApi(DescribeFullBackupList=records))).ended

    assert ended is not None
    assert [(end.identity, end.success) for end in ended] == [("s0/finish", True), ("s1/stop", False)]


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    attempted = with_history(FullBackupHistory(last_attempt=replace(BACKUP, status="NEW")))
    counted = with_history(FullBackupHistory(counts=(("NEW", 1),)))
    expected = states((*FULL_BACKUP_STATUSES, "NEW"), "NEW")

    assert lines(attempted, "dbs_full_backup_last_attempt_status") == expected
    assert lines(counted, "dbs_full_backup_sets") == expected


def test_a_set_that_ends_before_it_starts_has_no_duration() -> None:
    """Instants that contradict each other are not known; a negative span is never exported."""
    backwards = with_history(FullBackupHistory(last_success=replace(BACKUP, finished_at=1.0, created_at=5e9)))

    assert lines(backwards, "dbs_full_backup_last_success_duration_seconds") == []
    assert lines(backwards, "dbs_full_backup_last_success_queue_seconds") == []


def test_a_set_without_a_finish_time_succeeded_when_its_data_ended() -> None:
    """FinishTime is told later than EndTime, and by some sets never."""
    finished = with_history(FullBackupHistory(last_success=replace(BACKUP, finished_at=None)))

    assert lines(finished, "dbs_full_backup_last_success_timestamp_seconds") == ["{} 1400.0"]


def test_without_orphans_there_is_no_series_of_them() -> None:
    """They are rare, and most plans never have one."""
    assert lines(with_history(FullBackupHistory()), "dbs_full_backup_orphaned_jobs") == []
    assert lines(with_history(FullBackupHistory(orphans=2)), "dbs_full_backup_orphaned_jobs") == ["{} 2.0"]


def test_a_job_that_was_killed_in_flight_does_not_run() -> None:
    """It is listed as running for ever; what runs now has not been overtaken."""
    records = [
        {
            "BackupSetId": "s1",
            "BackupStatus": "running",
            "CreateTime": 1583740000000,
            "StartTime": 1583740001000,
        },
        {
            "BackupSetId": "s2",
            "BackupStatus": "finish",
            "CreateTime": 1583750000000,
            "EndTime": 1583750009000,
        },
    ]
    read = read_full_backups(reading_of_plan(FakeApi(DescribeFullBackupList=records)))
    known = with_history(read.facts)

    assert lines(known, "dbs_full_backup_running_started_timestamp_seconds") == []
    assert lines(known, "dbs_full_backup_orphaned_jobs") == ["{} 1.0"]
    assert lines(known, "dbs_full_backup_sets") == numbers(FULL_BACKUP_STATUSES, {"running": 1, "finish": 1})


def test_bytes_that_may_lack_a_size_are_absent() -> None:
    """Those of the other storage classes are there."""
    known = with_history(FullBackupHistory(bytes_by_storage_class=(("IA", None), ("Standard", 5))))

    assert lines(known, "dbs_full_backup_sets_bytes") == [
        '{storage_class="Standard"} 5.0',
        '{storage_class="Archive"} 0.0',
        '{storage_class="UNKNOWN"} 0.0',
    ]


def test_one_odd_record_in_ten_costs_that_record() -> None:
    """Its neighbours are read and counted as ends; what it may have been is in no number of sets or bytes."""
    told = Told()
    good = [
        {"BackupSetId": f"s{number}", "BackupStatus": "finish", "BackupSetExpiredTime": 1_800_000_000_000}
        for number in range(9)
    ]
    api = FakeApi(DescribeFullBackupList=[*good, {"BackupSetId": "s9", "BackupStatus": []}])
    read = read_full_backups(reading_of_plan(api, unknown=told))

    assert len(read.ended or ()) == 9
    assert told.fields == ["BackupStatus"]
    assert read.facts.last_success is not None
    known = with_history(read.facts)
    assert lines(known, "dbs_full_backup_sets") == lines(known, "dbs_full_backup_sets_bytes") == []


def test_a_size_that_cannot_be_read_costs_the_group_nothing_else() -> None:
    """The set is a success and a recovery point; it is not counted until it is read for certain."""
    records = [
        {
            "BackupSetId": "s1",
            "BackupStatus": "finish",
            "CreateTime": 1583740000000,
            "EndTime": 1583740009000,
            "BackupSetExpiredTime": 1_800_000_000_000,
            "BackupSize": float("nan"),
            "StorageMethod": "IA",
        }
    ]
    read = read_full_backups(reading_of_plan(FakeApi(DescribeFullBackupList=records)))

    assert read.facts.newest_recovery_point_at == 1583740009.0
    assert read.facts.bytes_by_storage_class == (("IA", None),)
    assert read.ended == ()


# ── when they are worth reading ──

HOUR = 3_600.0
DAY = 86_400.0
MIDNIGHT = NOW // DAY * DAY
START = MIDNIGHT + 2 * HOUR
"""When today's backup is scheduled."""
EVERY_DAY = Schedule(weekdays=(0, 1, 2, 3, 4, 5, 6), start_minute=120)


def backup(
    day: int, *, took: float | None = HOUR, status: str = "finish", begin: float = START
) -> FullBackup:
    """The backup of a day, 0 for today; `took` None while it runs."""
    at = begin + day * DAY
    ended = None if took is None else at + took
    return FullBackup(
        backup_set_id=f"s{day}",
        status="running" if took is None else status,
        created_at=at,
        started_at=at,
        ended_at=ended,
        finished_at=ended,
    )


def due_at(
    read_at: float,
    *backups: FullBackup,
    usual: float = HOUR,
    past: bool = True,
    schedule: Schedule | None = EVERY_DAY,
    status: str = "running",
    changed_at: float | None = None,
    unchanged: int = 0,
    interval: float = 120.0,
    at_rest: float = HOUR,
) -> Due:
    """When full backups are due again that were read at an instant: ten days of backups, and these besides."""
    before = [backup(day, took=usual) for day in range(-10, 0)] if past else []
    history = full_backup_history([*before, *backups], read_at)
    subject = replace(
        subject_of(Plan(plan_id="dbs1", status=status, schedule=schedule)), changed_at=changed_at
    )
    subject = subject_with(subject, (FULL_BACKUPS, history, read_at))
    known = replace(subject.known(FULL_BACKUPS), unchanged=unchanged)
    subject = replace(subject, groups={FULL_BACKUPS.name: known})
    pace = Pace(now=read_at, interval=interval, at_rest=at_rest, at_most=at_rest)
    return promised_first(due(subject, pace))


def test_between_two_backups_they_are_read_seldom() -> None:
    """Nothing is expected, so the age at rest is promised."""
    at = MIDNIGHT + 10 * HOUR

    assert due_at(at, backup(0)).latest == at + promised_within(HOUR)
    assert due_at(at, backup(0), at_rest=6 * HOUR).latest == at + promised_within(6 * HOUR)


def test_two_and_ten_minutes_after_a_scheduled_start_they_are_looked_at() -> None:
    """Did it begin, did it fail at once? Within a minute, or a fiftieth of what a backup takes."""
    first = due_at(START - 300.0)
    second = due_at(START + 150.0)

    assert (first.at, first.latest) == (START + 120.0, START + 120.0 + 72.0)
    assert (second.at, second.latest) == (START + 600.0, START + 600.0 + 72.0)
    assert due_at(START - 300.0, usual=600.0).patience == 60.0
    assert due_at(START + 700.0).latest == START + 700.0 + promised_within(HOUR)


@pytest.mark.parametrize(("wait", "look"), [(0.0, 120.0), (59.0, 120.0), (240.0, 300.0), (3_000.0, 600.0)])
def test_jobs_that_usually_wait_for_their_turn_are_looked_at_after_that(wait: float, look: float) -> None:
    """A minute after they have begun to run, so that those that fail at once have failed; ten minutes at most."""
    past = [
        replace(backup(day), created_at=START + day * DAY - wait, ended_at=START + day * DAY + HOUR)
        for day in range(-9, 0)
    ]

    assert due_at(START - wait - 300.0, *past, past=False).at == START - wait + look


def test_short_backups_are_sure_to_be_read_again_after_their_first_look() -> None:
    """Until they end, within the half hour for which calls are counted ahead; long ones end after that."""
    assert due_at(START - 300.0, usual=600.0).follow == due_at(START - 300.0, usual=1_800.0).follow == 3
    assert due_at(START - 300.0, usual=1_860.0).follow == 0


def test_the_next_start_is_seen_though_it_lies_beyond_the_age_at_rest() -> None:
    """A reading at rest comes first, and plans it then."""
    at = START - 2 * HOUR

    assert due_at(at).latest == at + promised_within(HOUR)
    assert due_at(START - 3_000.0).at == START + 120.0


def test_the_hour_is_that_of_the_past_and_not_the_documented_one() -> None:
    """BackupStartTime says 02:00 of some time zone; the past says 18:00 UTC."""
    past = [backup(day, begin=MIDNIGHT + 18 * HOUR) for day in range(-9, 0)]
    at = MIDNIGHT + 18 * HOUR - 600.0

    assert due_at(at, *past, past=False).at == MIDNIGHT + 18 * HOUR + 120.0
    assert due_at(START - 600.0, *past, past=False).latest == START - 600.0 + promised_within(HOUR)


def test_a_backup_that_began_early_is_that_starts() -> None:
    """One that was created minutes before the usual hour is not waited for again."""
    early = backup(0, took=60.0, begin=START - 600.0)

    assert due_at(START - 300.0, early).latest == START - 300.0 + promised_within(HOUR)


def test_while_a_backup_runs_it_is_looked_at_when_it_may_have_failed_and_when_it_may_end() -> None:
    """A minute after it began, and then from 0.84 of the usual duration on every few per cent of it."""
    running = backup(0, took=None)
    usual = 4 * HOUR
    looks, promises = [], []
    at = START + 30.0
    for _ in range(6):
        found = due_at(at, running, usual=usual, at_rest=9 * DAY)
        looks.append(found.at - START)
        promises.append(found.latest - at)
        at = found.at

    assert looks[:2] == [60.0, 0.84 * usual]
    assert [promises[0], promises[1]] == [30.0 + 0.02 * usual, (0.84 + 0.02) * usual - 60.0]
    assert promises[2:] == [pytest.approx(0.07 * usual)] * 4
    assert looks[2] - looks[1] == pytest.approx(0.95 * 0.07 * usual)


def test_an_end_takes_a_few_looks_which_are_counted_ahead() -> None:
    """One is left less from the first look on; of a long backup that has just begun they lie beyond what is counted."""
    running = backup(0, took=None)

    assert due_at(START + 30.0, running, usual=4 * HOUR).follow == 0
    assert due_at(START + 30.0, running, usual=600.0).follow == 3
    assert due_at(START + 100.0, running, usual=600.0).follow == 3
    assert due_at(START + 550.0, running, usual=600.0).follow == 2


def test_a_job_that_waits_for_its_turn_is_looked_at_by_how_long_it_has_waited() -> None:
    """Most begin within minutes; a job that never does takes a call now and then."""
    waiting = replace(backup(0, took=None), started_at=None)
    short = due_at(START + 60.0, waiting)
    long = due_at(START + 5 * HOUR, waiting)

    assert (short.at, short.latest) == (START + 180.0, START + 252.0)
    assert long.at == START + 5.5 * HOUR
    assert due_at(START + 20 * HOUR, waiting).latest == START + 20 * HOUR + promised_within(HOUR)


def test_a_long_backup_is_still_read_as_often_as_at_rest() -> None:
    """Its progress would else stand for hours."""
    at = START + HOUR

    assert due_at(at, backup(0, took=None), usual=12 * HOUR).latest == at + promised_within(HOUR)


def test_a_short_backup_is_not_asked_about_more_often_than_the_interval() -> None:
    """Seven per cent of ten minutes would be every 42 seconds."""
    at = START + 595.0
    found = due_at(at, backup(0, took=None), usual=600.0)

    assert (found.at, found.latest) == (at + 90.0, at + 120.0)


@pytest.mark.parametrize("interval", [1.0, 10.0, 30.0, 50.0])
def test_however_short_the_interval_it_passes_between_two_looks_in_good_part(interval: float) -> None:
    """What has room to be late must not come at once again and again."""
    at = START + 58.0 * 60
    found = due_at(START + 110.0, backup(0, took=None), usual=90.0, interval=interval)

    assert found.latest == START + 110.0 + max(interval, 0.07 * 90.0)
    assert found.at >= START + 110.0 + interval / 2
    assert due_at(at, backup(0, took=None), interval=interval).at > at + interval / 2


def test_a_backup_that_takes_more_than_twice_as_long_is_read_more_slowly() -> None:
    """It hangs, or is another kind of backup than usual."""
    late = due_at(START + 2.1 * HOUR, backup(0, took=None))
    short = due_at(START + 2_000.0, backup(0, took=None), usual=600.0)

    assert late.latest == START + 2.1 * HOUR + 600.0
    assert short.latest == START + 2_000.0 + 5 * 120.0


def test_a_first_backup_is_read_by_how_long_it_has_run() -> None:
    """Nobody knows how long it takes, so a few per cent of what it took so far may pass."""
    running = backup(0, took=None)
    at = START + 10 * HOUR

    assert due_at(at, running, past=False, at_rest=9 * DAY).latest == pytest.approx(at + 0.07 * 10 * HOUR)
    assert due_at(START + 700.0, running, past=False, at_rest=9 * DAY).latest == START + 820.0


def test_a_change_of_the_plan_has_them_read_at_once() -> None:
    """Whatever else was planned, and once: after the reading it is no news any more."""
    at = MIDNIGHT + 10 * HOUR
    changed = due_at(at, backup(0), changed_at=at + 30.0)

    assert (changed.at, changed.latest) == (at + 30.0, at + 150.0)
    assert due_at(at, backup(0), changed_at=at - 30.0).latest == at + promised_within(HOUR)


@pytest.mark.parametrize("status", ["wait", "init", "check_pass", "stop", "pause", "locked"])
def test_a_plan_that_has_not_begun_is_looked_at_soon_and_ever_more_seldom(status: str) -> None:
    """It may begin at any time, but five hundred idle plans must not take all calls."""
    latest = [
        due_at(MIDNIGHT, past=False, schedule=None, status=status, unchanged=number).latest - MIDNIGHT
        for number in (0, 1, 2, 9)
    ]
    at = MIDNIGHT + 10 * HOUR

    assert latest == [promised_within(age) for age in (120.0, 240.0, 480.0, HOUR)]
    assert due_at(at, backup(0), status=status).latest == at + promised_within(HOUR)


def test_a_plan_without_a_schedule_is_read_at_rest() -> None:
    """One that is started by hand may begin whenever it likes."""
    assert due_at(START - 60.0, schedule=None).latest == START - 60.0 + promised_within(HOUR)


def test_what_was_never_read_is_due_long_since() -> None:
    """Whoever plans first readings knows better, but none is put off."""
    subject = subject_of(Plan(plan_id="dbs1", status="running", schedule=EVERY_DAY))

    assert promised_first(due(subject, Pace(now=NOW, interval=120.0, at_rest=HOUR))).latest < NOW
