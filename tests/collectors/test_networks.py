"""Regions and networks: what is asked, and what their families make of them."""

from __future__ import annotations

from typing import Any

import pytest
from support.fake_api import FakeApi, reading_of
from support.family_lines import lines
from support.known_subjects import ACCOUNT, REGION
from support.unknown_values import Told

from dbs_exporter.collectors.networks import read_networks, read_supported_regions
from dbs_exporter.errors import BadAnswer


def test_regions_and_networks_are_read_as_facts() -> None:
    """The account's regions, and the networks of one region."""
    api = FakeApi(
        DescribeRegions={"Regions": {"RegionCode": ["cn-hangzhou", "cn-beijing"]}},
        DescribeNodeCidrList={"InternetIPs": {"InternetIP": ["192.0.2.0/24"]}},
    )

    assert read_supported_regions(reading_of(api)) == ("cn-hangzhou", "cn-beijing")
    assert read_networks(reading_of(api)).internet == ("192.0.2.0/24",)
    assert api.asked == [("DescribeRegions", {}), ("DescribeNodeCidrList", {"Region": "cn-hangzhou"})]


def test_regions_and_networks_that_are_nothing_are_counted() -> None:
    """The others are read."""
    told = Told()
    api = FakeApi(
        DescribeRegions={"Regions": {"RegionCode": ["cn-hangzhou", None]}},
        DescribeNodeCidrList={"IntranetIPs": {"IntranetIP": ["10.0.0.0/8", None]}},
    )

    assert read_supported_regions(reading_of(api, told)) == ("cn-hangzhou",)
    assert read_networks(reading_of(api, told)).intranet == ("10.0.0.0/8",)
    assert told.fields == ["RegionCode", "IntranetIP"]


@pytest.mark.parametrize("answer", [{}, {"Regions": {"RegionCode": ""}}])
def test_an_account_without_any_region_is_not_believed(answer: dict[str, Any]) -> None:
    """It would take away whatever is known of any plan."""
    with pytest.raises(BadAnswer) as caught:
        read_supported_regions(reading_of(FakeApi(DescribeRegions=answer)))

    assert (caught.value.operation, caught.value.field) == ("DescribeRegions", "Regions.RegionCode")


def test_an_account_has_a_series_for_each_of_its_regions() -> None:
    """The regions that DBS supports for it, watched or not."""
    assert lines(ACCOUNT, "dbs_region_info") == ['{region="cn-hangzhou"} 1.0']


def test_a_region_has_a_series_for_each_of_its_networks() -> None:
    """Once each, although one is listed twice."""
    assert lines(REGION, "dbs_node_cidr_info") == [
        '{cidr="1.2.3.0/24",network="internet"} 1.0',
        '{cidr="10.0.0.0/8",network="intranet"} 1.0',
    ]
