"""The rules in the chart: the project's own, and what values change in them."""

from __future__ import annotations

import json
from typing import Any

import promql_parser as promql
import pytest
import yaml
from support.chart_rendering import CHART, ROOT, one, refused, template

THRESHOLDS: dict[str, dict[str, Any]] = yaml.safe_load(
    (CHART / "files" / "thresholds.yml").read_text(encoding="utf-8")
)


def groups(**values: Any) -> list[dict[str, Any]]:
    """The groups of the PrometheusRule under some values."""
    name = values.pop("nameOverride", "")
    rendered = template({"demo": True, "nameOverride": name, "prometheusRule": {"enabled": True, **values}})
    return list(one(rendered, "PrometheusRule")["spec"]["groups"])


def alerts(**values: Any) -> dict[str, dict[str, Any]]:
    """The alerting rules by name."""
    return {rule["alert"]: rule for group in groups(**values) for rule in group["rules"] if "alert" in rule}


def test_without_values_they_are_the_projects_rules() -> None:
    """Rendered, no group and no rule differs from those in rules/."""
    own = [
        group
        for path in sorted((ROOT / "rules").glob("*.rules.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]

    assert groups() == own


@pytest.mark.parametrize("name", sorted(THRESHOLDS))
def test_a_threshold_changes_its_alert_and_nothing_else(name: str) -> None:
    """The new number stands where the default stood, the query is one, and a summary that names the number goes."""
    known = THRESHOLDS[name]
    before, after = alerts(), alerts(thresholds={name: 7.25})
    alert = known["alert"]
    expr = before[alert]["expr"]

    assert expr.count(known["is"]) == 1
    assert known["becomes"].replace("%v", str(known["default"])) == known["is"]
    assert after[alert]["expr"] == expr.replace(known["is"], known["becomes"].replace("%v", "7.25"))
    assert promql.parse(after[alert]["expr"])
    assert {key for key in before if before[key] != after[key]} == {alert}
    assert after[alert]["annotations"]["summary"].endswith(".")


def test_the_schema_has_every_threshold() -> None:
    """Names that may be given are those of the table, no more and no fewer."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

    assert set(schema["properties"]["prometheusRule"]["properties"]["thresholds"]["properties"]) == set(
        THRESHOLDS
    )


@pytest.mark.parametrize(
    ("thresholds", "says"),
    [
        ({"DBSExporterThrottle": 7}, "DBSExporterThrottle"),
        ({"DBSExporterThrottled": "7d"}, "DBSExporterThrottled"),
    ],
)
def test_a_threshold_that_is_not_there_is_refused(thresholds: Any, says: str) -> None:
    """A misspelt name, or a value that is no number, is told by helm."""
    assert says in refused({"demo": True, "prometheusRule": {"enabled": True, "thresholds": thresholds}})


def test_the_rules_speak_the_language_that_is_chosen() -> None:
    """Chinese texts and runbooks; names and expressions are the same."""
    english, chinese = alerts(), alerts(lang="zh")

    assert {name: rule["expr"] for name, rule in chinese.items()} == {
        name: rule["expr"] for name, rule in english.items()
    }
    assert chinese["DBSPlanExpired"]["annotations"]["summary"] == "包年包月的备份计划已到期。"
    assert chinese["DBSPlanExpired"]["annotations"]["runbook_url"].endswith("/runbooks/zh/DBSPlanExpired.md")
    assert "lang" in refused({"demo": True, "prometheusRule": {"enabled": True, "lang": "fr"}})
