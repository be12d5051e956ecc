"""Reloads that come while one is under way become one; each that waits hears how its own ended."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator

import pytest

from dbs_exporter.cli.reloading import Reloads
from dbs_exporter.errors import ConfigError, DbsExporterError

PATIENCE_SECONDS = 30.0


class Held:
    """A reload that waits until it is let go, and then fails as it is told to."""

    def __init__(self) -> None:
        self.begun: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.failures: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self.number = 0

    def __call__(self) -> None:
        self.number += 1
        self.begun.put(self.number)
        failure = self.failures.get()
        if failure is not None:
            raise failure


@pytest.fixture
def held() -> Held:
    """A reload that waits."""
    return Held()


@pytest.fixture
def reloads(held: Held) -> Iterator[Reloads]:
    """Reloads that have started."""
    reloads = Reloads(held)
    reloads.start()
    yield reloads
    reloads.close()
    held.failures.put(None)


def test_many_requests_while_one_is_under_way_are_a_single_reload(held: Held, reloads: Reloads) -> None:
    """The one under way may have read the file before it changed, so there is one more."""
    reloads.request()
    held.begun.get(timeout=PATIENCE_SECONDS)
    for _ in range(1_000):
        reloads.request()
    for _ in range(2):
        held.failures.put(None)
    held.begun.get(timeout=PATIENCE_SECONDS)
    held.failures.put(None)
    reloads.reload()

    assert held.number <= 3


def test_who_waits_hears_how_the_reload_ended_that_began_afterwards(held: Held, reloads: Reloads) -> None:
    """Not how the one ended that was under way."""
    held.failures.put(ConfigError("c.yml:1: wrong"))
    with pytest.raises(ConfigError, match="wrong"):
        reloads.reload()
    held.failures.put(None)
    reloads.reload()

    assert held.number == 2


def test_a_reload_that_breaks_is_logged_and_the_next_goes_on(
    held: Held, reloads: Reloads, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever waits hears a sentence."""
    held.failures.put(ZeroDivisionError())
    with caplog.at_level(logging.ERROR), pytest.raises(DbsExporterError, match="the log says how"):
        reloads.reload()
    held.failures.put(None)
    reloads.reload()

    assert "a reload broke" in caplog.text


def test_nobody_waits_for_a_reload_at_the_end(held: Held, reloads: Reloads) -> None:
    """One that hangs keeps nobody, and later ones are refused."""
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()

    def wait() -> None:
        try:
            reloads.reload()
        except DbsExporterError as error:
            ended.put(str(error))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    held.begun.get(timeout=PATIENCE_SECONDS)
    reloads.close()

    assert ended.get(timeout=PATIENCE_SECONDS) == "the exporter ends"
    with pytest.raises(DbsExporterError, match="ends"):
        reloads.reload()
