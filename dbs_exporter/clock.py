"""Time, as one injected object: now, monotonic, and a sleep that shutdown ends at once.

It owns every reading of the real clock outside `app`; tests give their own and never wait.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the rest of the program may ask of time."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> bool:
        """Wait that long; True if the clock was stopped meanwhile, and then at once."""
        ...


class SystemClock:
    """The machine's clock. `stop()` ends every sleep, now and later."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        return self._stopped.wait(max(0.0, seconds))

    def stop(self) -> None:
        """End all sleeps; callers see True and finish."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()
