"""What the tests of the commands share: a small simulated cloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dbs_exporter.simulator import Simulator, World, start_simulator


@pytest.fixture
def cloud() -> Iterator[Simulator]:
    """A small simulated cloud."""
    with start_simulator(World(plans=10)) as simulator:
        yield simulator
