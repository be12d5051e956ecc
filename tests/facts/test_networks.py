"""Regions and networks as the API lists them."""

from __future__ import annotations

from support.unknown_values import Told

from dbs_exporter.facts.networks import read_node_networks, read_regions


def test_a_member_of_a_list_that_is_nothing_is_left_out_and_counted() -> None:
    """A region that cannot be read must not vanish silently."""
    told = Told()

    assert read_regions({"Regions": {"RegionCode": ["cn-hangzhou", None, ""]}}, told) == ("cn-hangzhou",)
    assert read_node_networks({"InternetIPs": {"InternetIP": [None]}}, told).internet == ()
    assert told.fields == ["RegionCode", "RegionCode", "InternetIP"]


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
