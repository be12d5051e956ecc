"""Conditions of what can be restored, each with its deadlines to the second."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.condition_plans import deadlines
from support.page_plans import (
    GOOD,
    HOLES,
    HOUR,
    LATE_POINT,
    NOTHING_TO_RESTORE,
    NOW,
    backup,
    with_backups,
    with_group,
    with_plan,
)

from dbs_exporter.conditions.recovery import (
    last_good_expiring,
    no_recovery_point,
    no_recovery_point_overdue,
    recovery_gap,
    recovery_point,
)
from dbs_exporter.conditions.table import ONE_CRITICAL, judge
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory, full_backup_history
from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.subjects import PlanSubject

INTERVAL = 25 * HOUR
MADE = NOW - 1000 * HOUR


def bare(*points: tuple[float, float]) -> PlanSubject:
    """A plan of which only these full backups, (end, expiry), can be restored."""
    without = with_group(with_group(GOOD, RANGES, ()), LOG_BACKUPS, None)
    return with_backups(without, points=points)


def test_a_recovery_point_is_at_risk_at_four_fifths_of_its_objective_and_breaches_it_at_its_end() -> None:
    """Counted from the point itself."""
    assert deadlines(recovery_point, GOOD) == {
        "at_risk": (NOW - 60 + 0.8 * 1800, None),
        "breached": (NOW - 60 + 1800, None),
    }
    assert deadlines(recovery_point, LATE_POINT)["breached"] == (NOW - 1, None)


def test_without_log_the_full_backup_is_the_recovery_point_and_has_the_conditions() -> None:
    """One fact, one condition; nor is there one without an objective."""
    assert deadlines(recovery_point, with_plan(GOOD, log_backup_enabled=False)) == {}
    assert deadlines(recovery_point, replace(GOOD, objectives=Objectives())) == {}


@pytest.mark.parametrize(
    ("points", "since"),
    [
        # The newest breaches while it is kept.
        (((NOW, NOW + 9000.0),), NOW + 1800.0),
        # The newest expires first, and the one under it is too old already.
        (((NOW, NOW + 900.0), (NOW - 5000.0, NOW + 9000.0)), NOW + 900.0),
        # The one under it breaches later than that.
        (((NOW, NOW + 900.0), (NOW - 600.0, NOW + 9000.0)), NOW + 1200.0),
    ],
)
def test_a_recovery_point_steps_back_when_what_it_rests_on_expires(
    points: tuple[tuple[float, float], ...], since: float
) -> None:
    """The first breach counts, and nothing is asked of a clock."""
    assert deadlines(recovery_point, bare(*points))["breached"][0] == since


def test_without_any_point_a_plan_is_unprotected_since_it_was_made_and_overdue_an_interval_later() -> None:
    """A new plan is unprotected at once; it pages once the objective has passed."""
    assert deadlines(no_recovery_point, NOTHING_TO_RESTORE) == {"unprotected": (MADE, None)}
    assert deadlines(no_recovery_point_overdue, NOTHING_TO_RESTORE) == {
        "unprotected": (MADE + INTERVAL, None)
    }
    assert deadlines(no_recovery_point, GOOD) == deadlines(no_recovery_point_overdue, GOOD) == {}


def test_when_the_last_usable_set_expires_nothing_is_left_at_that_instant() -> None:
    """Ahead it is known already; afterwards the instant stays."""
    assert deadlines(no_recovery_point, bare((NOW, NOW + 50.0))) == {"unprotected": (NOW + 50.0, None)}
    expired = with_group(
        bare(), FULL_BACKUPS, FullBackupHistory(last_success=backup(), last_expired_at=NOW - 7.0)
    )
    assert deadlines(no_recovery_point_overdue, expired) == {"unprotected": (NOW - 7.0, None)}


LOGS = LogHistory(last_data_at=NOW - 60, spans=((NOW - 90 * HOUR, NOW - 60),))
EXPIRED = replace(backup(90 * HOUR), expires_at=NOW - 2 * HOUR)


@pytest.mark.parametrize(
    ("backups", "logs", "since"),
    [
        pytest.param((), None, MADE + INTERVAL, id="never backed up"),
        pytest.param((backup(status="stop"),), None, MADE + INTERVAL, id="only failed"),
        pytest.param((EXPIRED,), None, NOW - 2 * HOUR, id="expired"),
        pytest.param((EXPIRED,), LOGS, NOW - 2 * HOUR, id="expired under its log"),
        pytest.param((), LOGS, MADE + INTERVAL, id="log without a full backup"),
        pytest.param(
            (backup(status="half_done"),), None, MADE + INTERVAL, id="a status that no document knows"
        ),
        pytest.param((backup(),), LOGS, MADE + INTERVAL, id="a set whose expiry nobody knows"),
    ],
)
def test_every_way_of_having_no_recovery_point_pages_within_the_objective(
    backups: tuple[FullBackup, ...], logs: LogHistory | None, since: float
) -> None:
    """At once where the objective since the plan was made is over, and not at twice the interval; nothing else pages then."""
    history = full_backup_history(backups, NOW)
    subject = with_group(with_group(bare(), FULL_BACKUPS, history), LOG_BACKUPS, logs)

    assert deadlines(no_recovery_point_overdue, subject) == {"unprotected": (since, None)}
    state, held = judge(subject, NOW)
    assert state == "unprotected"
    # The first of those of which only the first pages.
    assert no_recovery_point_overdue is ONE_CRITICAL[0]
    assert no_recovery_point_overdue in [each.condition for each in held]


def test_nothing_is_overdue_of_a_plan_that_was_bought_and_not_configured() -> None:
    """And nothing is said before full backups were read."""
    waiting = with_plan(NOTHING_TO_RESTORE, status="wait")

    assert deadlines(no_recovery_point_overdue, waiting) == {}
    assert deadlines(no_recovery_point, with_group(NOTHING_TO_RESTORE, FULL_BACKUPS, None)) == {}


def test_the_last_good_backup_expires_too_soon_only_once_a_newer_one_failed_or_is_late() -> None:
    """Two intervals before its expiry at the earliest."""
    soon = with_backups(GOOD, last_good_expires_at=NOW + HOUR)

    assert deadlines(last_good_expiring, soon) == {"at_risk": (NOW - HOUR + INTERVAL, None)}
    assert deadlines(last_good_expiring, with_backups(soon, first_failure_at=NOW - 9.0)) == {
        "at_risk": (NOW - 9.0, None)
    }
    later = with_backups(soon, first_failure_at=NOW - 9.0, last_good_expires_at=NOW + 3 * INTERVAL)
    assert deadlines(last_good_expiring, later) == {"at_risk": (NOW + INTERVAL, None)}
    assert deadlines(last_good_expiring, with_backups(soon, last_good_expires_at=None)) == {}


def test_a_hole_is_looked_at_for_a_week_and_noted_after_that() -> None:
    """One that ends before the oldest full backup still kept is only noted."""
    end = NOW - 48 * HOUR
    older = with_backups(HOLES, oldest_kept_at=NOW - 47 * HOUR)

    assert deadlines(recovery_gap, HOLES) == {
        "attention": (end, end + 7 * DAY_SECONDS),
        "protected": (end, None),
    }
    assert deadlines(recovery_gap, older) == {"protected": (end, None)}
    assert deadlines(recovery_gap, GOOD) == {}
