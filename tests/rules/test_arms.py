"""Each part of each alert decides alone: the `or`s fire, the exceptions keep quiet, thresholds lie where they are said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.rule_arms import ARMS, PLANS_READ, T
from support.rule_cases import CASES
from support.rule_fixtures import FIRED, HOME, OTHER, World, fires, promtool, quiet, unit, written


@pytest.mark.parametrize("alert", sorted(ARMS))
def test_every_part_of_an_alert_decides_alone(alert: str, tmp_path: Path) -> None:
    """It fires by each of its reasons without the others, and each exception and each near miss keeps it quiet."""
    tests = [
        unit(
            arm.what,
            World(change=arm.change),
            fires(alert, replace(CASES[alert], labels=arm.labels), FIRED)
            if arm.fires
            else quiet(alert, FIRED),
        )
        for arm in ARMS[alert]
    ]

    assert promtool(tmp_path, tests) == ""


def test_an_exporter_that_reads_no_plan_any_more_is_blind(tmp_path: Path) -> None:
    """Though the plan list is still read, it is blind for each collector that protection rests on, and for no other."""
    world = World(change={PLANS_READ: T - 60}, old=True)
    found = {
        "expr": 'count by (region, collector) (ALERTS{alertname="DBSExporterBlind",alertstate="firing"})',
        "eval_time": f"{FIRED}m",
        "exp_samples": [
            {"labels": written("", {"region": region, "collector": collector}), "value": 1}
            for region, collector in (
                (HOME["region"], "full_backups"),
                (HOME["region"], "incremental_backups"),
                (HOME["region"], "restore_ranges"),
                (OTHER["region"], "plans"),
            )
        ],
    }

    assert promtool(tmp_path, [unit("old", world, found)]) == ""
