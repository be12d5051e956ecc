"""How an API that does not answer, or no more, is asked: one reading at a time, and each collector as slowly as it deserves."""

from __future__ import annotations

import pytest

from dbs_exporter import errors
from dbs_exporter.polling.health import FORGIVE_SECONDS, HOPELESS_AFTER, PAUSE_SECONDS, Health

NOW = 1_000.0
SILENT = errors.Timeout("no answer")
DEAD = errors.BadCredentials("no such key")
ANSWERS = [
    errors.Throttled("slower"),
    errors.Invalid("no such plan"),
    errors.NotPermitted("no"),
    errors.BadAnswer("odd"),
]
NOBODY: frozenset[str] = frozenset()


def answered() -> Health:
    health = Health()
    health.on_answer("plans", NOW)
    return health


def fail(health: Health, *collectors: str, error: Exception = SILENT, now: float = NOW) -> None:
    for collector in collectors:
        health.on_error(collector, error, now)


def test_until_the_first_answer_one_reading_tries() -> None:
    """Nobody knows yet whether anybody is there."""
    health = Health()

    assert (health.is_doubtful, health.places(4)) == (True, 1)
    health.on_answer("plans", NOW)
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
    """It may be the API or it may be one plan; the next answer says which, whatever it is about."""
    health = answered()
    fail(health, "restores", error=error)

    assert (health.is_doubtful, health.places(4)) == (True, 1)
    assert health.on_answer("plans", NOW) == NOBODY
    assert health.places(4) == 4


@pytest.mark.parametrize("error", ANSWERS)
def test_a_refusal_is_an_answer(error: Exception) -> None:
    """Who refuses is there, and may end a silence."""
    health = answered()
    fail(health, "restores", "full_backups")

    assert health.on_error("plans", error, NOW) == {"restores", "full_backups", "plans"}
    assert health.places(4) == 4
    assert health.on_error("plans", error, NOW) == NOBODY


def test_a_collector_that_breaks_says_nothing_of_the_api() -> None:
    """Neither that it answers nor that it does not."""
    health = answered()
    fail(health, "restores")

    assert health.on_error("restores", ZeroDivisionError("boom"), NOW) == NOBODY
    assert health.is_doubtful
    fresh = answered()
    fail(fresh, "restores", error=ZeroDivisionError("boom"))
    assert not fresh.is_doubtful


def test_a_collector_that_gets_no_answer_is_asked_ever_more_slowly() -> None:
    """A few in a row are tried at once; then there are pauses, up to a minute."""
    health = answered()
    pauses = []
    for _ in range(HOPELESS_AFTER + len(PAUSE_SECONDS) + 1):
        fail(health, "restores")
        pauses.append(health.paused_for("restores", NOW))

    assert pauses[: HOPELESS_AFTER - 1] == [0.0] * (HOPELESS_AFTER - 1)
    assert pauses[HOPELESS_AFTER - 1 :] == [*PAUSE_SECONDS, PAUSE_SECONDS[-1], PAUSE_SECONDS[-1]]
    assert health.paused_for("restores", NOW + 59.0) == 1.0
    assert health.paused_for("restores", NOW + 61.0) == 0.0


def test_one_operation_that_is_broken_holds_up_no_other() -> None:
    """Its pauses are its own, and answers about other things do not end them."""
    health = answered()
    fail(health, *["restores"] * 20)

    assert health.paused_until < NOW
    assert health.paused_for("full_backups", NOW) == 0.0
    health.on_answer("full_backups", NOW)
    assert health.paused_for("restores", NOW) == PAUSE_SECONDS[-1]
    fail(health, "full_backups")
    assert health.paused_for("full_backups", NOW) == 0.0
    health.on_answer("restores", NOW)
    assert health.paused_for("restores", NOW) == 0.0


def test_dead_credentials_pause_everything_at_once() -> None:
    """They are not tried plan by plan, nor collector by collector."""
    health = answered()
    fail(health, "restores", error=DEAD)
    first = health.paused_until - NOW
    fail(health, "full_backups", error=DEAD)

    assert (first, health.paused_until - NOW) == PAUSE_SECONDS[:2]
    health.on_answer("plans", NOW)
    assert health.paused_until < NOW
    fail(health, "plans", error=DEAD)
    assert health.paused_until - NOW == PAUSE_SECONDS[0]


def test_a_silence_of_all_ends_for_all_who_failed_in_it() -> None:
    """Two collectors in a row are no broken operation; what failed of them is tried anew, once."""
    health = answered()
    fail(health, *["restores"] * 20, "full_backups")

    assert health.on_answer("plans", NOW) == {"restores", "full_backups", "plans"}
    assert health.paused_for("restores", NOW) == 0.0
    assert health.on_answer("restores", NOW) == NOBODY


def test_a_silence_of_one_ends_when_it_is_answered() -> None:
    """Not when another is; one failure alone is an accident, and no reason to try others anew."""
    health = answered()
    fail(health, "restores", "restores")
    assert health.on_answer("plans", NOW) == NOBODY
    assert health.on_answer("restores", NOW) == {"restores"}
    later = NOW + FORGIVE_SECONDS
    for _ in range(3):
        fail(health, "restores", now=later)
        assert health.on_answer("restores", later) == NOBODY


def test_what_is_broken_for_good_is_not_tried_anew_with_each_plan_that_can_be_read() -> None:
    """Twenty plans that time out among a thousand that answer would take all calls."""
    health = answered()
    tried = 0
    for second in range(3_600):
        fail(health, *["restores"] * 3, now=NOW + second)
        tried += health.on_answer("restores", NOW + second) == {"restores"}

    assert tried == 3_600 / FORGIVE_SECONDS
