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
ALLOWED = 9_000.0
"""Calls of half an hour."""


def entry(
    wanted_at: float,
    spacing: float = NEVER,
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
        spacing=spacing,
        cost=cost,
        follow=follow,
        **more,
    )


@pytest.mark.parametrize(
    ("reading", "calls"),
    [
        (entry(NOW), 1.0),
        (entry(NOW - 9_000.0), 1.0),
        (entry(NOW + HORIZON_SECONDS - 1.0), 1.0),
        (entry(NOW + HORIZON_SECONDS + 1.0), 0.0),
        (entry(NOW + 60.0, follow=3), 4.0),
        (entry(NOW + 60.0, cost=2, follow=3), 8.0),
        (entry(NOW + HORIZON_SECONDS + 1.0, follow=3), 0.0),
        (entry(NOW, cost=0), 0.0),
    ],
)
def test_a_look_is_wanted_if_it_comes_within_half_an_hour(reading: Entry, calls: float) -> None:
    """With those that are sure to follow, each by its pages; one that is late counts no more than once."""
    assert wanted_calls([reading], NOW, ALLOWED).get("full_backups", 0.0) == pytest.approx(calls)


@pytest.mark.parametrize("spacing", [60.0, 300.0, 1_700.0, 3_420.0, 82_080.0])
@pytest.mark.parametrize("wanted_at", [NOW - 9_000.0, NOW, NOW + 1_000.0, NOW + 9_000.0])
def test_what_comes_again_and_again_is_wanted_by_its_rate(spacing: float, wanted_at: float) -> None:
    """Whenever its turn is next: what is late, or was read a moment ago, wants as many calls as ever."""
    reading = entry(wanted_at, spacing, cost=3)

    assert wanted_calls([reading], NOW, ALLOWED) == {
        "full_backups": pytest.approx(3 * HORIZON_SECONDS / spacing)
    }


def test_each_collector_has_its_sum() -> None:
    """Whoever tunes a region sees what its calls are wanted for."""
    readings = [entry(NOW), entry(NOW), entry(NOW, collector="restores")]

    assert wanted_calls(readings, NOW, ALLOWED) == {"full_backups": 2.0, "restores": 1.0}


def test_lists_of_the_region_are_left_out() -> None:
    """They come by their cadence, and are counted by it."""
    readings = [
        entry(NOW, collector="plans", urgent=True),
        entry(NOW, collector="restores"),
    ]

    assert wanted_calls(readings, NOW, ALLOWED) == {"restores": 1.0}


@pytest.mark.parametrize(("lists", "share"), [(10, 10 / 48), (480, 10.0), (5_000, 10.0)])
def test_whole_lists_want_no_more_than_their_share(lists: int, share: float) -> None:
    """They take no more than a tenth, and come later alone, so that they stretch no promise of anything else."""
    day = 48 * HORIZON_SECONDS
    whole = [entry(NOW, day, whole=True) for _ in range(lists)]
    wanted = wanted_calls([*whole, entry(NOW)], NOW, 10.0 / WHOLE_LIST_SHARE)

    assert wanted == {"full_backups": pytest.approx(1.0 + share)}


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
