"""Regions that DBS supports and networks that it connects from: how they are read, and their families."""

from __future__ import annotations

from dbs_exporter.collectors.base import AccountCollector, Reading, RegionCollector
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.networks import NETWORKS, REGIONS, NodeNetworks, read_node_networks, read_regions
from dbs_exporter.facts.subjects import AccountSubject, RegionSubject
from dbs_exporter.metrics.family import Row, account_family, region_family

_SECTION = "Gateways, regions and networks"
_REGIONS = "DescribeRegions"
_NETWORKS = "DescribeNodeCidrList"


def read_supported_regions(reading: Reading) -> tuple[str, ...]:
    """Read the regions that DBS supports for the account.

    None at all is not believed, since that would take away whatever is known of any plan. Raises BadAnswer.
    """
    found = read_regions(reading.call(_REGIONS), reading.unknown)
    if not found:
        raise BadAnswer("there is no region at all", operation=_REGIONS, field="Regions.RegionCode")
    return found


def read_networks(reading: Reading) -> NodeNetworks:
    """Read the networks that DBS connects from."""
    return read_node_networks(reading.call(_NETWORKS, Region=reading.region), reading.unknown)


def _networks(subject: RegionSubject) -> list[Row]:
    networks = subject.get(NETWORKS)
    if networks is None:
        return []
    pairs = [("internet", cidr) for cidr in networks.internet]
    pairs += [("intranet", cidr) for cidr in networks.intranet]
    return [(pair, 1) for pair in dict.fromkeys(pairs)]


def _regions(subject: AccountSubject) -> list[Row]:
    regions = subject.get(REGIONS)
    return [] if regions is None else [((region,), 1) for region in sorted(set(regions))]


REGIONS_COLLECTOR = AccountCollector(
    name="regions",
    summary="DescribeRegions: which regions there are; with `regions: all` it is asked in any case.",
    section=_SECTION,
    group=REGIONS,
    operations=(_REGIONS,),
    interval_seconds=3_600,
    read=read_supported_regions,
    families=(
        account_family(
            "dbs_region_info",
            "1 for each region that DBS supports for the account",
            f"{_REGIONS} RegionCode",
            _regions,
            labels=("region",),
            reads=(REGIONS,),
        ),
    ),
)

COLLECTOR = RegionCollector(
    name="nodes",
    summary="DescribeNodeCidrList: networks that DBS connects from.",
    section=_SECTION,
    group=NETWORKS,
    operations=(_NETWORKS,),
    interval_seconds=3_600,
    read=read_networks,
    families=(
        region_family(
            "dbs_node_cidr_info",
            "1 for each network that DBS connects from, what a database's allow list must hold",
            f"{_NETWORKS} InternetIPs and IntranetIPs",
            _networks,
            labels=("network", "cidr"),
            reads=(NETWORKS,),
        ),
    ),
)
