"""Draw the boards as they look over a simulated fleet with every incident.

python -m dashboards.preview [--out docs/images] [--keep] [fleet plan ...]

`make preview` does it. It is a preview, drawn with Grafana's own components from a real Prometheus' answers; no Grafana server is run. Needs Prometheus 3,
promtool, Chromium, and Node with the packages of dashboards/preview/package.json (`make tools`).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from dashboards.source.queries import boards, queries
from dbs_exporter.config.load import parse_config
from dbs_exporter.simulator import World, start_simulator

from .history import Past
from .recorded import Span, named_in, record_past, rules, spans
from .render import draw_boards
from .servers import ROOT, WRITTEN_LABELS, Prometheus, blocks, configuration, free_port

IMAGES = ROOT / "docs" / "images"
SEED, PLANS, ACCOUNT = 7, 40, "prod"
PLAN_OF = "repeatedly_failing_full_backup"
"""The incident whose plan is shown on the board of one plan."""
SCRAPE_SECONDS = 2
LIVE_SECONDS = 60.0
"""How long it runs before it is drawn: what only a running process tells needs a few samples."""
PATIENCE_SECONDS = 240.0
CONFIG = """
accounts:
  - name: prod
    endpoint: {url}
    regions: [cn-hangzhou, cn-shanghai, ap-southeast-1]
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
collectors:
  billing: {{enabled: true}}
objectives:
  - plans: ["orders-mysql-*", "orders-postgresql-*"]
    rpo: 15m
    restore_time: 1h
    restore_test_interval: 30d
    labels: {{owner: shop}}
  - plans: ["billing-*", "ledger-*"]
    restore_time: 4h
    restore_test_interval: 100d
    labels: {{owner: finance}}
  - plans: ["*"]
    restore_time: 4h
    restore_test_interval: 100d
"""


def say(text: str) -> None:
    """A line for whoever waits."""
    sys.stderr.write(f"{text}\n")


def bundle(folder: Path) -> Path:
    """The script that draws, made from preview.tsx."""
    made = folder / "preview.js"
    subprocess.run(
        [shutil.which("node") or "node", "build.mjs", str(made)],
        cwd=Path(__file__).resolve().parent,
        check=True,
        timeout=300,
    )
    return made


def wanted_series() -> set[str]:
    """Names of all series that rules and boards read: the others need no past."""
    asked = [rule["expr"] for rule in rules()]
    asked += [query.expression for name, content in boards().items() for query in queries(name, content)]
    return set().union(*(named_in(expression) for expression in asked))


def write_past(past: Past, to: Path, now: Callable[[], float]) -> list[Span]:
    """Write the samples of the past up to the moment at which this ends; gives the moments."""
    wanted = wanted_series()
    found = spans(now())
    last = found[-1]
    with to.open("w", encoding="utf-8") as text:

        def write_at(moment: float) -> None:
            text.writelines(
                line for line in past.samples_at(float(moment)) if line.partition("{")[0] in wanted
            )

        for span in found:
            for moment in span.moments():
                write_at(moment)
        end = last.end
        while end + last.step <= now():
            end += last.step
            write_at(end)
        text.write("# EOF\n")
    return [*found[:-1], Span(start=last.start, end=end, step=last.step)]


@contextmanager
def exporter(folder: Path, url: str) -> Iterator[str]:
    """`host:port` of a running `dbs-exporter run` that has read everything once."""
    config = folder / "dbs-exporter.yml"
    config.write_text(CONFIG.format(url=url), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    with (folder / "exporter.log").open("wb") as said:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "dbs_exporter", "run", f"--config.file={config}", f"--web.listen-address={address}",
            ],
            stdout=said, stderr=said,
        )  # fmt: skip
        try:
            until("the exporter has read everything", lambda: _ready(address))
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def _ready(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/-/ready", timeout=10).ok
    except requests.ConnectionError:
        return False


def until(what: str, holds: Callable[[], object]) -> None:
    """Wait until something holds. Raises TimeoutError at a bound that only a failure reaches."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come that {what}")
        pause.wait(0.5)


def settled(server: Prometheus, since: float) -> bool:
    """Whether samples and recorded series have come, alerts fire, and none is about to."""
    fresh = server.ask("query", query=f"max(timestamp(plan:dbs_protection:state)) > {since}")["result"]
    states = {alert["state"] for alert in server.ask("alerts")["alerts"]}
    return bool(fresh) and "firing" in states and time.time() > since + LIVE_SECONDS


def main(arguments: list[str] | None = None) -> int:
    """Draw every board, or those named."""
    parser = argparse.ArgumentParser(
        prog="dashboards.preview", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument(
        "--keep", action="store_true", help="serve Prometheus until Enter, and draw again at each"
    )
    parser.add_argument("boards", nargs="*", metavar="board", help=f"one of {', '.join(boards())}")
    given = parser.parse_args(arguments)
    if unknown := set(given.boards) - set(boards()):
        parser.error(f"no such board: {', '.join(sorted(unknown))}")
    chosen = given.boards or list(boards())
    given.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="preview")))
        began = time.monotonic()

        def done(stage: str) -> None:
            say(f"{time.monotonic() - began:5.0f} s  {stage}")

        script = bundle(folder)
        done("the drawing script is made")
        anchor = time.time()
        world = World(seed=SEED, plans=PLANS, accounts=(ACCOUNT,), anchor=anchor)
        simulator = stack.enter_context(start_simulator(world))
        config = parse_config(CONFIG.format(url=simulator.url), environ={})
        past = Past(config, seed=SEED, plans=PLANS, anchor=anchor, labels=WRITTEN_LABELS)
        try:
            history = write_past(past, folder / "past.om", time.time)
        finally:
            past.close()
        done("thirty days are written")
        running = folder / "prometheus"
        running.mkdir()
        blocks(folder / "past.om", running / "data")
        (folder / "past.om").unlink()
        done("thirty days are loaded")
        bare = {**configuration(()), "rule_files": []}
        server = Prometheus(running, bare, "--rules.alert.for-grace-period=0s")
        stack.callback(server.stop)
        server.start()
        for stage, seconds in record_past(server, folder, history).items():
            say(f"         {stage}: {seconds:.0f} s")
        done("what rules would have recorded is loaded")
        address = stack.enter_context(exporter(folder, simulator.url))
        done("the exporter has read everything")
        server.configure(configuration((address,), interval_seconds=SCRAPE_SECONDS))
        server.restart()
        live = time.time()
        until("alerts fire and rules are recorded", lambda: settled(server, live))
        done("alerts fire")
        plan = world.incident_plans[PLAN_OF][0]
        while True:
            draw_boards(server.url, script, given.out, chosen, plan=plan)
            done("drawn: " + ", ".join(f"board-{name}.png" for name in chosen))
            if not given.keep or sys.stdin.readline() == "":
                break
            script = bundle(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
