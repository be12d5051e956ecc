"""Backup gateways: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from support.fake_api import FakeApi, reading_of
from support.family_lines import lines, states
from support.known_subjects import REGION
from support.subjects import subject_with

from dbs_exporter.collectors.gateways import COLLECTOR, read_gateways
from dbs_exporter.facts.gateways import GATEWAY_STATUSES, GATEWAYS, Gateway
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_gateway_info": [
        '{display_name="office",gateway_id="7",hostname="host",identifier="gw",internet_ip="1.2.3.4",'
        'intranet_ip="10.0.0.1"} 1.0'
    ],
    "dbs_gateway_status": states(GATEWAY_STATUSES, "ONLINE", before='gateway_id="7",'),
    "dbs_gateway_last_heartbeat_timestamp_seconds": ['{gateway_id="7"} 20.0'],
    "dbs_gateway_created_timestamp_seconds": ['{gateway_id="7"} 10.0'],
    "dbs_gateway_plans": ['{gateway_id="7"} 3.0'],
}


def test_a_gateway_listed_twice_is_one() -> None:
    """A list that shifts under the reader names it again."""
    record = {"BackupGatewayId": "7", "BackupGatewayStatus": "ONLINE"}
    api = FakeApi(DescribeBackupGatewayList=[record, record])

    assert [gateway.gateway_id for gateway in read_gateways(reading_of(api))] == ["7"]
    assert api.asked == [("DescribeBackupGatewayList", {"Region": "cn-hangzhou"})]


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a region of which everything is known."""
    assert lines(REGION, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    known = subject_with(REGION, (GATEWAYS, (Gateway(gateway_id="7", status="NEW"),)))

    assert lines(known, "dbs_gateway_status") == states(
        (*GATEWAY_STATUSES, "NEW"), "NEW", before='gateway_id="7",'
    )
