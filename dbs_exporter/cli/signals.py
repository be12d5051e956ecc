"""The signals of a serving program: SIGTERM and SIGINT end it, a second one at once; SIGHUP reloads it.

This module owns the handlers, the waiting and the end that is not waited for. A handler only records its signal or ends the
process, so that no lock is ever taken inside one.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

POLL_SECONDS = 0.2
STOP_SECONDS = 1.8
"""How long an end may take; then what still runs is cut."""
_ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def caught_signals() -> Iterator[queue.SimpleQueue[int]]:
    """Put signals into a queue while the block runs, then restore the previous handlers.

    A second signal that ends the process does so at once. Must be used in the main thread.
    """
    caught: queue.SimpleQueue[int] = queue.SimpleQueue()
    ending: list[int] = []

    def record(number: int, _frame: FrameType | None) -> None:
        if number in _ENDING:
            if ending:
                os._exit(128 + number)
            ending.append(number)
        caught.put(number)

    watched = (*_ENDING, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
    previous = {number: signal.signal(number, record) for number in watched}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def wait_for_end(caught: queue.SimpleQueue[int], on_hangup: Callable[[], object]) -> None:
    """Wait for SIGTERM or SIGINT; call `on_hangup`, which must not wait, for each SIGHUP until then.

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


class Cutter:
    """Ends the process with code 0 if it is not done a while after `begin`, whatever hangs in it."""

    def __init__(self, seconds: float = STOP_SECONDS, end: Callable[[int], object] = os._exit) -> None:
        self._seconds = seconds
        self._end = end
        self._begun = threading.Event()
        self._done = threading.Event()

    def start(self) -> None:
        """Start the thread now, because there may be none to be had later. Raises RuntimeError if there is none now."""
        threading.Thread(target=self._run, name="cutter", daemon=True).start()

    def begin(self) -> None:
        """Count from now on."""
        self._begun.set()

    def done(self) -> None:
        """Nothing hangs any more: cut nothing."""
        self._done.set()
        self._begun.set()

    def _run(self) -> None:
        self._begun.wait()
        if not self._done.wait(self._seconds):
            self._end(0)
