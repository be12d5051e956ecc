"""Backup gateways · DescribeBackupGatewayList."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from dbs_exporter.facts.enums import UnknownValue, spellings
from dbs_exporter.facts.fields import Record, enum, instant, required_text, text
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.plans import Plan

GATEWAY_STATUSES = ("ONLINE", "OFFLINE", "STOPPED", "UPGRADING")
GATEWAY_STATUS = spellings(*GATEWAY_STATUSES)


class Gateway(Struct, frozen=True, kw_only=True):
    """One backup gateway · DescribeBackupGatewayList, Items.BackupGateway."""

    gateway_id: str
    status: str
    identifier: str = ""
    display_name: str = ""
    hostname: str = ""
    internet_ip: str = ""
    intranet_ip: str = ""
    created_at: float | None = None
    last_heartbeat_at: float | None = None


GATEWAYS: Group[tuple[Gateway, ...]] = Group("gateways", tuple[Gateway, ...])


def read_gateway(record: Record, unknown: UnknownValue) -> Gateway:
    """Read one backup gateway · DescribeBackupGatewayList, Items.BackupGateway. Raises BadAnswer."""
    return Gateway(
        gateway_id=required_text(record, "BackupGatewayId"),
        status=enum(record, "BackupGatewayStatus", GATEWAY_STATUS, unknown, required=True),
        identifier=text(record, "Identifier"),
        display_name=text(record, "DisplayName"),
        hostname=text(record, "SourceEndpointHostname"),
        internet_ip=text(record, "SourceEndpointInternetIP"),
        intranet_ip=text(record, "SourceEndpointIntranetIP"),
        created_at=instant(record, "BackupGatewayCreateTime"),
        last_heartbeat_at=instant(record, "LastHeartbeatTime"),
    )


def plans_per_gateway(plans: Iterable[Plan]) -> dict[str, int]:
    """Return how many plans back up through each gateway, by its id."""
    found = Counter(plan.gateway_id for plan in plans if plan.gateway_id)
    return dict(sorted(found.items()))
