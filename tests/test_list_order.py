"""Lists in any order, with repeats and at the edges: the API documents none of it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.facts import history, protection
from dbs_exporter.facts.downloads import DownloadTask
from dbs_exporter.facts.full_backups import FullBackup, FullBackupHistory
from dbs_exporter.facts.log_backups import LogFile, LogHistory
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.restore_ranges import RestoreRange
from dbs_exporter.facts.restores import RestoreTask
from dbs_exporter.facts.subjects import PlanSubject, Scope

INSTANTS = st.sampled_from([None, 10.0, 20.0, 30.0, 90.0, 150.0])
"""Few, so that equal times are common."""
TASK_STATUSES = st.sampled_from(["init", "running", "stop", "finish", "brand_new"])
FULL_BACKUPS = st.lists(
    st.builds(
        FullBackup,
        backup_set_id=st.sampled_from("abcdefg"),
        status=st.sampled_from(["schedule", "running", "finish", "stop", "pause", "brand_new"]),
        created_at=INSTANTS,
        started_at=INSTANTS,
        ended_at=INSTANTS,
        finished_at=INSTANTS,
        expires_at=INSTANTS,
        size_bytes=st.sampled_from([None, 0, 1, 7]),
        error_message=st.sampled_from(["", "disk full"]),
    )
)
LOG_FILES = st.lists(
    st.builds(
        LogFile,
        file_id=st.sampled_from("ab"),
        job_id=st.sampled_from("jk"),
        source_id=st.just("rm-1"),
        status=st.sampled_from(["INIT", "FILLING", "COMPLETED", "UNCOMPLETED"]),
        started_at=INSTANTS,
        ended_at=INSTANTS,
        size_bytes=st.sampled_from([None, 5]),
    )
)
RESTORES = st.lists(
    st.builds(
        RestoreTask,
        task_id=st.sampled_from("abcdefgh"),
        plan_id=st.just("dbs1"),
        status=TASK_STATUSES,
        created_at=INSTANTS,
        finished_at=INSTANTS,
        progress=st.sampled_from([(), (("full_data", 1.0),), (("full_data", 0.5),)]),
    )
)
DOWNLOADS = st.lists(
    st.builds(
        DownloadTask,
        task_id=st.sampled_from("abcdefgh"),
        plan_id=st.just("dbs1"),
        status=TASK_STATUSES,
        created_at=INSTANTS,
        finished_at=INSTANTS,
    )
)


def backup(number: int, status: str = "finish", **known: object) -> FullBackup:
    """Set number `number`, created at that instant."""
    made = FullBackup(
        backup_set_id=f"set{number}",
        status=status,
        created_at=float(number),
        ended_at=float(number) if status == "finish" else None,
    )
    return replace(made, **known)  # type: ignore[arg-type]


def log(begin: float, end: float, *, file_id: str = "") -> LogFile:
    """A complete log file of the only source."""
    return LogFile(
        file_id=file_id or f"bin.{begin}",
        job_id="j",
        source_id="rm-1",
        status="COMPLETED",
        started_at=begin,
        ended_at=end,
    )


def subject(
    *,
    end: float | None = None,
    full: float | None = None,
    oldest: float | None = None,
    spans: tuple[tuple[float, float], ...] = (),
    ranges: tuple[RestoreRange, ...] | None = None,
) -> PlanSubject:
    """A plan of which only this is known."""
    return PlanSubject(
        scope=Scope(account="prod", region="cn-hangzhou"),
        plan=Plan(plan_id="dbs1", restore_end_at=end),
        full_backups=FullBackupHistory(newest_recovery_point_at=full, oldest_kept_at=oldest),
        logs=LogHistory(spans=spans),
        ranges=ranges,
    )


def ranged(begin: float, end: float) -> RestoreRange:
    """A continuous range."""
    return RestoreRange(range_type="range", begin_at=begin, end_at=end)


@given(FULL_BACKUPS, st.randoms(use_true_random=False))
def test_full_backups_say_the_same_in_any_order_and_repeated(sets: list[FullBackup], random: Random) -> None:
    """Also with equal times, and with one set listed in two states, as by a list that shifts under the reader."""
    again = [*sets, *sets]
    random.shuffle(again)

    assert history.full_backup_history(again, 50.0) == history.full_backup_history(sets, 50.0)


@given(LOG_FILES, st.randoms(use_true_random=False))
def test_log_files_say_the_same_in_any_order_and_repeated(files: list[LogFile], random: Random) -> None:
    """As full backups do."""
    again = [*files, *files]
    random.shuffle(again)

    assert history.log_history(again) == history.log_history(files)


@given(RESTORES, DOWNLOADS, st.randoms(use_true_random=False))
def test_tasks_say_the_same_in_any_order_and_repeated(
    restores: list[RestoreTask], downloads: list[DownloadTask], random: Random
) -> None:
    """As full backups do."""
    tasks, loads = [*restores, *restores], [*downloads, *downloads]
    random.shuffle(tasks)
    random.shuffle(loads)

    assert history.restore_history(tasks) == history.restore_history(restores)
    assert history.download_history(loads) == history.download_history(downloads)


def test_of_a_set_listed_twice_the_one_that_has_ended_counts() -> None:
    """It was seen on one page while it ran and on the next when it was done."""
    running, done = backup(1, "running"), backup(1)
    told = history.full_backup_history([done, running], 0.0)

    assert (told.last_success, told.running) == (done, None)


def test_a_job_of_the_same_instant_as_the_last_success_is_no_failure_since() -> None:
    """Equal times say nothing of order, and a doubt is no failure."""
    sets = [backup(1), backup(1, "stop", backup_set_id="retry")]

    assert history.full_backup_history(sets, 0.0).consecutive_failures == 0


@pytest.mark.parametrize(("status", "runs"), [("schedule", True), ("running", True), ("pause", False)])
def test_a_job_that_is_being_scheduled_runs_and_a_paused_one_does_not(status: str, runs: bool) -> None:
    """`schedule` is what the reference calls a job that initialises."""
    told = history.full_backup_history([backup(1), backup(2, status)], 0.0)

    assert (told.running is not None) is runs


@pytest.mark.parametrize(("now", "kept"), [(99.0, True), (100.0, False)])
def test_a_set_is_gone_from_the_instant_it_expires(now: float, kept: bool) -> None:
    """Not a moment later."""
    told = history.full_backup_history([backup(1, expires_at=100.0)], now)

    assert (told.newest_recovery_point_at is not None) is kept


@pytest.mark.parametrize(("distance", "spans"), [(-5.0, 1), (0.0, 1), (60.0, 1), (60.5, 2)])
def test_log_files_are_joined_over_a_minute_at_most(distance: float, spans: int) -> None:
    """Rotation takes a moment, and times are rounded; more than that is a hole."""
    assert len(history.log_history([log(0, 100), log(100 + distance, 300)]).spans) == spans


def test_a_log_file_within_another_shortens_nothing() -> None:
    """Two sources of a cluster overlap; the longer one reaches as far as before."""
    told = history.log_history([log(0, 500), log(10, 20), log(500, 600)])

    assert told.spans == ((0.0, 600.0),)


def test_a_log_name_that_comes_again_with_another_start_is_another_file() -> None:
    """After a failover the names begin anew."""
    told = history.log_history([log(0, 100, file_id="bin.1"), log(500, 600, file_id="bin.1")])

    assert told.spans == ((0.0, 100.0), (500.0, 600.0))


def test_of_a_much_torn_log_the_newest_spans_are_kept() -> None:
    """What is kept does not grow with the list."""
    told = history.log_history([log(at * 1000, at * 1000 + 10) for at in range(100)])

    assert (len(told.spans), told.spans[-1]) == (64, (99_000.0, 99_010.0))


def test_of_ended_restores_the_newest_five_are_kept() -> None:
    """By when they ended, whatever the order of the list."""
    tasks = [
        RestoreTask(task_id=f"r{at}", plan_id="dbs1", status="finish", finished_at=float(at))
        for at in (3, 8, 1, 6, 2, 7, 5, 4)
    ]

    assert [one.task_id for one in history.restore_history(tasks).tasks] == ["r4", "r5", "r6", "r7", "r8"]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (subject(full=100, spans=((160, 300),)), 300),
        (subject(full=100, spans=((161, 300),)), 100),
        (subject(full=100, spans=((0, 90), (500, 900))), 100),
        (subject(full=100, end=550, spans=((0, 200), (500, 900))), 900),
        (subject(full=600, spans=((0, 200), (500, 900))), 900),
    ],
)
def test_the_recovery_point_follows_log_that_joins_within_a_minute(
    known: PlanSubject, expected: float
) -> None:
    """Log that ended before takes nothing away; log behind a hole adds nothing."""
    assert protection.recovery_point(known) == expected


@pytest.mark.parametrize(
    ("ranges", "oldest", "current", "older"),
    [
        ((ranged(0, 100), ranged(500, 900)), 300, (1, 400.0), (0, 0.0)),
        ((ranged(0, 100), ranged(500, 900)), None, (1, 400.0), (0, 0.0)),
        ((ranged(0, 100), ranged(500, 900)), 500, (0, 0.0), (1, 400.0)),
        ((ranged(0, 900), ranged(100, 200), ranged(960, 999)), 0, (0, 0.0), (0, 0.0)),
    ],
)
def test_a_hole_is_current_if_any_of_it_is_after_the_oldest_kept_set(
    ranges: tuple[RestoreRange, ...],
    oldest: float | None,
    current: tuple[int, float],
    older: tuple[int, float],
) -> None:
    """Unknown age counts as current; a range within another opens no hole."""
    found = protection.recovery_gaps(subject(oldest=oldest, ranges=ranges))

    assert found == {"current": current, "older": older}
