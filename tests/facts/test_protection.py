"""Whether, to when, and until when a plan can be restored."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.subjects import subject_with

from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.protection import (
    LOG_DENIED,
    current_hole,
    denies_log,
    last_good_expires,
    last_proof,
    recoverable_window,
    recovery_gaps,
    recovery_point,
    recovery_steps,
)
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.restores import RESTORES, RestoreHistory
from dbs_exporter.facts.subjects import PlanSubject, Scope

DAY = 86_400.0
NOTHING_KNOWN = PlanSubject(
    scope=Scope(account="prod", region="cn-hangzhou"),
    plan=Plan(plan_id="dbs1"),
)
WITH_WINDOW = replace(NOTHING_KNOWN, plan=Plan(plan_id="dbs1", restore_begin_at=10.0, restore_end_at=500.0))


def with_ranges(subject: PlanSubject, *ranges: RestoreRange) -> PlanSubject:
    """The plan with these ranges read."""
    return subject_with(subject, (RANGES, ranges))


def with_points(
    subject: PlanSubject, *, newest: float | None = None, oldest: float | None = None
) -> PlanSubject:
    """The plan with a list of full backups read, of which only these points are known."""
    return subject_with(
        subject,
        (
            FULL_BACKUPS,
            FullBackupHistory(points=() if newest is None else ((newest, 9e9),), oldest_kept_at=oldest),
        ),
    )


def with_log(subject: PlanSubject, *spans: tuple[float, float]) -> PlanSubject:
    """The plan with contiguous log in these spans."""
    return subject_with(subject, (LOG_BACKUPS, LogHistory(spans=spans)))


def ranged(begin: float, end: float) -> RestoreRange:
    """A continuous range."""
    return RestoreRange(range_type="range", begin_at=begin, end_at=end)


def point(at: float) -> RestoreRange:
    """A single point."""
    return RestoreRange(range_type="point", begin_at=at, end_at=at)


def test_nothing_known_is_no_recovery_point() -> None:
    """A plan of which nothing was read has none, and no window and no holes."""
    assert recovery_point(NOTHING_KNOWN) is None
    assert recoverable_window(NOTHING_KNOWN) == (None, None)
    assert recovery_gaps(NOTHING_KNOWN) is None
    assert last_good_expires(NOTHING_KNOWN) is None


def test_the_newest_of_all_words_counts() -> None:
    """The ranges, the plan list's edge and the newest full backup: whichever is latest."""
    with_range = with_ranges(WITH_WINDOW, ranged(0, 600))

    assert recovery_point(WITH_WINDOW) == 500.0
    assert recovery_point(with_range) == 600.0
    assert recovery_point(with_points(with_range, newest=700.0)) == 700.0


def test_log_carries_the_point_on_but_not_over_a_hole() -> None:
    """Log that joins the known point extends it; log behind a hole does not."""
    known = with_ranges(NOTHING_KNOWN, ranged(0, 600))

    assert recovery_point(with_log(known, (100.0, 900.0), (3000.0, 4000.0))) == 900.0
    assert recovery_point(with_log(known, (3000.0, 4000.0))) == 600.0


@pytest.mark.parametrize(
    ("newest", "end", "spans", "expected"),
    [
        (100.0, None, ((160, 300),), 300),
        (100.0, None, ((161, 300),), 100),
        (100.0, None, ((0, 90), (500, 900)), 100),
        (100.0, 550.0, ((0, 200), (500, 900)), 900),
        (600.0, None, ((0, 200), (500, 900)), 900),
    ],
)
def test_the_recovery_point_follows_log_that_joins_within_a_minute(
    newest: float, end: float | None, spans: tuple[tuple[float, float], ...], expected: float
) -> None:
    """Log that ended before takes nothing away; log behind a hole adds nothing."""
    listed = replace(NOTHING_KNOWN, plan=Plan(plan_id="dbs1", restore_end_at=end))

    assert recovery_point(with_log(with_points(listed, newest=newest), *spans)) == expected


def test_log_without_anything_under_it_restores_nothing() -> None:
    """Log files alone are no recovery point: they need a full backup."""
    assert recovery_point(with_log(NOTHING_KNOWN, (0.0, 900.0))) is None


def test_the_window_falls_back_to_the_plan_list() -> None:
    """Ranges give the edges; without them the plan list's do."""
    assert recoverable_window(with_ranges(WITH_WINDOW)) == (10.0, 500.0)
    assert recoverable_window(with_ranges(WITH_WINDOW, ranged(20, 30), ranged(40, 450))) == (20.0, 450.0)


def test_the_last_good_expiry_is_what_the_full_backups_say() -> None:
    """No recovery point outlives the full backup under it."""
    known = subject_with(NOTHING_KNOWN, (FULL_BACKUPS, FullBackupHistory(last_good_expires_at=800.0)))

    assert last_good_expires(known) == 800.0


def test_holes_are_counted_by_whether_they_still_matter() -> None:
    """A hole after the oldest kept full backup is current, one before it is older; overlaps and points are no holes."""
    known = with_ranges(
        with_points(NOTHING_KNOWN, oldest=1200.0),
        ranged(0, 100),
        ranged(1000, 2000),
        ranged(1500, 2500),
        ranged(5000, 6000),
        point(3000),
    )

    assert recovery_gaps(known) == {"current": (1, 2500.0), "older": (1, 900.0)}


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
    found = recovery_gaps(with_ranges(with_points(NOTHING_KNOWN, oldest=oldest), *ranges))

    assert found == {"current": current, "older": older}


def test_a_plan_of_points_has_no_holes() -> None:
    """Without log backup there are only points, and between them nothing is promised."""
    assert recovery_gaps(with_ranges(NOTHING_KNOWN, point(1), point(DAY))) == {
        "current": (0, 0.0),
        "older": (0, 0.0),
    }


def test_log_carries_a_full_backup_only_as_long_as_it_is_kept() -> None:
    """Log of a week on a backup of twenty days ago restores nothing any more, though expired files are still listed."""
    old = with_points(replace(NOTHING_KNOWN, listed_at=20 * DAY), newest=0.0)
    logs = LogHistory(spans=((0.0, 20 * DAY),), kept_seconds=7 * DAY)
    known = subject_with(old, (LOG_BACKUPS, logs))

    assert recovery_steps(known) == ((20 * DAY, 7 * DAY), (0.0, 9e9))
    assert recovery_point(known) == 0.0
    assert recovery_point(replace(known, listed_at=6 * DAY)) == 20 * DAY
    assert recovery_point(replace(known, listed_at=9e9)) is None


@pytest.mark.parametrize(
    ("end", "log", "spacing", "denied"),
    [
        (600.0, 5000.0, None, True),
        (600.0, 2400.0, None, False),
        (600.0, 5000.0, 2300.0, False),
        (600.0, 500.0, None, False),
    ],
)
def test_log_beyond_the_apis_range_by_more_than_two_files_is_denied(
    end: float, log: float, spacing: float | None, denied: bool
) -> None:
    """Half an hour is no contradiction: ranges lag."""
    logs = LogHistory(spans=((0.0, log),), spacing_seconds=spacing)
    known = subject_with(NOTHING_KNOWN, (RANGES, (ranged(0, end),), 6000.0), (LOG_BACKUPS, logs))

    assert denies_log(known) is denied
    assert denies_log(subject_with(known, (RANGES, (), 6000.0))) is False


def test_denied_log_carries_nothing_but_what_came_after() -> None:
    """A full backup since the ranges were read starts anew, and so does a window that has moved on."""
    logs = LogHistory(spans=((0.0, 9000.0),))
    known = subject_with(
        replace(NOTHING_KNOWN, noticed={LOG_DENIED: 6000.0}),
        (RANGES, (ranged(0, 600),), 6000.0),
        (LOG_BACKUPS, logs),
    )

    assert recovery_point(known) == 600.0
    assert recovery_point(replace(known, noticed={})) == 9000.0
    assert recovery_point(with_points(known, newest=7000.0)) == 9000.0
    assert recovery_point(replace(known, plan=Plan(plan_id="dbs1", restore_end_at=6500.0))) == 9000.0


def test_the_newest_current_hole_has_a_begin_and_an_end() -> None:
    """One before the oldest full backup still kept is none."""
    holed = with_ranges(NOTHING_KNOWN, ranged(0, 100), ranged(500, 600), ranged(900, 999))

    assert current_hole(with_points(holed, oldest=300.0)) == (600.0, 900.0)
    assert current_hole(with_points(holed, oldest=900.0)) is current_hole(NOTHING_KNOWN) is None


def test_only_a_restore_of_all_that_the_plan_names_is_a_proof() -> None:
    """Where what was restored or what the plan names is not known, it was all."""
    history = RestoreHistory(successes=((30.0, ("a",)), (20.0, ("a", "b")), (10.0, None)))
    known = subject_with(NOTHING_KNOWN, (RESTORES, history))

    assert last_proof(known) == 30.0
    assert [
        last_proof(replace(known, plan=Plan(plan_id="p", objects=objects)))
        for objects in (("a", "b"), ("c",))
    ] == [20.0, 10.0]
    assert last_proof(NOTHING_KNOWN) is None
