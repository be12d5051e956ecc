"""Families of what belongs to an account and region and to no single plan: gateways, regions, networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dbs_exporter.facts.model import GATEWAY_STATUSES, Gateway, RegionSubject
from dbs_exporter.metrics.family import Family, Row, region_family
from dbs_exporter.metrics.rows import one, state

_LIST = "DescribeBackupGatewayList"


def _gateways(of: Callable[[Gateway], Iterable[Row]]) -> Callable[[RegionSubject], list[Row]]:
    return lambda subject: [row for gateway in subject.gateways or () for row in of(gateway)]


def _networks(subject: RegionSubject) -> list[Row]:
    networks = subject.networks
    if networks is None:
        return []
    pairs = [("internet", cidr) for cidr in networks.internet] + [
        ("intranet", cidr) for cidr in networks.intranet
    ]
    return [(pair, 1) for pair in dict.fromkeys(pairs)]


REGION_FAMILIES: tuple[Family, ...] = (
    region_family(
        "dbs_gateway_info",
        "What the backup gateway is; always 1",
        f"{_LIST} BackupGateway",
        _gateways(
            lambda gateway: one(
                1,
                gateway.gateway_id,
                gateway.identifier,
                gateway.display_name,
                gateway.hostname,
                gateway.internet_ip,
                gateway.intranet_ip,
            )
        ),
        labels=("gateway_id", "identifier", "display_name", "hostname", "internet_ip", "intranet_ip"),
    ),
    region_family(
        "dbs_gateway_status",
        "1 for the status the gateway has, 0 for the others",
        f"{_LIST} BackupGatewayStatus",
        _gateways(lambda gateway: state(GATEWAY_STATUSES, gateway.status, gateway.gateway_id)),
        labels=("gateway_id", "status"),
    ),
    region_family(
        "dbs_gateway_last_heartbeat_timestamp_seconds",
        "When the gateway was last heard of",
        f"{_LIST} LastHeartbeatTime",
        _gateways(lambda gateway: one(gateway.last_heartbeat_at, gateway.gateway_id)),
        labels=("gateway_id",),
    ),
    region_family(
        "dbs_gateway_created_timestamp_seconds",
        "When the gateway was created",
        f"{_LIST} BackupGatewayCreateTime",
        _gateways(lambda gateway: one(gateway.created_at, gateway.gateway_id)),
        labels=("gateway_id",),
    ),
    region_family(
        "dbs_gateway_plans",
        "Plans that back up through the gateway",
        "DescribeBackupPlanList BackupGatewayId",
        lambda subject: [((gateway_id,), plans) for gateway_id, plans in subject.gateway_plans or ()],
        labels=("gateway_id",),
    ),
    region_family(
        "dbs_region_info",
        "1 for each region that DBS supports for the account",
        "DescribeRegions RegionCode",
        lambda subject: one(1) if subject.supported else [],
    ),
    region_family(
        "dbs_node_cidr_info",
        "1 for each network that DBS connects from, what a database's allow list must hold",
        "DescribeNodeCidrList InternetIPs and IntranetIPs",
        _networks,
        labels=("network", "cidr"),
    ),
)
