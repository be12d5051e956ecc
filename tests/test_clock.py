"""The machine's clock: it never goes back, and stopping it ends every sleep."""

from __future__ import annotations

import threading
import time

from dbs_exporter.clock import SystemClock

LONG_SECONDS = 3600.0


def test_it_tells_the_machines_time() -> None:
    """Seconds since the epoch, and seconds that never go back."""
    clock = SystemClock()
    before, began = time.time(), clock.monotonic()

    assert before <= clock.now() <= time.time()
    assert clock.monotonic() >= began


def test_a_sleep_ends_by_itself() -> None:
    """Nobody stopped it; a negative one ends at once."""
    clock = SystemClock()

    assert [clock.sleep(seconds) for seconds in (0.0, -1.0, 0.001)] == [False, False, False]
    assert not clock.stopped


def test_stopping_ends_every_sleep_now_and_later() -> None:
    """Who sleeps is told at once, and who begins to sleep afterwards too."""
    clock = SystemClock()
    told: list[bool] = []
    sleeper = threading.Thread(target=lambda: told.append(clock.sleep(LONG_SECONDS)))
    sleeper.start()
    clock.stop()
    sleeper.join(30)

    assert told == [True]
    assert clock.sleep(LONG_SECONDS)
    assert clock.stopped
