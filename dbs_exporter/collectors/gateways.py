"""Backup gateways of a region: how they are read, and their families · DescribeBackupGatewayList."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dbs_exporter.collectors.base import Reading, RegionCollector
from dbs_exporter.facts.gateways import GATEWAY_STATUSES, GATEWAYS, Gateway, plans_per_gateway, read_gateway
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.facts.subjects import RegionSubject
from dbs_exporter.metrics.family import Family, Row, region_family, with_reads
from dbs_exporter.metrics.rows import single, state

_LIST = "DescribeBackupGatewayList"


def read_gateways(reading: Reading) -> tuple[Gateway, ...]:
    """Read all gateways of a region."""
    records = reading.pages(_LIST, Region=reading.region)
    gateways, _ = reading.reader.each(records, read_gateway)
    return tuple({gateway.gateway_id: gateway for gateway in gateways}.values())


def _gateways(of: Callable[[Gateway], Iterable[Row]]) -> Callable[[RegionSubject], list[Row]]:
    return lambda subject: [row for gateway in subject.get(GATEWAYS) or () for row in of(gateway)]


def _plans(subject: RegionSubject) -> list[Row]:
    plans = subject.get(PLANS)
    if plans is None:
        return []
    return [((gateway_id,), number) for gateway_id, number in plans_per_gateway(plans.plans).items()]


_FAMILIES: tuple[Family, ...] = (
    region_family(
        "dbs_gateway_info",
        "What the backup gateway is; always 1",
        f"{_LIST} BackupGateway",
        _gateways(
            lambda gateway: single(
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
        is_state=True,
    ),
    region_family(
        "dbs_gateway_last_heartbeat_timestamp_seconds",
        "When the gateway was last heard of",
        f"{_LIST} LastHeartbeatTime",
        _gateways(lambda gateway: single(gateway.last_heartbeat_at, gateway.gateway_id)),
        labels=("gateway_id",),
    ),
    region_family(
        "dbs_gateway_created_timestamp_seconds",
        "When the gateway was created",
        f"{_LIST} BackupGatewayCreateTime",
        _gateways(lambda gateway: single(gateway.created_at, gateway.gateway_id)),
        labels=("gateway_id",),
    ),
)

COLLECTOR = RegionCollector(
    name="gateways",
    summary="DescribeBackupGatewayList: heartbeats.",
    section="Gateways, regions and networks",
    group=GATEWAYS,
    operations=(_LIST,),
    interval_seconds=60,
    read=read_gateways,
    families=(
        *with_reads(_FAMILIES, GATEWAYS),
        region_family(
            "dbs_gateway_plans",
            "Plans that back up through the gateway",
            "DescribeBackupPlanList BackupGatewayId",
            _plans,
            labels=("gateway_id",),
            reads=(PLANS,),
        ),
    ),
)
