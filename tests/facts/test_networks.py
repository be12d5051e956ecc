"""Regions and networks as the API lists them."""

from __future__ import annotations

from dbs_exporter.facts.networks import read_node_networks, read_regions


def test_regions_and_networks() -> None:
    """Lists of texts, one of them empty in the vendor's own sample."""
    networks = read_node_networks(
        {"InternetIPs": {"InternetIP": "118.0.0.0/24"}, "IntranetIPs": {"IntranetIP": ["10.0.0.0/8"]}}
    )

    assert read_regions({"Regions": {"RegionCode": ""}}) == ()
    assert read_regions({"Regions": {"RegionCode": ["cn-hangzhou", "cn-beijing"]}}) == (
        "cn-hangzhou",
        "cn-beijing",
    )
    assert (networks.internet, networks.intranet) == (("118.0.0.0/24",), ("10.0.0.0/8",))
