"""How soon the exporter knows, and what that costs in calls: its real queue, collectors, client and wire over a simulated cloud.

Time is virtual (`tests/support/simulation.py`): 30 hours pass in minutes. Most fleets are a tenth of the plans at a tenth of the
rate, which waits as long as the whole and takes a tenth of the time; lists of the region weigh ten times as much there.
`python -m bench.freshness PLANS MINUTES HOURS RATE` runs one fleet. It fails if a group is starved, a promise broken while the
stretch says 1, or a minute holds more calls than are allowed.
"""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bench.measured import row

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.simulation import (
    BEGIN,
    HOUR,
    Fleet,
    Simulation,
    busiest_minute,
    notices,
    percentile,
    simulated,
)

from dbs_exporter.simulator import Assumptions

HOURS = 30.0
MINUTE = 60.0
FALSE_WORLD_HOURS = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A simulation that is over."""

    fleet: Fleet
    simulation: Simulation
    hours: float
    took_seconds: float

    @property
    def hourly(self) -> list[int]:
        """Calls of each hour but the first, in which everything is read once."""
        counts = [0] * int(self.hours)
        for at in self.simulation.watch.call_times:
            counts[min(int(at // HOUR), len(counts) - 1)] += 1
        return counts[1:]

    def failures(self) -> list[str]:
        """What must not be, whatever the fleet."""
        watch = self.simulation.watch
        allowed = self.fleet.rate * MINUTE + 5
        found = list(watch.broken)
        if busiest_minute(watch.call_times) > allowed:
            found.append(f"{busiest_minute(watch.call_times)} calls in a minute, {allowed:.0f} are allowed")
        if not watch.first_read:
            found.append("nothing was ever read")
        return found


def carried_out(fleet: Fleet, hours: float) -> Run:
    """Run a fleet."""
    began = time.perf_counter()
    simulation = simulated(fleet)
    simulation.run(hours * HOUR)
    return Run(fleet=fleet, simulation=simulation, hours=hours, took_seconds=time.perf_counter() - began)


def report(name: str, run: Run) -> bool:
    """Print the rows of a run; False if something is what must not be."""
    fleet, watch = run.fleet, run.simulation.watch
    scale = 5.0 / fleet.rate
    delays = notices(run.simulation, BEGIN + HOUR)
    usual = fleet.usual_seconds
    goal = max(4 * MINUTE, 0.1 * usual) * max(watch.stretches)
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    fits = max(watch.stretches) == 1.0
    after = watch.stretches[60:]
    print(f"{name}: {run.took_seconds:.0f} s", file=sys.stderr, flush=True)
    row(
        f"{name}: calls an hour, mean and fullest",
        f"{mean(run.hourly) * scale:,.0f}, {max(run.hourly) * scale:,.0f}",
        f"≤ {14_500:,} and {18_000:,}",
        mean(run.hourly) * scale <= 14_500 if fits else None,
    )
    row(
        f"{name}: stretch, most and median",
        f"{max(after):.2f}, {percentile(after, 0.5):.2f}",
        "1 up to 2,000 plans",
        None,
    )
    row(
        f"{name}: end of a full backup until it is known, p50 and p99",
        f"{p50 / MINUTE:.1f} min, {p99 / MINUTE:.1f} min",
        f"p99 ≤ {goal / MINUTE:.1f} min",
        p99 <= goal,
    )
    first = max(watch.first_read.values()) - BEGIN
    sweep = fleet.plans / fleet.rate * 1.2 + 10.0
    row(
        f"{name}: each plan's full backups read after a start",
        f"{first:.0f} s",
        f"≤ {sweep:.0f} s",
        first <= sweep,
    )
    points = max(watch.first_point.values(), default=0.0) - BEGIN
    if watch.first_point:
        row(f"{name}: each recovery point known after a start", f"{points:.0f} s", "≤ 60 s", points <= 60.0)
    unknown = max((count for minute, count in watch.unknown.items() if minute >= 60), default=0)
    row(f"{name}: most plans unknown after the first hour", f"{unknown}", "0", unknown == 0 if fits else None)
    age = percentile(watch.recovery_ages, 0.99)
    row(
        f"{name}: age of what is known of a recovery point, p99",
        f"{age / MINUTE:.1f} min",
        "≤ 3 min",
        age <= 3 * MINUTE,
    )
    if watch.restore_delays:
        seen = percentile(watch.restore_delays, 0.99)
        row(
            f"{name}: a new restore is seen, p99 of {len(watch.restore_delays)}",
            f"{seen / MINUTE:.0f} min",
            "≤ 30 min",
            seen <= 30 * MINUTE * max(watch.stretches) + MINUTE,
        )
    if watch.restore_gaps:
        gap = max(watch.restore_gaps)
        row(
            f"{name}: longest time between two readings of a restore that runs",
            f"{gap / MINUTE:.1f} min",
            "≤ 2 min",
            gap <= 2 * MINUTE,
        )
    failures = run.failures()
    row(
        f"{name}: promises broken at stretch 1; at a higher one",
        f"{len(watch.broken)}; {len(watch.broken_stretched)}",
        "0",
        not failures,
    )
    for failure in failures[:10]:
        print(f"{name}: {failure}", file=sys.stderr)
    return not failures


def fleets() -> list[tuple[str, Fleet, float]]:
    """What `make bench` runs: name, fleet and hours."""
    found = [
        (
            f"2,000 plans, {minutes} min (a tenth)",
            Fleet(plans=200, usual_seconds=minutes * MINUTE, rate=0.5),
            HOURS,
        )
        for minutes in (10, 30, 60, 360)
    ]
    found += [
        ("2,000 plans, 30 min", Fleet(plans=2_000, usual_seconds=1_800.0), HOURS),
        ("2,000 plans, 30 min, all at one minute (a tenth)", _tenth(2_000, spread_minutes=1), HOURS),
        ("40 plans, 30 min", Fleet(plans=40, usual_seconds=1_800.0), FALSE_WORLD_HOURS),
        ("500 plans, 30 min (a tenth)", _tenth(500), HOURS),
        ("4,000 plans, 30 min (a tenth)", _tenth(4_000), HOURS),
    ]
    false = {
        "the list has no window": Assumptions(window="absent"),
        "the window follows full backups alone": Assumptions(window="full_backups"),
        "the window lags 30 min": Assumptions(window_lag_seconds=1_800.0),
        "log filter ignored": Assumptions(log_filter="ignored"),
        "log filter in seconds": Assumptions(log_filter="s"),
        "log filter without FILLING": Assumptions(log_filter_includes_filling=False),
    }
    found += [
        (
            f"1,000 plans, 30 min, {name} (a tenth)",
            _tenth(1_000, assumptions=assumptions),
            FALSE_WORLD_HOURS,
        )
        for name, assumptions in false.items()
    ]
    found += [
        (
            "500 idle plans (a tenth)",
            Fleet(plans=50, usual_seconds=1_800.0, rate=0.5, idle=True),
            FALSE_WORLD_HOURS,
        ),
        (
            "5,000 plans at 15 calls/s, a list that never agrees with itself (a tenth)",
            Fleet(
                plans=500,
                usual_seconds=1_800.0,
                rate=1.5,
                faults=({"kind": "shifting", "operation": "DescribeBackupPlanList"},),
            ),
            FALSE_WORLD_HOURS,
        ),
    ]
    return found


def _tenth(plans: int, *, spread_minutes: int = 120, assumptions: Assumptions | None = None) -> Fleet:
    return Fleet(
        plans=plans // 10,
        usual_seconds=1_800.0,
        rate=0.5,
        spread_minutes=spread_minutes,
        assumptions=assumptions or Assumptions(),
    )


def main(arguments: list[str]) -> int:
    """Run all, or the one that is named."""
    logging.disable(logging.CRITICAL)
    runs = fleets()
    if arguments:
        plans, minutes, hours, rate = map(float, arguments)
        fleet = Fleet(plans=int(plans), usual_seconds=minutes * MINUTE, rate=rate)
        runs = [(f"{plans:,.0f} plans, {minutes:.0f} min, {rate:g} calls/s", fleet, hours)]
    verdicts = [report(name, carried_out(fleet, hours)) for name, fleet, hours in runs]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
