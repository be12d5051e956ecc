"""Conditions of full backups, each with its deadlines to the second."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.condition_plans import deadlines
from support.page_plans import GOOD, HOUR, NOW, backup, with_backups, with_plan

from dbs_exporter.conditions.algebra import Condition
from dbs_exporter.conditions.full_backups import (
    full_backup_age,
    full_backup_empty,
    full_backup_failed,
    full_backup_missing_databases,
    full_backup_remark,
    full_backup_size,
    full_backup_slow,
    full_backup_stuck,
)
from dbs_exporter.facts.full_backups import FullBackup
from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.noticed import objects_key
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Schedule
from dbs_exporter.facts.subjects import PlanSubject

END = NOW - HOUR
DAILY = Schedule(weekdays=(0, 1, 2, 3, 4, 5, 6))


def last(**changes: object) -> PlanSubject:
    """A plan whose last good full backup is like this."""
    return with_backups(GOOD, last_success=replace(backup(), **changes))


def test_a_full_backup_is_late_at_nine_tenths_of_its_interval_and_too_old_at_its_end() -> None:
    """A scheduled one that did not start within an hour is late, too, while the plan runs."""
    assert deadlines(full_backup_age, GOOD) == {
        "at_risk": (END + 0.9 * 25 * HOUR, None),
        "breached": (END + 25 * HOUR, None),
    }
    attempted = with_backups(
        with_plan(GOOD, schedule=DAILY), last_attempt=replace(backup(), created_at=NOW - 9 * HOUR)
    )
    assert deadlines(full_backup_age, attempted)["at_risk"] == (NOW + 16 * HOUR, None)
    assert deadlines(full_backup_age, with_plan(attempted, status="pause"))["at_risk"][0] > NOW + 16 * HOUR


def test_without_log_and_schedule_the_objective_of_the_recovery_point_holds_for_the_full_backup() -> None:
    """With neither nobody judges it."""
    bare = replace(with_plan(GOOD, log_backup_enabled=False), objectives=Objectives(rpo=5 * HOUR))

    assert deadlines(full_backup_age, bare)["breached"] == (END + 5 * HOUR, None)
    assert deadlines(full_backup_age, replace(GOOD, objectives=Objectives())) == {}


def test_a_finished_set_without_its_finish_time_ended_at_its_end_time() -> None:
    """Everywhere the same."""
    assert deadlines(full_backup_age, last(finished_at=None, ended_at=NOW - 7.0))["breached"] == (
        NOW - 7.0 + 25 * HOUR,
        None,
    )


@pytest.mark.parametrize(
    ("condition", "subject", "expected"),
    [
        (full_backup_failed, with_backups(GOOD, consecutive_failures=2, first_failure_at=NOW - 9), {"at_risk": (NOW - 9, None)}),
        (full_backup_failed, GOOD, {}),
        (full_backup_empty, last(size_bytes=0), {"at_risk": (END, None)}),
        (full_backup_empty, last(size_bytes=1), {}),
        (full_backup_empty, last(size_bytes=None), {}),
        (full_backup_size, last(size_bytes=499), {"attention": (END, None)}),
        (full_backup_size, last(size_bytes=500), {}),
        (full_backup_size, last(size_bytes=2000), {}),
        (full_backup_size, last(size_bytes=2001), {"attention": (END, None)}),
        (full_backup_size, with_backups(last(size_bytes=99), size_median_bytes=None, size_largest_bytes=1000), {"attention": (END, None)}),
        (full_backup_size, with_backups(last(size_bytes=101), size_median_bytes=None, size_largest_bytes=1000), {}),
        (full_backup_size, with_backups(last(size_bytes=99), size_median_bytes=None), {}),
        (full_backup_remark, last(error_message="3 tables were skipped"), {"attention": (END, None)}),
        (full_backup_remark, GOOD, {}),
        (full_backup_slow, with_backups(last(started_at=END - 700), duration_median_seconds=340.0), {"attention": (END, None)}),
        (full_backup_slow, with_backups(last(started_at=END - 700), duration_median_seconds=360.0), {}),
        (full_backup_slow, with_backups(last(started_at=END - 590), duration_median_seconds=100.0), {}),
        (full_backup_slow, with_plan(last(started_at=END - 25 * HOUR), schedule=DAILY), {"attention": (END, None)}),
    ],
)  # fmt: skip
def test_the_last_full_backup_and_what_failed_since(
    condition: Condition, subject: PlanSubject, expected: dict[str, tuple[float, float | None]]
) -> None:
    """Each counts from the end of the set that it is about, on either side of its limit."""
    assert deadlines(condition, subject) == expected


def running(status: str = "running", **changes: object) -> PlanSubject:
    """A plan with a job under way since it was created nine hours ago."""
    job = replace(FullBackup(backup_set_id="j", status=status, created_at=NOW - 9 * HOUR), **changes)
    return with_backups(GOOD, running=job if status != "pause" else None, last_attempt=job)


@pytest.mark.parametrize(
    ("subject", "since"),
    [
        (with_backups(running(started_at=NOW - HOUR), duration_median_seconds=7200.0), NOW + 5 * HOUR),
        (with_backups(running(started_at=NOW - HOUR), duration_median_seconds=60.0), NOW),
        (with_plan(running(started_at=NOW), schedule=DAILY), NOW + 24 * HOUR),
        # One that waits has no start, and its creation counts; so it does of one that was paused.
        (running("schedule"), NOW - 9 * HOUR + DAY_SECONDS),
        (with_backups(running("pause"), duration_median_seconds=60.0), NOW - 8 * HOUR),
    ],
)
def test_a_job_is_stuck_after_three_usual_durations_or_the_gap_of_the_schedule(
    subject: PlanSubject, since: float
) -> None:
    """Not before an hour, and after a day where nothing is known."""
    assert deadlines(full_backup_stuck, subject) == {"at_risk": (since, None)}
    assert deadlines(full_backup_stuck, GOOD) == {}


def test_a_full_backup_lacks_what_the_plan_named_when_it_began() -> None:
    """What was added since is in the next one; what cannot be read lacks nothing."""
    objects = ("a", "b")
    noticed = {objects_key(objects): END - 9 * HOUR}
    short = replace(with_plan(last(objects=("a",), created_at=END - HOUR), objects=objects), noticed=noticed)

    assert deadlines(full_backup_missing_databases, short) == {"at_risk": (END, None)}
    later = replace(short, noticed={objects_key(objects): END - 0.5 * HOUR})
    whole = replace(with_plan(last(objects=objects), objects=objects), noticed=noticed)
    unread = replace(with_plan(last(objects=None), objects=objects), noticed=noticed)
    for well in (later, whole, unread, GOOD):
        assert deadlines(full_backup_missing_databases, well) == {}
