"""Conditions of backup gateways; alerts on them are raised where plans of the account back up through the gateway."""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.conditions.algebra import Stage, after, condition, stage
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.limits import HEARTBEAT_LATE_SECONDS
from dbs_exporter.facts.noticed import GONE, gateway_key, gateway_out_since, gone_gateways
from dbs_exporter.facts.subjects import RegionSubject


@condition(
    "gateway_heartbeat",
    of="gateway",
    basis=GATEWAYS.name,
    breached=("DBSGatewayOffline", "critical"),
    at_risk=("DBSGatewayHeartbeatStale", "warning"),
)
def gateway_heartbeat(subject: RegionSubject) -> Iterable[Stage]:
    """A gateway was not heard of for minutes, or says itself that it does not work."""
    for gateway in subject.get(GATEWAYS) or ():
        yield from stage(
            "at_risk", after(gateway.last_heartbeat_at, HEARTBEAT_LATE_SECONDS), of=gateway.gateway_id
        )
        yield from stage("breached", gateway_out_since(subject, gateway), of=gateway.gateway_id)


@condition("gateway_gone", of="gateway", basis=GATEWAYS.name, breached=("DBSGatewayGone", "critical"))
def gateway_gone(subject: RegionSubject) -> Iterable[Stage]:
    """A gateway that plans name left a complete list."""
    for gateway_id in sorted(gone_gateways(subject)):
        yield from stage("breached", subject.noticed.get(gateway_key(gateway_id, GONE)), of=gateway_id)
