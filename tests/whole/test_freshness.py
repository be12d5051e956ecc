"""The exporter over hours of a simulated cloud: a fleet that fits, and worlds in which what it would like to rely on is false."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.simulation import (
    ACCOUNT,
    BEGIN,
    HOUR,
    REGION,
    Fleet,
    Simulation,
    busiest_minute,
    notices,
    percentile,
    simulated,
)

from dbs_exporter.facts.protection import recovery_point
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.simulator import Assumptions

TENTH = Fleet(plans=200, usual_seconds=1_800.0, rate=0.5)
"""As 2,000 plans at five calls per second, but that lists of the region weigh ten times as much."""


def run(fleet: Fleet, hours: float) -> Simulation:
    """A simulation of so many hours, in which no recovery point was ever newer than the truth."""
    simulation = simulated(fleet)
    invented: list[str] = []

    def look(now: float) -> None:
        for plan_id in simulation.world.plan_ids(ACCOUNT, REGION)[::10]:
            subject = simulation.watch.subject(plan_id)
            window = simulation.world.history(plan_id).window()
            point = recovery_point(subject) if subject is not None else None
            if point is not None and (window is None or point > max(window[1], now - 1.0)):
                invented.append(f"{now - BEGIN:.0f} s: {plan_id}: {point} of {window}")

    simulation.run(hours * HOUR, at=look)
    assert invented == []
    return simulation


@pytest.fixture(scope="module")
def evening() -> Simulation:
    """Six hours, with the start of all backups in the midst of them."""
    return run(TENTH, 6.0)


@pytest.mark.xdist_group("evening")
def test_no_promise_is_broken_and_no_plan_is_unknown_after_the_first_hour(evening: Simulation) -> None:
    """Nothing is starved: what was promised is read in time, also while backups run."""
    assert evening.watch.broken == []
    assert [minute for minute in evening.watch.unknown if minute >= 60] == []


@pytest.mark.xdist_group("evening")
def test_no_minute_holds_more_calls_than_allowed(evening: Simulation) -> None:
    """Whatever is wanted."""
    assert busiest_minute(evening.watch.call_times) <= 60 * TENTH.rate + 1


@pytest.mark.xdist_group("evening")
def test_the_end_of_a_full_backup_is_known_within_minutes(evening: Simulation) -> None:
    """Failed or not; of backups that take half an hour."""
    delays = notices(evening, BEGIN + HOUR)

    assert len(delays) > 40
    assert percentile(delays, 0.5) < 120.0
    assert percentile(delays, 0.98) < 240.0


@pytest.mark.xdist_group("evening")
def test_after_a_start_each_plan_is_judged_within_the_time_that_a_call_each_takes(
    evening: Simulation,
) -> None:
    """And each recovery point is known within a minute, from the plan list."""
    watch = evening.watch

    assert len(watch.first_read) == TENTH.plans
    assert max(watch.first_read.values()) - BEGIN <= 1.2 * TENTH.plans / TENTH.rate
    assert max(watch.first_point.values()) - BEGIN <= 60.0


@pytest.mark.xdist_group("evening")
def test_what_is_known_of_recovery_points_is_never_older_than_three_minutes(evening: Simulation) -> None:
    """The plan list is read every two."""
    assert max(evening.watch.recovery_ages) <= 180.0


@pytest.mark.xdist_group("evening")
def test_a_restore_that_somebody_began_is_seen_within_half_an_hour(evening: Simulation) -> None:
    """Plan by plan; the calls suffice for that."""
    assert evening.watch.restore_delays
    assert max(evening.watch.restore_delays) <= 1_800.0 * max(evening.watch.stretches)


def test_twice_the_plans_are_read_evenly_more_slowly_and_none_is_starved() -> None:
    """Everything is said to be later, and then it is not later than was said."""
    simulation = run(replace(TENTH, plans=200, rate=0.25), 3.0)
    watch = simulation.watch

    assert max(watch.stretches) > 1.3
    assert watch.broken == []
    assert [minute for minute in watch.unknown if minute >= 90] == []


@pytest.mark.parametrize(
    "assumptions",
    [
        Assumptions(window="absent"),
        Assumptions(window="full_backups"),
        Assumptions(window_lag_seconds=1_800.0),
        Assumptions(log_filter="ignored"),
        Assumptions(log_filter="s"),
        Assumptions(log_filter="ms", log_filter_field="start", log_filter_includes_begin=False),
        Assumptions(log_filter_includes_filling=False),
        Assumptions(schedule_zone_hours=8.0),
    ],
    ids=[
        "no window",
        "a window of full backups alone",
        "a window that lags",
        "filter ignored",
        "filter in seconds",
        "filter by start, exclusive",
        "no FILLING file",
        "another time zone",
    ],
)
def test_where_what_is_assumed_is_false_every_promise_is_kept_and_nothing_is_invented(
    assumptions: Assumptions,
) -> None:
    """It costs calls, not truth: such a fleet is read by its lists."""
    fleet = Fleet(
        plans=25,
        usual_seconds=600.0,
        rate=0.5,
        start_minute=19 * 60 + 30,
        spread_minutes=30,
        assumptions=assumptions,
    )
    simulation = run(fleet, 3.0)
    watch = simulation.watch

    assert watch.broken == []
    assert [minute for minute in watch.unknown if minute >= 60] == []
    assert percentile(notices(simulation, BEGIN + HOUR), 0.9) < 300.0
    assert all(isinstance(watch.subject(plan_id), PlanSubject) for plan_id in watch.first_read)


def test_a_plan_list_that_never_agrees_with_itself_blinds_no_region() -> None:
    """Each page is a fact; only the record that every other answer lacks is not known, and what is known is not gone."""
    torn = {"kind": "shifting", "operation": "DescribeBackupPlanList"}
    simulation = run(replace(TENTH, plans=150, faults=(torn,)), 2.0)
    watch = simulation.watch

    assert len(watch.first_read) >= 148
    assert max((plans for minute, plans in watch.unknown.items() if minute >= 60), default=0) <= 2
    assert len(simulation.store.plan_subjects()) >= 148


def test_plans_to_which_nothing_happens_cost_no_more_than_those_at_rest() -> None:
    """Not as many as something new and failing would."""
    simulation = run(replace(TENTH, plans=50, idle=True), 4.0)
    last_hour = [at for at in simulation.watch.call_times if at > 3 * HOUR]

    assert max(simulation.watch.stretches) == 1.0
    assert len(last_hour) < 0.75 * HOUR * TENTH.rate
    assert simulation.watch.broken == []
