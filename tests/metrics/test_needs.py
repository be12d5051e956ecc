"""What alerts and boards rest on: all of it is there when everything else is excluded."""

from __future__ import annotations

import json
import re

import pytest
from support.exporter_process import config_text
from support.rule_fixtures import ALERTS as RULES
from support.rule_fixtures import ROOT, rules

from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.load import parse_config, warnings_of
from dbs_exporter.exporter import Exporter
from dbs_exporter.metrics.needs import ALERTS, BOARDS
from dbs_exporter.simulator import World, start_simulator

NAMES = {family.name for family in TABLE.families}
NEEDED = {*ALERTS, *BOARDS}
STATES = {family.name for family in TABLE.families if family.is_state}
QUERIES = [rule["expr"] for rule in rules()] + [
    target["expr"]
    for path in sorted((ROOT / "dashboards").glob("*.json"))
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
    for target in panel.get("targets", ())
]


def test_every_name_is_of_a_family_an_alert_or_a_board() -> None:
    """The tables follow the rules and boards (`make docs`)."""
    boards = {path.stem for path in (ROOT / "dashboards").glob("*.json")}

    assert NEEDED < NAMES
    assert {alert for users in ALERTS.values() for alert in users} <= set(RULES)
    assert {board for users in BOARDS.values() for board in users} == boards


def test_an_alert_by_way_of_a_recording_rule_counts() -> None:
    """What is wrong with a plan is recorded before it is judged."""
    assert "DBSRecoveryPointBreached" in ALERTS["dbs_plan_condition_since_timestamp_seconds"]
    assert "DBSRecoveryPointBreached" in ALERTS["dbs_plan_fresh_until_timestamp_seconds"]


def test_with_everything_else_excluded_all_that_is_needed_is_exported() -> None:
    """With states that hold alone, nothing is warned about, and no more than what is needed is served."""
    exclude = json.dumps(sorted(NAMES - NEEDED))
    less = f"metrics: {{exclude: {exclude}, inactive_states: false}}\ncollectors: {{billing: {{enabled: true}}}}\n"
    with start_simulator(World(plans=40)) as cloud:
        text = config_text(cloud, regions="all")
        whole = exported(text, {"dbs_restore_task_status", "dbs_gateway_status", "dbs_precheck_status"})
        billed = {name for name in NEEDED if name.startswith("dbs_plan_billing_")}
        chosen = exported(text + less, (set(whole) & NEEDED) | billed)

    assert set(chosen) - NAMES == set()
    assert set(chosen) <= NEEDED
    assert {"dbs_plan_condition_since_timestamp_seconds", "dbs_plan_billing_used_bytes"} <= set(chosen)
    assert set(whole) & NEEDED <= set(chosen)
    assert {value for name in STATES & set(chosen) for value in chosen[name]} == {1.0}
    assert {value for name in STATES & set(whole) for value in whole[name]} == {0.0, 1.0}


def exported(text: str, wanted: set[str]) -> dict[str, list[float]]:
    """Family of the table -> the values of its series, once there are those that are wanted."""
    config = parse_config(text, environ={})
    assert warnings_of(config) == ()
    clock = SystemClock()
    exporter = Exporter(config, clock=clock)
    exporter.start()
    try:
        deadline = clock.monotonic() + 60
        found: dict[str, list[float]] = {}
        while not wanted <= set(found) and clock.monotonic() < deadline:
            clock.sleep(0.2)
            page = b"".join(exporter.exposition.page(openmetrics=False).identity).decode()
            found = {}
            for name, value in re.findall(r"^(dbs_\w+)\{.*\} (\S+)$", page, re.MULTILINE):
                if name in NAMES:
                    found.setdefault(name, []).append(float(value))
        return found
    finally:
        exporter.close()


@pytest.mark.parametrize("query", [query for query in QUERIES if any(name in query for name in STATES)])
def test_every_query_of_a_state_asks_for_the_one_that_holds(query: str) -> None:
    """So it finds the same whether or not states that do not hold are exported."""
    for name in STATES:
        for found in re.finditer(rf"\b{name}\b(\{{[^}}]*\}})?", query):
            after = query[found.end() :]
            assert re.match(r"(\s+offset\s+\w+)?[\s)]*==\s*1\b", after), (
                f"{name} is followed by {after[:60]!r}"
            )
