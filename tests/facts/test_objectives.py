"""What plans are held to, from the configuration or from their own schedule."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dbs_exporter.facts.maintenance import Maintenance
from dbs_exporter.facts.objectives import (
    Objectives,
    Owner,
    learned_objectives,
    matches,
    objectives_for,
    schedule_max_gap_seconds,
)
from dbs_exporter.facts.plans import Plan, Schedule

HOUR, DAY = 3600.0, 86_400.0
NOBODY = Owner()


@dataclass(frozen=True, kw_only=True)
class Rule:
    plans: tuple[str, ...]
    rpo: float | None = None
    full_backup_interval: float | None = None
    restore_time: float | None = None
    restore_test_interval: float | None = None
    whose: Owner = NOBODY
    mutes: tuple[Maintenance, ...] = ()


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


def test_objectives_follow_the_schedule_where_nothing_is_configured() -> None:
    """The interval is the largest gap plus 20 %; the RPO is 30 minutes with log and the interval without."""
    every_day = Schedule(weekdays=(0, 1, 2, 3, 4, 5, 6))
    objectives = objectives_for([])

    assert objectives(Plan(plan_id="a", schedule=every_day, log_backup_enabled=True)) == Objectives(
        rpo=1800.0,
        full_backup_interval=1.2 * DAY,
        sources={"full_backup_interval": "schedule", "rpo": "default"},
    )
    assert objectives(Plan(plan_id="a", schedule=every_day, log_backup_enabled=False)).rpo == 1.2 * DAY
    assert objectives(Plan(plan_id="a")) == Objectives()


def test_the_first_rule_that_matches_counts() -> None:
    """Patterns match id or name; what a rule does not say is derived."""
    rules = [Rule(plans=("orders-*",), rpo=300.0), Rule(plans=("*",), rpo=60.0, restore_time=HOUR)]
    objectives = objectives_for(rules)

    assert objectives(Plan(plan_id="x", name="orders-eu")).rpo == 300.0
    assert objectives(Plan(plan_id="orders-1")).restore_time is None
    assert objectives(Plan(plan_id="y", name="crm")) == Objectives(
        rpo=60.0, restore_time=HOUR, sources={"rpo": "configured", "restore_time": "configured"}
    )


def test_what_a_rule_says_comes_before_the_schedule() -> None:
    """A configured interval replaces the schedule's, and a plan without log backup is held to it."""
    mutes, whose = (Maintenance(),), Owner(team="pay")
    rule = Rule(
        plans=("*",), full_backup_interval=3 * DAY, restore_test_interval=30 * DAY, mutes=mutes, whose=whose
    )
    plan = Plan(plan_id="a", schedule=Schedule(weekdays=(0,)), log_backup_enabled=False)

    assert objectives_for([rule])(plan) == Objectives(
        rpo=3 * DAY, full_backup_interval=3 * DAY, restore_test_interval=30 * DAY, maintenance=mutes, owner=whose,
        sources=dict.fromkeys(("rpo", "full_backup_interval", "restore_test_interval"), "configured"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [
        (("dbs1",), True),
        (("orders-??",), True),
        (("ORDERS-*",), False),
        (("crm-*", "*-eu"), True),
        (("orders",), False),
        ((), False),
    ],
)
def test_a_pattern_fits_the_whole_id_or_name(patterns: tuple[str, ...], fits: bool) -> None:
    """As a shell's patterns do, and case counts."""
    assert matches(patterns, Plan(plan_id="dbs1", name="orders-eu")) is fits


def test_without_knowing_whether_there_is_log_no_rpo_is_derived() -> None:
    """It would be half an hour or a day; what is configured holds all the same."""
    plan = Plan(plan_id="a", schedule=Schedule(weekdays=(0,)), unreadable=("EnableBackupLog",))

    assert objectives_for([])(plan) == Objectives(
        full_backup_interval=1.2 * 7 * DAY, sources={"full_backup_interval": "schedule"}
    )
    assert objectives_for([Rule(plans=("*",), rpo=60.0)])(plan).rpo == 60.0


@pytest.mark.parametrize(
    ("spacing", "interval", "rpo", "source"),
    [
        (None, None, 1800.0, "default"),
        (900.0, None, 1800.0, "default"),
        (2700.0, None, 5400.0, "learned"),
        (2700.0, HOUR, HOUR, "learned"),
    ],
)
def test_the_default_rpo_is_as_long_as_two_log_files(
    spacing: float | None, interval: float | None, rpo: float, source: str
) -> None:
    """At least half an hour, at most as long as between two full backups: log of every 45 minutes would else breach each hour."""
    given = Objectives(rpo=1800.0, full_backup_interval=interval, sources={"rpo": "default"})
    learned = learned_objectives(given, spacing)

    assert (learned.rpo, learned.sources["rpo"]) == (rpo, source)


def test_an_rpo_that_is_configured_is_not_learned() -> None:
    """Nor that of a plan without log."""
    for source in ("configured", "schedule"):
        given = Objectives(rpo=60.0, sources={"rpo": source})
        assert learned_objectives(given, 2700.0) is given
