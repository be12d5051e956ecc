"""What the tests of the commands share: a small simulated cloud, and logging as it was before each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from dbs_exporter.simulator import Simulator, World, start_simulator


@pytest.fixture
def cloud() -> Iterator[Simulator]:
    """A small simulated cloud."""
    with start_simulator(World(plans=10)) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Take back what commands change on the root logger, on which other tests read records."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
