"""The chat messages of examples/alertmanager: through a real Alertmanager to robots that check format and size."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from support.chat_robots import Robots
from support.pager import running_alertmanager, until
from support.programs import tool

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples" / "alertmanager"
ROBOTS = ("dingtalk", "feishu", "wecom")
RUNBOOK = "https://github.com/dbs-exporter/dbs-exporter/blob/main/rules/runbooks/DBSFullBackupFailed.md"
HOSTILE = """- a: "b" 'c' \\ {{ .Status }} # d
key: [1, 2] <at id=all></at> & 100%d"""


def alert(number: int, account: str, severity: str, description: str, **fields: str) -> dict[str, Any]:
    """An alert as Prometheus sends it, by the rules."""
    return {
        "labels": {
            "alertname": "DBSFullBackupFailed", "account": account, "region": "cn-hangzhou", "severity": severity,
            "team": "databases", "plan_id": f"dbs{number}",
        },
        "annotations": {
            "summary": "The last full backup failed.", "description": description, "runbook_url": RUNBOOK,
            "dashboard_url": "https://grafana.example.com/d/dbs-plan",
        },
        "startsAt": "2026-11-28T01:10:00Z",
        **fields,
    }  # fmt: skip


def usual(number: int) -> str:
    """A description as long as those of the rules."""
    return (
        f"Plan 订单库-{number} (dbs{number}), MySQL in cn-hangzhou of account prod: the full backup of 02:00 failed with"
        ' "Access denied for user", the third in a row. The last good one is 2d 4h old and expires in 5d.'
    )


@dataclass(frozen=True)
class Chat:
    """An Alertmanager with the example's receivers, and the robots that they reach."""

    robots: Robots
    alertmanager: str

    def send(self, *alerts: dict[str, Any]) -> None:
        """Send alerts as Prometheus does."""
        requests.post(f"{self.alertmanager}/api/v2/alerts", json=alerts, timeout=30).raise_for_status()


TITLES = {
    "usual": "200 firing · DBS prod critical",
    "long": "40 firing · DBS long warning",
    "hostile": "1 firing · DBS hostile warning",
    "odd": "1 firing · DBS a： [b] # c info",
}
"""What the messages are called, by what is in them."""


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """An Alertmanager that has sent four groups: 200 usual alerts, some far too long, one hostile, one of an odd account."""
    folder = tmp_path_factory.mktemp("chat")
    text = (EXAMPLES / "chat.yml").read_text(encoding="utf-8").replace("/etc/alertmanager", str(folder))
    text = re.sub(r"group_(wait|interval): \w+", r"group_\1: 1s", text)
    shutil.copy(EXAMPLES / "chat.tmpl", folder)
    robots = Robots()
    for robot in ROBOTS:
        (folder / f"{robot}_url").write_text(f"{robots.url}/{robot}\n", encoding="utf-8")

    def all_heard() -> bool:
        return bool(robots.dropped) or all(
            robots.messages(robot, title) for robot in ROBOTS for title in TITLES.values()
        )

    try:
        with running_alertmanager(folder, text) as url:
            site = Chat(robots, url)
            site.send(
                *(alert(number, "prod", "critical", usual(number)) for number in range(200)),
                *(alert(number, "long", "warning", "😀&" * 1000) for number in range(40)),
                alert(1, "hostile", "warning", HOSTILE),
                alert(1, "a: [b] # c", "info", "x"),
            )
            until("every robot has heard of all groups", all_heard, patience=60)
            yield site
    finally:
        robots.close()


def text_of(robot: str, message: Any) -> str:
    """The text of a message, without its title where it has one of its own."""
    if robot == "feishu":
        return str(message["card"]["elements"][0]["content"])
    return str(message["markdown"]["text" if robot == "dingtalk" else "content"])


def test_no_robot_drops_a_message(chat: Chat) -> None:
    """Every group is a message for each, of the documented form and below its limits, however long the alerts are."""
    assert chat.robots.dropped == []
    assert {
        title for title in TITLES.values() for robot in ROBOTS if not chat.robots.messages(robot, title)
    } == set()
    assert all(3000 < size < 20_000 for size in chat.robots.largest.values())


@pytest.mark.parametrize("robot", ROBOTS)
def test_a_message_has_the_first_alerts_and_counts_the_rest(chat: Chat, robot: str) -> None:
    """Two hundred usual alerts are ten, or as many as fit, each with severity, summary, description and runbook."""
    message = chat.robots.messages(robot, TITLES["usual"])[-1]
    text = text_of(robot, message)
    shown = len(re.findall(r"^\*\*critical\*\* The last full backup failed\.$", text, re.MULTILINE))

    assert shown >= 6
    assert f"\n**and {200 - shown} more**" in text
    assert text.count(f"since 2026-11-28 01:10 UTC · [runbook]({RUNBOOK})") == shown
    assert '"Access denied for user"' in text
    assert (" one is 2d 4h old and expires in 5d." in text) is (robot != "wecom")
    assert ("…\n" in text) is (robot == "wecom")


@pytest.mark.parametrize("robot", ROBOTS)
def test_texts_arrive_as_they_were(chat: Chat, robot: str) -> None:
    """Quotes, backslashes, templates and what looks like YAML stay text; line ends become spaces, and nobody is called by a tag."""
    message = chat.robots.messages(robot, TITLES["hostile"])[-1]
    wanted = HOSTILE.replace("\n", " ").replace("<", " ").replace("  ", " ")

    assert wanted in text_of(robot, message)


def test_the_colour_says_how_bad_it_is(chat: Chat) -> None:
    """Feishu's card is red for critical alerts, else orange."""
    colours = {
        name: message["card"]["header"]["template"]
        for name in ("usual", "hostile")
        for message in chat.robots.messages("feishu", TITLES[name])
    }

    assert colours == {"usual": "red", "hostile": "orange"}


def test_what_is_over_is_told(chat: Chat) -> None:
    """When all of a group are resolved, each robot hears that, and Feishu's card is green."""
    over = datetime.now(UTC).isoformat()
    chat.send(alert(1, "hostile", "warning", HOSTILE, endsAt=over))
    title = "1 resolved · DBS hostile warning"
    until("all have heard", lambda: all(chat.robots.messages(robot, title) for robot in ROBOTS), patience=60)
    card = chat.robots.messages("feishu", title)[-1]

    assert card["card"]["header"]["template"] == "green"
    assert chat.robots.dropped == []


def test_the_messages_need_only_what_every_alert_has() -> None:
    """Each label and annotation that the templates read is on every alert of the rules."""
    rules = yaml.safe_load((ROOT / "rules" / "dbs-alerts.rules.yml").read_text(encoding="utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    text = "".join(path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.tmpl"))
    labels = set(re.findall(r"\.Labels\.(\w+)", text))
    annotations = set(re.findall(r"\.Annotations\.(\w+)", text))

    assert labels == {"severity"}
    assert annotations == {"summary", "description", "runbook_url"}
    assert [rule["alert"] for rule in alerts if not labels <= set(rule["labels"])] == []
    assert [rule["alert"] for rule in alerts if not annotations <= set(rule["annotations"])] == []


def test_the_adapters_template_counts_the_rest_too(tmp_path: Path) -> None:
    """For older versions: the template of the adapter for DingTalk has ten alerts and stays below the limit."""
    alerts = [
        {
            "status": "firing",
            **alert(number, "prod", "critical", usual(number)),
            "endsAt": "0001-01-01T00:00:00Z",
        }
        for number in range(200)
    ]
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"status": "firing", "alerts": alerts, "groupLabels": {"account": "prod"}}))
    done = subprocess.run(
        [
            tool("amtool"), "template", "render", f"--template.glob={EXAMPLES / 'dingtalk-adapter.tmpl'}",
            '--template.text={{ template "ding.link.content" . }}', f"--template.data={data}",
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("**200 firing · DBS prod**\n\n**critical** The last full backup failed.")
    assert done.stdout.count(RUNBOOK) == 10
    assert "**and 190 more**" in done.stdout
    assert len(done.stdout.encode()) < 20_000
