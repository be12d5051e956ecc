"""Readings that would come at the same time: looks are counted, and what comes again and again is spread."""

from __future__ import annotations

import pytest

from dbs_exporter.polling.crowds import (
    BUCKET_SECONDS,
    LEAST_PHASED_SECONDS,
    PHASE_SHARE,
    Crowds,
    in_phase,
)
from dbs_exporter.polling.queue import Key

AT = 1_790_000_100.0
KEYS = [Key("full_backups", f"p{number:03}") for number in range(1_000)]


def test_a_crowd_is_as_large_as_the_looks_that_are_expected_about_its_time() -> None:
    """Each look counts once, however often it is expected anew."""
    crowds = Crowds()
    for key in KEYS[:10] * 3:
        crowds.join(key, AT)

    assert crowds.size(AT) == 10
    assert crowds.size(AT + 2 * BUCKET_SECONDS) == 0


def test_a_look_that_is_expected_at_another_time_leaves_its_crowd() -> None:
    """It can be made but once."""
    crowds = Crowds()
    crowds.join(KEYS[0], AT)
    crowds.join(KEYS[1], AT)
    crowds.join(KEYS[0], AT + 7_200.0)

    assert (crowds.size(AT), crowds.size(AT + 7_200.0)) == (1, 1)


def test_who_leaves_is_no_longer_counted() -> None:
    """Alone or with its plan; to leave twice, or without having come, changes nothing."""
    crowds = Crowds()
    other = Key("restore_ranges", "p000")
    for key in (*KEYS[:3], other):
        crowds.join(key, AT)
    crowds.leave(KEYS[2])
    crowds.leave(KEYS[2])
    crowds.leave(KEYS[9])
    assert crowds.size(AT) == 3
    crowds.leave_all({"p000", "p999"})

    assert crowds.size(AT) == 1


@pytest.mark.parametrize("spacing", [LEAST_PHASED_SECONDS, 1_710.0, 3_420.0, 82_080.0])
def test_what_comes_again_and_again_comes_earlier_by_less_than_a_good_part_of_its_spacing(
    spacing: float,
) -> None:
    """Never later, or promises would be broken; and never so early that it is read twice as often for long."""
    found = [in_phase(key, AT + seconds, spacing) - AT - seconds for key in KEYS for seconds in (0.0, 777.0)]

    assert max(found) <= 0.0
    assert min(found) > -PHASE_SHARE * spacing


def test_each_has_a_time_of_its_own_that_is_the_same_each_round() -> None:
    """A thousand that were read one after the other are spread over their spacing, and stay so."""
    spacing = 3_420.0
    first = [in_phase(key, AT, spacing) for key in KEYS]
    # From a round on, those that come in phase come again exactly a spacing later.
    second = [in_phase(key, at + spacing, spacing) for key, at in zip(KEYS, first, strict=True) if at < AT]
    buckets = [int((AT - at) // 300.0) for at in first if at < AT]

    assert second == pytest.approx([at + spacing for at in first if at < AT], abs=1e-3)
    assert 0.6 * len(KEYS) <= len(second) <= 0.8 * len(KEYS)
    # 300 of 3,420 seconds hold about 88 of a thousand.
    assert all(60 <= buckets.count(number) <= 120 for number in range(7))


def test_two_groups_of_a_plan_have_different_phases() -> None:
    """What is read of a plan at its start is not read together for ever."""
    other = [Key("downloads", key.plan_id) for key in KEYS]
    pairs = [(in_phase(a, AT, 9e4), in_phase(b, AT, 9e4)) for a, b in zip(KEYS, other, strict=True)]

    assert sum(abs(a - b) < 300.0 for a, b in pairs if a < AT) < 30


def test_what_comes_every_few_minutes_has_no_phase() -> None:
    """It is expected to end at any time, and comes as early as it may."""
    assert {in_phase(key, AT, LEAST_PHASED_SECONDS - 1.0) for key in KEYS} == {AT}
