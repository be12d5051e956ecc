"""What rules and boards ask for is there: every metric, every label, and every value that a matcher names."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.rule_fixtures import KNOWN, ROOT, checked_rules, metric, rules
from support.rule_labels import LabelChecker
from support.rule_world import ACCOUNT, GATEWAY, PLAN, PROCESS, SCOPE

from dashboards.source.queries import boards, queries
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.conditions.algebra import STATES
from dbs_exporter.conditions.table import CONDITIONS
from dbs_exporter.conditions.texts import texts
from dbs_exporter.errors import Outcome
from dbs_exporter.facts.freshness import RECOVERY
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.plans import PLANS

GOLDEN = ROOT / "tests" / "whole" / "golden" / "scrape.txt"
"""The page of a fleet with every incident: what a label can be, it is there."""
NAMES = {"account", "region", "plan_id", "job", "instance"}
"""Labels whose values are the user's."""

ALERT = frozenset(
    {
        "alertname",
        "alertstate",
        "severity",
        "team",
        "owner",
        "gateway_id",
        "restore_task_id",
        "collector",
        *NAMES,
    }
)
PROMETHEUS_OWN = {
    "ALERTS": ALERT,
    "ALERTS_FOR_STATE": ALERT,
    "process_resident_memory_bytes": frozenset(),
    "process_cpu_seconds_total": frozenset(),
    "dbs_exporter_api_request_duration_seconds_bucket": frozenset({"operation", "le"}),
}
"""What Prometheus and prometheus_client make besides."""


@pytest.fixture(scope="module")
def values() -> dict[tuple[str, str], set[str]]:
    """(metric, label) -> the values that it can have."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(GOLDEN.read_text(encoding="utf-8")):
        for sample in family.samples:
            for label, value in sample.labels.items():
                found[sample.name, label].add(value)
    for name, labels in KNOWN.items():
        if name.startswith("dbs_exporter_"):
            found.update({(name, label): set(TABLE.collectors) for label in labels & {"collector"}})
            found.update({(name, label): set(get_args(Outcome)) for label in labels & {"outcome"}})
    for rule in rules():
        for label, value in rule.get("labels", {}).items():
            found[rule.get("record", "ALERTS"), label].add(value)
    of_level = {
        level: {collector.group.name for collector in TABLE if collector.level == level}
        for level in ("plan", "region")
    }
    # Of gateways while one that a plan names is offline.
    of_plans = {*of_level["plan"], PLANS.name, RECOVERY, GATEWAYS.name}
    for condition in CONDITIONS:
        stages = {
            (f"{condition.of}:dbs_condition:{what}", state)
            for what in ("holds", "alerting")
            for state in STATES
        }
        for recorded, state in stages:
            found[recorded, "condition"].add(condition.name)
            found[recorded, "state"].add(state)
    found["region:dbs_protection:plans", "state"] |= set(STATES)
    found["dbs_plan_condition_explained_until_timestamp_seconds", "cause"] |= set(texts()["causes"])
    found["dbs_plan_fresh_until_timestamp_seconds", "facts"] = of_plans
    found["plan:dbs_facts:stale", "facts"] = of_plans
    found["dbs_region_fresh_until_timestamp_seconds", "facts"] = of_level["region"]
    found["region:dbs_facts:stale", "facts"] = of_level["region"]
    return found


def unknown(asked: set[tuple[str, str, str]], values: dict[tuple[str, str], set[str]]) -> list[str]:
    return sorted(
        f"{name}{{{label}={value!r}}} is never exported"
        for name, label, value in asked
        if label not in NAMES and re.fullmatch(r"\w+", value) and value not in values[name, label]
    )


def test_rules_ask_for_values_that_are_exported(values: dict[tuple[str, str], set[str]]) -> None:
    """A matcher on a value that no series can have would keep an alert quiet for ever."""
    checker, _ = checked_rules()

    assert unknown(checker.asked, values) == []


def test_boards_ask_for_what_is_exported_or_recorded(values: dict[tuple[str, str], set[str]]) -> None:
    """Every metric, label and matched value in every query of every panel is in the catalogue, recorded or exported."""
    checker, _ = checked_rules()
    for name, labels in PROMETHEUS_OWN.items():
        checker.record(name, labels)
    for board, content in boards().items():
        for query in queries(board, content):
            checker.labels(query.expression)

    assert checker.complaints == []
    assert [line for line in unknown(checker.asked, values) if not line.startswith("ALERTS")] == []


def test_the_world_that_rules_are_tested_in_is_one_that_is_exported(
    values: dict[tuple[str, str], set[str]],
) -> None:
    """A series of the rules' tests that the exporter never shows would prove nothing."""
    keys = [key for series in (PLAN, GATEWAY, SCOPE, ACCOUNT, PROCESS) for key in series]
    asked = {
        (metric(key), label, value) for key in keys for label, value in re.findall(r'(\w+)="([^"]*)"', key)
    }

    assert (
        unknown(
            {
                (name, label, value)
                for name, label, value in asked
                if label not in {"operation", "shard", "field", "family", "reason"}
            },
            values,
        )
        == []
    )


def test_a_value_that_is_never_exported_is_found(values: dict[tuple[str, str], set[str]]) -> None:
    """The checks above see a misspelt value, alone and among alternatives."""
    checker = LabelChecker(KNOWN)
    checker.labels(
        'dbs_plan_status{status=~"running|runing"} and dbs_plan_last_read_timestamp_seconds{collector="nodes"}'
    )

    assert len(unknown(checker.asked, values)) == 2
