"""Threads that all share: as many as there is work for, never more than may be, and none is lost."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from dbs_exporter.polling.workers import MOST_THREADS, Workers

PATIENCE = 20.0


def waits(event: threading.Event) -> None:
    event.wait(PATIENCE)


def end(workers: Workers) -> None:
    workers.close()
    workers.join(PATIENCE)
    assert workers._threads == []


def test_tasks_are_carried_out_in_the_order_in_which_they_came() -> None:
    """Who decides on the order has done so before."""
    workers = Workers(1)
    begin, done, order = threading.Event(), threading.Event(), list[int]()
    workers.submit(partial(waits, begin))
    for number in range(5):
        workers.submit(partial(order.append, number))
    workers.submit(done.set)
    begin.set()

    assert done.wait(PATIENCE)
    assert order == [0, 1, 2, 3, 4]
    end(workers)


def test_there_are_never_more_threads_than_may_be() -> None:
    """Hundreds of tasks that hang take all threads and start no more."""
    workers = Workers()
    release, last = threading.Event(), threading.Event()
    for _ in range(300):
        workers.submit(partial(waits, release))
    workers.submit(last.set)

    # Those that serve, publish and watch are fewer than eight.
    assert workers.most == MOST_THREADS <= 64 - 8
    assert len(workers._threads) == MOST_THREADS
    assert not last.is_set()
    release.set()
    assert last.wait(PATIENCE)
    end(workers)


def test_a_thread_that_rests_is_used_before_another_is_started() -> None:
    """One region that is read one call after the other needs one thread."""
    workers = Workers(8)
    for _ in range(20):
        done = threading.Event()
        workers.submit(done.set)
        assert done.wait(PATIENCE)
        _until_idle(workers)

    assert len(workers._threads) == 1
    end(workers)


def _until_idle(workers: Workers) -> None:
    for _ in range(20_000):
        if workers._idle:
            return
        threading.Event().wait(0.001)
    raise AssertionError("never idle")


def test_a_burst_after_a_pause_uses_every_thread() -> None:
    """A thread that is idle when many tasks come is one of those that work, not the only one."""
    workers = Workers(4)
    warm, all_in = threading.Event(), threading.Barrier(5)
    workers.submit(warm.set)
    assert warm.wait(PATIENCE)
    _until_idle(workers)

    def meet() -> None:
        all_in.wait(PATIENCE)

    for _ in range(4):
        workers.submit(meet)

    # It breaks, and raises here, unless four tasks are under way at once.
    all_in.wait(PATIENCE)
    end(workers)


def test_after_closing_nothing_begins() -> None:
    """What waits is dropped and threads end."""
    workers = Workers(1)
    release, begun, ran = threading.Event(), threading.Event(), list[int]()

    def first() -> None:
        begun.set()
        release.wait(PATIENCE)

    workers.submit(first)
    workers.submit(lambda: ran.append(1))
    assert begun.wait(PATIENCE)
    workers.close()
    release.set()
    workers.join(PATIENCE)
    workers.submit(lambda: ran.append(2))

    assert ran == []
    assert workers._threads == []


def test_joining_waits_no_longer_than_it_may_for_a_task_that_hangs() -> None:
    """Its thread is left behind; it keeps no process from ending."""
    workers = Workers(2)
    release, begun = threading.Event(), threading.Event()

    def hangs() -> None:
        begun.set()
        release.wait(PATIENCE)

    workers.submit(hangs)
    assert begun.wait(PATIENCE)
    workers.close()
    workers.join(0.0)

    assert [thread.daemon for thread in workers._threads] == [True]
    release.set()
    end(workers)


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), ValueError("x")])
def test_a_task_that_raises_costs_no_thread(raised: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Not even SystemExit, which a thread would otherwise end on without a word."""
    workers = Workers(1)
    done = threading.Event()

    def broken() -> None:
        raise raised

    workers.submit(broken)
    workers.submit(done.set)

    assert done.wait(PATIENCE)
    assert "a task broke" in caplog.text
    end(workers)


def test_a_system_that_gives_no_thread_at_all_is_found_out_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not with the first task, when nobody is there to say so."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        Workers(8).start()


def test_a_system_that_gives_no_more_threads_is_made_do_with(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that there are do the work, and nobody hands out more than they can do."""
    workers = Workers(8)
    release, begun, done = threading.Event(), threading.Event(), threading.Event()

    def holds() -> None:
        begun.set()
        release.wait(PATIENCE)

    workers.submit(holds)
    assert begun.wait(PATIENCE)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    workers.submit(done.set)

    assert workers.most == 1
    assert "the system allows no more than 1 threads" in caplog.text
    release.set()
    assert done.wait(PATIENCE)
    end(workers)
