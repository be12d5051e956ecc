"""Many accounts and regions in one exporter: threads, memory, how soon it shows plans, and how soon it stops.

Three thousand regions of 200 accounts, with a plan each, over a simulated cloud; once as it is, and once with a cloud that answers
nothing. Usage: `python -m bench.scopes [--accounts 200] [--regions 15]`.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

from bench.exporter import Exporter
from bench.measured import MIB, memory_bytes, row
from dbs_exporter.simulator import FleetShape, World, start_simulator

WATCH_SECONDS = 60.0


def threads(pid: int) -> int:
    """How many threads a process has (Linux)."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--regions", type=int, default=15)
    arguments = parser.parse_args()
    regions = tuple(f"cn-region-{number}" for number in range(arguments.regions))
    world = World(
        plans=arguments.regions,
        accounts=[f"demo{number or ''}" for number in range(arguments.accounts)],
        clock=time.time,
        shape=FleetShape(regions=regions),
    )
    fine = [measured(world, regions, hangs=hangs) for hangs in (False, True)]
    return 0 if all(fine) else 1


def measured(world: World, regions: tuple[str, ...], *, hangs: bool) -> bool:
    """Run it for a minute; `hangs` has every call answered much too late."""
    faults = [{"kind": "latency", "seconds": 60}] if hangs else []
    with tempfile.TemporaryDirectory() as name, start_simulator(world, faults=faults) as simulator:
        file = Path(name) / "dbs-exporter.yml"
        accounts = "\n".join(
            f"- {{name: a{number}, endpoint: '{simulator.url}', regions: [{', '.join(regions)}], credentials:"
            f" {{type: access_key, access_key_id: testak{number if number > 1 else ''}, access_key_secret: testsk}}}}"
            for number in range(1, len(world.accounts) + 1)
        )
        file.write_text(f"accounts:\n{accounts}\n", encoding="utf-8")
        exporter = Exporter("run", f"--config.file={file}")
        began, most, first = time.monotonic(), 0, None
        pause = threading.Event()
        while time.monotonic() - began < WATCH_SECONDS:
            most = max(most, threads(exporter.pid))
            if first is None and not hangs:
                shown = sum(line.startswith("dbs_plan_info{") for line in exporter.samples())
                first = time.perf_counter() - exporter.began if shown else None
            pause.wait(0.5)
        memory = memory_bytes(exporter.pid, peak=True) / MIB
        stopping = time.monotonic()
        exporter.process.terminate()
        exporter.process.wait(60)
        stop = time.monotonic() - stopping
    what = f"{len(world.accounts)} accounts x {len(regions)} regions{', all hang' if hangs else ''}"
    row(f"{what}: threads, at most", str(most), "≤ 64", most <= 64)
    row(f"{what}: memory, at most", f"{memory:.0f} MiB", "≤ 300 MiB", memory <= 300)
    if not hangs:
        row(
            f"{what}: first plans shown after",
            "never" if first is None else f"{first:.1f} s",
            "≤ 10 s",
            first is not None and first <= 10,
        )
    row(f"{what}: time to stop", f"{stop:.1f} s", "≤ 2 s", stop <= 2)
    return most <= 64 and stop <= 2


if __name__ == "__main__":
    raise SystemExit(main())
