"""The shapes that rows of most families have."""

from __future__ import annotations

from dbs_exporter.facts.tallies import Tally
from dbs_exporter.metrics.rows import completed, counted, counts, of_kinds, single, sizes, state


def test_one_value_is_one_row_and_what_is_not_known_is_none() -> None:
    """0 is a value."""
    assert single(0, "a", "b") == [(("a", "b"), 0)]
    assert single(None, "a", "b") == []


def test_kinds_that_are_not_known_are_left_out() -> None:
    """The others have a row each, in the order in which they are given."""
    assert of_kinds(full=2, log=None, other=0) == [(("full",), 2), (("other",), 0)]


def test_of_states_one_holds() -> None:
    """Each documented one has a row, and another that holds has one of its own."""
    assert state(("on", "off"), "on", "gw") == [(("gw", "on"), 1), (("gw", "off"), 0)]
    assert state(("on", "off"), "asleep") == [(("on",), 0), (("off",), 0), (("asleep",), 1)]


def test_a_status_that_is_not_known_gives_no_series() -> None:
    """An empty status is missing, so it is absent and not all zeros."""
    assert state(("on", "off"), "") == []


def test_what_was_not_counted_is_zero_where_it_is_documented() -> None:
    """Others have a row if they were seen, and one without a name has none."""
    assert counts(("on", "off"), (("off", 2), ("asleep", 1), ("", 5)), "gw") == [
        (("gw", "on"), 0),
        (("gw", "off"), 2),
        (("gw", "asleep"), 1),
    ]
    assert counted(("on", "off"), ["off", "off", "asleep"]) == [
        (("on",), 0),
        (("off",), 2),
        (("asleep",), 1),
    ]


def test_ends_are_counted_by_their_result() -> None:
    """Both results have a row from the beginning."""
    assert completed(Tally(success=3)) == [(("success",), 3), (("failure",), 0)]


def test_a_class_of_which_nothing_is_stored_has_zero_bytes_and_one_that_is_not_known_none() -> None:
    """A sum that lacks something is absent, and a class without a name has no row."""
    assert sizes(("Standard", "IA", "Archive"), (("IA", None), ("Standard", 5), ("Cold", 7), ("", 9))) == [
        (("Standard",), 5),
        (("Archive",), 0),
        (("Cold",), 7),
    ]
