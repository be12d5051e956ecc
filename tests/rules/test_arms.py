"""Each part of each alert decides alone: the `or`s fire, the exceptions keep quiet, thresholds lie where they are said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.rule_arms import ARMS, stale
from support.rule_cases import CASES, FRESH, FRESH_LIST
from support.rule_fixtures import FIRED, HOME, OTHER, World, fires, promtool, quiet, unit, written
from support.rule_world import PROCESS, SOON, of_peer

from dbs_exporter.collectors.base import AccountCollector
from dbs_exporter.collectors.table import TABLE


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


def test_a_blind_region_is_one_page(tmp_path: Path) -> None:
    """A region of which nothing is read any more is blind once, for the worst; another for what is wrong there."""
    change = {FRESH_LIST % "plans": SOON, FRESH % "plans": SOON, FRESH % "recovery": SOON}
    found = {
        "expr": 'count by (region, collector) (ALERTS{alertname="DBSExporterBlind",alertstate="firing"})',
        "eval_time": f"{FIRED}m",
        "exp_samples": [
            {"labels": written("", {"region": region, "collector": collector}), "value": 1}
            for region, collector in ((HOME["region"], "full_backups"), (OTHER["region"], "plans"))
        ],
    }
    world = unit("old", World(change=change, old=True), found)
    # `old` has made what the first plan's list brings old, too.
    for series in world["input_series"]:
        if (
            "fresh_until" in series["series"]
            and "cn-hangzhou" in series["series"]
            and 's="plans' in series["series"]
        ):
            series["values"] = "300+60x200"

    assert promtool(tmp_path, [world]) == ""


def test_a_shard_without_a_region_is_well(tmp_path: Path) -> None:
    """A third shard that owns no region shows what concerns the process alone, and no alert is about it."""
    third = {
        of_peer(key).replace("peer-exporter", "third").replace('shard="0"', 'shard="2"'): value
        for key, value in PROCESS.items()
    }
    shards = {"dbs_exporter_shards": 3, of_peer("dbs_exporter_shards"): 3}
    nothing = {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{FIRED}m", "exp_samples": []}

    assert (
        promtool(
            tmp_path,
            [
                unit(
                    "idle",
                    World(change={**third, **shards, **{key: 3 for key in third if "_shards" in key}}),
                    nothing,
                )
            ],
        )
        == ""
    )


def test_every_kind_of_facts_is_told_by_the_collector_that_reads_it(tmp_path: Path) -> None:
    """What is stale is counted under the name of its collector, of regions and of plans alike."""
    tests = []
    for collector in TABLE:
        name = collector.group.name
        if isinstance(collector, AccountCollector):
            continue
        change = stale(name) if collector.level == "plan" else {FRESH_LIST % name: -3600.0}
        tests.append(
            unit(
                name,
                World(change=change),
                {
                    "expr": "region:dbs_collector:stale",
                    "eval_time": f"{FIRED}m",
                    "exp_samples": [
                        {
                            "labels": written(
                                "region:dbs_collector:stale",
                                {**HOME, "job": "dbs-exporter", "collector": collector.name},
                            ),
                            "value": 1,
                        }
                    ],
                },
            )
        )

    assert len(tests) == len(TABLE.collectors) - 1
    assert promtool(tmp_path, tests) == ""
