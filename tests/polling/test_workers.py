"""Threads shared fairly; under load all of them work, and none is lost."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from dbs_exporter.polling.workers import Workers

PATIENCE = 20.0


def waits(event: threading.Event) -> None:
    event.wait(PATIENCE)


def test_collectors_take_turns() -> None:
    """A short queue does not wait for the end of a long one."""
    workers = Workers("test", 1)
    begin, done, order = threading.Event(), threading.Event(), list[str]()
    workers.submit("long", partial(waits, begin))
    for _ in range(5):
        workers.submit("long", lambda: order.append("long"))
    workers.submit("short", lambda: order.append("short"))
    workers.submit("last", done.set)
    begin.set()

    assert done.wait(PATIENCE)
    assert order.index("short") <= 1
    workers.close()


def test_a_collector_that_hangs_leaves_a_thread_to_the_others() -> None:
    """Two hanging tasks of one collector cannot take both threads."""
    workers = Workers("test", 2)
    release, done = threading.Event(), threading.Event()
    for _ in range(3):
        workers.submit("hung", partial(waits, release))
    workers.submit("other", done.set)

    assert done.wait(PATIENCE)
    release.set()
    workers.close()
    workers.join(PATIENCE)


def test_after_closing_nothing_begins() -> None:
    """What waits is dropped and threads end."""
    workers = Workers("test", 1)
    release, begun, ran = threading.Event(), threading.Event(), list[int]()

    def first() -> None:
        begun.set()
        release.wait(PATIENCE)

    workers.submit("a", first)
    workers.submit("a", lambda: ran.append(1))
    assert begun.wait(PATIENCE)
    workers.close()
    release.set()
    workers.join(PATIENCE)
    workers.submit("a", lambda: ran.append(2))

    assert ran == []
    assert not any(thread.name.startswith("test-") for thread in threading.enumerate() if thread.is_alive())


def test_a_burst_after_a_pause_uses_every_thread() -> None:
    """A thread that is idle when many tasks come is one of those that work, not the only one."""
    workers = Workers("burst", 4)
    warm, all_in = threading.Event(), threading.Barrier(5)
    workers.submit("first", warm.set)
    assert warm.wait(PATIENCE)
    for _ in range(20_000):
        if workers._idle:
            break
        threading.Event().wait(0.001)
    assert workers._idle == 1

    def meet() -> None:
        all_in.wait(PATIENCE)

    for number in range(4):
        workers.submit(f"collector{number}", meet)

    # It breaks, and raises here, unless four tasks are under way at once.
    all_in.wait(PATIENCE)
    workers.close()
    workers.join(PATIENCE)


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), ValueError("x")])
def test_a_task_that_raises_costs_no_thread(raised: BaseException) -> None:
    """Not even SystemExit, which a thread would otherwise end on without a word."""
    workers = Workers("raising", 1)
    done = threading.Event()

    def broken() -> None:
        raise raised

    workers.submit("a", broken)
    workers.submit("a", done.set)

    assert done.wait(PATIENCE)
    workers.close()
    workers.join(PATIENCE)
