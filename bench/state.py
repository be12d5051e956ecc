"""State on disk: how soon a restart shows everything, how large the file is, and what saving costs.

A simulated fleet is read once; its plans are copied under other ids to make larger ones. Usage: `python -m bench.state [--plans 1000]`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from msgspec.structs import replace

from bench.exporter import Exporter, exporter
from bench.measured import MIB, cpu_seconds, memory_bytes, row
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.base import Read
from dbs_exporter.collectors.learned import Restored
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.restores import RESTORES, RestoreHistory
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.store import Store
from dbs_exporter.simulator import FleetShape, World, start_simulator
from dbs_exporter.state.saved import SAVE_SECONDS, State

REGION = "cn-hangzhou"
SCOPE = Scope(account="prod", region=REGION)
GROUPS = [collector.group for collector in TABLE]
ALL = {group.name for group in GROUPS}
SECONDS = {1_000: 2.0, 10_000: 8.0}
"""Plans -> within how many seconds a restart shows all of them."""
MEMORY_MIB = {10_000: 300.0}
"""Plans -> the memory that a restart takes, at most."""
CYCLES = 24
"""Transactions that are measured: two minutes, in which the plan list comes once."""
READINGS = 25
"""Between two of them: five a second."""


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=1_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fine = []
        world = World.healthy(plans=arguments.plans, clock=time.time, shape=FleetShape(regions=(REGION,)))
        with start_simulator(world) as simulator:
            read_once(folder, simulator.url, arguments.plans)
            state = State(str(folder / "1"), GROUPS, counters=Store(objectives_for(())), clock=SystemClock())
            restored = state.region(SCOPE, ALL, lambda _plan: True)
            assert restored is not None
            state.close()
            for factor in (1, 10):
                plans = factor * arguments.plans
                if factor > 1:
                    copied(restored, folder / str(factor), factor)
                fine.append(restart(folder, str(factor), simulator.url, plans))
                fine.append(saving(folder / str(factor), plans))
    return 0 if all(fine) else 1


def config(folder: Path, path: str, url: str, rate: int) -> Path:
    """A configuration whose state is in that directory."""
    file = folder / "dbs-exporter.yml"
    file.write_text(
        f"accounts:\n- {{name: prod, endpoint: '{url}', regions: [{REGION}], requests_per_second: {rate}, concurrency: 8,"
        " credentials: {type: access_key, access_key_id: testak, access_key_secret: testsk}}\n"
        f"storage: {{path: '{folder / path}'}}\n",
        encoding="utf-8",
    )
    return file


def read_once(folder: Path, url: str, plans: int) -> None:
    """Have an exporter read everything and end."""
    with exporter("run", f"--config.file={config(folder, '1', url, 1000)}") as running:
        running.until_read(plans, "full_backups", "incremental_backups", "restores")


def copied(restored: Restored, path: Path, factor: int) -> None:
    """Save a fleet so many times as large."""
    store = Store(objectives_for(()))
    state = State(str(path), GROUPS, counters=store, clock=SystemClock())
    store.subscribe(state.update)
    plans = tuple(
        replace(subject, plan=replace(subject.plan, plan_id=f"{subject.plan.plan_id}{number or ''}"))
        for subject in restored.plans
        for number in range(factor)
    )
    store.restore(SCOPE, Restored(region=restored.region, plans=plans, learned=restored.learned))
    state.close()


def restart(folder: Path, path: str, url: str, plans: int) -> bool:
    """Measure how long it takes from the start until a page holds every plan."""
    # As many calls as are needed for each plan to be read as often as in a fleet of a tenth.
    file = config(folder, path, url, 5 * int(path))
    began = time.monotonic()
    running = Exporter("run", f"--config.file={file}")
    try:
        shown, took = 0, 0.0
        while shown < plans:
            page = running.page()
            # Before the page is looked through, which takes the benchmark longer than the exporter took to send it.
            took = time.monotonic() - began
            shown = page.count(b"\ndbs_plan_info{")
            time.sleep(0.05)
        memory = memory_bytes(running.pid, peak=True) / MIB
        cpu = cpu_seconds(running.pid)
    finally:
        running.close()
    wanted = SECONDS.get(plans)
    reached = None if wanted is None else took <= wanted
    row(f"{plans:,} plans: all shown after", f"{took:.1f} s", f"≤ {wanted:.0f} s" if wanted else "", reached)
    row(f"{plans:,} plans: CPU until then", f"{cpu:.1f} s")
    most = MEMORY_MIB.get(plans)
    fits = None if most is None else memory <= most
    row(f"{plans:,} plans: memory, most", f"{memory:.0f} MiB", f"≤ {most:.0f} MiB" if most else "", fits)
    return reached is not False and fits is not False


def saving(path: Path, plans: int) -> bool:
    """Measure two minutes of saving: what is read at five calls per second, and a plan list whose windows have moved."""
    store = Store(objectives_for(()))
    state = State(str(path), GROUPS, counters=store, clock=SystemClock())
    store.subscribe(state.update)
    restored = state.region(SCOPE, ALL, lambda _plan: True)
    assert restored is not None
    store.restore(SCOPE, restored)
    subjects = store.plans_of(SCOPE)
    state.save()
    cpu, largest, only = 0.0, 0.0, 0
    written = written_bytes()
    for cycle in range(CYCLES):
        if cycle == CYCLES // 2:
            listed = [
                replace(subject.plan, restore_end_at=(subject.plan.restore_end_at or 0.0) + 120.0)
                for subject in subjects
            ]
            store.put_plans(SCOPE, listed, whole=True, at=time.time(), promised_until=time.time() + 300)
        for number in range(READINGS):
            subject = subjects[(cycle * READINGS + number) * 37 % len(subjects)]
            facts = subject.get(RESTORES) or RestoreHistory()
            changed = replace(facts, last_success_at=float(cycle))
            store.put_plan(SCOPE, subject.plan.plan_id, RESTORES, Read(facts=changed), time.time())
        before, before_bytes = time.thread_time(), written_bytes()
        state.save()
        cpu += time.thread_time() - before
        largest = max(largest, time.thread_time() - before)
        if cycle == 2:
            only = written_bytes() - before_bytes
    written = written_bytes() - written
    size = (path / "state.db").stat().st_size / plans
    seconds = CYCLES * SAVE_SECONDS
    share, rate, each = cpu / seconds, written / seconds / MIB, only / READINGS / 1024
    state.close()
    row(f"{plans:,} plans: file, per plan", f"{size / 1024:.1f} KiB", "≤ 12 KiB", size <= 12 * 1024)
    row(f"{plans:,} plans: CPU of saving, of one core", f"{100 * share:.2f} %", "≤ 2 %", share <= 0.02)
    row(f"{plans:,} plans: longest transaction, CPU", f"{1000 * largest:.0f} ms")
    row(f"{plans:,} plans: written", f"{rate:.2f} MiB/s", "≤ 1 MiB/s", rate <= 1)
    row(f"{plans:,} plans: written per changed group", f"{each:.1f} KiB", "≤ 32 KiB", each <= 32)
    return size <= 12 * 1024 and share <= 0.02 and rate <= 1 and each <= 32


def written_bytes() -> int:
    """How many bytes this process has written so far, to files and elsewhere (Linux)."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


if __name__ == "__main__":
    raise SystemExit(main())
