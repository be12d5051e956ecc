"""Signals of a program that serves: SIGTERM and SIGINT end it, SIGHUP reloads it.

It owns nothing but the waiting; handlers only note what came, so that no lock is ever taken inside one.
"""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

LOOK_SECONDS = 0.2
_ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def caught_signals() -> Iterator[queue.SimpleQueue[int]]:
    """Put signals into a queue while the block runs; the handlers of before are put back. For the main thread."""
    came: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(number: int, _frame: FrameType | None) -> None:
        came.put(number)

    watched = (*_ENDING, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
    before = {number: signal.signal(number, note) for number in watched}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_end(came: queue.SimpleQueue[int], on_hangup: Callable[[], None]) -> None:
    """Wait until the program is to end; each SIGHUP on the way calls `on_hangup`.

    Python runs handlers between two steps of the main thread only. A signal that comes while this thread waits for the
    interpreter's lock, just before it blocks, would be noticed at the next signal; so it never blocks for long.
    """
    while True:
        try:
            number = came.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if number in _ENDING:
            return
        on_hangup()
