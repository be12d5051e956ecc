"""One plan of many changes: how long until /metrics has the new bytes, against rendering the same rows anew.

Prints the medians and their ratio, what the exposition keeps in memory per plan, and how the page was cut.
Usage: `python -m bench.exposition [--plans 10000] [--changes 21]`. Both sides run in this process, one after
the other.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bench.measured import MIB, row
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.full_backups import (
    FULL_BACKUP_STATUSES,
    FULL_BACKUPS,
    FullBackup,
    FullBackupHistory,
)
from dbs_exporter.facts.groups import Group, Known, with_facts
from dbs_exporter.facts.job_errors import JOB_ERRORS
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LOG_FILE_STATUSES, LogHistory
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan, Schedule
from dbs_exporter.facts.prechecks import PRECHECKS
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.restores import RESTORE_STATUSES, RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import PlanSubject, Scope, key_of
from dbs_exporter.facts.tallies import Tally
from dbs_exporter.metrics.exposition import Exposition, Page
from dbs_exporter.metrics.family import IDENTITY

NOW = 1_790_000_000.0
DAY = 86_400.0


def plan_subject(number: int) -> PlanSubject:
    """Return a plan as most are: daily full backups, log backup, now and then a restore test."""
    at = NOW - number * 7 % DAY
    backup = FullBackup(
        backup_set_id=f"set{number:09x}",
        status="finish",
        created_at=at - 2_000.25,
        started_at=at - 1_900.5,
        ended_at=at - 60.125,
        finished_at=at,
        expires_at=at + 30 * DAY,
        size_bytes=10_000_000 + number * 7919,
        storage_class="Standard",
    )
    task = RestoreTask(
        task_id=f"task{number:08x}",
        plan_id=f"dbs{number * 2654435761 % 2**32:010x}",
        status="finish",
        name=f"restore-test-{number}",
        created_at=at - 4_000,
        finished_at=at - 1_000,
        target_at=at - 5_000,
        progress=(("pre_structure", 1.0), ("full_data", 1.0), ("post_structure", 1.0)),
        destination_type="RDS",
        destination_instance_id=f"rm-{number:08x}",
        destination_region="cn-hangzhou",
        backup_set_id=backup.backup_set_id,
    )
    return PlanSubject(
        scope=Scope(account="production", region="cn-hangzhou"),
        plan=Plan(
            plan_id=task.plan_id,
            name=f"orders-{number}",
            status="running",
            database_type="MySQL",
            backup_method="logical",
            instance_class="small",
            source_type="RDS",
            source_instance_id=f"rm-bp1{number:012x}",
            source_region="cn-hangzhou",
            created_at=at - 400 * DAY,
            log_backup_enabled=True,
            full_retention_seconds=30 * DAY,
            log_retention_seconds=7 * DAY,
            schedule=Schedule(weekdays=tuple(range(7)), start_minute=90),
            restore_begin_at=at - 7 * DAY,
            restore_end_at=at,
            objects=("a", "b", "c"),
        ),
        objectives=Objectives(rpo=1800.0, full_backup_interval=103_680.0),
        groups=known_groups(number, at, backup, task),
    )


def known_groups(number: int, at: float, backup: FullBackup, task: RestoreTask) -> dict[str, Known]:
    """Return what was read of the plan, and when."""
    read_at = NOW + number % 60
    full_backups = FullBackupHistory(
        last_success=backup,
        last_attempt=backup,
        counts=tuple((status, 30 if status == "finish" else 0) for status in FULL_BACKUP_STATUSES),
        bytes_by_storage_class=tuple((name, number) for name in STORAGE_CLASSES),
        size_median_bytes=9_999_999.5,
        duration_median_seconds=1_800.25,
        oldest_kept_at=at - 30 * DAY,
        points=((at, at + 30 * DAY),),
        last_good_expires_at=at + 30 * DAY,
    )
    logs = LogHistory(
        last_data_at=at + 30,
        last_completed_at=at - 300,
        counts=tuple((status, 2016 if status == "COMPLETED" else 0) for status in LOG_FILE_STATUSES),
        bytes_by_storage_class=tuple((name, number) for name in STORAGE_CLASSES),
        spans=((at - 7 * DAY, at + 30),),
    )
    restores = RestoreHistory(
        tasks=(task,) if number % 4 == 0 else (),
        counts=tuple((status, int(status == "finish")) for status in RESTORE_STATUSES),
        last_success_at=at - 1_000,
        last_success_duration_seconds=3_000.0,
    )
    ranges = (RestoreRange(range_type="range", begin_at=at - 7 * DAY, end_at=at),)
    return {
        FULL_BACKUPS.name: Known(
            facts=full_backups,
            read_at=read_at,
            tally=Tally(success=3, size_bytes=30_000_000, duration_seconds=5_400.0),
        ),
        LOG_BACKUPS.name: Known(facts=logs, read_at=read_at, tally=Tally(success=500, size_bytes=5_000_000)),
        RESTORES.name: Known(facts=restores, read_at=read_at),
        RANGES.name: Known(facts=ranges, read_at=read_at),
        PRECHECKS.name: Known(facts=(), read_at=read_at),
        JOB_ERRORS.name: Known(facts=(), read_at=read_at),
    }


def changed(subject: PlanSubject, times: int) -> PlanSubject:
    """Return the plan after a new full backup and more log: most of its families have another value."""
    full_backups, logs = subject.get(FULL_BACKUPS), subject.get(LOG_BACKUPS)
    if full_backups is None or full_backups.last_success is None or logs is None:
        raise ValueError("only a plan with backups can go on")
    at = NOW + 60.5 * times
    backup = replace(full_backups.last_success, backup_set_id=f"new{times}", finished_at=at, size_bytes=times)
    after = with_facts(
        subject,
        FULL_BACKUPS,
        replace(full_backups, last_success=backup, last_attempt=backup),
        at,
        replace(subject.tally(FULL_BACKUPS), success=3 + times),
    )
    after = with_facts(
        after,
        LOG_BACKUPS,
        replace(logs, last_data_at=at, last_completed_at=at - 60),
        at,
        replace(subject.tally(LOG_BACKUPS), success=500 + times),
    )
    unchanged: tuple[Group[Any], ...] = (RESTORES, RANGES)
    for group in unchanged:
        after = with_facts(after, group, after.get(group), at)
    return after


class SameRows(Collector):
    """The rows of the catalogue as prometheus_client takes them."""

    def __init__(self, subjects: Sequence[PlanSubject]) -> None:
        self.subjects = subjects

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has rows."""
        for family in TABLE.families:
            if family.of == "plan":
                labels = IDENTITY["plan"] + family.labels
                made: CounterMetricFamily | GaugeMetricFamily
                if family.type == "counter":
                    made = CounterMetricFamily(family.name.removesuffix("_total"), family.help, labels=labels)
                else:
                    made = GaugeMetricFamily(family.name, family.help, labels=labels)
                for subject in self.subjects:
                    for values, value in family.rows(subject):
                        made.add_metric([*key_of(subject), *values], value)
                if made.samples:
                    yield made


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def resident_bytes() -> int:
    """Return this process's resident memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def kept_bytes(page: Page) -> int:
    """Return the bytes of a page's two bodies."""
    return page.identity_length + page.gzip_length


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=21)
    arguments = parser.parse_args()

    subjects = [plan_subject(number) for number in range(arguments.plans)]
    later = [changed(subject, number) for number, subject in enumerate(subjects)]
    gc.collect()
    before = resident_bytes()
    exposition = Exposition(TABLE.families)
    for subject in subjects:
        exposition.update(key_of(subject), subject)
    first = seconds(exposition.publish)
    gc.collect()
    kept = resident_bytes() - before
    page = exposition.page(openmetrics=False)
    row(
        f"{arguments.plans:,} plans, {page.series:,} series: page as text / gzip, in chunks",
        f"{page.identity_length / MIB:.1f} / {page.gzip_length / MIB:.2f} MiB, {sum(1 for _ in page.identity)} / {len(page.gzip)}",
    )
    row("memory kept", f"{kept / MIB:.1f} MiB, {kept / arguments.plans / 1024:.2f} KiB a plan")
    row("first publish, all plans", f"{first:.2f} s, {first / arguments.plans * 1e6:.0f} µs a plan")

    sweep = []
    for fleet in (later, subjects) * 3:
        for subject in fleet:
            exposition.update(key_of(subject), subject)
        sweep.append(seconds(exposition.publish))
    gc.collect()
    kept = resident_bytes() - before
    row("all plans change, until published", f"{statistics.median(sweep):.2f} s")
    row(
        f"memory after {len(sweep)} of these, with what the allocator holds back",
        f"{kept / MIB:.1f} MiB",
    )

    own, rest = [], []
    for times in range(1, arguments.changes + 1):
        place = times * 617 % arguments.plans
        subjects[place] = changed(subjects[place], times)
        subject = subjects[place]

        def serve(subject: PlanSubject = subject) -> None:
            exposition.update(key_of(subject), subject)
            exposition.publish()

        own.append(seconds(serve))
        rest.append(seconds(exposition.publish))
    registry = CollectorRegistry()
    registry.register(SameRows(subjects))
    theirs = [seconds(lambda: generate_latest(registry)) for _ in range(3)]
    same = sorted(generate_latest(registry).splitlines()) == sorted(
        b"".join(exposition.page(openmetrics=False).identity).splitlines()
    )
    change, anew = statistics.median(own), statistics.median(theirs)
    row(
        "one plan changes, until published",
        f"{change * 1e3:.1f} ms (worst of {len(own)}: {max(own) * 1e3:.1f} ms)",
    )
    row("nothing changes, published", f"{statistics.median(rest) * 1e3:.1f} ms")
    row("`generate_latest` over the same rows", f"{anew:.2f} s", "the same lines", same)
    row(
        "`generate_latest` against one plan's change",
        f"{anew / change:.0f}",
        "at least 15",
        anew >= 15 * change,
    )


if __name__ == "__main__":
    main()
