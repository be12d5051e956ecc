"""What was learned of an account and region: kept while it is proved, and given up after a few lists that proved nothing."""

from __future__ import annotations

from dbs_exporter.collectors.learned import TRIES, TailMethod, Tails

BY_FILTER = TailMethod(by="filter", unit=1.0)
BY_ORDER = TailMethod(by="order", newest_first=True)


def test_nothing_is_taken_for_granted() -> None:
    """Before the first proof there is no way, and nobody has given up."""
    tails = Tails()

    assert (tails.method, tails.given_up) == (None, False)


def test_a_few_lists_that_prove_nothing_are_enough() -> None:
    """Long lists are then read whole, and seldom."""
    tails = Tails()
    for _ in range(TRIES - 1):
        tails.learn(None)
    assert not tails.given_up
    tails.learn(None)

    assert tails.given_up


def test_lists_that_could_prove_nothing_count_too() -> None:
    """But they are no reason to doubt what others proved."""
    tails = Tails()
    for _ in range(TRIES):
        tails.miss()
    assert tails.given_up
    tails.learn(BY_FILTER)
    for _ in range(2 * TRIES):
        tails.miss()

    assert (tails.method, tails.given_up) == (BY_FILTER, False)


def test_the_first_contradiction_drops_what_was_proved() -> None:
    """It is not used any more, and three lists may try again."""
    tails = Tails()
    tails.learn(BY_FILTER)
    tails.learn(None)

    assert (tails.method, tails.given_up) == (None, False)


def test_a_proof_after_all_begins_anew() -> None:
    """An API may change for the better, and each whole list tries."""
    tails = Tails()
    for _ in range(2 * TRIES):
        tails.learn(None)
    tails.learn(BY_ORDER)
    tails.learn(None)

    assert (tails.method, tails.given_up) == (None, False)


def test_what_another_process_proved_is_taken_over() -> None:
    """It is proved again with the next whole list."""
    tails = Tails()
    tails.restore(BY_ORDER, 1)

    assert tails.method == BY_ORDER
