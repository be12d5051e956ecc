"""Conditions of gateways, each with its deadlines to the second."""

from __future__ import annotations

from msgspec.structs import replace
from support.condition_plans import deadlines
from support.subjects import subject_with

from dbs_exporter.conditions.gateways import gateway_gone, gateway_heartbeat
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.noticed import GONE, gateway_key
from dbs_exporter.facts.subjects import RegionSubject, Scope

REGION = RegionSubject(scope=Scope(account="prod", region="cn-hangzhou"))
BEAT = 10_000.0


def test_a_gateway_is_late_after_five_minutes_and_gone_after_fifteen() -> None:
    """Or from when its own status was first seen to say so."""
    gateway = Gateway(gateway_id="7", status="OFFLINE", last_heartbeat_at=BEAT)
    region = subject_with(REGION, (GATEWAYS, (gateway,)))
    seen = replace(region, noticed={gateway_key("7", "OFFLINE"): BEAT + 60})

    assert deadlines(gateway_heartbeat, region) == {
        "at_risk 7": (BEAT + 300, None),
        "breached 7": (BEAT + 900, None),
    }
    assert deadlines(gateway_heartbeat, seen)["breached 7"] == (BEAT + 60, None)


def test_a_gateway_without_a_heartbeat_has_only_its_status() -> None:
    """One that is online and was never heard of is not late."""
    region = subject_with(REGION, (GATEWAYS, (Gateway(gateway_id="7", status="ONLINE"),)))

    assert deadlines(gateway_heartbeat, region) == {}


def test_a_gateway_that_left_its_list_is_gone_since_that_list() -> None:
    """As long as that is remembered."""
    assert deadlines(gateway_gone, replace(REGION, noticed={gateway_key("7", GONE): 5.0})) == {
        "breached 7": (5.0, None)
    }
    assert deadlines(gateway_gone, REGION) == {}
