"""From the cloud's API to the page: what a fleet shows, to the byte, and what is told when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from support.exporter_process import eventually, exporter

from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.reference import entries
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.load import parse_config
from dbs_exporter.exporter import Exporter
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.simulator import INCIDENTS, Simulator, World, start_simulator

GOLDEN = Path(__file__).resolve().parent / "golden" / "scrape.txt"
NOW = 1_790_015_700.0
"""While a full backup runs."""

NOT_IN_THE_DEMO = {
    "dbs_exporter_credentials_expires_timestamp_seconds": "the demo's key does not expire",
    "dbs_plan_muted_from_timestamp_seconds": "nobody mutes a plan",
    "dbs_plan_muted_info": "as above",
    "dbs_plan_owner_info": "the demo's configuration names no owners",
    "dbs_region_condition_since_timestamp_seconds": "no node's networks change",
    "dbs_region_condition_until_timestamp_seconds": "as above",
    "dbs_plan_muted_until_timestamp_seconds": "as above",
    "dbs_region_plan_gone_timestamp_seconds": "no plan goes",
    "dbs_exporter_refused_rows_total": "no family breaks its contract",
    "dbs_exporter_state_last_write_successful": "the demo saves nothing",
    "dbs_exporter_state_last_write_timestamp_seconds": "the demo saves nothing",
    "dbs_exporter_state_size_bytes": "the demo saves nothing",
    "dbs_exporter_unknown_values_total": "the simulated cloud says nothing that the documents lack",
}
"""Families of the catalogue that `dbs-exporter demo` cannot have, each with its reason."""
WHILE_A_BACKUP_RUNS = {
    "dbs_full_backup_running_started_timestamp_seconds",
    "dbs_full_backup_running_progress_ratio",
}
"""Whether the demo has these depends on the hour; the fleet below has them."""

OF_READINGS = (
    "dbs_plan_last_read_timestamp_seconds{",
    "dbs_plan_fresh_until_timestamp_seconds{",
    "dbs_region_fresh_until_timestamp_seconds{",
    "dbs_plan_condition_explained_until_timestamp_seconds{",
    "dbs_restore_task_condition_since_timestamp_seconds{",
)
REGION_LISTS = {collector.name for collector in TABLE if not isinstance(collector, PlanCollector)}

CONFIG = """
accounts:
  - name: prod
    endpoint: {url}
    regions: all
    requests_per_second: 1000
    concurrency: 4
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: {secret}}}
collectors:
  billing: {{enabled: true}}
objectives:
  - plans: ["orders-*"]
    rpo: 5m
    restore_time: 1h
    restore_test_interval: 100d
"""


class StandingClock(SystemClock):
    """The machine's clock, but that it is always the same moment."""

    def now(self) -> float:
        return NOW


def own_family(line: str) -> bool:
    """Whether a line of the page is about the exporter itself, whose durations differ from run to run."""
    name = line.split(" ", 3)[2] if line.startswith("# ") else line
    return name.startswith(("dbs_exporter_", "process_", "python_"))


@pytest.fixture(scope="module")
def fleet() -> Iterator[tuple[Exporter, Simulator]]:
    """An exporter that has read a whole fleet with every incident, at a moment that stands still."""
    world = World(seed=7, plans=2 + len(INCIDENTS), clock=lambda: NOW)
    with start_simulator(world, clock=lambda: NOW) as simulator:
        running = Exporter(
            parse_config(CONFIG.format(url=simulator.url, secret="testsk")), clock=StandingClock()
        )
        running.start()
        try:
            read_whole(running, len(world.plan_ids("demo")))
            yield running, simulator
        finally:
            running.close()


def read_whole(running: Exporter, plans: int) -> None:
    """Wait until so many plans are known and everything that is promised of them was read, and the page holds it."""
    while running.missing() or len(running.store.plan_subjects()) < plans or not all_read(running):
        running.clock.sleep(0.02)
    assert [state for state in running.outcomes.states() if state.last_error] == []
    running.exposition.publish()


def all_read(running: Exporter) -> bool:
    """Whether every list of a region and every group of a plan was read; what a plan has not is promised for ever."""
    return (
        all(state.tried for state in running.outcomes.states() if state.collector in REGION_LISTS)
        and all(
            promise == float("inf")
            or ((known := subject.groups.get(group)) is not None and known.read_at is not None)
            for subject in running.store.plan_subjects()
            for group, promise in subject.promised.items()
            if group not in ("plans", "recovery")
        )
        and all(
            history.listed_at is not None
            for subject in running.store.plan_subjects()
            if (history := subject.get(LOG_BACKUPS)) is not None
        )
    )


def without_readings(line: str) -> str:
    """The line with 0 for its value if that depends on the moment of a reading."""
    return f"{line.rpartition(' ')[0]} 0.0" if line.startswith(OF_READINGS) else line


def page(running: Exporter, *, openmetrics: bool = False) -> str:
    return b"".join(running.exposition.page(openmetrics=openmetrics).identity).decode()


def families_of(text: str) -> set[str]:
    """The families that have samples; a head alone shows nothing."""
    return {sample.name.removesuffix("_count") for family in text_families(text) for sample in family.samples}


def test_the_demo_serves_every_family_that_its_fleet_can_show() -> None:
    """All families of the catalogue are on the demo's page, but for those that it cannot have."""
    catalogue = {entry.name for entry in entries()}
    with exporter("demo", "--web.listen-address=127.0.0.1:0") as process:
        url = process.until(r"metrics: +(http://127\.0\.0\.1:\d+)/metrics")[1]
        expected = catalogue - WHILE_A_BACKUP_RUNS - set(NOT_IN_THE_DEMO)
        text = eventually(url, "/metrics", lambda _, text: families_of(text) >= expected)

        assert families_of(text) & set(NOT_IN_THE_DEMO) == set()
        assert process.stop() == 0


def test_a_fleet_at_the_right_hour_shows_every_family_of_plans_and_regions(
    fleet: tuple[Exporter, Simulator],
) -> None:
    """Nothing that the documents define is missing from the whole page; no full backup of this fleet runs at that hour."""
    wanted = {entry.name for entry in entries() if entry.source} - set(NOT_IN_THE_DEMO) - WHILE_A_BACKUP_RUNS

    assert wanted - families_of(page(fleet[0])) == set()


def test_the_whole_page_is_the_golden_one(
    fleet: tuple[Exporter, Simulator], pytestconfig: pytest.Config
) -> None:
    """A fleet with every incident at a fixed moment gives exactly golden/scrape.txt (`pytest --update-golden`)."""
    lines = [without_readings(line) for line in page(fleet[0]).splitlines() if not own_family(line)]
    # The promises of a region come in the order in which its lists were read.
    lines = [
        line
        for of_readings, group in groupby(lines, lambda line: line.startswith(OF_READINGS))
        for line in (sorted(group) if of_readings else group)
    ]
    found = "\n".join(lines) + "\n"
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found, encoding="utf-8")

    assert found.splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_both_formats_hold_the_same_samples(fleet: tuple[Exporter, Simulator]) -> None:
    """prometheus_client's own parsers read from both formats the same names, labels and values."""

    def samples(families: Iterable[Metric]) -> set[tuple[str, tuple[tuple[str, str], ...], float]]:
        return {
            (sample.name, tuple(sorted(sample.labels.items())), sample.value)
            for family in families
            for sample in family.samples
            if sample.name.startswith("dbs_") and not sample.name.startswith("dbs_exporter_")
        }

    text = samples(text_families(page(fleet[0])))

    openmetrics: Iterator[Metric] = openmetrics_families(page(fleet[0], openmetrics=True))  # type: ignore[no-untyped-call]

    assert len(text) > 500
    assert samples(openmetrics) == text


def test_every_incident_is_visible(fleet: tuple[Exporter, Simulator]) -> None:
    """Each plan that an incident hits has another page of metrics than it has without, and healthy plans have the same."""
    running, simulator = fleet
    calm = World(seed=7, plans=2 + len(INCIDENTS), clock=lambda: NOW, incidents=())
    with start_simulator(calm, clock=lambda: NOW) as other:
        without = Exporter(parse_config(CONFIG.format(url=other.url, secret="testsk")), clock=StandingClock())
        without.start()
        try:
            read_whole(without, len(calm.plan_ids("demo")))
            healthy = lines_by_plan(page(without))
        finally:
            without.close()
    troubled = lines_by_plan(page(running))
    hit = {plan for plans in simulator.world.incident_plans.values() for plan in plans}

    assert set(simulator.world.incident_plans) == set(INCIDENTS)
    assert {plan for plan in troubled if troubled[plan] != healthy[plan]} == hit


def lines_by_plan(text: str) -> dict[str, list[str]]:
    """The samples of each plan."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        _, _, rest = line.partition('plan_id="')
        if rest and not line.startswith("#"):
            found.setdefault(rest.partition('"')[0], []).append(without_readings(line))
    return found


@pytest.mark.parametrize(
    ("secret", "faults", "said"),
    [
        ("wrong", [], ["SignatureDoesNotMatch"]),
        ("testsk", [{"kind": "deny", "operation": "DescribeRestoreTaskList"}], ["DescribeRestoreTaskList"]),
        (
            "testsk",
            [{"kind": "deny", "operation": "DescribeNodeCidrList"}],
            ["DescribeNodeCidrList", "dbs:DescribeNodeCidrList"],
        ),
    ],
)
def test_check_says_what_is_wrong_and_exits_3(
    tmp_path: Path, secret: str, faults: list[dict[str, str]], said: list[str]
) -> None:
    """A wrong secret and a denied operation are named, the secret itself is not, and the exit code is 3."""
    with start_simulator(World(plans=4), faults=faults) as simulator:
        path = tmp_path / "dbs-exporter.yml"
        path.write_text(CONFIG.format(url=simulator.url, secret=f"{secret}"), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "dbs_exporter", "check", f"--config.file={path}"],
            capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip

    assert done.returncode == 3
    for words in said:
        assert words in done.stdout + done.stderr
    assert f": {secret}" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
