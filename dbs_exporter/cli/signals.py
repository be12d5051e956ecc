"""The signals of a serving program: SIGTERM and SIGINT end it, SIGHUP reloads it.

This module owns the handlers and the waiting. A handler only records its signal, so that no lock is ever taken inside one.
"""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

POLL_SECONDS = 0.2
_ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def caught_signals() -> Iterator[queue.SimpleQueue[int]]:
    """Put signals into a queue while the block runs, then restore the previous handlers.

    Must be used in the main thread.
    """
    caught: queue.SimpleQueue[int] = queue.SimpleQueue()

    def record(number: int, _frame: FrameType | None) -> None:
        caught.put(number)

    watched = (*_ENDING, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
    previous = {number: signal.signal(number, record) for number in watched}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def wait_for_end(caught: queue.SimpleQueue[int], on_hangup: Callable[[], None]) -> None:
    """Wait for SIGTERM or SIGINT; call `on_hangup` for each SIGHUP until then.

    Python runs handlers only between two steps of the main thread. A signal that arrives while this thread waits for the
    interpreter's lock, just before it blocks, would be noticed only at the next signal. So it never blocks for long.
    """
    while True:
        try:
            number = caught.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue
        if number in _ENDING:
            return
        on_hangup()
