"""What the tests of the simulator share: simulators that run, and a healthy fleet asked directly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.simulated_cloud import Cloud

from dbs_exporter.simulator import Simulator, World, start_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """The default fleet over HTTP, shared by the tests of a module."""
    with start_simulator(World()) as running:
        yield running


@pytest.fixture
def faulty(simulator: Simulator) -> Iterator[Simulator]:
    """The same, for a test that sets faults; they are gone afterwards."""
    yield simulator
    simulator.set_faults([])


@pytest.fixture
def two_accounts() -> Iterator[Simulator]:
    """A healthy fleet of two accounts over HTTP, for one test alone."""
    with start_simulator(World.healthy(plans=45, accounts=("one", "two"))) as running:
        yield running


@pytest.fixture
def cloud() -> Cloud:
    """A healthy fleet whose operations are asked directly."""
    return Cloud()
