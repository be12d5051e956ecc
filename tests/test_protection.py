"""Whether, to when, and until when a plan can be restored."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dbs_exporter.facts.full_backups import FullBackupHistory
from dbs_exporter.facts.log_backups import LogHistory
from dbs_exporter.facts.objectives import Objectives, objectives_for, schedule_max_gap_seconds
from dbs_exporter.facts.plans import Plan, Schedule
from dbs_exporter.facts.protection import last_good_expires, recoverable_window, recovery_gaps, recovery_point
from dbs_exporter.facts.restore_ranges import RestoreRange
from dbs_exporter.facts.subjects import PlanSubject, Scope

SCOPE = Scope(account="prod", region="cn-hangzhou")
HOUR, DAY = 3600.0, 86_400.0


def subject(
    *,
    plan: Plan | None = None,
    ranges: tuple[RestoreRange, ...] | None = None,
    full: FullBackupHistory | None = None,
    spans: tuple[tuple[float, float], ...] | None = None,
) -> PlanSubject:
    return PlanSubject(
        scope=SCOPE,
        plan=plan or Plan(plan_id="dbs1"),
        ranges=ranges,
        full_backups=full,
        logs=None if spans is None else LogHistory(spans=spans),
    )


def span(begin: float, end: float, kind: str = "range") -> RestoreRange:
    return RestoreRange(range_type=kind, begin_at=begin, end_at=end)


def test_nothing_known_is_no_recovery_point() -> None:
    """A plan of which nothing was read has none, and no window and no holes."""
    assert recovery_point(subject()) is None
    assert recoverable_window(subject()) == (None, None)
    assert recovery_gaps(subject()) is None
    assert last_good_expires(subject()) is None


def test_the_newest_of_all_words_counts() -> None:
    """The ranges, the plan list's edge and the newest full backup: whichever is latest."""
    plan = Plan(plan_id="dbs1", restore_begin_at=10.0, restore_end_at=500.0)
    full = FullBackupHistory(newest_recovery_point_at=700.0)

    assert recovery_point(subject(plan=plan)) == 500.0
    assert recovery_point(subject(plan=plan, ranges=(span(0, 600),))) == 600.0
    assert recovery_point(subject(plan=plan, ranges=(span(0, 600),), full=full)) == 700.0


def test_log_carries_the_point_on_but_not_over_a_hole() -> None:
    """Log that joins the known point extends it; log behind a hole does not."""
    joined = subject(ranges=(span(0, 600),), spans=((100.0, 900.0), (3000.0, 4000.0)))
    apart = subject(ranges=(span(0, 600),), spans=((3000.0, 4000.0),))

    assert recovery_point(joined) == 900.0
    assert recovery_point(apart) == 600.0


def test_log_without_anything_under_it_restores_nothing() -> None:
    """Log files alone are no recovery point: they need a full backup."""
    assert recovery_point(subject(spans=((0.0, 900.0),))) is None


def test_the_window_falls_back_to_the_plan_list() -> None:
    """Ranges give the edges; without them the plan list's do."""
    plan = Plan(plan_id="dbs1", restore_begin_at=10.0, restore_end_at=500.0)

    assert recoverable_window(subject(plan=plan, ranges=())) == (10.0, 500.0)
    assert recoverable_window(subject(plan=plan, ranges=(span(20, 30), span(40, 450)))) == (20.0, 450.0)


def test_holes_are_counted_by_whether_they_still_matter() -> None:
    """A hole after the oldest kept full backup is current, one before it is older; overlaps and points are no holes."""
    ranges = (span(0, 100), span(1000, 2000), span(1500, 2500), span(5000, 6000), span(3000, 3000, "point"))
    found = recovery_gaps(subject(ranges=ranges, full=FullBackupHistory(oldest_kept_at=1200.0)))

    assert found == {"current": (1, 2500.0), "older": (1, 900.0)}


def test_a_plan_of_points_has_no_holes() -> None:
    """Without log backup there are only points, and between them nothing is promised."""
    assert recovery_gaps(subject(ranges=(span(1, 1, "point"), span(DAY, DAY, "point")))) == {
        "current": (0, 0.0),
        "older": (0, 0.0),
    }


@pytest.mark.parametrize(
    ("weekdays", "days"), [((0, 1, 2, 3, 4, 5, 6), 1), ((0, 2, 4), 3), ((6,), 7), ((5, 6), 6), ((3, 3), 7)]
)
def test_the_largest_gap_runs_over_the_weekend(weekdays: tuple[int, ...], days: int) -> None:
    """The weekly cycle closes: Friday to Monday is a gap too."""
    assert schedule_max_gap_seconds(Schedule(weekdays=weekdays)) == days * DAY


def test_without_a_schedule_there_is_no_gap() -> None:
    """An unknown schedule implies nothing."""
    assert schedule_max_gap_seconds(None) is None
    assert schedule_max_gap_seconds(Schedule(weekdays=())) is None


@dataclass(frozen=True, kw_only=True)
class Rule:
    plans: tuple[str, ...]
    rpo: float | None = None
    full_backup_interval: float | None = None
    restore_time: float | None = None
    restore_test_interval: float | None = None


def test_objectives_follow_the_schedule_where_nothing_is_configured() -> None:
    """The interval is the largest gap plus 20 %; the RPO is 30 minutes with log and the interval without."""
    daily = Schedule(weekdays=(0, 1, 2, 3, 4, 5, 6))
    objectives = objectives_for([])

    assert objectives(Plan(plan_id="a", schedule=daily, log_backup_enabled=True)) == Objectives(
        rpo=1800.0, full_backup_interval=1.2 * DAY
    )
    assert objectives(Plan(plan_id="a", schedule=daily, log_backup_enabled=False)).rpo == 1.2 * DAY
    assert objectives(Plan(plan_id="a")) == Objectives()


def test_the_first_rule_that_matches_counts() -> None:
    """Patterns match id or name; what a rule does not say is derived."""
    rules = [Rule(plans=("orders-*",), rpo=300.0), Rule(plans=("*",), rpo=60.0, restore_time=HOUR)]
    objectives = objectives_for(rules)

    assert objectives(Plan(plan_id="x", name="orders-eu")).rpo == 300.0
    assert objectives(Plan(plan_id="orders-1")).restore_time is None
    assert objectives(Plan(plan_id="y", name="crm")) == Objectives(rpo=60.0, restore_time=HOUR)
