"""How an API that does not answer, or no more, is asked: with one reading at a time, and slowly."""

from __future__ import annotations

import pytest

from dbs_exporter import errors
from dbs_exporter.polling.health import HOPELESS_AFTER, PAUSE_SECONDS, Health

NOW = 1_000.0
SILENT = errors.Timeout("no answer")
DEAD = errors.BadCredentials("no such key")


def answered() -> Health:
    health = Health()
    health.on_answer()
    return health


def test_until_the_first_answer_one_reading_tries() -> None:
    """Nobody knows yet whether anybody is there."""
    health = Health()

    assert (health.is_doubtful, health.places(4)) == (True, 1)
    health.on_answer()
    assert (health.is_doubtful, health.places(4)) == (False, 4)


@pytest.mark.parametrize(
    "error",
    [
        SILENT,
        errors.Unreachable("no route"),
        errors.ServerError("broken"),
        DEAD,
        errors.CredentialsError("none"),
    ],
)
def test_after_one_silence_one_reading_tries(error: Exception) -> None:
    """It may be the API or it may be one plan; the next answer says which."""
    health = answered()
    health.on_error(error, NOW)

    assert (health.is_doubtful, health.places(4)) == (True, 1)
    assert health.on_answer() is False
    assert health.places(4) == 4


@pytest.mark.parametrize(
    "error",
    [
        errors.Throttled("slower"),
        errors.Invalid("no such plan"),
        errors.NotPermitted("no"),
        errors.BadAnswer("odd"),
    ],
)
def test_a_refusal_is_an_answer(error: Exception) -> None:
    """Who refuses is there, and may end a silence."""
    health = answered()
    health.on_error(SILENT, NOW)
    health.on_error(SILENT, NOW)

    assert health.on_error(error, NOW) is True
    assert health.places(4) == 4
    assert health.on_error(error, NOW) is False


def test_a_collector_that_breaks_says_nothing_of_the_api() -> None:
    """Neither that it answers nor that it does not."""
    health = answered()
    health.on_error(SILENT, NOW)

    assert health.on_error(ZeroDivisionError("boom"), NOW) is False
    assert health.is_doubtful
    fresh = answered()
    fresh.on_error(ZeroDivisionError("boom"), NOW)
    assert not fresh.is_doubtful


def test_silence_that_lasts_is_asked_ever_more_slowly() -> None:
    """A few in a row are tried at once; then there are pauses, up to a minute."""
    health = answered()
    pauses = []
    for _ in range(HOPELESS_AFTER + len(PAUSE_SECONDS) + 1):
        health.on_error(SILENT, NOW)
        pauses.append(max(0.0, health.paused_until - NOW))

    assert pauses[: HOPELESS_AFTER - 1] == [0.0] * (HOPELESS_AFTER - 1)
    assert pauses[HOPELESS_AFTER - 1 :] == [*PAUSE_SECONDS, PAUSE_SECONDS[-1], PAUSE_SECONDS[-1]]


def test_dead_credentials_are_paused_for_at_once() -> None:
    """They are not tried plan by plan."""
    health = answered()
    health.on_error(DEAD, NOW)
    first = health.paused_until - NOW
    health.on_error(DEAD, NOW)

    assert (first, health.paused_until - NOW) == PAUSE_SECONDS[:2]


def test_an_answer_ends_a_silence_once() -> None:
    """Who failed in it is tried again now; two in a row make a silence, one is an accident."""
    health = answered()
    health.on_error(DEAD, NOW)
    health.on_error(DEAD, NOW)

    assert health.on_answer() is True
    assert health.on_answer() is False
    assert health.paused_until < NOW
    health.on_error(DEAD, NOW)
    assert health.paused_until - NOW == PAUSE_SECONDS[0]
