"""What a cold poll costs: CPU against `json.loads` of the same answers, and memory.

The exporter is a process of its own, as installed, and so is the simulated cloud; nothing limits the rate.
Usage: `python -m bench.poll [--plans 10000] [--quick]`; --quick leaves the large fleet's other lists out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.exporter import Exporter, exporter
from bench.measured import MIB, cpu_seconds, memory_bytes, row
from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.metrics.needs import ALERTS, BOARDS
from dbs_exporter.simulator import World, fleet, start_simulator
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.encoding import to_json

DEMO_PLANS = 40
EVERYTHING = frozenset(collector.name for collector in TABLE if collector.enabled)
"""All collectors but billing."""
READ = ("full_backups", "incremental_backups", "restore_ranges", "restores")
"""The collectors of plans whose readings are exported."""


def daily_world(plans: int) -> World:
    """A fleet without incidents whose every plan has 90 full backups: one a day, kept for 90 days."""
    made = fleet.plan

    def daily(*arguments: Any) -> fleet.PlanSpec:
        return replace(made(*arguments), weekdays=tuple(range(7)), retention_days=90, created_at=0)

    with patch.object(fleet, "plan", daily):
        return World(plans=plans, incidents=())


def serve(plans: int, ready: Connection) -> None:
    """The simulated cloud, until it is terminated."""
    simulator = start_simulator(daily_world(plans))
    ready.send(simulator.url)
    signal.pause()


@contextmanager
def cloud(plans: int) -> Iterator[str]:
    """The address of a simulated cloud in another process."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(plans, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


@contextmanager
def polling(url: str, collectors: frozenset[str], metrics: Mapping[str, object] = {}) -> Iterator[Exporter]:
    """An exporter that reads the cloud at `url` with some collectors, everything once; `metrics` is the section."""
    configuration = {
        "accounts": [
            {
                "name": "demo",
                "credentials": {
                    "type": "access_key",
                    "access_key_id": "testak",
                    "access_key_secret": "testsk",
                },
                "regions": list(fleet.REGIONS),
                "endpoint": url,
                "requests_per_second": 1000,
                "concurrency": 4,
                "timeout": "60s",
            }
        ],
        "metrics": metrics,
        "collectors": {
            collector.name: {"enabled": True, "interval": "2h"}
            | ({"at_rest": "1d"} if isinstance(collector, PlanCollector) else {})
            if collector.name in collectors
            else {"enabled": False}
            for collector in TABLE
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dbs-exporter.yml"
        path.write_text(json.dumps(configuration))
        with exporter("run", f"--config.file={path}") as running:
            yield running


def value(samples: list[str], name: str) -> float:
    """The sum of a family's samples."""
    return sum(float(line.rpartition(" ")[2]) for line in samples if re.match(rf"{name}[{{ ]", line))


def parse_cost(plans: int) -> tuple[float, int]:
    """(CPU seconds of `json.loads` per record, bytes per answer) of the lists of full backups, as the simulator words them."""
    world = daily_world(min(plans, 200))
    ids = world.plan_ids("demo")
    params = {"PageSize": "100", "PageNum": "0", "ShowStorageType": "true", "ShowProgress": "true"}
    frame = {"RequestId": "636BC118-8080-4119-A1DE-8C64B7E2D2BC", "Success": True, "HttpStatusCode": 200}
    answers = [
        to_json(
            {**frame, **READS["DescribeFullBackupList"](world, "demo", {"BackupPlanId": plan_id, **params})}
        )
        for plan_id in ids
    ]
    records = sum(len(json.loads(answer)["Items"]["FullBackupFile"]) for answer in answers)
    best = min(_timed(answers) for _ in range(5))
    return best / records, sum(map(len, answers)) // len(answers)


def _timed(answers: list[bytes]) -> float:
    before = time.process_time()
    for answer in answers:
        json.loads(answer)
    return time.process_time() - before


def measure_cpu(plans: int, url: str) -> None:
    """Records per CPU second of the whole exporter, against parsing alone."""
    with polling(url, frozenset({"plans", "full_backups"})) as running:
        running.until_read(plans, "full_backups")
        used = cpu_seconds(running.pid)
        took = time.perf_counter() - running.began
        samples = running.samples()
        peak = memory_bytes(running.pid, peak=True)
    records = value(samples, "dbs_full_backup_sets")
    failed = value(samples, "dbs_exporter_collector_failed_subjects")
    if failed or value(samples, "dbs_plan_info") != plans:
        raise SystemExit(
            f"not everything was read: {failed:.0f} of {value(samples, 'dbs_plan_info'):.0f} plans failed"
        )
    per_record, size = parse_cost(plans)
    ratio = per_record * records / used
    row(
        f"cold poll of {plans:,} plans with 90 full backups each, {size / 1024:.0f} KiB an answer: records per CPU second",
        f"{records / used:,.0f} ({used:.1f} s CPU, {took:.0f} s with the simulator's work)",
    )
    row("`json.loads` of the same answers: records per CPU second", f"{1 / per_record:,.0f}")
    row("the exporter against `json.loads`", f"{ratio:.2f}", "at least 0.25", ratio >= 0.25)
    row("peak memory of this poll", f"{peak / MIB:.0f} MiB, {peak / plans / 1024:.1f} KiB a plan")


def measure_least_memory(plans: int, url: str) -> None:
    """The same with both settings that make fewer series: for rules and boards, and for rules alone."""
    families = {family.name for family in TABLE.families}
    for whose, needed in (("rules and boards need", {*ALERTS, *BOARDS}), ("rules need", set(ALERTS))):
        metrics = {"exclude": sorted(families - needed), "inactive_states": False}
        with polling(url, EVERYTHING, metrics) as running:
            running.until_read(plans, *READ)
            running.until_quiet()
            samples = running.samples()
            now, peak = memory_bytes(running.pid), memory_bytes(running.pid, peak=True)
        per_plan = sum('plan_id="' in line for line in samples) / plans
        row(
            f"the same with what {whose}, and of states what holds, {per_plan:.0f} series a plan: now; most",
            f"{now / MIB:.0f} MiB; {peak / MIB:.0f} MiB",
            "at most 250 MiB and 60 series",
            peak <= 250 * MIB and per_plan <= 60,
        )


def measure_memory(plans: int, url: str, small: int) -> None:
    """Resident memory with every list of a large fleet read."""
    with polling(url, EVERYTHING) as running:
        running.until_read(plans, *READ)
        running.until_quiet()
        samples = running.samples()
        now, peak = memory_bytes(running.pid), memory_bytes(running.pid, peak=True)
    row(
        f"memory, {plans:,} plans, all collectors but billing, {len(samples):,} series: now; most",
        f"{now / MIB:.0f} MiB; {peak / MIB:.0f} MiB",
        "at most 300 MiB",
        peak <= 300 * MIB,
    )
    row(
        "memory per plan beyond the demo fleet's",
        f"{(peak - small) / max(1, plans - DEMO_PLANS) / 1024:.1f} KiB",
    )


def measure_demo() -> int:
    """The demo fleet's memory: of the exporter alone, and with the simulated cloud in the same process."""
    with cloud(DEMO_PLANS) as url, polling(url, EVERYTHING) as running:
        running.until_quiet()
        running.samples()
        alone = memory_bytes(running.pid, peak=True)
    with exporter("demo") as demo:
        demo.until_ready()
        demo.samples()
        both = memory_bytes(demo.pid, peak=True)
    row(
        f"memory, demo fleet ({DEMO_PLANS} plans), most: the exporter; with the simulated cloud in it",
        f"{alone / MIB:.0f} MiB; {both / MIB:.0f} MiB",
        "at most 64 MiB; 80 MiB",
        alone <= 64 * MIB and both <= 80 * MIB,
    )
    return alone


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    small = measure_demo()
    with cloud(given.plans) as url:
        measure_cpu(given.plans, url)
        if not given.quick:
            measure_memory(given.plans, url, small)
            measure_least_memory(given.plans, url)


if __name__ == "__main__":
    main()
