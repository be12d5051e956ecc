"""A real exporter of 1,000 plans in one region at five calls per second, beside a real Prometheus with the rules, for 20 minutes.

The simulated cloud is a process's thread away, and every incident is in the fleet. What is looked at: how long plans are unknown,
which alerts fire and whether an incident is behind each, and what it all costs. Usage: `python -m bench.proof [--minutes 20]
[--plans 1000]`; `make proof` runs it. Needs prometheus.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import requests

from bench.exporter import Exporter
from bench.measured import MIB, cpu_seconds, memory_bytes, row
from dashboards.preview.servers import configuration, prometheus
from dbs_exporter.simulator import FleetShape, World, start_simulator

REGION = "cn-hangzhou"
RATE = 5
LOOK_SECONDS = 15.0
WARM_UP_SHARE = 1.2
"""A start without state: so many times the plans over the rate, for the full backups."""
CONFIG = """
accounts:
  - name: demo
    endpoint: {url}
    regions: [{region}]
    requests_per_second: {rate}
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
"""


def query(url: str, expression: str) -> list[dict[str, Any]]:
    """The result of an instant query."""
    answer = requests.get(f"{url}/api/v1/query", params={"query": expression}, timeout=30).json()
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def count(url: str, expression: str) -> int:
    """The value of a query that gives one number, 0 for nothing."""
    found = query(url, expression)
    return int(float(found[0]["value"][1])) if found else 0


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--plans", type=int, default=1_000)
    arguments = parser.parse_args()
    plans, seconds = arguments.plans, arguments.minutes * 60

    world = World(plans=plans, clock=time.time, shape=FleetShape(regions=(REGION,)))
    incidents = {
        plan_id: sorted(spec.incidents)
        for plan_id in world.plan_ids("demo", REGION)
        if (spec := world.spec(plan_id)) is not None and spec.incidents
    }
    with tempfile.TemporaryDirectory() as name, start_simulator(world) as simulator:
        folder = Path(name)
        file = folder / "dbs-exporter.yml"
        file.write_text(CONFIG.format(url=simulator.url, region=REGION, rate=RATE), encoding="utf-8")
        exporter = Exporter("run", f"--config.file={file}")
        try:
            target = exporter.url.removeprefix("http://")
            with prometheus(folder, configuration((target,), interval_seconds=15)) as server:
                return watch(server.url, exporter, simulator, plans, seconds, incidents)
        finally:
            exporter.process.terminate()
            exporter.process.wait(30)


def watch(
    url: str,
    exporter: Exporter,
    simulator: Any,
    plans: int,
    seconds: float,
    incidents: dict[str, list[str]],
) -> int:
    """Look at everything every 15 seconds, and print what was seen."""
    began = time.monotonic()
    cold = plans / RATE * WARM_UP_SHARE + 30
    most_unknown_after = 0
    known_after: float | None = None
    fired: dict[str, set[str]] = defaultdict(set)
    cpu_at_full = (0.0, 0.0)
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(LOOK_SECONDS)
        listed = count(url, "count(dbs_plan_info)")
        judged = count(url, 'count(plan:dbs_protection:state{state!="unknown"} == 1)')
        unknown = listed - judged
        if listed and not unknown and known_after is None:
            known_after = time.monotonic() - began
        if passed > cold:
            most_unknown_after = max(most_unknown_after, unknown)
        if not cpu_at_full[0] and passed > seconds / 3:
            cpu_at_full = (time.monotonic(), cpu_seconds(exporter.pid))
        for alert in query(url, 'ALERTS{alertstate="firing"}'):
            labels = alert["metric"]
            fired[labels["alertname"]].add(labels.get("plan_id") or labels.get("gateway_id") or "")
        print(
            f"{passed:.0f} s: {listed} plans, {unknown} unknown, {sorted(fired)}", file=sys.stderr, flush=True
        )
    share = (cpu_seconds(exporter.pid) - cpu_at_full[1]) / (time.monotonic() - cpu_at_full[0])
    calls = sum(simulator.requests.values()) / seconds * 3_600
    false = {
        f"{alert} {subject}"
        for alert, subjects in fired.items()
        for subject in subjects
        if subject.startswith("dbs") and subject not in incidents
    }
    about_plans = {subject for subjects in fired.values() for subject in subjects}
    silent = {plan_id: names for plan_id, names in incidents.items() if plan_id not in about_plans}

    row(
        "every plan judged after a start",
        "never" if known_after is None else f"{known_after:.0f} s",
        f"≤ {cold:.0f} s",
        known_after is not None and known_after <= cold,
    )
    row("most plans unknown after that", str(most_unknown_after), "0", most_unknown_after == 0)
    row("alerts about plans without an incident", ", ".join(sorted(false)) or "none", "none", not false)
    row(
        "plans with an incident and no alert",
        ", ".join(f"{names}" for names in silent.values()) or "none",
        "",
        None,
    )
    row(
        "alerts",
        ", ".join(f"{alert} ({len(subjects)})" for alert, subjects in sorted(fired.items())),
        "",
        None,
    )
    row("calls an hour", f"{calls:,.0f}", f"≤ {RATE * 3600:,}", calls <= RATE * 3_600)
    row("CPU of the exporter, of one core", f"{100 * share:.1f} %", "≤ 5 %", share <= 0.05)
    row("memory of the exporter", f"{memory_bytes(exporter.pid) / MIB:.0f} MiB", "", None)
    return 0 if not false and most_unknown_after == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
