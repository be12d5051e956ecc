"""Signals of a program that serves: caught while it does, noted in order, and given back afterwards."""

from __future__ import annotations

import os
import queue
import signal
import threading

import pytest

from dbs_exporter.cli.signals import Cutter, caught_signals, wait_for_end


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_noted_in_order_and_handlers_are_put_back(ending: int) -> None:
    """While the block runs nothing ends the process; afterwards everything is as it was."""
    watched = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    sent = (signal.SIGHUP, ending, signal.SIGHUP)
    before = [signal.getsignal(number) for number in watched]
    with caught_signals() as came:
        for number in sent:
            os.kill(os.getpid(), number)
        noted = [came.get(timeout=30) for _ in sent]

    assert noted == list(sent)
    assert [signal.getsignal(number) for number in watched] == before


def test_a_second_signal_to_end_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for any more, whichever of the two it is; a hangup ends nothing."""
    ended: list[int] = []
    monkeypatch.setattr("dbs_exporter.cli.signals.os._exit", ended.append)
    with caught_signals() as came:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
            came.get(timeout=30)
        before = list(ended)
        os.kill(os.getpid(), signal.SIGINT)

    assert before == []
    assert ended == [128 + signal.SIGINT]


def test_what_hangs_at_the_end_is_cut() -> None:
    """The process ends with code 0 once the time is over, and not before the end has begun."""
    codes: queue.SimpleQueue[int] = queue.SimpleQueue()
    cutter = Cutter(0.001, codes.put)
    cutter.start()
    early = codes.qsize()
    cutter.begin()

    assert early == 0
    assert codes.get(timeout=30) == 0


def test_an_end_that_is_done_in_time_is_not_cut() -> None:
    """Whoever served in this process goes on."""
    codes: queue.SimpleQueue[int] = queue.SimpleQueue()
    before = set(threading.enumerate())
    cutters = [Cutter(60.0, codes.put), Cutter(0.0, codes.put)]
    for cutter in cutters:
        cutter.start()
    started = set(threading.enumerate()) - before
    cutters[0].begin()
    for cutter in cutters:
        cutter.done()
    for thread in started:
        thread.join(30)

    assert codes.empty()
    assert not any(thread.is_alive() for thread in started)


def test_handlers_are_put_back_when_the_block_fails() -> None:
    """A program that could not start is ended by the next signal as ever."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="no start"), caught_signals():
        raise ValueError("no start")

    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_each_hangup_on_the_way_to_the_end_is_a_call(ending: int) -> None:
    """A reload for each SIGHUP, and what comes after the end is left."""
    came: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGHUP, signal.SIGHUP, ending, signal.SIGHUP):
        came.put(number)
    calls: list[str] = []
    wait_for_end(came, lambda: calls.append("hangup"))

    assert calls == ["hangup"] * 2
    assert came.qsize() == 1


def test_the_wait_goes_on_while_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks now and then, because a signal may come just before it blocks."""
    monkeypatch.setattr("dbs_exporter.cli.signals.POLL_SECONDS", 0.001)
    looks: list[float] = []

    class Quiet:
        def get(self, timeout: float) -> int:
            looks.append(timeout)
            if len(looks) < 4:
                raise queue.Empty
            return signal.SIGTERM

    wait_for_end(Quiet(), lambda: None)  # type: ignore[arg-type]  # only `get` is asked

    assert looks == [0.001] * 4
