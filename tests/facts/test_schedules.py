"""When the next full backup starts: the hour that the past shows, on the weekdays of the schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.facts.plans import Schedule
from dbs_exporter.facts.schedules import learned_start, next_start

DAY = 86_400.0
HOUR = 3_600.0
EVERY_DAY = tuple(range(7))
MONDAY, WEDNESDAY, FRIDAY, SUNDAY = 0, 2, 4, 6


def utc(day: int, hour: int = 0, minute: int = 0, second: int = 0) -> float:
    """An instant of a week that begins on Monday, the second of November 2026, in UTC; day 0 is that Monday."""
    return (datetime(2026, 11, 2, hour, minute, second, tzinfo=UTC) + timedelta(days=day)).timestamp()


def days(*hours: float, begin: int = -20, end: int = 0) -> list[float]:
    """Starts at these hours of each day."""
    return [utc(day) + hour * HOUR for day in range(begin, end) for hour in hours]


def weekday(at: float) -> int:
    return datetime.fromtimestamp(at, UTC).weekday()


def test_without_a_past_nothing_is_learned() -> None:
    """The documented start must do, whatever its time zone."""
    assert learned_start([]) is None


def test_the_usual_hour_is_that_of_most_of_the_last_jobs() -> None:
    """The newest of those that began then says the hour to the minute."""
    assert learned_start(days(18.5)) == utc(-1, 18, 30)


def test_a_backup_that_was_started_by_hand_does_not_move_the_hour() -> None:
    """Also where it is the newest, or where there are several of them."""
    by_hand = [utc(-3, 9, 17), utc(-2, 14, 2), utc(0, 11, 45)]

    assert learned_start(sorted([*days(18.5), *by_hand])) == utc(-1, 18, 30)


def test_a_single_job_is_a_past() -> None:
    """It may have been started by hand, but there is nothing better."""
    assert learned_start([utc(-1, 9, 17)]) == utc(-1, 9, 17)


def test_a_schedule_that_was_moved_is_learned_within_two_weeks() -> None:
    """Only the last jobs count, and of two hours that are as frequent the later one."""
    moved = [*days(18.5, begin=-40, end=-8), *days(3.0, begin=-8)]

    assert learned_start(moved) == utc(-1, 3)
    assert learned_start([*days(18.5, begin=-40, end=-7), *days(3.0, begin=-7)]) == utc(-1, 3)


def test_a_start_at_the_edge_of_ten_minutes_is_one_start() -> None:
    """Jobs are created some seconds before or after the minute; a job by hand at another hour has no say."""
    jitter = [utc(day, 2, 0) + (45.0 if day % 2 else -45.0) for day in range(-8, 0)]
    by_hand = [utc(day, 15, 5) for day in range(-5, 0)]
    found = learned_start(sorted([*jitter, *by_hand]))

    assert found is not None
    assert abs(found % DAY - 2 * HOUR) <= 45.0


def test_a_start_about_midnight_is_one_start() -> None:
    """The last minutes of a day are neighbours of its first."""
    jitter = [utc(day) + (30.0 if day % 2 else -30.0) for day in range(-8, 0)]
    by_hand = [utc(day, 15, 5) for day in range(-5, 0)]
    found = learned_start(sorted([*jitter, *by_hand]))

    assert found is not None
    assert min(found % DAY, DAY - found % DAY) <= 30.0


def test_a_plan_without_a_schedule_has_no_next_start() -> None:
    """Nobody knows when somebody will start it by hand."""
    assert next_start(None, utc(-1, 2), utc(0)) is None
    assert next_start(Schedule(weekdays=()), utc(-1, 2), utc(0)) is None
    assert next_start(Schedule(weekdays=EVERY_DAY), None, utc(0)) is None


def test_without_a_past_the_documented_start_is_taken_as_utc() -> None:
    """It is the first reading's hour, until a past tells better."""
    schedule = Schedule(weekdays=(MONDAY, FRIDAY), start_minute=90)

    assert next_start(schedule, None, utc(0, 1, 29)) == utc(0, 1, 30)
    assert next_start(schedule, None, utc(0, 1, 30)) == utc(4, 1, 30)
    assert next_start(schedule, None, utc(4, 2)) == utc(7, 1, 30)


@pytest.mark.parametrize("zone", [-8, -5, 0, 1, 5.5, 8, 9])
def test_the_hour_is_learned_whatever_the_time_zone_of_the_schedule(zone: float) -> None:
    """A start at 01:30 in China is 17:30 UTC of the day before; the weekdays shift with it."""
    schedule = Schedule(weekdays=(MONDAY, WEDNESDAY, FRIDAY), start_minute=90)
    starts = [
        utc(day, 1, 30) - zone * HOUR for day in range(-28, 28) if weekday(utc(day)) in schedule.weekdays
    ]
    past = [at for at in starts if at < utc(0)]
    found: list[float] = []
    at = max(past) + 60.0
    while (following := next_start(schedule, learned_start(past), at)) is not None and len(found) < 9:
        found.append(following)
        at = following

    assert found == [at for at in starts if at > max(past)][:9]


def test_a_past_that_fits_no_weekday_is_taken_for_its_hour_alone() -> None:
    """A schedule that was changed this morning starts at the old hour on the new days, as far as anybody knows."""
    schedule = Schedule(weekdays=(SUNDAY,), start_minute=90)
    learned = utc(2, 18)

    assert next_start(schedule, learned, utc(3)) == utc(6, 18)


def test_a_start_that_is_now_has_passed() -> None:
    """The next one is a day later."""
    schedule = Schedule(weekdays=EVERY_DAY)

    assert next_start(schedule, utc(-1, 2), utc(0, 2)) == utc(1, 2)
    assert next_start(schedule, utc(-1, 2), utc(0, 2) - 0.001) == utc(0, 2)


@given(
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.none() | st.floats(min_value=0, max_value=14 * DAY),
    st.floats(min_value=0, max_value=14 * DAY),
)
def test_the_next_start_is_ahead_and_within_a_week(
    weekdays: set[int], minute: int, learned: float | None, after: float
) -> None:
    """Whatever was learned of whichever schedule."""
    schedule = Schedule(weekdays=tuple(sorted(weekdays)), start_minute=minute)
    base = utc(0)
    found = next_start(schedule, None if learned is None else base + learned, base + after)

    assert found is not None
    assert base + after < found <= base + after + 7 * DAY + 1e-3
