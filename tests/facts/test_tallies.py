"""Tallies and what they are made of."""

from __future__ import annotations

import pytest

from dbs_exporter.facts.tallies import Ended, Tally


def test_a_tally_begins_at_nothing() -> None:
    """Counters begin at 0, so that the first end shows as an increase."""
    assert Tally() == Tally(success=0, failure=0, size_bytes=0, duration_seconds=0.0)


@pytest.mark.parametrize(("fact", "field"), [(Tally(), "success"), (Ended("set1", 1.0, True), "identity")])
def test_what_was_counted_is_not_changed_behind_the_ledger(fact: Tally | Ended, field: str) -> None:
    """Both are replaced, never changed."""
    with pytest.raises(AttributeError):
        setattr(fact, field, 1)
