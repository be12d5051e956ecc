"""From the cloud to the pager: simulator, exporter, Prometheus with the rules, Alertmanager with the example, and a receiver."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import yaml
from support.exporter_process import LISTENING, Process
from support.programs import tool
from support.victoria import Victoria, victoria

from dashboards.preview.history import Past, moments, write
from dashboards.preview.servers import (
    RULE_FILES,
    WRITTEN_LABELS,
    Prometheus,
    blocks,
    configuration,
    free_port,
    prometheus,
)
from dbs_exporter.config.load import parse_config
from dbs_exporter.simulator import Simulator, World, start_simulator
from dbs_exporter.simulator.tasks import RESTORE_BYTES_PER_SECOND, Restore

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "alertmanager" / "alertmanager.yml"
PATIENCE_SECONDS = 180.0
PLANS = 22
"""One for each incident, two behind the gateway, two healthy."""
CATCH_UP_SECONDS = 45.0
"""How long plans behind the gateway take for their log once it is back."""
CONFIG = """
accounts:
  - name: prod
    endpoint: {url}
    regions: all
    requests_per_second: 1000
    concurrency: 2
    credentials: {{type: credentials_uri, credentials_uri: "{url}/-/credentials?account=prod"}}
storage: {{path: {state}}}
collectors:
  plans: {{interval: 10s}}
  gateways: {{interval: 10s}}
  full_backups: {{interval: 10s, at_rest: 10s}}
  incremental_backups: {{interval: 10s, at_rest: 10s}}
  restores: {{interval: 10s, at_rest: 10s}}
  restore_ranges: {{interval: 10s, at_rest: 10s}}
  prechecks: {{interval: 10s, at_rest: 10s}}
  downloads: {{interval: 10s, at_rest: 10s}}
  job_errors: {{interval: 10s, at_rest: 10s}}
  regions: {{interval: 10s}}
  nodes: {{interval: 1m}}
  billing: {{interval: 1m, at_rest: 1m, enabled: true}}
objectives:
  - plans: ["*"]
    restore_time: 4h
    restore_test_interval: 100d
"""


@dataclass(frozen=True)
class Notice:
    """One alert as a receiver was told of it."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        return self.labels["alertname"]

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self.labels.items()))


@dataclass(frozen=True)
class Message:
    """What a receiver is told at once: that something new fires, is there still, or has ended."""

    receiver: str
    group: str
    firing: tuple[tuple[tuple[str, str], ...], ...]


class Receiver:
    """A web hook that writes down what it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.messages: list[Message] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notices = [
                    Notice(told["receiver"], alert["status"], alert["labels"], alert["annotations"])
                    for alert in told["alerts"]
                ]
                receiver.notices += notices
                firing = [notice.key for notice in notices if notice.status == "firing"]
                receiver.messages.append(Message(told["receiver"], told["groupKey"], tuple(firing)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def state(self) -> dict[tuple[tuple[str, str], ...], Notice]:
        """The last word on every alert."""
        return {notice.key: notice for notice in list(self.notices)}

    def pages(self) -> list[Message]:
        """What woke somebody: messages to a pager with something that had not fired before, which leaves out repeats and ends."""
        seen: set[tuple[tuple[str, str], ...]] = set()
        found = []
        for message in list(self.messages):
            if message.receiver.endswith("-pager") and not seen.issuperset(message.firing):
                found.append(message)
            seen.update(message.firing)
        return found

    def firing(self) -> list[Notice]:
        return [notice for notice in self.state().values() if notice.status == "firing"]


def until(
    what: str,
    condition: Callable[[], object],
    *,
    patience: float = PATIENCE_SECONDS,
    still: Callable[[], object] = lambda: "",
) -> None:
    """Wait until something holds, with a bound in seconds that only a failure reaches, which then shows what is `still` so."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came that {what} {still()}".strip())
        pause.wait(0.2)


def hasten(route: dict[str, Any]) -> None:
    """Shorten the waits of a route and of those below it; one that gathers what comes in minutes goes on doing so, in seconds."""
    gathers = route.get("group_wait") == "2m"
    # Long enough for the worse of two alerts to come with the lesser, also from a machine that is busy.
    route |= (
        {"group_wait": "20s", "group_interval": "60s"}
        if gathers
        else {"group_wait": "8s", "group_interval": "2s"}
    )
    for below in route.get("routes", ()):
        hasten(below)


@contextmanager
def alertmanager(folder: Path, receiver: Receiver) -> Iterator[str]:
    """The URL of an Alertmanager with the example, its waits shortened and its addresses those of the receiver."""
    example = yaml.safe_load(
        EXAMPLE.read_text(encoding="utf-8").replace("http://127.0.0.1:9095", receiver.url)
    )
    hasten(example["route"])
    with running_alertmanager(folder, yaml.safe_dump(example)) as url:
        yield url


@contextmanager
def running_alertmanager(folder: Path, configuration: str) -> Iterator[str]:
    """The URL of an Alertmanager with a configuration, whose relative paths are below the folder."""
    config = folder / "alertmanager.yml"
    config.write_text(configuration, encoding="utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    program = tool("prometheus-alertmanager", "alertmanager")
    process = subprocess.Popen(
        [
            program, f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address=",
            f"--web.listen-address={url.removeprefix('http://')}",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None, "Alertmanager ended"
        try:
            return requests.get(f"{url}/-/ready", timeout=10).ok
        except requests.ConnectionError:
            return False

    try:
        until("Alertmanager answers", answers)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


class Exporter:
    """The exporter on a port of its own, with its state on disk; `restart` kills it and starts it anew."""

    def __init__(self, config: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._config = config
        self._process = self._started()

    def _started(self) -> Process:
        process = Process("run", f"--config.file={self._config}", f"--web.listen-address={self.address}")
        process.until(LISTENING)
        return process

    def restart(self) -> None:
        self.close()
        self._process = self._started()

    def close(self) -> None:
        self._process.end()


@dataclass(frozen=True)
class Site:
    """Everything that runs between the cloud and the pager."""

    simulator: Simulator
    exporter: Exporter
    prometheus: Prometheus
    alertmanager: str
    receiver: Receiver
    victoria: Victoria

    @property
    def world(self) -> World:
        return self.simulator.world

    def firing(self) -> list[dict[str, str]]:
        """The labels of what fires in Prometheus."""
        return [
            alert["labels"] for alert in self.prometheus.ask("alerts")["alerts"] if alert["state"] == "firing"
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """What Alertmanager holds, with what inhibits it."""
        found: list[dict[str, Any]] = requests.get(f"{self.alertmanager}/api/v2/alerts", timeout=10).json()
        return found

    def settled(self) -> bool:
        """Whether everybody who has to know what fires now does: Alertmanager all of it, the receiver what is not inhibited."""
        fires = {tuple(sorted(labels.items())) for labels in self.firing()}
        held = {tuple(sorted(alert["labels"].items())): alert["status"]["state"] for alert in self.alerts()}
        told = {notice.key for notice in self.receiver.firing()}
        return fires == set(held) and told >= {key for key, state in held.items() if state == "active"}


def moving_restore(world: World) -> Restore:
    """A restore of a healthy plan that somebody has just started and that will take half an hour."""
    troubled = {plan for plans in world.incident_plans.values() for plan in plans}
    plan_id = next(plan for plan in world.plan_ids("prod") if plan not in troubled)
    return Restore(
        task_id="s1moving", plan_id=plan_id, name="moving", created_at=world.clock() - 60, started_at=world.clock(),
        size_bytes=int(1800 * RESTORE_BYTES_PER_SECOND), kind="logical", continuous=True, target_at=world.clock() - 3600,
    )  # fmt: skip


def hasty_rules(folder: Path) -> list[str]:
    """The project's rules, but that conditions and a blind region alert soon: after what the exporter needs to take over from the written past."""
    made = []
    for rules in map(Path, RULE_FILES):
        content = yaml.safe_load(rules.read_text(encoding="utf-8"))
        for group in content["groups"]:
            # An hour is what nobody waits for here.
            group.pop("interval", None)
        for rule in (rule for group in content["groups"] for rule in group["rules"]):
            if rule.get("alert") == "DBSExporterBlind":
                rule["for"] = "30s"
            elif rule.get("for") == "2m":
                rule["for"] = "10s"
        made.append(str(folder / rules.name))
        (folder / rules.name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return made


@contextmanager
def site(folder: Path, *, seed: int) -> Iterator[Site]:
    """A fleet with every incident and thirty days of past, watched by everything that would watch it."""
    now = time.time()
    past = folder / "past.om"
    written = Past(
        parse_config(CONFIG.format(url="http://127.0.0.1:1", state=folder / "none")),
        seed=seed, plans=PLANS, anchor=now, labels=WRITTEN_LABELS,
    )  # fmt: skip
    try:
        with past.open("w", encoding="utf-8") as text:
            write(written, moments(now, step=12 * 3600, dense_step=240), text)
    finally:
        written.close()
    blocks(past, folder / "data")
    past.unlink()
    world = World(seed=seed, plans=PLANS, accounts=("prod",), anchor=now)
    world.add_restore(moving_restore(world))
    world.catch_up_seconds = CATCH_UP_SECONDS
    with ExitStack() as stack:
        receiver = Receiver()
        stack.callback(receiver.close)
        simulator = stack.enter_context(start_simulator(world))
        config = folder / "dbs-exporter.yml"
        config.write_text(CONFIG.format(url=simulator.url, state=folder / "state"), encoding="utf-8")
        process = Exporter(config)
        stack.callback(process.close)
        manager = stack.enter_context(alertmanager(folder, receiver))
        scraping = configuration((process.address,), alertmanagers=(manager.removeprefix("http://"),))
        server = stack.enter_context(
            prometheus(
                folder,
                {**scraping, "rule_files": hasty_rules(folder)},
                "--rules.alert.resend-delay=1s",
            )
        )
        engine = stack.enter_context(victoria(folder, scraping, hasty_rules(folder)))
        yield Site(simulator, process, server, manager, receiver, engine)
