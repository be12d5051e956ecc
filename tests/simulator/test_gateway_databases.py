"""The databases behind the gateways of the simulated cloud."""

from __future__ import annotations

from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.simulated_cloud import NOW, ask

from dbs_exporter.simulator import World
from dbs_exporter.simulator.fleet import PlanSpec
from dbs_exporter.simulator.gateway_databases import (
    ANSWER_SECONDS,
    NEIGHBOUR,
    SYSTEM,
    databases_of,
    plans_behind,
)
from dbs_exporter.simulator.replies import Refused


def look(world: World, clock: FakeClock, spec: PlanSpec, **more: Any) -> Any:
    """What the gateway of a plan finds at the plan's address."""
    address = {
        "BackupGatewayId": spec.gateway_id,
        "SourceEndpointIP": spec.host,
        "SourceEndpointPort": spec.engine.port,
        **more,
    }
    task_id = ask(world, "CreateGetDBListFromAgentTask", **address)["TaskId"]
    assert ask(world, "GetDBListFromAgent", TaskId=task_id) == {"DbList": ""}
    clock.advance(ANSWER_SECONDS)
    return ask(world, "GetDBListFromAgent", TaskId=task_id)["DbList"]["dbName"]


def test_a_gateway_finds_what_its_plans_back_up_and_the_servers_own() -> None:
    """After some seconds; until then it answers with nothing. A fleet without incidents has nothing odd."""
    clock = FakeClock(NOW)
    world = World.healthy(clock=clock.now)
    for spec in plans_behind(world.specs("demo")):
        own = SYSTEM[spec.engine.database_type]
        assert look(world, clock, spec) == sorted({*databases_of(spec), *own})


def test_a_fleet_with_incidents_has_a_database_of_nobody_and_one_that_cannot_be_reached() -> None:
    """The first healthy plan behind a gateway has a neighbour, the second one's database does not answer."""
    clock = FakeClock(NOW)
    world = World(clock=clock.now)
    first, second, *others = plans_behind(world.specs("demo"))

    assert NEIGHBOUR in look(world, clock, first)
    with pytest.raises(Refused, match="cannot connect to the database"):
        look(world, clock, second)
    assert all(NEIGHBOUR not in look(world, clock, spec) for spec in others)


@pytest.mark.parametrize("more", [{"SourceEndpointPort": 1}, {"SourceEndpointIP": "10.0.0.1"}])
def test_nothing_answers_elsewhere(more: dict[str, Any]) -> None:
    """Another port or address is another server, and there is none."""
    clock = FakeClock(NOW)
    world = World.healthy(clock=clock.now)
    with pytest.raises(Refused, match="cannot connect to the database"):
        look(world, clock, plans_behind(world.specs("demo"))[0], **more)


def test_a_task_that_nobody_created_is_refused() -> None:
    """An id of another cloud has no answer."""
    with pytest.raises(Refused, match="TaskId"):
        ask(World.healthy(), "GetDBListFromAgent", TaskId=1)
