"""What is recorded: states of protection, numbers, what one missing series does, and two replicas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.rule_arms import T
from support.rule_cases import CASES, FRESH, FULL, READ_FULL, RPO
from support.rule_fixtures import FIRED, HOME, INFO_LABELS, World, promtool, unit, written
from support.rule_world import PLAN, SCOPE, Line, Series

from dashboards.source import names

STATES = ("protected", "at_risk", "breached", "unprotected", "unknown")
DAY = 86400.0


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
    }
    tests = [unit("nothing missing", World(change={}), firing())]
    tests += [
        unit(f"without {key}", World(change={}, without=frozenset({key})), firing(*expected.get(key, ())))
        for key in PLAN
    ]
    tests += [unit(f"without {key}", World(change={}, without=frozenset({key})), firing()) for key in SCOPE]

    assert not promtool(tmp_path, tests)


FAILURES = "dbs_full_backup_consecutive_failures"
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
    "nothing to restore from, and full backups were read": (
        "unprotected",
        {RPO: None, FRESH % "full_backups": -3600},
    ),
    "nothing to restore from, but full backups were never read": ("unknown", {RPO: None, READ_FULL: None}),
    "full backups never read, but the plan list has a recovery point": (
        "protected",
        {READ_FULL: None, FRESH % "full_backups": -3600},
    ),
    "what the recovery point rests on was not read in time": ("unknown", {FRESH % "recovery": T - 60}),
    "not in time, and breached": ("unknown", {FRESH % "recovery": T - 60, RPO: -3600}),
    "read in time": ("protected", {FRESH % "recovery": T + 60}),
    "everything else was not read in time": (
        "protected",
        {FRESH % name: -3600 for name in ("plans", "full_backups", "log_backups", "ranges", "restores")},
    ),
    "nothing is promised": ("protected", {FRESH % "recovery": None}),
    "nothing more is to be read": ("protected", {FRESH % "recovery": float("inf")}),
    "a recovery point in the future": ("unknown", {RPO: Line(1000.0)}),
    "a recovery point that is nearly now": ("protected", {RPO: Line(800.0)}),
}


def test_a_plan_is_in_exactly_one_state(tmp_path: Path) -> None:
    """The recording rules judge as the table of the status page does, and the fleet's counts follow."""
    tests = []
    for what, (state, change) in STATE_CASES.items():
        labels = {**HOME, "plan_id": "dbs1"}
        wanted = [
            {
                "labels": written(names.PROTECTION, {**labels, "state": other}),
                "value": int(other == state),
            }
            for other in STATES
        ]
        counts = [
            {
                "labels": written("fleet:dbs_protection:plans", {"state": other}),
                "value": int(other == state) + int(other == "protected"),
            }
            for other in STATES
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
    """Ages, ratios and both bounds of a restore's end, to the second."""
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
            **series,
            "series": series["series"]
            .replace("exporter:10033", "replica:10033")
            .replace("orders", "orders-new"),
        }
        for series in World(change=case.change).series()
        if "replica" not in series["series"]
    ]
    for series in test["input_series"][len(test["input_series"]) // 2 :]:
        if "instance=" not in series["series"]:
            series["series"] = series["series"].replace("}", ',instance="replica:10033"}')
    test["promql_expr_test"] = [
        {
            "expr": 'count(ALERTS{alertname="DBSFullBackupFailed",alertstate="firing"})',
            "eval_time": f"{FIRED}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
    ]

    assert INFO_LABELS[0]["plan_name"] == "orders"
    assert not promtool(tmp_path, [test])
