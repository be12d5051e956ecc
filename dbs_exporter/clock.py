"""The clock as an object that is passed in: wall time, monotonic time, and an interruptible sleep.

This module owns every reading of the machine's clock by the exporter's own loops. Tests pass a clock of their own and
never wait.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """The clock as the rest of the program uses it."""

    def now(self) -> float:
        """Return the seconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences have a meaning."""
        ...

    def sleep(self, seconds: float) -> bool:
        """Wait for `seconds`; return True, and at once, if the clock is stopped."""
        ...


class SystemClock:
    """The machine's clock; `stop()` ends every sleep, now and later."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        return self._stopped.wait(max(0.0, seconds))

    def stop(self) -> None:
        """End every sleep, so that its caller sees True and finishes."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()
