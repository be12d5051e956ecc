"""Backup gateways · DescribeBackupGatewayList."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from dbs_exporter.facts.enums import spellings
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.records import Fields

GATEWAY_STATUSES = ("ONLINE", "OFFLINE", "STOPPED", "UPGRADING")
GATEWAY_OUT = frozenset({"OFFLINE", "STOPPED"})
"""Statuses of a gateway that does not work."""
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


def read_gateway(fields: Fields) -> Gateway:
    """Read one backup gateway · DescribeBackupGatewayList, Items.BackupGateway. Raises BadAnswer without id or status."""
    return Gateway(
        gateway_id=fields.identity("BackupGatewayId"),
        status=fields.status("BackupGatewayStatus", GATEWAY_STATUS),
        identifier=fields.text("Identifier"),
        display_name=fields.text("DisplayName"),
        hostname=fields.text("SourceEndpointHostname"),
        internet_ip=fields.text("SourceEndpointInternetIP"),
        intranet_ip=fields.text("SourceEndpointIntranetIP"),
        created_at=fields.instant("BackupGatewayCreateTime"),
        last_heartbeat_at=fields.instant("LastHeartbeatTime"),
    )


def plans_per_gateway(plans: Iterable[Plan]) -> dict[str, int]:
    """Return how many plans back up through each gateway, by its id."""
    found = Counter(plan.gateway_id for plan in plans if plan.gateway_id)
    return dict(sorted(found.items()))
