"""docs/start.md, followed to the letter: against the simulator, with a real Prometheus and Alertmanager."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from support.followed_page import File, Shell, eventually, steps
from support.programs import tool

from dashboards.preview.servers import free_port
from dbs_exporter.simulator import World, start_simulator

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
SERVERS = ("dbs-exporter run", "prometheus ", "alertmanager ", "python3 -m http.server")
"""How the commands begin that run until they are ended."""
PORTS = ("10033", "9090", "9093", "9095")
SOONER = {
    "prometheus.yml": {"scrape_interval: 60s": "scrape_interval: 1s", "evaluation_interval: 30s": "evaluation_interval: 1s"},
    "alertmanager.yml": {"group_wait: 30s": "group_wait: 1s"},
}  # fmt: skip
"""What nobody waits for in a test, and how often Prometheus tells an Alertmanager again that was not there."""
RESEND = "--rules.alert.resend-delay=1s"
STAND_INS = {
    # The checkout is this one, and what would be installed is.
    "git": f'[ "$1" = clone ] && mkdir dbs-exporter && ln -s {ROOT}/* dbs-exporter/',
    "pipx": '[ "$*" = "install ." ] && [ -e pyproject.toml ]',
    "dbs-exporter": f'exec {sys.executable} -m dbs_exporter "$@"',
    # The vendor's command line prints answers as JSON.
    "aliyun": 'echo "$*" >> "$ALIYUN_ASKED"; printf \'{\\n  "AccessKeyId": "testak",\\n  "AccessKeySecret": "testsk"\\n}\\n\'',
}
"""Programs whose servers are not here."""


def stand_ins(folder: Path) -> Path:
    """A folder of programs for the front of PATH."""
    folder.mkdir()
    for name, script in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / "alertmanager").symlink_to(tool("prometheus-alertmanager", "alertmanager"))
    return folder


def outputs(file: Path) -> Iterator[str]:
    while True:
        yield file.read_text(encoding="utf-8")


def attempts(shell: Shell, line: str) -> Iterator[str]:
    """What a command says, tried again and again: servers need a moment where the page says to wait."""
    while True:
        code, output = shell.run(line)
        yield output if code == 0 else f"exit code {code}: {output}"


def follow(shell: Shell, here: Callable[[str], str], endpoint: str) -> dict[str, Path]:
    """Do everything that the page says; gives what each server writes."""
    logs = {}
    for step in steps(PAGE):
        if isinstance(step, File):
            text = here(step.text)
            if step.name == "dbs-exporter.yml":
                text = text.replace(
                    "    regions:", f"    endpoint: {endpoint}\n    requests_per_second: 500\n    regions:"
                )
            shell.write(step.name, text)
            shell.change(step.name, SOONER.get(step.name, {}))
            continue
        line, shown = here(step.line), tuple(map(here, step.shown))
        if line.startswith(SERVERS):
            program = line.split()[0]
            file = logs[program] = shell.start(f"{line} {RESEND}" if program == "prometheus" else line)
            eventually(line, outputs(file), shown)
        elif shown:
            eventually(line, attempts(shell, line), shown)
        else:
            code, output = shell.run(line)
            assert code == 0, f"{line}: {output}"
        if line.endswith("alertmanager.yml ."):
            shell.change("alertmanager.yml", SOONER["alertmanager.yml"] | {":9095": here(":9095")})
    return logs


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Each command of the page works and shows what the page says, up to a test alert that arrives at its receiver."""
    for name in ("prometheus", "promtool", "amtool", "curl"):
        tool(name)
    ports = {port: str(free_port()) for port in PORTS}
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("DBS_EXPORTER_", "ALIBABA_"))},
        "PATH": f"{stand_ins(tmp_path / 'bin')}:{os.environ['PATH']}",
        "ALIYUN_ASKED": str(tmp_path / "aliyun"),
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }  # fmt: skip
    with start_simulator(World(plans=19)) as simulator:
        shell = Shell(tmp_path, environment, typed="testsk\n")

        def here(text: str) -> str:
            for port, free in ports.items():
                text = text.replace(f":{port}", f":{free}").replace(f" {port}", f" {free}")
            return text.replace("YOUR_KEY_ID", "testak")

        try:
            logs = follow(shell, here, simulator.url)
            eventually("the receiver", outputs(logs["python3"]), ('…"POST /databases/pager HTTP/1.1" 501…',))
        finally:
            shell.close()

    asked = (tmp_path / "aliyun").read_text(encoding="utf-8").splitlines()
    assert [line.split()[1] for line in asked] == ["CreateUser", "AttachPolicyToUser", "CreateAccessKey"]
