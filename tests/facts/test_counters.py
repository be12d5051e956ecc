"""Counters of what ended: each once, however often and in whatever parts its list is read, and never down."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

import pytest

from dbs_exporter.facts.counters import (
    IDS_KEPT,
    IDS_KEPT_AT_LEAST,
    LATE_SECONDS,
    Counted,
    counted,
    identity_of,
)
from dbs_exporter.facts.tallies import Ended, Tally

NOW = 1_790_000_000.0
HOUR = 3_600.0


def ended(number: int, *, at: float = NOW, success: bool = True) -> Ended:
    """A set of ten bytes that took two seconds."""
    outcome = "finish" if success else "stop"
    return Ended(f"{number}/{outcome}", at, success, size_bytes=10, duration_seconds=2.0)


class Counter:
    """The counters of one list; `see` has a reading of it bring these ends."""

    def __init__(self) -> None:
        self.counted: Counted | None = None

    def see(self, ends: Iterable[Ended], at: float = NOW) -> Tally:
        self.counted = counted(self.counted, tuple(ends), at)
        return self.counted.tally


def test_counters_start_at_zero_and_count_each_set_once() -> None:
    """What the first list holds was not seen to end; later sets count once however often they are listed."""
    counter = Counter()
    tally = Tally()
    for numbers in ((1, 2), (1, 2, 3), (3, 2), (1, 2, 3, 4), (4,)):
        tally = counter.see(ended(number, success=number != 4) for number in numbers)

    assert tally == Tally(success=1, failure=1, size_bytes=20, duration_seconds=4.0)


def test_a_first_list_that_is_empty_is_a_list() -> None:
    """The first set of a new plan is seen to end."""
    counter = Counter()
    counter.see(())

    assert counter.see([ended(1)]).success == 1


def test_each_outcome_of_a_set_is_an_end_of_its_own() -> None:
    """One that failed, and was mended under its id, is a failure and a success."""
    counter = Counter()
    counter.see(())
    counter.see([ended(1, success=False)])
    tally = counter.see([ended(1, success=True)])

    assert (tally.success, tally.failure) == (1, 1)


@pytest.mark.parametrize("length", [1, 100])
def test_memory_is_bounded_and_nothing_is_counted_again(length: int) -> None:
    """A set that was away for one list is still known; one long gone is known by the time before which all is counted."""
    counter = Counter()
    counter.see(())
    tally = Tally()
    for first in range(1000):
        listed = [ended(number, at=NOW + HOUR * number) for number in range(first, first + length)]
        counter.see(listed)
        counter.see(listed[1:])
        tally = counter.see(listed)

    assert tally.success == 999 + length
    assert counter.counted is not None
    assert len(counter.counted) <= IDS_KEPT_AT_LEAST


def test_a_list_whose_newest_part_is_read_and_then_the_whole_counts_nothing_twice() -> None:
    """Days of tails, each with what it overlaps, and a whole list now and then: every file counts once."""
    counter = Counter()
    files = [ended(number, at=NOW + 600.0 * number) for number in range(500)]
    counter.see(files[:10], at=NOW + 6_000.0)
    tally = Tally()
    for last in range(10, 501):
        at = NOW + 600.0 * last
        tally = counter.see(files[max(0, last - 6) : last], at)
        if last % 50 == 0:
            tally = counter.see(files[:last], at)

    assert tally == Tally(success=490, size_bytes=4_900, duration_seconds=980.0)


def test_a_first_part_of_a_list_is_a_first_list() -> None:
    """What the whole list shows besides ended long before, and was not seen to end."""
    counter = Counter()
    files = [ended(number, at=NOW - HOUR * number) for number in range(1, 168)]
    counter.see(files[:6])

    assert counter.see(files).success == 0
    assert counter.see([*files, ended(999, at=NOW + 60.0)], at=NOW + HOUR).success == 1


def test_a_list_that_was_odd_at_first_counts_no_old_ends_as_new() -> None:
    """Records of it that could not be read then did not end since, though they are read for the first time now."""
    counter = Counter()
    files = [ended(number, at=NOW - HOUR * (number + 2)) for number in range(168)]
    counter.see(files[::3])

    assert counter.see(files, at=NOW + 120.0) == Tally()


def test_an_end_may_show_in_its_list_an_hour_late() -> None:
    """What ended shortly before the first list and is listed after it was seen to end; what ended long before was not."""
    counter = Counter()
    counter.see([ended(1, at=NOW - 2 * HOUR)])

    assert counter.see([ended(2, at=NOW - LATE_SECONDS + 1.0)], at=NOW + 60.0).success == 1
    assert counter.see([ended(3, at=NOW - LATE_SECONDS - 1.0)], at=NOW + 60.0).success == 1
    assert counter.see([ended(4, at=NOW + HOUR), ended(5, at=NOW)], at=NOW + HOUR).success == 3


def test_more_ends_in_one_reading_than_are_remembered_all_count() -> None:
    """After an outage of a day a list may bring hundreds at once."""
    counter = Counter()
    counter.see(())
    files = [ended(number, at=NOW + number) for number in range(5 * IDS_KEPT)]

    assert counter.see(files, at=NOW + HOUR).success == 5 * IDS_KEPT
    assert counter.see(files, at=NOW + HOUR).success == 5 * IDS_KEPT


def test_ends_of_one_moment_are_told_apart() -> None:
    """Hundreds of log files that the API gives one and the same time count once each, while they come together."""
    counter = Counter()
    counter.see(())
    files = [ended(number, at=NOW) for number in range(2 * IDS_KEPT)]

    assert counter.see(files).success == 2 * IDS_KEPT
    assert counter.see(reversed(files)).success == 2 * IDS_KEPT


PRINT_IDENTITY = """
from dbs_exporter.facts.counters import identity_of
from dbs_exporter.facts.tallies import Ended
print(identity_of(Ended("1/finish", 0.0, True)))
"""


def test_an_end_has_the_same_identity_in_every_process() -> None:
    """What one process counted another must know; and it is that of this outcome alone."""
    mine = identity_of(ended(1))
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_IDENTITY], capture_output=True, text=True, timeout=60, check=True
    )

    assert int(printed.stdout) == mine
    assert len({mine, identity_of(ended(2)), identity_of(ended(1, success=False))}) == 3


def test_many_ends_within_an_hour_are_all_known_by_their_identity() -> None:
    """An end that shows late is told from those around it, up to 256 of them."""
    counter = Counter()
    counter.see((), at=NOW - HOUR)
    files = [ended(number, at=NOW + number) for number in range(IDS_KEPT)]
    counter.see(files[:100] + files[101:])

    assert counter.counted is not None
    assert len(counter.counted) == IDS_KEPT - 1
    assert counter.see([files[100]]).success == IDS_KEPT


def test_nothing_new_leaves_the_same_object() -> None:
    """By that it is seen that nothing need be written."""
    counter = Counter()
    counter.see([ended(1)])
    before = counter.counted
    counter.see([ended(1)])

    assert counter.counted is before


def test_ends_that_are_cut_off_are_refused() -> None:
    """What was stored and comes back torn is no state of a counter."""
    with pytest.raises(ValueError, match="no whole number"):
        Counted(ends=b"\0" * 15)
