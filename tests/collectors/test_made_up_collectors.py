"""A new collector is a module and a line in the table: everything else follows from its description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from dbs_exporter.cli.check import check_configuration
from dbs_exporter.cli.demo import demo_config
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors import reference
from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read, Reading, RegionCollector
from dbs_exporter.collectors.dues import Dues, Pace, resting
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.load import parse_config
from dbs_exporter.config.schema import json_schema, markdown_reference
from dbs_exporter.errors import ConfigError
from dbs_exporter.exporter import Exporter
from dbs_exporter.facts.fields import item, size, texts
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import plan_family, region_family
from dbs_exporter.metrics.rows import single
from dbs_exporter.simulator import Simulator, World, start_simulator


class Ledger(Struct, frozen=True, kw_only=True):
    """A made-up thing of a plan."""

    paid_bytes: int


LEDGERS: Group[Ledger] = Group("ledgers", Ledger)
DOORS: Group[int] = Group("doors", int)


def read_ledger(reading: PlanReading) -> Read[Ledger]:
    answer = reading.call("DescribeBackupPlanBilling", BackupPlanId=reading.plan_id)
    found = item(answer) or {}
    return Read(facts=Ledger(paid_bytes=size(found, "PaiedBytes") or 0))


def due_ledger(subject: PlanSubject, pace: Pace) -> Dues:
    return (resting(subject.known(LEDGERS), pace),)


def read_doors(reading: Reading) -> int:
    return len(
        texts(reading.call("DescribeNodeCidrList", Region=reading.region), ("InternetIPs", "InternetIP"))
    )


MADE_UP = Table(
    (
        *TABLE,
        PlanCollector(
            name="ledgers",
            summary="DescribeBackupPlanBilling, for the made-up ledger.",
            section="Ledgers",
            group=LEDGERS,
            operations=("DescribeBackupPlanBilling",),
            interval_seconds=60,
            at_rest_seconds=600,
            rank=9,
            due=due_ledger,
            read=read_ledger,
            nothing=Ledger(paid_bytes=0),
            families=(
                plan_family(
                    "dbs_ledger_paid_bytes",
                    "What is paid for",
                    "DescribeBackupPlanBilling PaiedBytes",
                    lambda subject: single(ledger.paid_bytes if (ledger := subject.get(LEDGERS)) else None),
                    reads=(LEDGERS,),
                ),
            ),
        ),
        RegionCollector(
            name="doors",
            summary="DescribeNodeCidrList, for the made-up doors.",
            section="Doors",
            group=DOORS,
            operations=("DescribeNodeCidrList",),
            interval_seconds=60,
            read=read_doors,
            families=(
                region_family(
                    "dbs_door_networks",
                    "Networks that may come in",
                    "DescribeNodeCidrList InternetIPs",
                    lambda subject: single(subject.get(DOORS)),
                    reads=(DOORS,),
                ),
            ),
        ),
    )
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with start_simulator(World(seed=1, plans=3)) as running:
        yield running


def configuration(simulator: Simulator, collectors: str = "") -> str:
    return (
        f"accounts: [{{name: demo, endpoint: '{simulator.url}', regions: [cn-hangzhou], requests_per_second: 1000,"
        " credentials: {type: access_key, access_key_id: testak, access_key_secret: testsk}}]\n"
        f"collectors: {{ledgers: {{interval: 2m}}{collectors}}}\n"
    )


@pytest.mark.xdist_group("made_up")
def test_they_are_polled_and_rendered(simulator: Simulator) -> None:
    """The scheduler runs both, and /metrics has their families beside the others."""
    clock = SystemClock()
    exporter = Exporter(
        parse_config(configuration(simulator), environ={}, table=MADE_UP), clock=clock, table=MADE_UP
    )
    try:
        exporter.start()
        while exporter.missing():
            clock.sleep(0.02)
        exporter.exposition.publish()
        text = b"".join(exporter.exposition.page(openmetrics=False).identity).decode()
    finally:
        exporter.close()

    assert 'dbs_ledger_paid_bytes{account="demo"' in text
    assert 'dbs_door_networks{account="demo",region="cn-hangzhou"}' in text
    for collector in ("ledgers", "doors", "full_backups"):
        assert (
            f'dbs_exporter_collector_success{{account="demo",collector="{collector}",region="cn-hangzhou"}} 1.0'
            in text
        )


@pytest.mark.xdist_group("made_up")
def test_they_are_asked_by_check(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` asks their operations, names them, and counts what they cost."""
    path = tmp_path / "dbs-exporter.yml"
    path.write_text(configuration(simulator), encoding="utf-8")
    code = check_configuration(str(path), offline=False, form="json", table=MADE_UP)
    [account] = json.loads(capsys.readouterr().out)["accounts"]
    [region] = account["regions"]
    asked = {each["operation"]: each for each in region["operations"]}
    calls = region["calls_per_hour"]["at_rest"]

    assert code == 0
    assert "ledgers" in asked["DescribeBackupPlanBilling"]["collectors"]
    assert asked["DescribeNodeCidrList"]["collectors"] == ["nodes", "doors"]
    assert all(each["ok"] for each in asked.values())
    assert calls["doors"] == 60
    # Each plan every ten minutes, and a little earlier.
    assert calls["ledgers"] == pytest.approx(region["plans_selected"] * 6 / 0.95)


def test_they_are_configured(simulator: Simulator) -> None:
    """Each has a key of its own with its default, which the schema and the reference describe."""
    config = parse_config(configuration(simulator), environ={}, table=MADE_UP)
    schema = json_schema(MADE_UP)

    assert config.collectors.of("ledgers").interval == 120
    assert config.collectors.of("doors").interval == 60
    assert "doors" in schema["$defs"]["CollectorsConfig"]["properties"]
    assert "| `doors` | every 1m |" in markdown_reference(MADE_UP)
    assert "doors: {interval: 5s, enabled: true}" in demo_config(simulator.url, MADE_UP)
    with pytest.raises(ConfigError, match=r"collectors\.doorz: unknown key; did you mean 'doors'"):
        parse_config(configuration(simulator, ", doorz: {}"), environ={}, table=MADE_UP)


def test_they_are_listed() -> None:
    """`metrics` prints their families, under their sections."""
    listed = {entry["name"]: entry for entry in json.loads(reference.as_json(MADE_UP))}

    assert listed["dbs_ledger_paid_bytes"]["section"] == "Ledgers"
    assert listed["dbs_door_networks"]["labels"] == ["account", "region"]
    assert "### Doors" in reference.as_markdown(MADE_UP)


def test_the_exporters_own_table_knows_nothing_of_them() -> None:
    """A table is an argument everywhere: nothing was registered."""
    assert "doors" not in TABLE.collectors
    assert "dbs_door_networks" not in {family.name for family in TABLE.families}
