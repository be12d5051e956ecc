"""Counters of what ended: each once, however often it is listed, and never down."""

from __future__ import annotations

import pytest

from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.facts.tallies import Ended, Tally
from dbs_exporter.polling.ledger import Ledger

HERE = Scope(account="prod", region="cn-hangzhou")


def ended(*identities: str) -> tuple[Ended, ...]:
    """Sets of ten bytes that took two seconds each; those whose name begins with `bad` failed."""
    return tuple(
        Ended(identity, not identity.startswith("bad"), size_bytes=10, duration_seconds=2.0)
        for identity in identities
    )


def test_counters_start_at_zero_and_count_each_set_once() -> None:
    """What the first list holds was not seen to end; later sets count once however often they are listed."""
    ledger = Ledger()
    tally = Tally()
    for sets in (("1", "2"), ("1", "2", "3"), ("3", "2"), ("1", "2", "3", "bad4"), ("bad4",)):
        tally = ledger.count(HERE, "a", FULL_BACKUPS, ended(*sets))

    assert tally == Tally(success=1, failure=1, size_bytes=20, duration_seconds=4.0)
    assert ledger.tallies(HERE, "a") == {FULL_BACKUPS.name: tally}


def test_a_first_list_that_is_empty_is_a_list() -> None:
    """The first set of a new plan is seen to end."""
    ledger = Ledger()
    ledger.count(HERE, "a", FULL_BACKUPS, ())

    assert ledger.count(HERE, "a", FULL_BACKUPS, ended("1")).success == 1


def test_counters_of_different_lists_and_plans_do_not_mix() -> None:
    """Full backups, log files and restores have tallies of their own, and so has each plan of each region."""
    ledger = Ledger()
    elsewhere = Scope(account="prod", region="cn-shanghai")
    for group in (FULL_BACKUPS, LOG_BACKUPS, RESTORES):
        ledger.count(HERE, "a", group, ended("1"))
    ledger.count(HERE, "b", LOG_BACKUPS, ended("1"))
    ledger.count(elsewhere, "a", LOG_BACKUPS, ended("1"))
    ledger.count(HERE, "a", LOG_BACKUPS, ended("1", "2"))

    assert {name: tally.success for name, tally in ledger.tallies(HERE, "a").items() if tally.success} == {
        LOG_BACKUPS.name: 1
    }
    assert ledger.count(HERE, "b", LOG_BACKUPS, ended("1")).success == 0
    assert ledger.count(elsewhere, "a", LOG_BACKUPS, ended("1")).success == 0


@pytest.mark.parametrize("length", [1, 100])
def test_sets_long_gone_are_forgotten_and_those_that_come_back_are_not_counted_again(length: int) -> None:
    """Memory is bounded by the length of the list; a set that was away for one list is still known."""
    ledger = Ledger()
    ledger.count(HERE, "a", FULL_BACKUPS, ())
    for first in range(1000):
        listed = [str(first + number) for number in range(length)]
        ledger.count(HERE, "a", FULL_BACKUPS, ended(*listed))
        ledger.count(HERE, "a", FULL_BACKUPS, ended(*listed[1:]))
        tally = ledger.count(HERE, "a", FULL_BACKUPS, ended(*listed))

    (seen,) = ledger._seen.values()
    assert tally.success == 999 + length
    assert len(seen) <= max(64, 3 * length)
