"""How fast and how many at once, on a clock that only moves when told to."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_clock import FakeClock

from dbs_exporter.api.pacing import BACKOFF_CAP_SECONDS, Pacer, backoff_seconds
from dbs_exporter.errors import Timeout


def clock_of_odd_fractions() -> FakeClock:
    """Give a clock that starts at a value whose fractions do not come out even."""
    return FakeClock(monotonic=123_456.789)


EVENTS = st.lists(
    st.one_of(
        st.sampled_from(["call", "call", "call", "throttled", "succeeded"]),
        st.floats(0.0, 3.0).map(lambda seconds: ("idle", seconds)),
    ),
    max_size=80,
)


@given(st.floats(0.05, 60.0), EVENTS)
def test_no_second_holds_more_calls_than_configured(
    rate: float, events: list[str | tuple[str, float]]
) -> None:
    """In any window of one second, wherever it begins, no more calls start than requests_per_second.

    Below one a second it is one call per 1/rate seconds.
    """
    clock = clock_of_odd_fractions()
    pacer = Pacer(rate, 4, clock)
    starts: list[float] = []
    for event in events:
        if event == "call":
            with pacer.slot():
                starts.append(clock.monotonic())
        elif event == "throttled":
            pacer.on_throttled()
        elif event == "succeeded":
            pacer.on_success()
        else:
            clock.advance(float(event[1]))
    window = max(1.0, 1.0 / rate)
    for index, start in enumerate(starts):
        inside = [other for other in starts[index:] if other - start < window]
        assert len(inside) <= max(1.0, rate)
    assert min(clock.sleeps, default=0.0) >= 0.0


def test_calls_are_spread_and_not_sent_in_bursts() -> None:
    """At five a second a call starts every fifth of a second, also the first five."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(5, 4, clock)
    starts = []
    for _ in range(20):
        with pacer.slot():
            starts.append(clock.monotonic())

    assert all(later - sooner == pytest.approx(0.2, rel=1e-3) for sooner, later in pairwise(starts))


def test_throttling_halves_the_rate_and_successes_bring_it_back() -> None:
    """The rate is halved, once for all calls refused together, and comes back to the full one and no higher."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(8, 4, clock)
    pacer.on_throttled()
    pacer.on_throttled()
    assert pacer.rate == 4.0

    clock.advance(1.0)
    pacer.on_throttled()
    assert pacer.rate == 2.0

    seen = []
    for _ in range(200):
        clock.advance(1.0)
        pacer.on_success()
        seen.append(pacer.rate)

    assert seen == sorted(seen)
    assert seen[0] < 2.5
    assert seen[-1] == 8.0


def test_throttling_never_stops_calls_for_good() -> None:
    """However often the API refuses, a thirty-second of the rate remains."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(8, 4, clock)
    for _ in range(100):
        clock.advance(2.0)
        pacer.on_throttled()

    assert pacer.rate == 8 / 32


def test_idle_time_recovers_nothing() -> None:
    """An hour without calls proves nothing about what the API allows."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(8, 4, clock)
    pacer.on_throttled()
    clock.advance(3600.0)
    pacer.on_success()

    assert pacer.rate < 4.2


def test_what_the_server_asks_for_holds_every_call() -> None:
    """A retry-after pauses all calls of the region, not the refused one alone."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(8, 4, clock)
    refused_at = clock.monotonic()
    pacer.on_throttled(retry_after_seconds=7.0)
    with pacer.slot():
        assert clock.monotonic() - refused_at == pytest.approx(7.0)


def test_when_a_call_may_start_can_be_asked_beforehand() -> None:
    """So that no thread waits for it; nobody's turn is taken by asking."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(2, 4, clock)
    assert pacer.ready_in() == 0.0
    with pacer.slot():
        pass
    assert pacer.ready_in() == pacer.ready_in() == pytest.approx(0.5, rel=1e-3)
    clock.advance(0.3)
    assert pacer.ready_in() == pytest.approx(0.2, rel=1e-2)
    clock.advance(0.3)
    assert pacer.ready_in() == 0.0
    pacer.on_throttled(retry_after_seconds=7.0)

    assert pacer.ready_in() == pytest.approx(7.0)


def test_waiting_is_told() -> None:
    """The seconds that a call waited are told; a call that did not wait tells nothing."""
    clock = clock_of_odd_fractions()
    waits: list[float] = []
    pacer = Pacer(2, 4, clock, on_wait=waits.append)
    for _ in range(3):
        with pacer.slot():
            pass

    assert waits == [pytest.approx(0.5, rel=1e-3)] * 2


def test_a_call_that_would_wait_too_long_fails_at_once() -> None:
    """A wait beyond what the call has left raises Timeout without waiting."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(0.1, 1, clock)
    with pacer.slot():
        pass
    before = clock.monotonic()
    with pytest.raises(Timeout), pacer.slot(within=5.0):
        pass

    assert clock.monotonic() == before
    with pacer.slot(within=11.0):
        assert clock.monotonic() == pytest.approx(before + 10.0)


def test_stopping_the_clock_ends_the_wait() -> None:
    """A stopped clock ends the wait with Timeout, and the place is free again."""
    clock = clock_of_odd_fractions()
    pacer = Pacer(1, 1, clock)
    with pacer.slot():
        pass
    clock.stopped = True
    with pytest.raises(Timeout), pacer.slot():
        pass
    clock.stopped = False
    with pacer.slot():
        pass


def test_no_more_run_at_once_than_allowed() -> None:
    """Of six threads that call at once, never more than two are inside."""
    pacer = Pacer(1e6, 2, clock_of_odd_fractions())
    lock = threading.Lock()
    meet = threading.Barrier(2)
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        with pacer.slot():
            with lock:
                inside += 1
                most = max(most, inside)
            # Two must be inside together for either to leave, so the test sees both the limit and its use.
            meet.wait(timeout=30)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 2


def test_an_exception_inside_frees_the_place() -> None:
    """A call that fails gives its place back."""
    pacer = Pacer(10, 1, clock_of_odd_fractions())
    for _ in range(3):
        with pytest.raises(KeyError), pacer.slot():
            raise KeyError


@pytest.mark.parametrize(("rate", "concurrency"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (1.0, 0)])
def test_nonsense_is_refused(rate: float, concurrency: int) -> None:
    """A pacer that could never let a call through is not built."""
    with pytest.raises(ValueError, match="above 0"):
        Pacer(rate, concurrency, clock_of_odd_fractions())


@given(st.integers(1, 1000), st.floats(0.0, 1.0), st.one_of(st.none(), st.floats(0.0, 100.0)))
def test_a_pause_is_jittered_under_a_growing_cap(failures: int, drawn: float, asked: float | None) -> None:
    """A pause lies between what the server asks and that plus an exponential, capped ceiling."""
    pause = backoff_seconds(failures, lambda: drawn, asked)
    ceiling = min(BACKOFF_CAP_SECONDS, 0.5 * 2.0 ** min(failures - 1, 16))

    assert (asked or 0.0) <= pause <= (asked or 0.0) + ceiling
    assert backoff_seconds(failures, lambda: 0.0, asked) == (asked or 0.0)
