"""What condensing any list takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.facts.condensing import counts_of, distinct, median_of, size_by_storage_class

Listed = tuple[str, bool, float]
"""(identity, whether it has ended, how far it has come)"""


@dataclass(frozen=True)
class Stored:
    """Something of a size, in a storage class."""

    size_bytes: int | None
    storage_class: str
    unreadable: tuple[str, ...] = ()


def distinct_of(records: Sequence[Listed]) -> list[Listed]:
    """Each record once, as far as it has come."""
    return distinct(records, lambda record: record[0], lambda record: (record[1], record[2]))


def test_of_records_with_one_identity_the_one_that_has_come_further_counts() -> None:
    """What has ended comes before what has not, and then whatever has come further; order says nothing."""
    early, late, ended = ("a", False, 1.0), ("a", False, 2.0), ("a", True, 0.5)

    assert distinct_of([early, late]) == distinct_of([late, early]) == [late]
    assert distinct_of([late, ended, early]) == [ended]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from([0.0, 1.0]))))
def test_each_identity_is_there_once_whatever_the_order(records: list[Listed]) -> None:
    """Also among records that have come equally far."""
    again = [*reversed(records), *records]

    assert len(distinct_of(records)) == len({identity for identity, _, _ in records})
    assert set(distinct_of(again)) == set(distinct_of(records))


def test_documented_statuses_are_counted_first_and_others_by_name() -> None:
    """A documented status that was not seen is 0; one that no document lists has a count of its own."""
    assert counts_of(["finish", "zebra", "finish", "ape"], ("running", "finish")) == (
        ("running", 0),
        ("finish", 2),
        ("ape", 1),
        ("zebra", 1),
    )


def test_equal_counts_are_one_object() -> None:
    """Most plans count the same, and each pair is kept once for all of them."""
    [first] = counts_of(["finish"] * 3, ("finish",))
    [second] = counts_of(["finish"] * 3, ("finish",))

    assert first is second


def test_bytes_are_summed_by_storage_class() -> None:
    """A size that is not known adds nothing, and a class that is not named is UNKNOWN."""
    records = [Stored(5, "IA"), Stored(7, "IA"), Stored(None, "Archive"), Stored(1, "")]

    assert size_by_storage_class(records) == (("IA", 12), ("UNKNOWN", 1))


@pytest.mark.parametrize(
    ("values", "median"),
    [
        ([5.0, 1.0, 3.0, 2.0, 4.0], 3.0),
        ([5.0, None, 1.0, 3.0, 2.0, 4.0], 3.0),
        ([5.0, None, 1.0, 3.0, 2.0], None),
        ([], None),
    ],
)
def test_a_median_is_of_known_values_and_needs_five(values: list[float | None], median: float | None) -> None:
    """Fewer say too little of what is usual."""
    assert median_of(values) == median


@pytest.mark.parametrize(
    ("records", "sizes"),
    [
        ([Stored(5, "IA"), Stored(None, "IA", ("BackupSize",)), Stored(1, "")], {"IA": None, "UNKNOWN": 1}),
        ([Stored(5, "IA"), Stored(None, "", ("BackupSize",))], {"IA": 5, "UNKNOWN": None}),
        (
            [Stored(5, "IA"), Stored(7, "", ("StorageMethod",)), Stored(1, "Cold")],
            {"Standard": None, "IA": None, "Archive": None, "UNKNOWN": None, "Cold": None},
        ),
    ],
)
def test_a_sum_that_may_lack_something_is_not_known(
    records: list[Stored], sizes: dict[str, int | None]
) -> None:
    """A size that cannot be read takes the sum of its class, a class that cannot be read those of all."""
    assert dict(size_by_storage_class(records)) == sizes


def test_what_was_left_out_of_a_list_may_be_of_any_class() -> None:
    """No sum of the list is known then."""
    sums = size_by_storage_class([Stored(5, "IA"), Stored(1, "Cold")], left_out=1)

    assert dict(sums) == dict.fromkeys(("Standard", "IA", "Archive", "UNKNOWN", "Cold"))
