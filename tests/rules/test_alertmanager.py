"""The example for Alertmanager: its routes by amtool, its inhibitions by the running Alertmanager."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.programs import tool
from support.rule_fixtures import ALERTS, ROOT, RULE_FILES

EXAMPLE = ROOT / "examples" / "alertmanager" / "alertmanager.yml"
PATIENCE_SECONDS = 60.0
HOME = {"account": "prod", "region": "cn-hangzhou"}


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run amtool to its end."""
    return subprocess.run(
        [tool("amtool"), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def seconds(duration: str) -> int:
    """How long a duration of Alertmanager's is: `1h30m`, `4d`."""
    units = {"ms": 0, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    assert "".join(number + unit for number, unit in parts) == duration
    return sum(int(number) * units[unit] for number, unit in parts)


def routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A route and all below it."""
    yield route
    for child in route.get("routes", ()):
        yield from routes(child)


def test_nothing_is_repeated_later_than_alertmanager_remembers_it() -> None:
    """What it has told is forgotten after 120 hours by default (--data.retention); a longer interval would not hold."""
    root = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["route"]
    intervals = [seconds(route["repeat_interval"]) for route in routes(root) if "repeat_interval" in route]

    assert len(intervals) >= 2
    assert max(intervals) <= 120 * 3600


def test_amlint_finds_nothing() -> None:
    """No route that nothing reaches, no matcher or inhibition that no alert of the rules can meet."""
    program = Path(sys.executable).with_name("amlint")
    rules = [argument for path in RULE_FILES for argument in ("--rules", str(path))]

    done = subprocess.run(
        [str(program), "check", "--strict", "--format=json", *rules, str(EXAMPLE)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == []


def test_amtool_accepts_the_example() -> None:
    """`amtool check-config` finds nothing to say, and sees the inhibitions."""
    done = amtool("check-config", str(EXAMPLE))

    assert done.returncode == 0, done.stderr
    assert "inhibit rules" in done.stdout


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_goes_to_its_team_by_its_severity(alert: str) -> None:
    """Critical pages the team that the alert names, a warning is a ticket of that team, the rest is a digest."""
    labels = ALERTS[alert]["labels"]
    kind = {"critical": "pager", "warning": "tickets"}.get(labels["severity"])
    receiver = f"{labels.get('team', 'databases')}-{kind}" if kind else "digest"

    done = amtool(
        "config", "routes", "test", f"--config.file={EXAMPLE}", f"--verify.receivers={receiver}",
        f"alertname={alert}", f"severity={labels['severity']}", f"team={labels.get('team', 'databases')}", "region=cn-hangzhou",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def fetched(url: str, body: object | None = None) -> Any:
    """What an address answers, as JSON; None for an empty answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@dataclass(frozen=True, slots=True)
class Running:
    """An Alertmanager that runs, and where it writes what it has to say."""

    url: str
    log: Path


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running Alertmanager with the example."""
    program = tool("prometheus-alertmanager", "alertmanager")
    storage: Path = tmp_path_factory.mktemp("alertmanager")
    log = storage / "alertmanager.log"
    url = f"http://127.0.0.1:{free_port()}"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [
                program, f"--config.file={EXAMPLE}", f"--storage.path={storage}", "--cluster.listen-address=",
                f"--web.listen-address={url.removeprefix('http://')}",
            ],
            stdout=said, stderr=said,
        ) as running,
    ):  # fmt: skip
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    fetched(f"{url}/api/v2/status")
                    break
                except urllib.error.URLError:
                    assert running.poll() is None, "Alertmanager ended"
                    assert time.monotonic() < until, "Alertmanager does not answer"
                    time.sleep(0.1)
            yield Running(url, log)
        finally:
            running.terminate()


def alert(name: str, **labels: str) -> dict[str, str]:
    """The labels of a firing alert, with those of its rule."""
    return {"alertname": name, **ALERTS[name]["labels"], **HOME, **labels}


def of_job(name: str, **labels: str) -> dict[str, str]:
    """The same of an alert that is about a process."""
    return {"alertname": name, **ALERTS[name]["labels"], "job": "dbs-exporter", **labels}


def of_region(name: str, **labels: str) -> dict[str, str]:
    """The same of an alert about what an exporter reads of a region."""
    return of_job(name, **{**HOME, **labels})


INHIBITIONS: dict[str, tuple[dict[str, str], list[dict[str, str]], list[dict[str, str]]]] = {
    "an exporter that is blind silences what rests on it, and nothing that was known": (
        of_region("DBSExporterBlind", collector="plans", account="a"),
        [
            alert("DBSProtectionUnknown", plan_id="dbs1", account="a"),
            of_region("DBSExporterCollectorStale", collector="plans", account="a"),
            of_region("DBSExporterNotPermitted", collector="plans", account="a"),
            of_region("DBSExporterAPIErrors", account="a", instance="one"),
        ],
        [
            alert("DBSRecoveryPointBreached", plan_id="dbs1", account="a"),
            alert("DBSProtectionUnknown", plan_id="dbs1", account="a", region="cn-beijing"),
            alert("DBSProtectionUnknown", plan_id="dbs1", account="another"),
            alert("DBSProtectionUnknown", plan_id="dbs1", account="a", cluster="another"),
            alert("DBSGatewayOffline", gateway_id="gw1", account="a"),
            of_region("DBSExporterCollectorStale", collector="gateways", account="a"),
            of_region("DBSExporterCollectorStale", collector="plans", account="a", job="another"),
            of_region("DBSExporterNotPermitted", collector="restores", account="a"),
            of_region("DBSExporterAPIErrors", account="a", instance="two", job="another"),
            of_region("DBSExporterThrottled", account="a", instance="one"),
        ],
    ),
    "full backups that are not read silence nothing about what is read": (
        of_region("DBSExporterBlind", collector="full_backups", account="b"),
        [
            alert("DBSProtectionUnknown", plan_id="dbs1", account="b"),
            of_region("DBSExporterCollectorStale", collector="full_backups", account="b"),
        ],
        [
            *(
                alert(name, plan_id="dbs1", account="b")
                for name, rule in sorted(ALERTS.items())
                if rule["labels"].get("team") != "platform" and name != "DBSProtectionUnknown"
            ),
            of_region("DBSExporterCollectorStale", collector="gateways", account="b"),
            of_region("DBSExporterCollectorStale", collector="restores", account="b"),
        ],
    ),
    "a gateway that is gone silences nothing: the exporter explains what follows from it": (
        alert("DBSGatewayOffline", gateway_id="gw1", account="c"),
        [],
        [
            alert(name, plan_id="dbs1", account="c")
            for name, rule in sorted(ALERTS.items())
            if rule["labels"].get("team") != "platform" and name != "DBSGatewayOffline"
        ],
    ),
    "dead credentials explain that an account is blind": (
        of_job("DBSExporterCredentialsFailing", account="i", instance="one"),
        [
            of_region("DBSExporterBlind", collector="plans", account="i"),
            of_region("DBSExporterBlind", collector="plans", account="i", region="cn-beijing"),
            # Though it is silenced itself, a blind exporter goes on to silence what is unknown.
            alert("DBSProtectionUnknown", plan_id="dbs1", account="i"),
            of_job("DBSExporterCredentialsExpiring", account="i", instance="one"),
        ],
        [
            of_region("DBSExporterBlind", collector="plans", account="j"),
            of_region("DBSExporterBlind", collector="plans", account="i", job="another"),
            of_region("DBSExporterBlind", collector="plans", account="i", cluster="another"),
            of_job("DBSExporterCredentialsExpiring", account="i", instance="two"),
        ],
    ),
    "throttling explains that calls are too few": (
        of_region("DBSExporterThrottled", account="k", instance="one"),
        [of_region("DBSExporterCallBudget", account="k")],
        [
            of_region("DBSExporterCallBudget", account="k", region="cn-beijing"),
            of_region("DBSExporterCallBudget", account="k", cluster="another"),
        ],
    ),
    "an exporter that is down takes its shard and its regions along": (
        of_job("DBSExporterDown", job="l", instance="one"),
        [
            of_job("DBSExporterShardMissing", job="l"),
            of_job("DBSExporterShardsDisagree", job="l"),
            of_job("DBSExporterScopeGone", job="l", account="a", region="cn-hangzhou"),
        ],
        [
            of_job("DBSExporterShardMissing", job="m"),
            of_job("DBSExporterShardMissing", job="l", namespace="n"),
            of_job("DBSExporterScopeGone", job="o", account="a", region="cn-hangzhou"),
            of_job("DBSExporterShardMissing", job="l", cluster="another"),
        ],
    ),
    "a missing shard silences that shards disagree, and that its regions are not watched": (
        of_job("DBSExporterShardMissing", job="e"),
        [
            of_job("DBSExporterShardsDisagree", job="e"),
            of_job("DBSExporterScopeGone", job="e", account="a", region="cn-hangzhou"),
        ],
        [
            of_job("DBSExporterShardsDisagree", job="f"),
            of_job("DBSExporterShardsDisagree", job="e", namespace="g"),
        ],
    ),
}


def test_nothing_is_inhibited_without_something_in_common() -> None:
    """Every inhibition says in which labels source and target agree, so that one cluster's exporter mutes no other's."""
    rules = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["inhibit_rules"]

    assert rules
    assert all({"cluster", *rule["equal"]} == set(rule["equal"]) > {"cluster"} for rule in rules)


def test_no_source_fires_where_no_exporter_is_scraped() -> None:
    """A Prometheus that has the rules and no exporter says that, and mutes nobody by it."""
    rules = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["inhibit_rules"]

    assert not [matcher for rule in rules for matcher in rule["source_matchers"] if "Absent" in matcher]


def test_an_exporter_that_is_ill_is_one_page(alertmanager: Running) -> None:
    """All regions of an account that is blind come in one message, and a region's plans in one each."""
    labels = [
        *(
            alert("DBSExporterBlind", collector="plans", account="p", region=region)
            for region in ("r1", "r2")
        ),
        *(alert("DBSFullBackupOverdue", plan_id=plan, account="q", region="r1") for plan in ("dbs1", "dbs2")),
        alert("DBSFullBackupOverdue", plan_id="dbs3", account="q", region="r2"),
    ]
    fetched(f"{alertmanager.url}/api/v2/alerts", [{"labels": each} for each in labels])

    groups = fetched(f"{alertmanager.url}/api/v2/alerts/groups?filter=account=~%22p%7Cq%22")

    found = sorted((group["receiver"]["name"], len(group["alerts"])) for group in groups)
    assert found == [("databases-pager", 1), ("databases-pager", 2), ("platform-pager", 2)]


def test_the_running_alertmanager_has_nothing_against_the_example(alertmanager: Running) -> None:
    """At its start it warns of nothing; that nobody answers at the example's addresses comes later."""
    started, listening, _ = alertmanager.log.read_text(encoding="utf-8").partition("Listening on")

    assert "Starting Alertmanager" in started
    assert listening
    assert not re.findall(r"^.*level=(?:warn|error).*$", started, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("what", sorted(INHIBITIONS))
def test_the_running_alertmanager_inhibits_what_it_should(what: str, alertmanager: Running) -> None:
    """The explained alerts are suppressed by the one that explains them, and the others stay active."""
    source, silenced, heard = INHIBITIONS[what]
    fetched(
        f"{alertmanager.url}/api/v2/alerts", [{"labels": labels} for labels in (source, *silenced, *heard)]
    )

    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        states = {
            json.dumps(alert["labels"], sort_keys=True): alert["status"]
            for alert in fetched(f"{alertmanager.url}/api/v2/alerts")
        }
        judged = {
            key: states.get(key, {}).get("state")
            for key in (json.dumps(labels, sort_keys=True) for labels in (source, *silenced, *heard))
        }
        wanted = {
            json.dumps(labels, sort_keys=True): "suppressed" if labels in silenced else "active"
            for labels in (source, *silenced, *heard)
        }
        if judged == wanted or time.monotonic() > until:
            break
        time.sleep(0.2)

    assert judged == wanted
