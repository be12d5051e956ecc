"""What is recorded: states of protection, numbers, what one missing series does, and two replicas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.rule_arms import T
from support.rule_cases import CASES, FRESH, FULL, since_key
from support.rule_fixtures import FIRED, HOME, INFO_LABELS, World, promtool, unit, written
from support.rule_world import PLAN, SCOPE, Line, Series

from dashboards.source import names
from dbs_exporter.conditions.algebra import STATES
from dbs_exporter.conditions.recovery import recovery_gap
from dbs_exporter.conditions.table import CONDITIONS

DAY = 86400.0


def firing(*alerts: str) -> dict[str, Any]:
    """These alerts and no others fire, for the first plan."""
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{FIRED}m",
        "exp_samples": [{"labels": written("", {"alertname": alert}), "value": 1} for alert in alerts],
    }


def test_one_missing_series_raises_nothing(tmp_path: Path) -> None:
    """Each series of a plan that is well, taken away alone, raises nothing."""
    tests = [unit("nothing missing", World(change={}), firing())]
    tests += [
        unit(f"without {key}", World(change={}, without=frozenset({key})), firing())
        for key in (*PLAN, *SCOPE)
    ]

    assert not promtool(tmp_path, tests)


def since(condition: str, state: str, at: float = -3600.0) -> Series:
    """A condition of the first plan that holds from then on."""
    [found] = [each for each in CONDITIONS if each.name == condition]
    return {since_key(found, state): at}


GAP_NOTE = since("recovery_gap", "protected")
STATE_CASES: dict[str, tuple[str, Series]] = {
    "all is well": ("protected", {}),
    "a note": ("protected", GAP_NOTE),
    "a hole": ("attention", {**since("recovery_gap", "attention"), **GAP_NOTE}),
    "a failure": ("at_risk", since("full_backup_failed", "at_risk")),
    "breached and at risk": (
        "breached",
        {**since("full_backup_age", "breached"), **since("full_backup_age", "at_risk")},
    ),
    "paused, and breached": (
        "unprotected",
        {**since("plan_not_running", "unprotected"), **since("recovery_point", "breached")},
    ),
    "a restore that stands makes its plan need a look": ("attention", since("restore_stuck", "breached")),
    "a download that failed, too": ("attention", since("download_failed", "attention")),
    "it will hold": ("protected", since("recovery_point", "breached", T + 60)),
    "it came after its facts were stale": (
        "protected",
        {**since("full_backup_age", "breached", 3000.0), FRESH % "full_backups": 3100.0},
    ),
    "it held when its facts became stale": (
        "breached",
        {**since("full_backup_age", "breached", 2800.0), FRESH % "full_backups": 3100.0},
    ),
    "it has ended by itself": (
        "protected",
        {
            **since("recovery_gap", "attention"),
            since_key(recovery_gap, "attention").replace("since", "until"): T - 60,
        },
    ),
    "what the recovery point rests on was not read in time": ("unknown", {FRESH % "recovery": T - 60}),
    "not in time, and breached": (
        "unknown",
        {FRESH % "recovery": T - 60, **since("recovery_point", "breached")},
    ),
    "read in time": ("protected", {FRESH % "recovery": T + 60}),
    "nothing is promised": ("protected", {FRESH % "recovery": None}),
    "nothing more is to be read": ("protected", {FRESH % "recovery": float("inf")}),
}


def test_a_plan_is_in_exactly_one_state(tmp_path: Path) -> None:
    """The worst of what holds is recorded, and the fleet's counts follow."""
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
            f"dbs_restore_task_started_timestamp_seconds{{{task}}}": 0,
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
    test["promql_expr_test"] = [
        {
            "expr": 'count(ALERTS{alertname="DBSFullBackupFailed",alertstate="firing"})',
            "eval_time": f"{FIRED}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
    ]

    assert INFO_LABELS[0]["plan_name"] == "orders"
    assert not promtool(tmp_path, [test])
