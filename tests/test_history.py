"""Long lists, condensed."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.facts.downloads import DownloadTask, download_history
from dbs_exporter.facts.full_backups import FullBackup, full_backup_duration, full_backup_history
from dbs_exporter.facts.log_backups import LogFile, log_history
from dbs_exporter.facts.restores import RestoreTask, restore_duration, restore_history, restore_succeeded

NOW = 1_790_000_000.0
DAY = 86_400.0


def backup(
    number: int, status: str = "finish", *, size: int = 1000, took: float = 600.0, keep: float = 30 * DAY
) -> FullBackup:
    """The backup of `number` days ago."""
    created = NOW - number * DAY - 3600
    over = status in ("finish", "stop")
    return FullBackup(
        backup_set_id=f"set{number}",
        status=status,
        created_at=created,
        started_at=created + 60,
        ended_at=created + 60 + took if over else None,
        finished_at=created + 62 + took if over else None,
        expires_at=created + keep,
        size_bytes=size if status == "finish" else 0,
        storage_class="Standard",
        error_message="no access" if status == "stop" else "",
    )


statuses = st.sampled_from(["finish", "stop", "running", "schedule", "pause", "brand_new"])


@given(st.lists(statuses, max_size=40), st.randoms())
def test_the_order_of_a_list_does_not_matter(found: list[str], shuffle: random.Random) -> None:
    """A list newest first, oldest first or shuffled gives the same history, and a set listed twice counts once."""
    sets = [backup(number, status) for number, status in enumerate(found)]
    mixed = [*sets, *sets[:3]]
    shuffle.shuffle(mixed)

    assert full_backup_history(mixed, NOW) == full_backup_history(sets, NOW)


def test_the_newest_finished_set_is_the_last_success() -> None:
    """A failure after a success leaves the success in place and is counted."""
    history = full_backup_history([backup(0, "stop"), backup(1, "stop"), backup(2), backup(3)], NOW)

    assert history.last_success == backup(2)
    assert history.last_attempt == backup(0, "stop")
    assert history.consecutive_failures == 2
    assert history.last_failure_message == "no access"


def test_a_success_ends_the_count_of_failures() -> None:
    """Failures before the last success are history."""
    history = full_backup_history([backup(0), backup(1, "stop"), backup(2, "stop")], NOW)

    assert history.consecutive_failures == 0
    assert history.last_failure_message == ""


def test_without_a_success_every_failure_counts() -> None:
    """A plan that never succeeded has no last success and all its failures in a row."""
    history = full_backup_history([backup(number, "stop") for number in range(4)], NOW)

    assert history.last_success is None
    assert history.consecutive_failures == 4
    assert history.last_good_expires_at is None


def test_a_paused_job_is_neither_success_nor_failure() -> None:
    """Running, paused and unknown jobs do not count as failed."""
    history = full_backup_history(
        [backup(0, "pause"), backup(1, "running"), backup(2, "brand_new"), backup(3)], NOW
    )

    assert history.consecutive_failures == 0
    assert history.running == backup(1, "running")
    assert dict(history.counts)["brand_new"] == 1


def test_medians_are_of_the_sets_before_the_last_one() -> None:
    """The newest set is compared with up to 30 before it, and with none if they are fewer than five."""
    many = [backup(0, size=1), *(backup(number, size=100 * number) for number in range(1, 40))]

    assert full_backup_history(many, NOW).size_median_bytes == 1550.0
    assert full_backup_history(many[:6], NOW).size_median_bytes == 300.0
    assert full_backup_history(many[:5], NOW).size_median_bytes is None
    assert full_backup_history(many[:6], NOW).duration_median_seconds == 602.0


def test_an_expired_set_protects_nothing() -> None:
    """Sets whose expiry has passed restore nothing, but the moment from which nothing was left stays known."""
    gone = backup(2, keep=DAY)
    history = full_backup_history([gone], NOW)

    assert history.last_success is not None
    assert history.newest_recovery_point_at is None
    assert history.last_good_expires_at == gone.expires_at


def test_the_last_good_expiry_is_the_latest_among_finished_sets() -> None:
    """A failed set's expiry counts for nothing."""
    history = full_backup_history([backup(0, "stop"), backup(1), backup(2)], NOW)

    assert history.last_good_expires_at == backup(1).expires_at


@pytest.mark.parametrize(
    ("one", "seconds"),
    [
        (backup(1), 602.0),
        (replace(backup(1), finished_at=None), 600.0),
        (replace(backup(1), started_at=None), None),
        (replace(backup(1), finished_at=0.0), None),
    ],
)
def test_a_duration_needs_both_ends(one: FullBackup, seconds: float | None) -> None:
    """From the dump's start to the job's end; unknown or reversed times give none."""
    assert full_backup_duration(one) == seconds


def log(
    number: int, status: str = "COMPLETED", *, begin: float | None = None, end: float | None = None
) -> LogFile:
    """The log file of `number` hours ago."""
    started = NOW - 3600 * (number + 1) if begin is None else begin
    return LogFile(
        file_id=f"bin.{number}",
        job_id="job",
        source_id="rm-1",
        status=status,
        started_at=started,
        ended_at=started + 3600 if end is None else end,
        size_bytes=10,
        storage_class="IA",
    )


def test_log_that_follows_on_is_one_span() -> None:
    """Files that join make one span; a missing hour makes two."""
    whole = log_history([log(number) for number in range(5)])
    holed = log_history([log(number) for number in (0, 1, 3, 4)])

    assert whole.spans == ((NOW - 5 * 3600, NOW),)
    assert holed.spans == ((NOW - 5 * 3600, NOW - 3 * 3600), (NOW - 2 * 3600, NOW))


def test_the_file_being_filled_counts_as_far_as_it_has_come() -> None:
    """Data is received up to the end of a FILLING file, completed only to the last closed one; INIT files hold nothing."""
    history = log_history([log(1), log(0, "FILLING", end=NOW - 30), log(-1, "INIT"), log(-2, "UNCOMPLETED")])

    assert history.last_data_at == NOW - 30
    assert history.last_completed_at == NOW - 3600
    assert dict(history.counts) == {"INIT": 1, "FILLING": 1, "COMPLETED": 1, "UNCOMPLETED": 1}


def test_the_same_file_name_of_two_sources_is_two_files() -> None:
    """Names repeat across source instances."""
    history = log_history([log(0), replace(log(0), source_id="rm-2")])

    assert dict(history.counts)["COMPLETED"] == 2
    assert dict(history.bytes_by_storage_class) == {"IA": 20}


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e4)), max_size=200))
def test_spans_are_apart_sorted_and_few(pairs: list[tuple[float, float]]) -> None:
    """However files overlap, spans are in order, do not touch, and are at most 64."""
    files = [log(number, begin=begin, end=begin + took) for number, (begin, took) in enumerate(pairs)]
    spans = log_history(files).spans

    assert len(spans) <= 64
    assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))


def task(number: int, status: str, *, finished: bool = False, progress: float = 1.0) -> RestoreTask:
    """A restore task of `number` days ago."""
    return RestoreTask(
        task_id=f"s{number}",
        plan_id="dbs1",
        status=status,
        created_at=NOW - number * DAY,
        finished_at=NOW - number * DAY + 1800 if finished else None,
        progress=(("full_data", progress), ("continuous", progress)),
    )


@pytest.mark.parametrize(
    ("one", "succeeded"),
    [
        (task(1, "finish", finished=True), True),
        (task(1, "done", finished=True), True),
        (task(1, "done", finished=True, progress=0.9), False),
        (task(1, "done"), False),
        (task(1, "running", finished=True), False),
        (task(1, "stop", finished=True), False),
        (replace(task(1, "done", finished=True), progress=()), False),
    ],
)
def test_what_counts_as_a_successful_restore(one: RestoreTask, succeeded: bool) -> None:
    """`finish`, or an unknown status with a finish time and every reported stage at its end."""
    assert restore_succeeded(one) is succeeded


def test_of_restores_the_running_and_the_newest_five_ended_are_kept() -> None:
    """Old tasks go, but the last success and the counts are of the whole list."""
    tasks = [
        task(0, "running"),
        *(task(number, "stop", finished=True) for number in range(1, 9)),
        task(9, "finish", finished=True),
    ]
    history = restore_history(tasks)

    assert {one.task_id for one in history.tasks} == {"s0", "s1", "s2", "s3", "s4", "s5"}
    assert dict(history.counts)["stop"] == 8
    assert history.last_success_at == NOW - 9 * DAY + 1800
    assert history.last_success_duration_seconds == 1800


def test_a_restore_without_times_has_no_duration() -> None:
    """A missing or earlier finish gives no duration."""
    assert restore_duration(task(1, "running")) is None
    assert restore_duration(replace(task(1, "finish"), finished_at=1.0)) is None


def test_downloads_are_kept_as_restores_are() -> None:
    """Those under way and five ended; the last success is the newest finish."""
    tasks = [
        DownloadTask(
            task_id=f"d{number}",
            plan_id="p",
            status=status,
            created_at=NOW - number,
            finished_at=NOW - number + 1,
        )
        for number, status in enumerate(["running", "stop", "finish", *["finish"] * 6])
    ]
    history = download_history(tasks)

    assert len(history.tasks) == 6
    assert history.last_success_at == NOW - 1
