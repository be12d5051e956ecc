"""Whether calls suffice: what is wanted ahead, by how much readings come later, and how fresh a small fleet may be."""

from __future__ import annotations

import pytest

from dbs_exporter.polling.budget import (
    HOLD_SECONDS,
    HORIZON_SECONDS,
    LEAST_EASE,
    MOST_SAVED_CALLS,
    STEP,
    WHOLE_LIST_SHARE,
    Stretch,
    WholeListShare,
    ease,
    wanted_calls,
)
from dbs_exporter.polling.queue import Entry, Key

NOW = 5_000.0
NEVER = float("inf")


def entry(
    wanted_at: float,
    every: float = NEVER,
    *,
    cost: int = 1,
    follow: int = 0,
    collector: str = "full_backups",
    **more: bool,
) -> Entry:
    key = Key(collector, "p1", more.pop("whole", False))
    return Entry(
        key=key,
        at=wanted_at,
        latest=wanted_at,
        wanted_at=wanted_at,
        every=every,
        cost=cost,
        follow=follow,
        **more,
    )


@pytest.mark.parametrize(
    ("reading", "calls"),
    [
        (entry(NOW), 1.0),
        (entry(NOW - 9_000.0), 1.0),
        (entry(NOW + HORIZON_SECONDS + 1.0), 0.0),
        (entry(NOW, HORIZON_SECONDS / 10), 10.0),
        (entry(NOW + HORIZON_SECONDS / 2, HORIZON_SECONDS / 10), 6.0),
        (entry(NOW, 2 * HORIZON_SECONDS), 1.0),
        (entry(NOW + 0.9 * HORIZON_SECONDS, 0.9 * HORIZON_SECONDS), 1.0),
        (entry(NOW, HORIZON_SECONDS / 10, cost=3), 30.0),
        (entry(NOW + 60.0, follow=3), 4.0),
        (entry(NOW, cost=0), 0.0),
    ],
)
def test_calls_are_counted_half_an_hour_ahead(reading: Entry, calls: float) -> None:
    """A reading counts once, again as often as it comes, and for those that are sure to follow, by its pages."""
    assert wanted_calls([reading], NOW).get("full_backups", 0.0) == pytest.approx(calls)


@pytest.mark.parametrize("every", [60.0, 300.0, 1000.0, 1700.0])
def test_what_comes_evenly_wants_as_many_calls_as_it_will_take(every: float) -> None:
    """Over a fleet whose plans are at any place between two readings, to a few per cent."""
    readings = [entry(NOW + every * number / 1000, every) for number in range(1000)]
    wanted = wanted_calls(readings, NOW)["full_backups"]

    assert wanted == pytest.approx(1000 * HORIZON_SECONDS / every, rel=0.05)


def test_each_collector_has_its_sum_and_what_has_a_share_of_its_own_is_left_out() -> None:
    """Whole lists stretch alone, and lists of the region come by their cadence."""
    readings = [
        entry(NOW),
        entry(NOW),
        entry(NOW, collector="restores"),
        entry(NOW, 1.0, cost=90, whole=True),
        entry(NOW, 1.0, urgent=True),
    ]

    assert wanted_calls(readings, NOW) == {"full_backups": 2.0, "restores": 1.0}


def test_calls_that_suffice_stretch_nothing() -> None:
    """The factor is 1, however little is wanted."""
    stretch = Stretch()

    assert [stretch.update(wanted, 100.0, NOW) for wanted in (0.0, 50.0, 100.0)] == [False, False, False]
    assert stretch.factor == 1.0


def test_a_stretch_comes_in_steps_of_five_percent() -> None:
    """Small changes of what is wanted change no promise of a thousand plans."""
    stretch = Stretch()
    changed = [stretch.update(wanted, 100.0, NOW) for wanted in (101.0, 104.0, 105.0, 106.0)]

    assert changed == [True, False, False, True]
    assert stretch.factor == pytest.approx(STEP**2)


def test_a_stretch_is_never_too_small_and_at_most_a_step_too_large() -> None:
    """With the factor taken off, what is wanted fits into what is allowed."""
    for wanted in (101.0, 133.0, 250.0, 4_321.0):
        stretch = Stretch()
        stretch.update(wanted, 100.0, NOW)
        assert wanted / 100.0 <= stretch.factor <= STEP * wanted / 100.0


def test_a_stretch_rises_at_once_and_falls_after_a_quarter_of_an_hour() -> None:
    """A burst that is over must not make promises swing."""
    stretch = Stretch()
    assert stretch.update(200.0, 100.0, NOW)
    high = stretch.factor

    assert not stretch.update(100.0, 100.0, NOW + 60.0)
    assert not stretch.update(100.0, 100.0, NOW + 60.0 + HOLD_SECONDS - 1.0)
    assert stretch.factor == high
    assert stretch.update(100.0, 100.0, NOW + 60.0 + HOLD_SECONDS)
    assert stretch.factor == 1.0


def test_want_that_returns_keeps_the_stretch_as_it_is() -> None:
    """The quarter of an hour begins anew, each time that the factor is needed."""
    stretch = Stretch()
    stretch.update(200.0, 100.0, NOW)
    high = stretch.factor
    for minute in range(1, 120):
        stretch.update(200.0 if minute % 10 == 0 else 100.0, 100.0, NOW + 60.0 * minute)
        assert stretch.factor == high


def test_fewer_calls_that_are_allowed_stretch_too() -> None:
    """Throttling is a budget that became smaller; without any call the last factor stays."""
    stretch = Stretch()
    stretch.update(100.0, 100.0, NOW)
    assert stretch.update(100.0, 50.0, NOW + 1.0)
    assert stretch.factor == pytest.approx(2.0, rel=0.05)
    assert not stretch.update(100.0, 0.0, NOW + 2.0)
    assert stretch.factor == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(
    ("rest", "other", "expected"),
    [
        (0.0, 0.0, LEAST_EASE),
        (1.0, 0.0, 0.4),
        (2.5, 0.0, 1.0),
        (9.0, 0.0, 1.0),
        (1.0, 1.5, 1.0),
        (1.0, 2.5, 1.0),
        (1.0, 9.0, 1.0),
    ],
)
def test_a_small_fleet_is_read_more_often_with_the_calls_that_nobody_needs(
    rest: float, other: float, expected: float
) -> None:
    """At most half of all calls go to plans at rest, lists of the region included; ages are never longer than configured."""
    found = ease(rest, other, 5.0)

    assert expected <= found <= min(1.0, expected * STEP)


def test_whole_lists_may_spend_a_page_of_calls_and_then_a_tenth_of_all() -> None:
    """What they owe is waited for, so that in the long run a tenth is theirs."""
    share = WholeListShare(NOW)
    assert share.ready_in(5.0, NOW) == 0.0
    share.spend(int(MOST_SAVED_CALLS) + 87)

    assert share.ready_in(5.0, NOW) == pytest.approx(88 / (WHOLE_LIST_SHARE * 5.0))
    assert share.ready_in(5.0, NOW + 176.0) == 0.0


def test_whole_lists_do_not_save_up_calls_for_ever() -> None:
    """After a quiet week they may not take all calls of an hour."""
    share = WholeListShare(NOW)
    week = NOW + 7 * 86_400.0
    share.ready_in(5.0, week)
    share.spend(int(MOST_SAVED_CALLS))

    assert share.ready_in(5.0, week) > 0
    assert share.ready_in(0.0, week) == NEVER
