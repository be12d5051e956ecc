"""The rules before the real promtool: every alert fires, keeps quiet, survives missing and old data, and clears."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.rule_cases import CASES
from support.rule_fixtures import (
    ALERTS,
    FIRED,
    GONE,
    RESTARTED,
    World,
    fires,
    promtool,
    quiet,
    unit,
)
from support.rule_world import HOUR

by_alert = pytest.mark.parametrize("alert", sorted(CASES))


@by_alert
def test_an_alert_fires_for_the_one_it_is_about(alert: str, tmp_path: Path) -> None:
    """It fires with all its labels for one of two subjects, is silent for both while all is well, and where it nearly would."""
    case = CASES[alert]

    assert not promtool(
        tmp_path,
        [
            unit("fires", World(change=case.change), fires(alert, case, FIRED), fires(alert, case, GONE))
            if alert not in {"DBSExporterScopeGone", "DBSExporterDown"}
            else unit("fires", World(change=case.change), fires(alert, case, FIRED)),
            unit("all is well", World(change={}), quiet(alert, FIRED)),
            unit("nearly", World(change=case.near), quiet(alert, FIRED)),
        ],
    )


@by_alert
def test_an_alert_is_quiet_without_what_it_needs(alert: str, tmp_path: Path) -> None:
    """Without any one of the series it judges by, it does not fire."""
    case = CASES[alert]
    tests = [
        unit(f"without {name}", World(change=case.change, without=frozenset({name})), quiet(alert, FIRED))
        for name in case.needs
    ]

    assert not tests or not promtool(tmp_path, tests)


@pytest.mark.parametrize(
    "alert",
    sorted(
        name
        for name, case in CASES.items()
        if case.subject in {"plan", "gateway"} and name != "DBSProtectionUnknown"
    ),
)
def test_old_data_keep_facts_and_raise_no_ages(alert: str, tmp_path: Path) -> None:
    """An hour after the last read, a fact still stands, and an age that only grew because nobody looked raises nothing."""
    case = CASES[alert]
    judged = fires(alert, case, FIRED) if case.old else quiet(alert, FIRED)

    assert not promtool(
        tmp_path,
        [
            unit("old", World(change=case.change, old=True), judged),
            unit("old and well", World(change={}, old=True), quiet(alert, FIRED)),
        ],
    )


@by_alert
def test_an_alert_clears_when_its_subject_is_gone(alert: str, tmp_path: Path) -> None:
    """A plan that is deleted, a gateway or a region that is no longer there: its alert ends."""
    case = CASES[alert]
    if case.subject == "nobody" or alert in {"DBSExporterScopeGone", "DBSPlanGone"}:
        pytest.skip("about no one subject, or about its absence")

    assert not promtool(
        tmp_path,
        [
            unit(
                "gone",
                World(change=case.change, away=(95, GONE + 1)),
                fires(alert, case, FIRED),
                quiet(alert, GONE),
            )
        ],
    )


@pytest.mark.parametrize("alert", sorted(name for name, rule in ALERTS.items() if "keep_firing_for" in rule))
def test_a_restart_of_the_exporter_resolves_nothing(alert: str, tmp_path: Path) -> None:
    """While the exporter is away for minutes and has not read again, the alert goes on."""
    case = CASES[alert]
    world = World(change=case.change, away=(95, 103), whole_away=True)

    assert not promtool(tmp_path, [unit("restart", world, fires(alert, case, RESTARTED))])


def test_an_alert_names_whose_the_plan_is_and_how_long_there_is_left(tmp_path: Path) -> None:
    """Labels of the configuration come with the series; of two replicas that disagree one counts."""
    since = (
        'dbs_plan_condition_since_timestamp_seconds{condition="recovery_point",facts="recovery",state="%s"}'
    )
    whose = 'dbs_plan_owner_info{owner="li.wei",team="pay"%s}'
    world = World(
        change={
            since % "at_risk": -HOUR,
            since % "breached": FIRED * 60.0 + 720,
            whose % "": 1,
            whose % ',instance="b"': 1,
        }
    )
    alert = "DBSRecoveryPointAtRisk"
    expected = {**ALERTS[alert]["annotations"]}
    del expected["description"]
    said = promtool(
        tmp_path,
        [
            {
                **unit("owned", world),
                "alert_rule_test": [
                    {
                        "eval_time": f"{FIRED}m",
                        "alertname": alert,
                        "exp_alerts": [{"exp_labels": {"owner": "nobody"}, "exp_annotations": expected}],
                    }
                ],
            }
        ],
    )
    got = said[said.index("got:") :]

    assert 'owner="li.wei", plan_id="dbs1", region="cn-hangzhou", severity="warning", team="pay"' in got
    assert "There are 12m 0s left until this: The newest recovery point is older than its objective." in got
