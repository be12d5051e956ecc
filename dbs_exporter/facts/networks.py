"""Regions that DBS supports, and networks that it connects from · DescribeRegions, DescribeNodeCidrList."""

from __future__ import annotations

from msgspec import Struct

from dbs_exporter.facts.enums import UnknownValue, ignore_unknown
from dbs_exporter.facts.fields import Record, texts
from dbs_exporter.facts.groups import Group


class NodeNetworks(Struct, frozen=True, kw_only=True):
    """Networks that DBS connects from · DescribeNodeCidrList."""

    internet: tuple[str, ...] = ()
    intranet: tuple[str, ...] = ()


NETWORKS: Group[NodeNetworks] = Group("networks", NodeNetworks)
REGIONS: Group[tuple[str, ...]] = Group("regions", tuple[str, ...])
"""Regions that DBS supports for an account."""


def read_node_networks(answer: Record, unknown: UnknownValue = ignore_unknown) -> NodeNetworks:
    """Read the networks that DBS connects from · DescribeNodeCidrList. Raises BadAnswer."""
    return NodeNetworks(
        internet=texts(answer, ("InternetIPs", "InternetIP"), unknown),
        intranet=texts(answer, ("IntranetIPs", "IntranetIP"), unknown),
    )


def read_regions(answer: Record, unknown: UnknownValue = ignore_unknown) -> tuple[str, ...]:
    """Read the regions that DBS supports for the account · DescribeRegions, Regions.RegionCode. Raises BadAnswer."""
    return texts(answer, ("Regions", "RegionCode"), unknown)


def read_database_names(answer: Record) -> tuple[str, ...]:
    """Read the databases a gateway sees · GetDBListFromAgent, DbList.dbName. Raises BadAnswer."""
    return texts(answer, ("DbList", "dbName"))
