"""What rules name is there, and what they say reads well: metrics, labels, annotations, runbooks' addresses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support import rule_cases
from support.rule_cases import CASES
from support.rule_fixtures import (
    ALERTS,
    FIRED,
    KNOWN,
    ROOT,
    RULES,
    World,
    checked_rules,
    firing_labels,
    promtool,
    rules,
    unit,
)
from support.rule_labels import LabelChecker

from dashboards.source import names

RUNBOOKS = RULES / "runbooks"
RUNBOOK_BASE = "https://github.com/dbs-exporter/dbs-exporter/blob/main/rules/runbooks"
TEXTS = Path(rule_cases.__file__).parent / "rule_texts.json"
IDENTIFYING = {"plan_id", "restore_task_id", "download_task_id", "gateway_id"}
by_alert = pytest.mark.parametrize("alert", sorted(ALERTS))


def test_rules_name_only_what_there_is() -> None:
    """Every metric and label in every expression and annotation is in the catalogue, recorded, or comes with the scrape."""
    checker, labels = checked_rules()
    for alert, rule in ALERTS.items():
        for text in rule["annotations"].values():
            unknown = set(re.findall(r"\$labels\.(\w+)", text)) - labels[alert]
            checker.complaints += [
                f"{alert}: annotation names the label {label}" for label in sorted(unknown)
            ]
            for name in re.findall(r"(?:plan:|task:|\b)dbs_\w+(?::\w+)*(?=\{)", text):
                checker.labels(name)

    assert checker.complaints == []


def test_a_name_or_label_that_is_not_there_is_found() -> None:
    """The check above sees a misspelt metric, matcher, grouping, matching and joined label."""
    checker = LabelChecker(KNOWN)
    for query in (
        "dbs_plan_inf",
        'dbs_plan_info{name="a"}',
        "max by (plan) (dbs_plan_info)",
        "dbs_plan_info and on (gateway) dbs_plan_info",
        "up * on (job) group_left (plan_name) up",
    ):
        before = len(checker.complaints)
        checker.labels(query)
        assert len(checker.complaints) > before, query


def test_every_alert_has_cases_and_a_runbook_and_nothing_else_has() -> None:
    """Cases and runbooks are there for each alert, and none is left of an alert that went."""
    assert set(CASES) == set(ALERTS)
    assert {path.stem for path in RUNBOOKS.glob("DBS*.md")} == set(ALERTS)


def test_the_boards_recorded_names_are_recorded() -> None:
    """Every recorded name that dashboards use is recorded by a rule."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}

    assert {value for key, value in vars(names).items() if key.isupper()} <= recorded


@by_alert
def test_annotations_have_their_form(alert: str) -> None:
    """Static summary with a full stop, description with value or label, addresses under their one base, known severity."""
    rule = ALERTS[alert]
    annotations = rule["annotations"]

    assert re.fullmatch(r"DBS[A-Za-z]+", alert)
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    of_plan = CASES[alert].subject == "plan"
    assert rule["labels"].get("team") in ({None} if of_plan else {"databases", "platform"})
    assert set(annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" not in annotations["summary"]
    assert annotations["summary"].endswith(".")
    assert annotations["runbook_url"] == f"{RUNBOOK_BASE}/{alert}.md"
    board = re.fullmatch(r"https://grafana\.example\.com/d/(dbs-\w+)(\?.*)?", annotations["dashboard_url"])
    assert board
    assert board[1] in {
        json.loads(path.read_text(encoding="utf-8"))["uid"] for path in (ROOT / "dashboards").glob("*.json")
    }
    if CASES[alert].subject in {"plan", "gateway"}:
        for label in (f"{CASES[alert].subject}_id", "region", "account"):
            assert f"$labels.{label}" in annotations["description"]
        assert rule["keep_firing_for"] == "15m"


@by_alert
def test_nothing_that_can_change_is_part_of_an_alert(alert: str) -> None:
    """Of plans, tasks and gateways the labels are what identifies them, severity and whose they are: a plan that is renamed fires on."""
    _, labels = checked_rules()
    if CASES[alert].subject in {"plan", "gateway"}:
        identity = {"account", "region", "facts", *IDENTIFYING}
        whose = {"owner", "team", "tier"} if CASES[alert].subject == "plan" else set()
        assert labels[alert] <= identity | whose
        assert set(ALERTS[alert]["labels"]) | whose == {"severity", "team"} | whose


def test_descriptions_read_well(tmp_path: Path) -> None:
    """Rendered by Prometheus' own templates, every text is the one on record in tests/support/rule_texts.json."""
    texts = json.loads(TEXTS.read_text(encoding="utf-8"))
    tests = [
        {
            **unit(alert, World(change=case.change)),
            "alert_rule_test": [
                {
                    "eval_time": f"{FIRED}m",
                    "alertname": alert,
                    "exp_alerts": [
                        {"exp_labels": firing_labels(alert, case), "exp_annotations": texts.get(alert, {})}
                    ],
                }
            ],
        }
        for alert, case in sorted(CASES.items())
    ]

    assert set(texts) == set(ALERTS)
    assert not promtool(tmp_path, tests)
