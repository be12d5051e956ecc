"""What runbooks are run on: a simulated cloud in trouble, an exporter of it, a real Prometheus with the rules, and a shell."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from support.command_line import invoke
from support.followed_page import Shell
from support.pager import until
from support.runbook_fleet import Fleet

from dashboards.preview.servers import Prometheus, configuration, free_port, prometheus
from dbs_exporter.conditions.rules import alerts
from dbs_exporter.simulator import Simulator, start_simulator

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "testak", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsk"}
_FIRST_CODE = 250
_PROGRAM = """#!/bin/bash
answer=$(mktemp)
code=$(printf '%s\\0' "${0##*/}" "$@" | curl -sS --data-binary @- -o "$answer" -w '%{http_code}' "$RUNBOOK_STAGE")
((code == 250)) && cat "$answer" || cat "$answer" >&2
rm "$answer"
exit $((code - 250))
"""
"""Has a command carried out by the process of the test, since to start one for each takes half a second."""


class Programs:
    """Carries out `dbs-exporter …` for shells, as it is installed beside the exporter, and as somebody who may write."""

    def __init__(
        self, environment: Mapping[str, str], writer: Mapping[str, str], *, log: Path, state: Path
    ) -> None:
        stage = self
        self._environments = {"dbs-exporter": environment, "dbs-writer": writer}
        self._log = log
        self._state = str(state)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                words = self.rfile.read(int(self.headers["Content-Length"])).decode().split("\0")[:-1]
                code, text = stage.run(*words)
                body = text.encode()
                self.send_response(_FIRST_CODE + code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def run(self, program: str, *arguments: str) -> tuple[int, str]:
        """Return the exit code of a command, and its output; with what it complained of if it failed."""
        if program == "exporter-log":
            return 0, self._log.read_text(encoding="utf-8")
        here = [argument.replace("/var/lib/dbs-exporter", self._state) for argument in arguments]
        done = invoke(*here, **self._environments[program])
        return done.exit_code, done.stdout if done.exit_code == 0 else done.output

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Site:
    """An exporter of a simulated cloud, and how it is asked."""

    address: str
    config: Path
    programs: Programs

    @contextmanager
    def shell(self, folder: Path) -> Iterator[Shell]:
        """A bash with the words that runbooks use."""
        places = folder / "bin"
        places.mkdir(exist_ok=True)
        for name in ("dbs-exporter", "dbs-writer", "exporter-log"):
            (places / name).write_text(_PROGRAM, encoding="utf-8")
            (places / name).chmod(0o755)
        shell = Shell(
            folder,
            {"PATH": f"{places}:{os.environ['PATH']}", "RUNBOOK_STAGE": self.programs.url},
            typed="",
        )
        try:
            shell.run("set -o pipefail")
            yield shell
        finally:
            shell.close()


@contextmanager
def site(folder: Path, simulator: Simulator, configuration: str) -> Iterator[Site]:
    """Run an exporter as the documents say, and wait until it is ready."""
    config, log, state = folder / "dbs-exporter.yml", folder / "exporter.log", folder / "state"
    config.write_text(configuration, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dbs_exporter", "run", f"--config.file={config}", f"--web.listen-address={address}",
             f"--storage.path={state}"],
            stdout=output, stderr=output,
        )  # fmt: skip
    programs = Programs(
        {"DBS_EXPORTER_CONFIG_FILE": str(config), "DBS_EXPORTER_WEB_LISTEN_ADDRESS": address},
        {**KEYS, "DBS_EXPORTER_ENDPOINT": simulator.url},
        log=log,
        state=state,
    )
    try:
        until("the exporter is ready", lambda: not programs.run("dbs-exporter", "healthcheck", "--ready")[0])
        yield Site(address, config, programs)
    finally:
        programs.close()
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Stage(Site):
    """A fleet in which everything is wrong, an exporter of it, and Prometheus."""

    prometheus: Prometheus
    fleet: Fleet
    raised: Sequence[Mapping[str, str]]
    """The labels of alerts that are pending or fire."""

    def subject(self, alert: str, incident: str | None = None) -> Mapping[str, str]:
        """Return the labels of an alert, of a plan with this incident; those of some plan beside them if it is about none."""
        plans = self.fleet.world.incident_plans.get(incident or "")
        found = [
            labels
            for labels in self.raised
            if labels["alertname"] == alert and (plans is None or labels.get("plan_id") in plans)
        ]
        some = next(labels for labels in self.raised if labels["alertname"] == "DBSFullBackupFailed")
        return {**some, **(found[0] if found else self._holding(alert))}

    def _holding(self, alert: str) -> Mapping[str, str]:
        """Return the labels of that for which the condition of an alert has held longest, or will soonest."""
        named = [(condition.name, state) for condition, state, found in alerts() if found.name == alert]
        for name, state in named:
            query = f'sort({{__name__=~"dbs_.+_condition_since_timestamp_seconds",condition="{name}",state="{state}"}})'
            labels: dict[str, str] = self.prometheus.ask("query", query=query)["result"][0]["metric"]
            return labels
        return {}


@contextmanager
def stage(folder: Path, *, raises: AbstractSet[str]) -> Iterator[Stage]:
    """Start everything, and wait until these alerts are pending or fire."""
    fleet = Fleet()
    with ExitStack() as stack:
        stack.enter_context(fleet.answering())
        simulator = stack.enter_context(start_simulator(fleet.world))
        running = stack.enter_context(site(folder, simulator, fleet.configuration(simulator.url)))
        server = stack.enter_context(prometheus(folder, configuration((running.address,))))

        def raised() -> list[dict[str, str]]:
            return [each["metric"] for each in server.ask("query", query="ALERTS")["result"]]

        def missing(wanted: AbstractSet[str]) -> list[str]:
            return sorted(wanted - {labels["alertname"] for labels in raised()})

        until("all has been scraped", lambda: not missing({"DBSFullBackupFailed", "DBSGatewayOffline"}))
        fleet.change()
        until("every alert is raised", lambda: not missing(raises), still=lambda: missing(raises))
        yield Stage(running.address, running.config, running.programs, server, fleet, raised())
