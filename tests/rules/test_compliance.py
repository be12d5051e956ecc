"""Compliance: the share of the time in which plans were in their objectives, by hours and of thirty days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.rule_fixtures import FIRED, RULES, World, failures, promtool, unit, written

from dashboards.source import names
from dbs_exporter.conditions.algebra import STATES

GROUP = next(
    group
    for group in yaml.safe_load((RULES / "dbs-recording.rules.yml").read_text(encoding="utf-8"))["groups"]
    if group["name"] == "dbs-compliance"
)
IN_OBJECTIVE = {"protected", "attention", "at_risk"}
HOURS = 4


def plan(number: int) -> dict[str, str]:
    return {"account": "prod", "region": "cn-hangzhou", "plan_id": f"dbs{number}"}


def states(number: int, *hours: str) -> list[dict[str, str]]:
    """The recorded state of a plan, a sample a minute and a word an hour; "" where nothing is recorded."""
    return [
        {
            "series": written(names.PROTECTION, {**plan(number), "state": state}),
            "values": " ".join(["_"] + [f"{int(hour == state)}x59" if hour else "_x60" for hour in hours]),
        }
        for state in STATES
    ]


def owned(number: int, owner: str) -> dict[str, str]:
    labels = {**plan(number), "owner": owner, "team": "databases", "tier": ""}
    return {"series": written("plan:dbs_plan:owner", labels), "values": f"1x{60 * HOURS}"}


def recorded(
    directory: Path, series: list[dict[str, str]], expected: dict[str, list[tuple[dict[str, str], float]]]
) -> str:
    """What promtool complains of after some hours of these series, with this group of rules alone."""
    (directory / "rules.yml").write_text(yaml.safe_dump({"groups": [GROUP]}), encoding="utf-8")
    test = {
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [
            {
                "expr": f"round({name}, 0.0001)",
                "eval_time": f"{HOURS}h",
                "exp_samples": [
                    {"labels": written("", labels), "value": round(value, 4)} for labels, value in samples
                ],
            }
            for name, samples in expected.items()
        ],
    }
    path = directory / "compliance.test.yml"
    content = {"rule_files": ["rules.yml"], "evaluation_interval": "1h", "tests": [test]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return failures(path)


def test_it_is_evaluated_each_hour() -> None:
    """Thirty days are made of hours: of minutes they would be too many samples."""
    assert GROUP["interval"] == "1h"


@pytest.mark.parametrize("state", STATES)
def test_what_is_in_objective(state: str, tmp_path: Path) -> None:
    """A plan is in its objective unless that is broken or nothing is backed up; an unknown hour is no part of the time."""
    complaints = recorded(
        tmp_path,
        states(1, *[state] * HOURS),
        {
            names.IN_OBJECTIVE_HOUR: [(plan(1), state in IN_OBJECTIVE)],
            names.KNOWN_HOUR: [(plan(1), state != "unknown")],
            names.IN_OBJECTIVE: [(plan(1), state in IN_OBJECTIVE)] if state != "unknown" else [],
            names.KNOWN_HOURS: [(plan(1), HOURS if state != "unknown" else 0)],
            names.FLEET_IN_OBJECTIVE: [({}, state in IN_OBJECTIVE)] if state != "unknown" else [],
        },
    )

    assert complaints == ""


def test_hours_weigh_by_what_is_known_of_them(tmp_path: Path) -> None:
    """Of three known hours one was breached; a plan that was made later has its own hours, and an owner and the fleet those of all."""
    complaints = recorded(
        tmp_path,
        [
            *states(1, "protected", "breached", "unknown", "at_risk"),
            *states(2, "", "", "unprotected", "attention"),
            *states(3, "", "", "", "protected"),
            owned(1, "orders"),
            owned(2, "orders"),
            owned(3, "stock"),
        ],
        {
            names.IN_OBJECTIVE: [(plan(1), 2 / 3), (plan(2), 1 / 2), (plan(3), 1)],
            names.KNOWN_HOURS: [(plan(1), 3), (plan(2), 2), (plan(3), 1)],
            names.OWNER_IN_OBJECTIVE: [
                ({"owner": "orders", "team": "databases"}, 3 / 5),
                ({"owner": "stock", "team": "databases"}, 1),
            ],
            names.FLEET_IN_OBJECTIVE: [({}, 4 / 6)],
        },
    )

    assert complaints == ""


def test_a_plan_without_an_objective_is_not_judged(tmp_path: Path) -> None:
    """It has no share, and the fleet's is that of the others."""
    labels = {**plan(2), "condition": "no_objective", "state": "attention", "facts": "plans"}
    complaints = recorded(
        tmp_path,
        [
            *states(1, *["breached"] * HOURS),
            *states(2, *["attention"] * HOURS),
            {"series": written("plan:dbs_condition:holds", labels), "values": f"1x{60 * HOURS}"},
        ],
        {names.IN_OBJECTIVE: [(plan(1), 0)], names.FLEET_IN_OBJECTIVE: [({}, 0)]},
    )

    assert complaints == ""


def test_a_plan_that_is_gone_has_no_share(tmp_path: Path) -> None:
    """Its hours do not count on for thirty days."""
    complaints = recorded(
        tmp_path,
        [*states(1, "protected", "protected", "protected", ""), *states(2, *["protected"] * HOURS)],
        {names.IN_OBJECTIVE: [(plan(2), 1)], names.FLEET_IN_OBJECTIVE: [({}, 1)]},
    )

    assert complaints == ""


def test_two_replicas_of_the_exporter_count_once(tmp_path: Path) -> None:
    """With every rule at work, an hour of a plan that two exporters show is one hour."""
    test: dict[str, Any] = unit("replicas", World(change={}))
    test["input_series"] += [
        {**series, "series": series["series"].replace("exporter:10033", "replica:10033")}
        for series in World(change={}).series()
    ]
    test["promql_expr_test"] = [
        {
            "expr": f"max({names.KNOWN_HOUR}) == bool 1",
            "eval_time": f"{FIRED}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
    ]

    assert promtool(tmp_path, [test], interval="1m") == ""
