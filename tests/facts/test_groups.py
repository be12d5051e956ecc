"""Groups of facts: what a subject gives back under a group's name, and how one group is replaced."""

from __future__ import annotations

import pytest

from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.groups import Subject, with_facts
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.tallies import Tally

NOTHING_KNOWN = Subject()


def test_of_a_group_that_was_never_read_nothing_is_known() -> None:
    """No facts, no time, and a tally of zeros."""
    known = NOTHING_KNOWN.known(FULL_BACKUPS)

    assert NOTHING_KNOWN.get(FULL_BACKUPS) is None
    assert (known.facts, known.read_at) == (None, None)
    assert NOTHING_KNOWN.tally(FULL_BACKUPS) == Tally()


def test_one_group_is_replaced_and_the_others_stay() -> None:
    """The subject before is as it was, since others still look at it."""
    before = with_facts(NOTHING_KNOWN, LOG_BACKUPS, LogHistory(last_data_at=1.0), 10.0)
    after = with_facts(
        before, FULL_BACKUPS, FullBackupHistory(consecutive_failures=2), 20.0, Tally(failure=2)
    )

    assert before.get(FULL_BACKUPS) is None
    assert after.get(LOG_BACKUPS) is before.get(LOG_BACKUPS)
    assert after.known(LOG_BACKUPS).read_at == 10.0
    assert after.get(FULL_BACKUPS) == FullBackupHistory(consecutive_failures=2)
    assert (after.known(FULL_BACKUPS).read_at, after.tally(FULL_BACKUPS)) == (20.0, Tally(failure=2))


def test_what_is_equal_stays_the_same_object() -> None:
    """By that others see that nothing changed, though the group was read again."""
    before = with_facts(NOTHING_KNOWN, LOG_BACKUPS, LogHistory(last_data_at=1.0), 10.0, Tally(success=1))
    after = with_facts(before, LOG_BACKUPS, LogHistory(last_data_at=1.0), 20.0, Tally(success=1))

    assert after.get(LOG_BACKUPS) is before.get(LOG_BACKUPS)
    assert after.tally(LOG_BACKUPS) is before.tally(LOG_BACKUPS)
    assert after.known(LOG_BACKUPS).read_at == 20.0


def test_a_reading_that_counts_nothing_leaves_the_tally() -> None:
    """What was seen to end is never forgotten."""
    before = with_facts(NOTHING_KNOWN, LOG_BACKUPS, LogHistory(), 10.0, Tally(success=3))

    assert with_facts(before, LOG_BACKUPS, LogHistory(last_data_at=1.0), 20.0).tally(LOG_BACKUPS) == Tally(
        success=3
    )


def test_a_subject_is_frozen() -> None:
    """It is replaced as a whole, never changed."""
    with pytest.raises(AttributeError):
        NOTHING_KNOWN.groups = {}  # type: ignore[misc]
