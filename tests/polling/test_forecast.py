"""What a fleet will want in calls, told from its list of plans."""

from __future__ import annotations

from typing import Any

import pytest

from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.full_backups import END_READINGS
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan, Schedule
from dbs_exporter.polling.forecast import Forecast, forecast
from dbs_exporter.polling.target import Ages

NOW = 1_790_000_000.0
OF_REGIONS = [collector for collector in TABLE if collector.enabled and collector.level != "account"]
AGES = {
    collector.name: Ages(
        interval=collector.interval_seconds,
        at_rest=collector.at_rest_seconds
        if isinstance(collector, PlanCollector)
        else collector.interval_seconds,
    )
    for collector in OF_REGIONS
}


def plans_of(count: int, *, minutes: range = range(1), log: bool = True, window: bool = True) -> list[Plan]:
    """Plans that run, backed up daily, which start at these minutes of the day in turn."""
    return [
        Plan(
            plan_id=f"dbs{number}",
            status="running",
            log_backup_enabled=log,
            restore_begin_at=NOW - 86_400.0 if window else None,
            restore_end_at=NOW if window else None,
            schedule=Schedule(
                weekdays=(0, 1, 2, 3, 4, 5, 6), start_minute=1_320 + minutes[number % len(minutes)]
            ),
        )
        for number in range(count)
    ]


def forecast_of(plans: list[Plan], *, rate: float = 5.0, **options: Any) -> Forecast:
    """The forecast for plans with the defaults."""
    return forecast(
        [(plan, Objectives(rpo=1_800.0)) for plan in plans],
        listed=len(plans),
        collectors=OF_REGIONS,
        ages=AGES,
        calls_per_second=rate,
        pages=options.pop("pages", {}),
        now=NOW,
        **options,
    )


def test_two_thousand_plans_fit_and_four_thousand_do_not() -> None:
    """The defaults are chosen for 2,000 plans in a region at five calls per second, whose starts are spread over two hours."""
    fits = forecast_of(plans_of(2_000, minutes=range(120)))
    twice = forecast_of(plans_of(4_000, minutes=range(120)))

    assert fits.stretch == 1.0
    assert 12_000 < sum(fits.at_rest.values()) < 14_500
    assert 1.4 < twice.stretch < 2.2
    assert twice.stretch_at_rest > 1.4


def test_a_list_of_plans_costs_its_pages() -> None:
    """A hundred plans a page, every two minutes."""
    assert forecast_of(plans_of(250)).at_rest["plans"] == 3 * 30


def test_each_full_backup_costs_a_few_readings_in_the_hour_in_which_it_starts() -> None:
    """And a long list costs its pages each time."""
    every = forecast_of(plans_of(60, minutes=range(60)), pages={"full_backups": 2})
    looks = every.in_window["full_backups"] - every.at_rest["full_backups"]

    assert looks == pytest.approx(60 * END_READINGS * 2)
    assert every.in_window["restore_ranges"] - every.at_rest["restore_ranges"] == pytest.approx(60)
    assert every.in_window["downloads"] == every.at_rest["downloads"]
    assert every.window_minute is not None
    assert every.window_minute % 1_440 == 1_320


def test_plans_that_start_at_the_same_minute_want_all_their_calls_at_once() -> None:
    """A fleet that fits when it is spread may not when it is not; a schedule that cannot be read is taken to be no better."""
    spread = forecast_of(plans_of(1_500, minutes=range(120)))
    at_once = forecast_of(plans_of(1_500))
    unreadable = [
        Plan(plan_id=plan.plan_id, status="running", schedule=Schedule(weekdays=(0,)))
        for plan in plans_of(1_500)
    ]

    assert spread.stretch == 1.0
    assert at_once.stretch > spread.stretch
    assert forecast_of(unreadable).in_window["full_backups"] > 1_500 * END_READINGS
    assert forecast_of(unreadable).window_minute is None


def test_where_the_window_says_nothing_the_log_is_read_more_often_and_where_it_is_off_more_seldom() -> None:
    """So many calls follow from the plans themselves."""
    usual, blind, off = (
        forecast_of(plans).at_rest["incremental_backups"]
        for plans in (plans_of(100), plans_of(100, window=False), plans_of(100, log=False))
    )

    assert blind > 2 * usual
    assert off < usual / 2


def test_whole_lists_take_a_tenth_of_the_calls_at_most() -> None:
    """However long they are."""
    short, long = (
        forecast_of(plans_of(2_000), pages={"incremental_backups": pages}).at_rest["incremental_backups"]
        for pages in (1, 87)
    )

    assert long - short <= 0.1 * 18_000


def test_a_small_fleet_is_fresher_at_rest_and_a_large_one_as_configured() -> None:
    """Calls that nobody else needs make facts fresher, down to the interval."""
    small, large = forecast_of(plans_of(10)), forecast_of(plans_of(2_000))

    assert small.rest_seconds["full_backups"] == AGES["full_backups"].interval
    assert large.rest_seconds["full_backups"] == AGES["full_backups"].at_rest
    assert small.stretch == 1.0


@pytest.mark.parametrize("rate", [0.1, 5.0])
def test_a_region_without_plans_wants_its_lists_alone(rate: float) -> None:
    """Each by its interval."""
    found = forecast_of([], rate=rate)

    assert found.at_rest["plans"] == 30
    assert found.at_rest["full_backups"] == 0
    assert found.window_minute is None
