"""Backup gateways, and the plans that use them."""

from __future__ import annotations

import pytest
from support.records import GATEWAY, PLAN, fields_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.gateways import Gateway, plans_per_gateway, read_gateway
from dbs_exporter.facts.plans import Plan, read_plan


@pytest.mark.parametrize("gateway_id", [160813, "160813", 160813.0])
def test_a_gateway_is_the_same_in_every_list(gateway_id: object) -> None:
    """A gateway's id is a number in one list and a string in another; both name the same gateway."""
    plan = read_plan(fields_of({**PLAN, "BackupGatewayId": gateway_id}))
    gateway = read_gateway(fields_of({**GATEWAY, "BackupGatewayId": gateway_id}))

    assert plan.gateway_id == "160813"
    assert gateway.gateway_id == "160813"


def test_plans_are_counted_by_the_gateway_they_use() -> None:
    """Gateways come in order of their ids, and a plan without one counts nowhere."""
    used = ("9", "23", "", "9")
    plans = [Plan(plan_id=f"dbs{number}", gateway_id=gateway_id) for number, gateway_id in enumerate(used)]

    assert list(plans_per_gateway(plans).items()) == [("23", 1), ("9", 2)]


def test_an_unreadable_field_costs_the_field() -> None:
    """A heartbeat in the year 5138 is none, and is told."""
    told = Told()
    gateway = read_gateway(fields_of({**GATEWAY, "LastHeartbeatTime": 10**14, "Identifier": []}, told))

    assert gateway == Gateway(gateway_id="23", status="ONLINE")
    assert told.fields == ["Identifier", "LastHeartbeatTime"]


@pytest.mark.parametrize("field", ["BackupGatewayId", "BackupGatewayStatus"])
def test_a_gateway_without_id_or_status_is_refused(field: str) -> None:
    """What is not known to be one thing or another is none."""
    with pytest.raises(BadAnswer) as caught:
        read_gateway(fields_of({**GATEWAY, field: []}))

    assert caught.value.field == field
