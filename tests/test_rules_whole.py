"""The rules as a whole: names and labels, annotations, runbooks, the states of protection, and what one missing series does."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.rule_cases import CASES, FULL, RPO
from support.rule_fixtures import (
    ALERTS,
    FIRED,
    HOME,
    INFO_LABELS,
    KNOWN,
    ROOT,
    RULES,
    World,
    firing_labels,
    promtool,
    rules,
    unit,
    written,
)
from support.rule_labels import LabelChecker
from support.rule_world import PLAN, SCOPE, Line, Series

from dashboards.source import names
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import operation_named
from tools import alert_table

RUNBOOKS = RULES / "runbooks"
RUNBOOK_BASE = "https://github.com/dbs-exporter/dbs-exporter/blob/main/rules/runbooks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mending", "False alarm"]
STATES = ("protected", "at_risk", "breached", "unprotected", "unknown")
DAY = 86400.0
by_alert = pytest.mark.parametrize("alert", sorted(ALERTS))


def checker() -> tuple[LabelChecker, dict[str, frozenset[str]]]:
    """All rules gone through in order; and the labels that each alert's result can have."""
    made = LabelChecker(KNOWN)
    labels: dict[str, frozenset[str]] = {}
    for rule in sorted(rules(), key=lambda one: "alert" in one):
        found = made.labels(rule["expr"])
        if "record" in rule:
            made.record(rule["record"], found | frozenset(rule.get("labels", ())))
        else:
            labels[rule["alert"]] = found
    return made, labels


def test_rules_name_only_what_there_is() -> None:
    """Every metric and label in every expression and annotation is in the catalogue, recorded, or comes with the scrape."""
    made, labels = checker()
    for alert, rule in ALERTS.items():
        for text in rule["annotations"].values():
            unknown = set(re.findall(r"\$labels\.(\w+)", text)) - labels[alert]
            made.complaints += [f"{alert}: annotation names the label {label}" for label in sorted(unknown)]
            for name in re.findall(r"(?:plan:|task:|\b)dbs_\w+(?::\w+)*(?=\{)", text):
                made.labels(name)

    assert made.complaints == []


def test_a_name_or_label_that_is_not_there_is_found() -> None:
    """The check above sees a misspelt metric, matcher, grouping, matching and joined label."""
    made = LabelChecker(KNOWN)
    for query in (
        "dbs_plan_inf",
        'dbs_plan_info{name="a"}',
        "max by (plan) (dbs_plan_info)",
        "dbs_plan_info and on (gateway) dbs_plan_info",
        "up * on (job) group_left (plan_name) up",
    ):
        before = len(made.complaints)
        made.labels(query)
        assert len(made.complaints) > before, query


def test_every_alert_has_cases_and_a_runbook_and_nothing_else_has() -> None:
    """Cases and runbooks are there for each alert, and none is left of an alert that went."""
    assert set(CASES) == set(ALERTS)
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ALERTS)


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
    assert rule["labels"]["team"] in {"databases", "platform"}
    assert set(annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" not in annotations["summary"]
    assert annotations["summary"].endswith(".")
    assert annotations["runbook_url"] == f"{RUNBOOK_BASE}/{alert}.md"
    board = re.fullmatch(r"https://grafana\.example\.com/d/(dbs-\w+)(\?.*)?", annotations["dashboard_url"])
    assert board
    assert board[1] in {
        json.loads(path.read_text(encoding="utf-8"))["uid"] for path in (ROOT / "dashboards").glob("*.json")
    }
    if CASES[alert].subject == "plan":
        for label in ("plan_name", "plan_id", "database_type", "region", "account"):
            assert f"$labels.{label}" in annotations["description"]
    if CASES[alert].subject in {"plan", "gateway"}:
        assert "keep_firing_for" in rule or "7d" in rule["expr"] or alert == "DBSProtectionUnknown"


@by_alert
def test_a_runbook_says_what_to_do(alert: str) -> None:
    """Title, the five sections in order, none empty, and `dbs-exporter call` lines that the API's table accepts."""
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)

    assert text.startswith(f"# {alert}\n")
    assert parts[1::2] == SECTIONS
    assert all(len(part.strip()) > 20 for part in parts[2::2])
    for query in re.findall(r"```promql\n(.*?)```", text, flags=re.DOTALL):
        made = checker()[0]
        made.labels(query)
        assert made.complaints == []
    for line in re.findall(r"^dbs-exporter call (.+)$", text, flags=re.MULTILINE):
        words = shlex.split(line)
        operation = operation_named(words[0])
        given = dict(word.split("=", 1) for word in words[1:] if not word.startswith("-"))
        if operation.region_parameter:  # `call` gives it from --region
            given.setdefault("Region", "cn-hangzhou")
        request_parameters(operation, given)
        assert ("--write" in words) == operation.writes


def test_descriptions_read_well(tmp_path: Path) -> None:
    """Rendered by Prometheus' own templates, every text is the one on record in tests/support/rule_texts.json."""
    texts = json.loads((Path(__file__).parent / "rule_texts.json").read_text(encoding="utf-8"))
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


def firing(*alerts: str) -> dict[str, Any]:
    """These alerts and no others fire, for the first plan."""
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{FIRED}m",
        "exp_samples": [{"labels": written("", {"alertname": alert}), "value": 1} for alert in alerts],
    }


def test_one_missing_series_raises_only_what_it_should(tmp_path: Path) -> None:
    """Each series of a plan that is well, taken away alone: only a missing success or read raises its alert."""
    expected = {
        "dbs_plan_info": ["DBSPlanGone"],
        FULL: ["DBSFullBackupNeverSucceeded"],
        "dbs_restore_last_success_timestamp_seconds": ["DBSRestoreNeverTested"],
        **{
            f'dbs_plan_last_read_timestamp_seconds{{collector="{name}"}}': ["DBSProtectionUnknown"]
            for name in ("full_backups", "incremental_backups", "restore_ranges")
        },
    }
    tests = [unit("nothing missing", World(change={}), firing())]
    tests += [
        unit(f"without {key}", World(change={}, without=frozenset({key})), firing(*expected.get(key, ())))
        for key in PLAN
    ]
    tests += [
        unit(f"without {key}", World(change={}, without=frozenset({key})), firing())
        for key in SCOPE
        if 'interval_seconds{collector="plans"}' not in key
    ]

    assert not promtool(tmp_path, tests)


FAILURES = "dbs_full_backup_consecutive_failures"
PLANS_READ = 'dbs_exporter_collector_last_success_timestamp_seconds{collector="plans"}'
RANGES_READ = 'dbs_plan_last_read_timestamp_seconds{collector="restore_ranges"}'
STATE_CASES: dict[str, tuple[str, Series]] = {
    "all is well": ("protected", {}),
    "a plan that DBS runs": ("protected", {'dbs_plan_status{status="pause"}': 0}),
    "a hole that is older": ("protected", {'dbs_plan_recovery_gaps{scope="older"}': 1}),
    "a hole": ("at_risk", {'dbs_plan_recovery_gaps{scope="current"}': 1}),
    "a failure": ("at_risk", {FAILURES: 1}),
    "recovery point near its objective": ("at_risk", {RPO: Line(-1500.0)}),
    "full backup near its objective": ("at_risk", {FULL: -1.05 * DAY}),
    "full backup that is just due": ("protected", {FULL: -DAY}),
    "recovery point too old": ("breached", {RPO: Line(-1900.0)}),
    "full backup too old": ("breached", {FULL: -2 * DAY}),
    "breached and at risk": ("breached", {FULL: -2 * DAY, FAILURES: 3}),
    "paused": ("unprotected", {'dbs_plan_status{status="pause"}': 1, FULL: -2 * DAY}),
    "nothing to restore from": ("unprotected", {RPO: None}),
    "full backups never read": (
        "unknown",
        {'dbs_plan_last_read_timestamp_seconds{collector="full_backups"}': None},
    ),
    "full backups read long ago": (
        "unknown",
        {'dbs_plan_last_read_timestamp_seconds{collector="full_backups"}': -3600, RPO: None},
    ),
    "ranges never read though permitted": ("unknown", {RANGES_READ: None}),
    "ranges not permitted": (
        "protected",
        {RANGES_READ: None, 'dbs_exporter_collector_permitted{collector="restore_ranges"}': 0},
    ),
    "restores read long ago": (
        "protected",
        {'dbs_plan_last_read_timestamp_seconds{collector="restores"}': -3600},
    ),
    "plan list read long ago": ("unknown", {PLANS_READ: -3600}),
}


def test_a_plan_is_in_exactly_one_state(tmp_path: Path) -> None:
    """The recording rules judge as the table of the status page does, and the fleet's counts follow."""
    tests = []
    for what, (state, change) in STATE_CASES.items():
        labels = {**HOME, "plan_id": "dbs1"}
        wanted = [
            {
                "labels": written(names.PROTECTION, {**labels, "state": one}),
                "value": int(one == state),
            }
            for one in STATES
        ]
        second = "unknown" if what == "plan list read long ago" else "protected"
        counts = [
            {
                "labels": written("fleet:dbs_protection:plans", {"state": one}),
                "value": int(one == state) + int(one == second),
            }
            for one in STATES
        ]
        at = {"eval_time": f"{FIRED}m"}
        tests.append(
            unit(
                what,
                World(change=change),
                {"expr": f'{names.PROTECTION}{{plan_id="dbs1"}}', "exp_samples": wanted, **at},
                {"expr": "fleet:dbs_protection:plans", "exp_samples": counts, **at},
            )
        )

    assert not promtool(tmp_path, tests)


def test_recorded_numbers_are_what_they_say(tmp_path: Path) -> None:
    """Ages, lag, ratios and both bounds of a restore's end, to the second."""
    task = 'restore_task_id="r1"'
    world = World(
        change={
            FULL: 1800,
            "dbs_full_backup_last_success_size_bytes": 5e10,
            "dbs_full_backup_last_success_duration_seconds": 1800,
            f'dbs_restore_task_status{{{task},status="running"}}': 1,
            f"dbs_restore_task_created_timestamp_seconds{{{task}}}": 0,
            f'dbs_restore_task_progress_ratio{{{task},stage="full_data"}}': Line(0.0, 0.01),
        }
    )
    plan = {**HOME, "plan_id": "dbs1"}
    restore = {**plan, "restore_task_id": "r1"}
    values = {
        names.RECOVERY_AGE: (plan, 60),
        names.FULL_AGE: (plan, 3600),
        names.LOG_LAG: (plan, 60),
        names.AGE_RATIO: (plan, 3600 / (1.2 * DAY)),
        names.SIZE_RATIO: (plan, 0.5),
        names.DURATION_RATIO: (plan, 1.5),
        names.RESTORE_SPEED: (restore, 0.01 / 60),
        names.RESTORE_EARLIEST: (restore, 6000),
        names.RESTORE_LATEST: (restore, 7200),
    }
    expected = [
        {
            "expr": f'round({name}{{plan_id="dbs1"}}, 0.0000001)',
            "eval_time": f"{FIRED}m",
            "exp_samples": [{"labels": written("", labels), "value": round(value, 7)}],
        }
        for name, (labels, value) in values.items()
    ]

    assert not promtool(tmp_path, [unit("numbers", world, *expected)])


def test_two_replicas_of_the_exporter_double_nothing(tmp_path: Path) -> None:
    """While two replicas name a plan differently, every rule still works and fires once for the plan."""
    case = CASES["DBSFullBackupFailed"]
    test = unit("replicas", World(change=case.change))
    test["input_series"] += [
        {
            **one,
            "series": one["series"]
            .replace("exporter:10033", "replica:10033")
            .replace("orders", "orders-new"),
        }
        for one in World(change=case.change).series()
        if "replica" not in one["series"]
    ]
    for one in test["input_series"][len(test["input_series"]) // 2 :]:
        if "instance=" not in one["series"]:
            one["series"] = one["series"].replace("}", ',instance="replica:10033"}')
    test["promql_expr_test"] = [
        {
            "expr": 'count(ALERTS{alertname="DBSFullBackupFailed",alertstate="firing"})',
            "eval_time": f"{FIRED}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
    ]

    assert INFO_LABELS[0]["plan_name"] == "orders"
    assert not promtool(tmp_path, [test])


def test_the_document_is_made_from_the_rules() -> None:
    """docs/alerts.md is what `make docs` makes, names every alert, and says of 27 things what watches each."""
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")

    assert text == alert_table.as_markdown()
    assert set(alert_table.THRESHOLDS) == set(ALERTS)
    assert set(re.findall(r"\bDBS[A-Z]\w+", text)) == set(ALERTS)
    assert len(alert_table.WATCHED) == 27
