"""Threads under load: all of them work, and none is lost."""

from __future__ import annotations

import threading

import pytest

from dbs_exporter.polling.workers import Workers

PATIENCE = 20.0


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
