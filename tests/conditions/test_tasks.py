"""Conditions of restores and downloads, each with its deadlines to the second."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.condition_plans import deadlines
from support.page_plans import GOOD, HOUR, NOW, with_group, with_plan
from support.subjects import subject_with

from dbs_exporter.conditions.tasks import (
    download_failed,
    download_stuck,
    restore_failed,
    restore_stuck,
    restore_test,
    restore_time,
    restore_too_slow,
)
from dbs_exporter.facts.downloads import DOWNLOADS, DownloadHistory, DownloadTask
from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.noticed import RESTORE_SLOW, progress_key
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask, running_key
from dbs_exporter.facts.subjects import PlanSubject

MADE = NOW - 1000 * HOUR


def restoring(task: RestoreTask, *, good: float | None = None) -> PlanSubject:
    """A plan with one restore, and when the last one worked."""
    return with_group(GOOD, RESTORES, RestoreHistory(tasks=(task,), last_success_at=good))


def downloading(status: str, *, good: float | None = None) -> PlanSubject:
    """The same with a download."""
    task = DownloadTask(task_id="d", plan_id="dbs1", status=status, created_at=NOW - HOUR)
    return subject_with(GOOD, (DOWNLOADS, DownloadHistory(tasks=(task,), last_success_at=good)))


FAILED = RestoreTask(task_id="r", plan_id="dbs1", status="stop", created_at=NOW - HOUR, finished_at=NOW)


def test_a_failed_restore_is_urgent_for_four_hours_and_then_a_warning_for_a_week() -> None:
    """Unless one that worked has followed."""
    assert deadlines(restore_failed, restoring(FAILED)) == {
        "breached r": (NOW, NOW + 4 * HOUR),
        "attention r": (NOW, NOW + 7 * DAY_SECONDS),
    }
    assert deadlines(restore_failed, restoring(FAILED, good=NOW + 1)) == {}
    assert deadlines(restore_failed, restoring(replace(FAILED, status="finish"))) == {}


@pytest.mark.parametrize("status", ["running", "pause"])
def test_a_restore_stands_an_hour_after_it_was_last_seen_to_move(status: str) -> None:
    """One that waits for its start does not."""
    task = replace(FAILED, status=status, progress=(("full_data", 0.5),))
    seen = replace(restoring(task), noticed={progress_key(task): NOW - 9})

    assert deadlines(restore_stuck, seen) == {"breached r": (NOW - 9 + HOUR, None)}
    moved = replace(task, progress=(("full_data", 0.6),))
    assert deadlines(restore_stuck, replace(restoring(moved), noticed=seen.noticed)) == {}


def test_a_restore_has_its_objective_from_when_it_was_first_seen_to_run() -> None:
    """Not from its creation: it may have waited for days."""
    task = replace(FAILED, status="running", created_at=NOW - 99 * HOUR)
    held = replace(GOOD.objectives, restore_time=10 * HOUR)
    seen = replace(restoring(task), objectives=held, noticed={running_key(task): NOW})

    assert deadlines(restore_time, seen) == {
        "at_risk r": (NOW + 8 * HOUR, None),
        "breached r": (NOW + 10 * HOUR, None),
    }
    assert deadlines(restore_time, replace(seen, noticed={})) == {}
    ended = replace(restoring(replace(task, status="finish")), objectives=held, noticed=seen.noticed)
    assert deadlines(restore_time, ended) == {}
    assert deadlines(restore_time, replace(seen, objectives=GOOD.objectives)) == {}


def test_a_restore_is_to_be_proved_within_its_objective() -> None:
    """Since the last restore of all that the plan names, or since the plan was made; one of a part proves nothing."""
    held = replace(GOOD, objectives=replace(GOOD.objectives, restore_test_interval=9 * HOUR))

    assert deadlines(restore_test, held) == {"attention": (NOW - 91 * HOUR, None)}
    named = with_plan(held, objects=("a", "b"))
    part = RestoreHistory(successes=((NOW, ("a",)), (NOW - 50 * HOUR, ("a", "b", "c"))))
    assert deadlines(restore_test, with_group(named, RESTORES, part)) == {
        "attention": (NOW - 41 * HOUR, None)
    }
    never = with_group(held, RESTORES, RestoreHistory())
    assert deadlines(restore_test, never) == {"attention": (MADE + 9 * HOUR, None)}
    assert deadlines(restore_test, with_group(held, RESTORES, None)) == deadlines(restore_test, GOOD) == {}


def test_a_restore_would_take_too_long_from_when_that_was_first_seen() -> None:
    """And no more once it is not noticed."""
    seen = replace(GOOD, noticed={RESTORE_SLOW: NOW - 9})

    assert deadlines(restore_too_slow, seen) == {"attention": (NOW - 9, None)}
    assert deadlines(restore_too_slow, GOOD) == {}


@pytest.mark.parametrize("status", ["failed", "stop", "warning", "cached"])
def test_a_download_that_ended_without_its_data_failed(status: str) -> None:
    """For a week, unless one that worked has followed."""
    assert deadlines(download_failed, downloading(status)) == {
        "attention d": (NOW - HOUR, NOW - HOUR + 7 * DAY_SECONDS)
    }
    assert deadlines(download_failed, downloading(status, good=NOW)) == {}
    assert deadlines(download_failed, downloading("finish")) == deadlines(download_failed, GOOD) == {}


def test_a_download_may_take_a_day() -> None:
    """From its creation on."""
    assert deadlines(download_stuck, downloading("running")) == {
        "attention d": (NOW - HOUR + DAY_SECONDS, None)
    }
    assert deadlines(download_stuck, downloading("failed")) == {}
