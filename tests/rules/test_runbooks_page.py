"""The page that says how the commands of runbooks are run: what it defines works where the exporter is installed that way."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from support.exporter_process import config_text
from support.followed_page import Shell
from support.rule_fixtures import ALERTS
from support.runbooks import RUNBOOKS, blocks, sections

from dbs_exporter.simulator import Simulator, World, start_simulator

PAGES = {
    "en": (RUNBOOKS / "README.md").read_text(encoding="utf-8"),
    "zh": (RUNBOOKS / "zh" / "README.md").read_text(encoding="utf-8"),
}
PARTS = sections(PAGES["en"])
INSTALLED = ("Kubernetes", "Container", "systemd", "pip", "Demo")
PROGRAM = f'exec {sys.executable} -m dbs_exporter "$@"'
INSIDE = (
    f"export DBS_EXPORTER_CONFIG_FILE=$PLACE/dbs-exporter.yml CREDENTIALS_DIRECTORY=$PLACE; shift; {PROGRAM}"
)
LONGER = {"DBSPlanGone": "seven days", "DBSNodeNetworksChanged": "a week"}
"""Alerts that end by themselves, whatever is done."""
STAND_INS = {
    "kubectl": 'case "$3" in exec) [ "$4" = deployment/dbs-exporter ] && [ "$5" = -- ] && shift 5 && '
    f"{INSIDE};; logs) echo said;; esac",
    "docker": f'case "$1" in exec) [ "$2" = dbs-exporter ] && shift 2 && {INSIDE};; logs) echo said;; esac',
    "journalctl": '[ "$1" = --unit=dbs-exporter ] && echo said',
    "dbs-exporter": PROGRAM,
}
"""Programs whose other end is not here: what they run there has the variables that image, chart and unit set."""


def shell_for(folder: Path, simulator: Simulator) -> Shell:
    """A shell on a machine on which an exporter of this cloud is installed in every way."""
    (folder / "bin").mkdir()
    for name, script in STAND_INS.items():
        (folder / "bin" / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    config = config_text(simulator).replace(
        "access_key_secret: testsk", "access_key_secret_file: '${CREDENTIALS_DIRECTORY}/access_key_secret'"
    )
    (folder / "dbs-exporter.yml").write_text(config, encoding="utf-8")
    (folder / "access_key_secret").write_text("testsk", encoding="utf-8")
    (folder / "dbs-exporter.log").write_text("said", encoding="utf-8")
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PLACE": str(folder),
    }
    return Shell(folder, environment, typed="")


def defining(part: str, folder: Path, simulator: Simulator) -> list[str]:
    """What a part of the page says to paste, with the places and the port of here."""
    (block,) = blocks(PARTS[part], "console")
    return [
        line.replace("/etc/dbs-exporter", str(folder))
        .replace("/opt/dbs-exporter/bin", str(folder / "bin"))
        .replace("/tmp/dbs-demo.yml", str(folder / "demo.yml"))
        .replace("http://127.0.0.1:8765", simulator.url)
        for line in block.splitlines()
    ]


@pytest.mark.parametrize("installed", INSTALLED)
def test_the_words_of_runbooks_work_where_the_exporter_is_installed(installed: str, tmp_path: Path) -> None:
    """After the lines of its part, `dbs-exporter` calls with the exporter's account, and `exporter-log` prints its log."""
    account = "demo" if installed == "Demo" else "prod"
    with start_simulator(World(plans=1, accounts=(account,))) as simulator:
        shell = shell_for(tmp_path, simulator)
        try:
            if installed == "pip":  # its configuration has a secret of a unit, which is not here
                shell.run(f"export CREDENTIALS_DIRECTORY={tmp_path}")
            for line in defining(installed, tmp_path, simulator):
                assert shell.run(line) == (0, "")

            code, answer = shell.run(
                f"dbs-exporter call DescribeRegions --account={account} --region=cn-hangzhou"
            )
            assert (code, "cn-shanghai" in answer) == (0, True), answer
            assert shell.run("exporter-log")[1].strip()
        finally:
            shell.close()


@pytest.mark.parametrize("part", ["What writes", "Demo"])
def test_what_writes_uses_no_configuration(part: str, tmp_path: Path) -> None:
    """`dbs-writer` changes something with the key of the shell, though the exporter's configuration is set as well."""
    with start_simulator(World(plans=2, accounts=("demo",), incidents=())) as simulator:
        world, shell = simulator.world, shell_for(tmp_path, simulator)
        plan = world.plan_ids("demo")[0]
        spec = world.spec(plan)
        assert spec is not None
        try:
            if part == "What writes":
                shell.run(
                    f"export DBS_EXPORTER_ENDPOINT={simulator.url} DBS_EXPORTER_CONFIG_FILE=nowhere.yml"
                )
                shell.run("export ALIBABA_CLOUD_ACCESS_KEY_ID=testak ALIBABA_CLOUD_ACCESS_KEY_SECRET=testsk")
            for line in defining(part, tmp_path, simulator):
                assert shell.run(line) == (0, "")
            code, answer = shell.run(
                f"dbs-writer call StopBackupPlan --region={spec.region} BackupPlanId={plan} StopMethod=ALL --write"
            )

            assert code == 0, answer
            assert world.status_of(spec) == "pause"
        finally:
            shell.close()


def test_the_page_is_the_same_in_chinese() -> None:
    """It has the commands of the English one, in its order."""
    assert blocks(PAGES["zh"], "console") == blocks(PAGES["en"], "console")
    assert len(sections(PAGES["zh"])) == len(PARTS)


def test_what_is_called_is_permitted() -> None:
    """The exporter's policy permits each operation that `dbs-exporter` calls; each other is named as a permission beside its command."""
    policy = json.loads(
        (RUNBOOKS.parent.parent / "examples" / "ram" / "least-privilege.json").read_text(encoding="utf-8")
    )
    permitted = set(policy["Statement"][0]["Action"])
    writes = 0
    for path in RUNBOOKS.glob("**/DBS*.md"):
        text = path.read_text(encoding="utf-8")
        for word, operation in re.findall(r"(dbs-exporter|dbs-writer) call (\w+)", text):
            if word == "dbs-exporter":
                assert f"dbs:{operation}" in permitted
            else:
                writes += 1
                assert f"`dbs:{operation}`" in text

    assert writes == 4  # EnableBackupLog and StartBackupPlan, in two languages


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_a_runbook_says_how_long_the_alert_goes_on(alert: str) -> None:
    """As long as its rule keeps it firing after the end; without that it ends with a scrape, or with the window that it looks at."""
    text = sections((RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8"))["Has it worked?"]
    kept = ALERTS[alert].get("keep_firing_for")
    expected = LONGER.get(alert, f"{kept.removesuffix('m')} " if kept else "")

    assert text.startswith("\n\nAt once: ")
    assert expected in text
    assert re.search(r"goes on|ends|becomes", text)


@pytest.mark.parametrize("runbook", sorted(RUNBOOKS.glob("DBS*.md")), ids=lambda path: path.stem)
def test_a_runbook_with_commands_says_how_they_are_run(runbook: Path) -> None:
    """It links the page, in both languages; and the page defines every word with which a line begins."""
    for path in (runbook, RUNBOOKS / "zh" / runbook.name):
        text = path.read_text(encoding="utf-8")
        lines = "".join(blocks(text, "console")).replace("\\\n", " ").splitlines()
        words = {line.removeprefix("task=$(").split()[0] for line in lines}

        assert "](README.md)" in text
        assert {word for word in words if "=" not in word} <= {"dbs-exporter", "exporter-log", "dbs-writer"}
