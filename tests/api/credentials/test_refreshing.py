"""Temporary credentials: fetched in time, by one caller, and good until their end whatever a refresh says."""

from __future__ import annotations

import threading

import pytest
from support.account_credentials import ACCOUNT, SECRET, Failures
from support.fake_clock import FakeClock

from dbs_exporter.api.credentials.failures import describe_failure
from dbs_exporter.api.credentials.refreshing import RefreshingSource
from dbs_exporter.api.credentials.types import Credentials, Fetched
from dbs_exporter.errors import CredentialsError


class Fetch:
    """A source of tokens that each live `life` seconds, or that fails."""

    def __init__(self, clock: FakeClock, life: float | None = 3600.0) -> None:
        self.clock = clock
        self.life = life
        self.calls = 0
        self.failing = False

    def __call__(self) -> Fetched:
        self.calls += 1
        if self.failing:
            raise OSError(f"body with {SECRET}")
        ends = None if self.life is None else self.clock.now() + self.life
        return Fetched(
            credentials=Credentials(
                access_key_id=f"STS.{self.calls}",
                access_key_secret=SECRET,
                security_token="t",
                expires_at=ends,
            ),
            expiry_unknown=ends is None,
        )


def refreshing(fetch: Fetch, failures: Failures | None = None) -> RefreshingSource:
    """Build a refreshing source around a fetch."""
    return RefreshingSource(
        ACCOUNT, "ram_role_arn", fetch, describe_failure, fetch.clock, failures or Failures()
    )


def test_a_token_is_fetched_once_and_again_before_its_end() -> None:
    """A token of an hour is used for 45 minutes."""
    fetch = Fetch(FakeClock())
    built = refreshing(fetch)
    for _ in range(10):
        assert built.get().access_key_id == "STS.1"
    fetch.clock.advance(2699.0)
    assert built.get().access_key_id == "STS.1"
    fetch.clock.advance(2.0)
    assert built.get().access_key_id == "STS.2"
    assert fetch.calls == 2


def test_a_short_token_is_not_fetched_on_every_call() -> None:
    """A token of ten minutes is used for two thirds of its life."""
    fetch = Fetch(FakeClock(), life=600.0)
    built = refreshing(fetch)
    for _ in range(39):
        built.get()
        fetch.clock.advance(10.0)

    assert fetch.calls == 1
    fetch.clock.advance(20.0)
    built.get()
    assert fetch.calls == 2


def test_a_failing_refresh_goes_on_with_the_old_token() -> None:
    """While the old token is good, a failing refresh is told, tried again every half minute, and stops nothing."""
    fetch, failures = Fetch(FakeClock()), Failures()
    built = refreshing(fetch, failures)
    built.get()
    fetch.failing = True
    fetch.clock.advance(2701.0)
    for _ in range(20):
        assert built.get().access_key_id == "STS.1"
    assert failures.accounts == ["prod"]
    assert fetch.calls == 2

    fetch.clock.advance(31.0)
    assert built.get().access_key_id == "STS.1"
    assert failures.accounts == ["prod", "prod"]

    fetch.failing = False
    fetch.clock.advance(31.0)
    assert built.get().access_key_id == "STS.4"


def test_a_refresh_that_fails_past_the_end_is_an_error() -> None:
    """Once the old token has ended, the error names account and source, and no answer of STS."""
    fetch = Fetch(FakeClock())
    built = refreshing(fetch)
    built.get()
    fetch.failing = True
    fetch.clock.advance(3601.0)
    with pytest.raises(CredentialsError, match="account prod: ram_role_arn") as caught:
        built.get()

    assert SECRET not in str(caught.value)


def test_an_expired_token_says_why_it_was_not_renewed() -> None:
    """Also between two tries, and each failed try is counted, before the end and after it."""
    fetch, failures = Fetch(FakeClock()), Failures()
    built = refreshing(fetch, failures)
    built.get()
    fetch.failing = True
    fetch.clock.advance(3000.0)
    built.get()
    fetch.clock.advance(601.0)
    sentences = []
    for _ in range(3):
        with pytest.raises(CredentialsError) as raised:
            built.get()
        sentences.append(str(raised.value))
        fetch.clock.advance(5.0)

    assert len(set(sentences)) == 1
    assert "the credentials have expired and could not be renewed: " in sentences[0]
    assert len(failures.accounts) == 2


def test_each_try_that_brings_nothing_usable_is_counted() -> None:
    """Also the first one, and one that brings a token which has expired: nothing can be read either way."""
    fetch, failures = Fetch(FakeClock(), life=1.0), Failures()
    built = refreshing(fetch, failures)
    fetch.failing = True
    for count in (1, 2):
        with pytest.raises(CredentialsError):
            built.get()
        assert len(failures.accounts) == count
        fetch.clock.advance(30.0)
    fetch.failing = False
    with pytest.raises(CredentialsError, match="already expired"):
        built.get()

    assert len(failures.accounts) == 3


def test_a_token_with_less_life_than_the_pause_is_replaced_in_time() -> None:
    """A token that comes with 20 seconds left is good for 15 of them, and the next one is there before that."""
    fetch = Fetch(FakeClock(), life=20.0)
    built = refreshing(fetch)
    for _ in range(60):
        built.get()
        fetch.clock.advance(1.0)

    assert 3 <= fetch.calls <= 6


def test_a_source_that_is_down_is_not_hammered() -> None:
    """Ten thousand plans that ask at once cause one request in half a minute, each told the same."""
    fetch = Fetch(FakeClock())
    fetch.failing = True
    built = refreshing(fetch)
    for _ in range(50):
        with pytest.raises(CredentialsError, match="account prod"):
            built.get()

    assert fetch.calls == 1


def test_a_token_without_a_known_end_is_looked_at_again() -> None:
    """A source that hides when its token ends is asked every five minutes and trusted for fifteen."""
    fetch, failures = Fetch(FakeClock(), life=None), Failures()
    built = refreshing(fetch, failures)
    built.get()
    fetch.clock.advance(301.0)
    assert built.get().access_key_id == "STS.2"
    fetch.failing = True
    fetch.clock.advance(899.0)
    assert built.get().access_key_id == "STS.2"
    assert failures.accounts == ["prod"]
    fetch.clock.advance(31.0)
    with pytest.raises(CredentialsError):
        built.get()


def test_a_token_that_comes_expired_is_an_error() -> None:
    """A clock that is wrong by hours is named as a possible reason."""
    with pytest.raises(CredentialsError, match="clock"):
        refreshing(Fetch(FakeClock(), life=-10.0)).get()


def test_one_thread_fetches_while_the_others_go_on() -> None:
    """During a refresh other threads use the old token and do not wait."""
    clock = FakeClock()
    inside, leave = threading.Event(), threading.Event()
    fetch = Fetch(clock)

    def slow() -> Fetched:
        if fetch.calls:
            inside.set()
            assert leave.wait(30)
        return fetch()

    built = RefreshingSource(ACCOUNT, "x", slow, describe_failure, clock, Failures())
    built.get()
    clock.advance(2701.0)
    thread = threading.Thread(target=built.get)
    thread.start()
    assert inside.wait(30)
    try:
        assert built.get().access_key_id == "STS.1"
    finally:
        leave.set()
        thread.join()

    assert built.get().access_key_id == "STS.2"


def test_a_refused_token_is_fetched_again_but_not_by_every_call() -> None:
    """After a refusal one fetch is made; refusals in a row do not make one each."""
    fetch = Fetch(FakeClock())
    built = refreshing(fetch)
    used = built.get()
    fetch.clock.advance(60.0)
    assert built.renew(used)
    assert fetch.calls == 2
    for _ in range(5):
        assert not built.renew(built.get())
    assert fetch.calls == 2
