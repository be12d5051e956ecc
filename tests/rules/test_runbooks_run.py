"""The runbooks, run: each query and each command of each of them, where what it is about is so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import nan
from pathlib import Path
from typing import Any

import pytest
from support import rule_fixtures
from support.command_line import config_file, invoke
from support.pager import until
from support.programs import tool
from support.rule_cases import CALLS, CASES, OF
from support.rule_fixtures import ALERTS, FIRED, firing_labels, promtool, unit
from support.rule_world import HOUR, Line, Series, of_peer
from support.runbook_stage import Site, Stage, site, stage
from support.runbooks import RUNBOOKS, commands, queries, sections

from dbs_exporter.simulator import World, start_simulator

pytestmark = pytest.mark.xdist_group("runbooks")

NOT_RAISED = {
    "DBSLastGoodBackupExpiring": "of two critical alerts about a plan only the first is raised",
    "DBSRecoveryGapOlder": "a hole of now is the graver",
    "DBSRestoreStuck": "for an hour nothing must move",
}
"""Alerts that the fleet does not raise -> why; there is a plan with their condition all the same."""
STORED = sorted(
    alert for alert in ALERTS if alert.startswith("DBSExporter") or alert == "DBSProtectionUnknown"
)
"""Alerts about an exporter in trouble, whose series are those of the rules' own tests."""
BESIDE: Mapping[str, Series] = {
    "DBSProtectionUnknown": {OF % "success": 0, CALLS % "timeout": Line(0, 1)},
    "DBSExporterAbsent": {"dbs_exporter_build_info|1": nan, of_peer("dbs_exporter_build_info") + "|1": nan},
    "DBSExporterBlind": {OF % "success": 0, CALLS % "timeout": Line(0, 1)},
    "DBSExporterCollectorStale": {OF % "failed_subjects": 1},
    "DBSExporterNotPermitted": {CALLS % "denied": Line(0, 1)},
    "DBSExporterReloadFailed": {"dbs_exporter_config_last_reload_success_timestamp_seconds": -HOUR},
    "DBSExporterStateNotSaved": {"dbs_exporter_state_last_write_timestamp_seconds": -HOUR},
    "DBSExporterThrottled": {"dbs_exporter_api_rate_limit_wait_seconds_total": Line(0, 1)},
}
"""What else an exporter in such trouble shows."""
MADE = sorted(set(ALERTS) - set(STORED))
OF_INCIDENT = {"DBSPlanNotRunning": "paused_plan"}
"""Alerts whose runbook mends what one incident brings: to start a locked plan is refused."""
NOTHING = {"", "null", "[]", "{}", "0"}
CONFIG = """
accounts:
  - name: prod
    endpoint: {url}
    regions: all
    requests_per_second: 1000
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
collectors:
  plans: {{interval: 2s}}
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A fleet in which everything is wrong that can be, and what watches it."""
    for name in ("prometheus", "curl", "jq"):
        tool(name)
    with stage(tmp_path_factory.mktemp("runbooks"), raises=set(MADE) - set(NOT_RAISED)) as running:
        yield running


def text_of(alert: str) -> str:
    return (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")


def printed(running: Site, folder: Path, lines: list[str]) -> str:
    """Run lines in one shell and return what they print; each must end well and print something, unless it only sets a variable."""
    texts, wrong = [], []
    with running.shell(folder) as shell:
        for line in lines:
            code, output = shell.run(line)
            is_quiet = re.match(r"\w+=", line) is not None
            if code != 0 or (output.strip() in NOTHING and not is_quiet):
                wrong.append(f"{line}\nexit code {code}: {output}")
            texts.append(output)
    assert wrong == []
    return "".join(texts)


@pytest.mark.parametrize("alert", MADE)
def test_every_query_finds_something(alert: str, ground: Stage) -> None:
    """Asked of Prometheus about the plan, gateway or region for which the alert is raised, each query has an answer."""
    found = {
        query: ground.prometheus.ask("query", query=query)["result"]
        for query in queries(text_of(alert), ground.subject(alert))
    }

    assert found
    assert {query for query, answer in found.items() if not answer} == set()


@pytest.mark.parametrize("alert", STORED)
def test_every_query_finds_something_of_an_exporter_in_trouble(alert: str, tmp_path: Path) -> None:
    """When the alert fires in the world of the rules' tests, each query of its runbook has an answer."""
    case = CASES[alert]
    world = rule_fixtures.World(change={**case.change, **BESIDE.get(alert, {})})
    expected = [
        {
            "expr": f"count({query}) > bool 0",
            "eval_time": f"{FIRED}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for query in queries(text_of(alert), firing_labels(alert, case))
    ]

    assert expected
    assert not promtool(tmp_path, [unit("fires", world, *expected)], interval="30m")


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_every_command_works(alert: str, ground: Stage, tmp_path: Path) -> None:
    """Pasted in order into one shell, each line ends well and prints something."""
    lines = commands(text_of(alert), ground.subject(alert, OF_INCIDENT.get(alert)))

    # What mends the log has a fleet of its own below.
    assert printed(ground, tmp_path, [line for line in lines if "call EnableBackupLog" not in line])


REFUSED: Mapping[str, tuple[dict[str, Any], str, int, str]] = {
    "DBSExporterNotPermitted": (
        {"kind": "deny", "operation": "DescribeFullBackupList"},
        "",
        3,
        "allow dbs:DescribeFullBackupList",
    ),
    "DBSExporterBlind": (
        {"kind": "deny", "operation": "DescribeBackupPlanList"},
        "",
        3,
        "allow dbs:DescribeBackupPlanList",
    ),
    "DBSExporterCredentialsFailing": ({"kind": "bad_key"}, "", 3, "InvalidAccessKeyId.Inactive"),
    "DBSExporterAPIErrors": (
        {"kind": "refuse", "status": 404, "code": "InvalidAction.NotFound"},
        "",
        1,
        "check `endpoint`",
    ),
    "DBSExporterReloadFailed": ({}, "colectors: {}", 2, "colectors"),
}
"""Alert -> a fault of the API, a mistake in the configuration, and how `check` then ends and what it names."""


@pytest.mark.parametrize("alert", REFUSED)
def test_check_names_what_is_wrong_with_the_exporter(alert: str, tmp_path: Path) -> None:
    """Runbooks about the exporter say to run it, and in that trouble it ends with a code of its own and the reason."""
    fault, mistake, code, shown = REFUSED[alert]
    with start_simulator(World(plans=6, accounts=("prod",)), faults=[fault] if fault else []) as simulator:
        file = config_file(tmp_path, simulator.url, more=mistake)
        done = invoke("check", DBS_EXPORTER_CONFIG_FILE=file)

    assert "dbs-exporter check\n" in text_of(alert)
    assert (done.exit_code, shown in done.output) == (code, True), done.output


@pytest.mark.parametrize(
    ("alert", "incident", "shown"),
    [
        ("DBSPlanNotRunning", "locked_plan", '"BackupPlanStatus":"locked"'),
        ("DBSLogBackupOff", "log_backup_paused", '"EnableBackupLog":false'),
        ("DBSGatewayOffline", None, '"DisplayName":"gw-hangzhou-1"'),
        ("DBSFullBackupFailed", "failed_full_backup", '"ErrorCode":"DBS.SourceAccessDenied"'),
        ("DBSRestoreFailed", "failed_restore", '"ErrorCode":"DBS.RestoreObjectConflict"'),
        ("DBSPrecheckFailed", "failed_precheck", '"State":"failed"'),
    ],
)
def test_a_diagnosis_finds_what_is_wrong(
    alert: str, incident: str | None, shown: str, ground: Stage, tmp_path: Path
) -> None:
    """One of its commands shows it."""
    lines = commands(sections(text_of(alert))["Diagnosis"], ground.subject(alert, incident))

    assert shown in printed(ground, tmp_path, lines)


def test_a_paused_log_is_mended_by_its_runbook(tmp_path: Path) -> None:
    """Once its command has written, log backup is on, and the last command of the runbook names the alert no more."""
    for name in ("curl", "jq"):
        tool(name)
    world = World(seed=7, accounts=("prod",), incidents=["log_backup_paused"])
    (plan,) = world.incident_plans["log_backup_paused"]
    spec = world.spec(plan)
    assert spec is not None
    parts = {
        title: commands(text, {"account": "prod", "region": spec.region, "plan_id": plan})
        for title, text in sections(text_of("DBSLogBackupOff")).items()
    }
    labels, look = parts["Diagnosis"][0], parts["Has it worked?"][-1]
    with (
        start_simulator(world) as simulator,
        site(tmp_path, simulator, CONFIG.format(url=simulator.url)) as running,
    ):
        assert "DBSLogBackupOff" in printed(running, tmp_path, [labels, look])

        assert printed(running, tmp_path, [labels, *parts["Mending"]])

        assert world.incidents == ()
        with running.shell(tmp_path) as shell:
            shell.run(labels)
            until("the condition ends", lambda: "DBSLogBackupOff" not in shell.run(look)[1])
