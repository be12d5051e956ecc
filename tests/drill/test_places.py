"""Whether a destination is a plan's source: by every spelling that a database has."""

from __future__ import annotations

from typing import Any

import pytest

from dbs_exporter.config.drill_file import DestinationConfig
from dbs_exporter.drill.places import Source, read_source, refusals
from dbs_exporter.facts.gateways import Gateway
from dbs_exporter.facts.plans import read_plan
from dbs_exporter.facts.records import Reader

GATEWAY = Gateway(
    gateway_id="160813",
    status="ONLINE",
    display_name="gw-1",
    hostname="gw.example.internal",
    internet_ip="203.0.113.5",
    intranet_ip="10.9.0.5",
)
NAMES = {
    "orders.example.internal": frozenset({"10.1.0.7"}),
    "spare.example.internal": frozenset({"10.250.0.1"}),
    "other.example.internal": frozenset({"10.1.0.7", "10.1.0.8"}),
}
RDS = {"SourceEndpointInstanceType": "rds", "SourceEndpointInstanceID": "rm-bp1orders"}


def source(**fields: Any) -> Source:
    """The source of a plan, from a record of the plan list."""
    record = {"BackupPlanId": "dbs1", "BackupPlanName": "orders", "DatabaseType": "MySQL", **fields}
    found = Reader(1_790_000_000.0).fields(record)
    return read_source(read_plan(found), found, "cn-hangzhou")


def at(address: str, **fields: Any) -> Source:
    """The source of a plan, of which the address is known."""
    host, _, port = address.rpartition(":")
    return source(SourceEndpointHost=host, SourceEndpointPort=port, SourceEndpointIpPort=address, **fields)


def destination(**keys: Any) -> DestinationConfig:
    """A destination."""
    given = {"name": "spare", "database_type": "MySQL", "instance_type": "rds", **keys}
    return DestinationConfig.model_validate(
        {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    )


def why(place: DestinationConfig, *sources: Source) -> str:
    """Why the destination is refused, "" if it is not."""
    found = refusals(place, sources, [("cn-hangzhou", GATEWAY)], lambda host: NAMES.get(host, frozenset()))
    return "; ".join(found)


@pytest.mark.parametrize(
    ("place", "origin", "says"),
    [
        ({"instance_id": "rm-bp1orders"}, source(**RDS), "both are instance rm-bp1orders"),
        ({"instance_id": "RM-BP1ORDERS"}, source(**RDS), "both are instance"),
        (
            {"instance_id": "rm-bp1orders"},
            at("rm-bp1orders.mysql.rds.aliyuncs.com:3306"),
            "the host rm-bp1orders.mysql.rds.aliyuncs.com is instance rm-bp1orders",
        ),
        (
            {"instance_type": "other", "host": "rm-bp1ordersmo.mysql.rds.aliyuncs.com", "port": 3306},
            source(**RDS),
            "is instance rm-bp1orders",
        ),
        (
            {"instance_type": "other", "host": "10.1.0.7", "port": 3306},
            at("10.1.0.7:3306"),
            "both are at 10.1.0.7",
        ),
        (
            {"instance_type": "other", "host": "10.1.0.7", "port": 3307},
            at("10.1.0.7:3306"),
            "both are at 10.1.0.7",
        ),
        (
            {"instance_type": "other", "host": "::ffff:10.1.0.7", "port": 3306},
            at("10.1.0.7:3306"),
            "both are at 10.1.0.7",
        ),
        (
            {"instance_type": "other", "host": "Orders.Example.Internal.", "port": 3306},
            at("10.1.0.7:3306"),
            "both are at 10.1.0.7, by another name",
        ),
        (
            {"instance_type": "other", "host": "10.1.0.8", "port": 3306},
            at("other.example.internal:3306"),
            "both are at 10.1.0.8, by another name",
        ),
        (
            {
                "instance_type": "other",
                "host": "nowhere.example.internal",
                "port": 3306,
                "addresses": ["10.250.0.1"],
            },
            at("nowhere.example.internal:3306"),
            "both are at nowhere.example.internal",
        ),
        (
            {"instance_id": "rm-bp1spare", "addresses": ["10.250.0.1", "10.1.0.7"]},
            at("10.1.0.7:3306"),
            "both are at 10.1.0.7",
        ),
        (
            {"instance_type": "agent", "host": "127.0.0.1", "port": 3306, "gateway_id": 160813},
            at("localhost:3306", BackupGatewayId=160813),
            "both are at",
        ),
        (
            {"instance_type": "agent", "host": "127.0.0.1", "port": 3306, "gateway_id": 160813},
            at("10.9.0.5:3306"),
            "both are at 10.9.0.5",
        ),
        (
            {"instance_type": "express", "host": "10.9.0.5", "port": 3306},
            at("127.0.0.1:3306", BackupGatewayId=160813),
            "both are at 10.9.0.5",
        ),
        (
            {"instance_type": "other", "host": "203.0.113.5", "port": 13306},
            at("10.1.0.7:3306", BackupGatewayId=160813),
            "203.0.113.5 is gateway 160813 (gw-1), and a port on it may lead to the source of plan dbs1 (orders)",
        ),
        (
            {"instance_type": "other", "host": "nowhere.example.internal", "port": 3306},
            at("10.1.0.7:3306"),
            "the name nowhere.example.internal cannot be resolved here",
        ),
        (
            {"instance_type": "other", "host": "10.250.0.1", "port": 3306},
            at("hidden.example.internal:3306"),
            "the name hidden.example.internal, the source of plan dbs1 (orders) in cn-hangzhou, cannot be resolved here",
        ),
        (
            {"instance_id": "rm-bp1spare", "addresses": ["10.250.0.1"]},
            at("hidden.example.internal:3306", BackupGatewayId=160813),
            "the name hidden.example.internal, the source of plan dbs1 (orders) in cn-hangzhou, cannot be resolved here",
        ),
        (
            {"instance_id": "rm-bp1spare"},
            at("10.1.0.7:3306"),
            "instance rm-bp1spare may be the source of plan dbs1 (orders) in cn-hangzhou, of which only the address",
        ),
    ],
)
def test_a_source_is_recognised_by_every_spelling(place: dict[str, Any], origin: Source, says: str) -> None:
    """Instance id, host names, private and public addresses, gateways and their ports; and what cannot be told apart."""
    found = why(destination(**place), origin)

    assert says in found
    assert "plan dbs1 (orders)" in found or "cannot be resolved" in found


@pytest.mark.parametrize(
    ("place", "origin"),
    [
        ({"instance_id": "rm-bp1spare"}, source(**RDS)),
        ({"instance_id": "rm-bp1spare", "addresses": ["10.250.0.1"]}, at("10.1.0.7:3306")),
        (
            {"instance_id": "rm-bp1spare", "addresses": ["spare.example.internal"]},
            at("orders.example.internal:3306"),
        ),
        ({"instance_type": "other", "host": "spare.example.internal", "port": 3306}, at("10.1.0.7:3306")),
        (
            {"instance_type": "agent", "host": "10.250.0.1", "port": 3306, "gateway_id": 160813},
            at("10.1.0.7:3306", BackupGatewayId=160813),
        ),
        (
            {
                "instance_type": "other",
                "host": "nowhere.example.internal",
                "port": 1,
                "addresses": ["10.250.0.1"],
            },
            at("10.1.0.7:3306"),
        ),
        (
            {"instance_id": "rm-bp1spare", "addresses": ["10.250.0.1"]},
            at("hidden.example.internal:3306", **RDS),
        ),
        (
            {"instance_type": "other", "host": "10.250.0.1", "port": 1433, "database_type": "MSSQL"},
            at("hidden.example.internal:3306"),
        ),
        ({"instance_id": "dds-1", "database_type": "MongoDB"}, at("10.1.0.7:3306")),
    ],
)
def test_another_database_is_no_source(place: dict[str, Any], origin: Source) -> None:
    """What shares no id, name or address with a source may be used."""
    assert why(destination(**place), origin) == ""


def test_every_source_counts() -> None:
    """One equal source among many is enough, wherever it stands."""
    others = [at(f"10.2.0.{number}:3306") for number in range(1, 50)]
    place = destination(instance_type="other", host="10.1.0.7", port=3306)

    assert why(place, *others) == ""
    assert "both are at 10.1.0.7" in why(place, *others, at("10.1.0.7:3306"))


@pytest.mark.parametrize(
    ("objects", "names"),
    [
        ('[{"DBName":"a"},{"DBName":"b"},{"DBName":"a","SchemaName":"s"}]', ("a", "b")),
        ('{"DBName":"a"}', ("a",)),
        ("*", ()),
        ("", ()),
        (None, ()),
        ('[{"DBName":""}]', ()),
        ("[[[", ()),
        (7, ()),
    ],
)
def test_the_databases_of_a_plan_are_those_that_can_be_read(objects: Any, names: tuple[str, ...]) -> None:
    """BackupObjects in another form names none, and nothing is guessed."""
    assert source(BackupObjects=objects).databases == names
