"""A real exporter whose clock is set back and forward under it, and one that is stopped for a while, beside a real Prometheus.

libfaketime changes the exporter's wall clock alone; simulated cloud and Prometheus keep the true time. The fleet is healthy, so
every alert is false but the one that says that the clock is off. Usage: `python -m bench.clocks [--stopped-minutes 10]`; a part of
`make proof`. Needs prometheus and libfaketime.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.exporter import Exporter
from bench.measured import row
from bench.proof import CONFIG, query
from dashboards.preview.servers import configuration, prometheus
from dbs_exporter.simulator import FleetShape, World, start_simulator

REGION = "cn-hangzhou"
RATE = 5
PLANS = 40
SCRAPE_SECONDS = 5
BEFORE_SECONDS = 90.0
OFF_SECONDS = 180.0
OFFSETS_SECONDS = (600, -600, 7_200, -7_200)
EXPECTED_ALERTS = {"DBSExporterClockOff", "DBSExporterClockOffset", "DBSExporterDown"}
_SAMPLE = re.compile(r"^(\w+)\{[^}]*\} (\S+)")


@dataclass
class Seen:
    """What was looked at every few seconds."""

    late: float = 0.0
    """How far the oldest promise lay in the past, in seconds."""
    ahead: float = 0.0
    """How far in the future a reading was said to have been made."""
    most_calls: float = 0.0
    """Per second, within one look."""
    offset: float = 0.0
    alerts: set[str] = field(default_factory=set)


def look(exporter: Exporter, simulator: Any, url: str, seconds: float, seen: Seen) -> None:
    """Watch for so long."""
    until = time.monotonic() + seconds
    calls, at = sum(simulator.requests.values()), time.monotonic()
    while time.monotonic() < until:
        time.sleep(SCRAPE_SECONDS)
        now = time.time()
        for line in exporter.samples():
            found = _SAMPLE.match(line)
            if found is None:
                continue
            name, value = found[1], float(found[2])
            if name == "dbs_plan_fresh_until_timestamp_seconds":
                seen.late = max(seen.late, now - value)
            elif name == "dbs_plan_last_read_timestamp_seconds":
                seen.ahead = max(seen.ahead, value - now)
            elif name == "dbs_exporter_clock_offset_seconds":
                seen.offset = max(seen.offset, abs(value))
        before, began = calls, at
        calls, at = sum(simulator.requests.values()), time.monotonic()
        seen.most_calls = max(seen.most_calls, (calls - before) / (at - began))
        seen.alerts |= {alert["metric"]["alertname"] for alert in query(url, 'ALERTS{alertstate="firing"}')}


def report(what: str, seen: Seen, *, offset: float | None) -> bool:
    """Print the rows of what was seen."""
    false = seen.alerts - EXPECTED_ALERTS
    fine = [
        not false,
        seen.late <= 0,
        seen.ahead <= 2,
        seen.most_calls <= RATE + 1,
    ]
    row(f"{what}: false alerts", ", ".join(sorted(false)) or "none", "none", fine[0])
    row(f"{what}: oldest promise past its time", f"{seen.late:.0f} s", "0 s", fine[1])
    row(f"{what}: readings said to be in the future", f"{seen.ahead:.1f} s", "≤ 2 s", fine[2])
    row(f"{what}: most calls per second", f"{seen.most_calls:.1f}", f"≤ {RATE}", fine[3])
    if offset is not None:
        row(
            f"{what}: offset that is exported",
            f"{seen.offset:.1f} s",
            f"{abs(offset):.0f} s",
            abs(seen.offset - abs(offset)) < 3,
        )
    return all(fine)


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stopped-minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        raise SystemExit("libfaketime is not installed")
    world = World.healthy(plans=PLANS, clock=time.time, shape=FleetShape(regions=(REGION,)))
    fine = []
    with tempfile.TemporaryDirectory() as name, start_simulator(world) as simulator:
        folder = Path(name)
        file, stamp = folder / "dbs-exporter.yml", folder / "faketime"
        file.write_text(CONFIG.format(url=simulator.url, region=REGION, rate=RATE), encoding="utf-8")
        stamp.write_text("+0\n", encoding="utf-8")
        os.environ |= {
            "FAKETIME_TIMESTAMP_FILE": str(stamp),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        for case in (*OFFSETS_SECONDS, None):
            os.environ["LD_PRELOAD"] = str(libraries[0])
            exporter = Exporter("run", f"--config.file={file}")
            del os.environ["LD_PRELOAD"]
            data = folder / str(case)
            data.mkdir()
            try:
                target = exporter.url.removeprefix("http://")
                config = configuration((target,), interval_seconds=SCRAPE_SECONDS)
                with prometheus(data, config) as server:
                    seen = Seen()
                    look(exporter, simulator, server.url, BEFORE_SECONDS, seen)
                    if case is None:
                        what = f"stopped for {arguments.stopped_minutes:g} min"
                        os.kill(exporter.pid, signal.SIGSTOP)
                        time.sleep(arguments.stopped_minutes * 60)
                        os.kill(exporter.pid, signal.SIGCONT)
                        time.sleep(2 * SCRAPE_SECONDS)
                        # What was promised for the time in which it was stopped could not be kept; it is mended first of all.
                        time.sleep(PLANS * 4 / RATE)
                        seen = Seen()
                        look(exporter, simulator, server.url, OFF_SECONDS, seen)
                    else:
                        what = f"clock set by {case / 60:+g} min"
                        stamp.write_text(f"{case:+d}\n", encoding="utf-8")
                        look(exporter, simulator, server.url, OFF_SECONDS, seen)
                        stamp.write_text("+0\n", encoding="utf-8")
                        look(exporter, simulator, server.url, BEFORE_SECONDS, seen)
                    fine.append(report(what, seen, offset=case))
            finally:
                exporter.process.terminate()
                exporter.process.wait(30)
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
