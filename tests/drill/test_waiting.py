"""How long is waited for what the cloud does, and what ends the wait."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.fake_clock import FakeClock

from dbs_exporter.drill.waiting import LONGEST_PAUSE_SECONDS, Interrupted, TimedOut, Wait
from dbs_exporter.errors import NotPermitted, ServerError


def wait(clock: FakeClock, ask: Callable[[], int], *, still: float = 600, altogether: float = 3600) -> int:
    """Wait for 10."""
    return Wait(clock, "the task", ask, lambda found: found == 10, still=still, altogether=altogether).run()


def test_an_answer_that_is_over_ends_it() -> None:
    """At once if it is the first, and with pauses that grow to half a minute otherwise."""
    clock = FakeClock()
    found = iter(range(11))

    assert wait(clock, lambda: 10) == 10
    assert clock.sleeps == []
    assert wait(clock, lambda: next(found)) == 10
    assert clock.sleeps[0] < clock.sleeps[1] < clock.sleeps[-1] == LONGEST_PAUSE_SECONDS


def test_what_stands_still_is_given_up() -> None:
    """Counted from its last move."""
    clock = FakeClock()
    found = iter([1, 2, 3])
    begun = clock.monotonic()
    with pytest.raises(TimedOut, match="the task has stood still for 10m"):
        wait(clock, lambda: next(found, 3))

    assert 600 <= clock.monotonic() - begun <= 600 + 2 * LONGEST_PAUSE_SECONDS


def test_what_moves_for_too_long_is_given_up() -> None:
    """However well it moves."""
    clock = FakeClock()
    moves = iter(range(100, 10_000))
    with pytest.raises(TimedOut, match="the task has not ended after 1h"):
        wait(clock, lambda: next(moves))


def test_what_fails_for_the_moment_is_asked_again() -> None:
    """A failure counts as standing still, and the last one is told; a refusal ends it at once."""
    clock = FakeClock()

    def fail() -> int:
        raise ServerError("broken")

    def refuse() -> int:
        raise NotPermitted("no")

    with pytest.raises(TimedOut, match="stood still for 10m; the last question failed: broken"):
        wait(clock, fail)
    with pytest.raises(NotPermitted):
        wait(clock, refuse)


def test_a_clock_that_is_stopped_ends_it() -> None:
    """The command is to end."""
    clock = FakeClock()
    clock.stopped = True
    with pytest.raises(Interrupted):
        wait(clock, lambda: 1)
