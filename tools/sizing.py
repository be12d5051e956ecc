"""The sizing table of docs/configuration.md: what fleets of different sizes get at different rates, by the program's own forecast."""

from __future__ import annotations

from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.durations import format_duration
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan, Schedule
from dbs_exporter.polling.forecast import Forecast, forecast
from dbs_exporter.polling.target import Ages

PLANS = (40, 200, 500, 1_000, 2_000, 4_000)
RATES = (2, 5, 10, 20)
SPREAD_MINUTES = 120
_NOW = 1_790_000_000.0
_INTRODUCTION = f"""## Sizing

What plans in one region get at how many calls per second (`requests_per_second` of the account; what your quota allows is the cloud's to
say): how old facts of a plan get while nothing happens to it (full backups), and how much later than planned everything comes (stretch). 1 is
as planned: the end of a full backup is noticed within 4 min or 10 % of its usual duration, a new restore within 30 min, and a recovery
point is known to within 3 min. Daily backups, whose starts are spread over {SPREAD_MINUTES // 60} hours, log backup, lists of at most
100 full backups. `dbs-exporter check` says the same of your own fleet; [reading.md](reading.md) explains it.
"""

MEASURED_PLANS = 1_040
"""Of the simulated cloud in three regions, with a real Prometheus: what one exporter had after a minute, with what it began with."""
SCRAPED = (480, 152.5)
WITH_RULES = (610, 166.5)
MEMORY_MIB = (70, 0.066)
STATE_MIB = (0.03, 0.0036)
SCRAPE_MIB = (0.03, 0.0014)
"""(for itself, for each plan)"""
LIMITS_MIB = {40: 192, 200: 192, 1_000: 320, 2_000: 448, 4_000: 640, 10_000: 1_024}
"""With room for a start, when everything is read at once; the chart suggests the same."""
SAMPLES_A_DAY = 24 * 60
BYTES_PER_SAMPLE = 1.5
_MORE = f"""
What a fleet costs: calls at 5 calls/s in one region, and what was measured with {MEASURED_PLANS:,} simulated plans (the rest of the columns is
counted from that; [performance.md](performance.md) has 10,000 plans of an earlier build at 508 MiB). Disk is Prometheus', for 15 days of
a sample a minute at {BYTES_PER_SAMPLE} bytes, its rule of thumb; series that stay what they are take less.
"""
_ADVICE = """
- **Raise `requests_per_second`** where the stretch is above 1 and the quota of the account in that region allows more; the quota center of
  the console shows it as the rate of the API. It is for all callers of the account together. Longer `interval` and `at_rest` help, too, and
  so do fewer plans (`plans: {exclude: […]}`).
- **Shard** for very many regions and accounts, where CPU or memory of one process does not suffice: beyond the 10,000 plans, or 200
  accounts of 15 regions, that were measured. Shards make no region fresher, because its quota stays what it is.
- **Fewer series**: `metrics.inactive_states: false` leaves out states that are 0 and counts of nothing, `metrics.exclude` what nobody looks at.
- Two exporters of the same regions: see [reading.md](reading.md#several-exporters).
"""


def sizing() -> str:
    """Return the section."""
    head = [
        f"| plans in a region | {' | '.join(f'{rate} calls/s' for rate in RATES)} |",
        f"| --- | {' | '.join('---' for _ in RATES)} |",
    ]
    rows = [f"| {plans:,} | {' | '.join(_cell(_of(plans, rate)) for rate in RATES)} |" for plans in PLANS]
    return "\n".join([_INTRODUCTION, *head, *rows, _MORE, *_costs(), _ADVICE])


def _costs() -> list[str]:
    rows = [
        "| plans | calls an hour at rest, in the backup window | series scraped, with the rules | a scrape, gzip | memory, a limit for it"
        " | state | Prometheus' disk |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for plans, limit in LIMITS_MIB.items():
        found = _of(plans, 5)
        rest, window = (min(sum(calls.values()), found.allowed) for calls in (found.at_rest, found.in_window))
        scraped, recorded, memory, state, scrape = (
            base + each * plans for base, each in (SCRAPED, WITH_RULES, MEMORY_MIB, STATE_MIB, SCRAPE_MIB)
        )
        disk = recorded * SAMPLES_A_DAY * 15 * BYTES_PER_SAMPLE / 2**30
        rows.append(
            f"| {plans:,} | {rest:,.0f}, {window:,.0f} | {_rounded(scraped)}, {_rounded(recorded)} | {scrape:.1f} MiB"
            f" | {memory:.0f} MiB, {limit:,} MiB | {state:.1f} MiB | {disk:.1f} GiB |"
        )
    return rows


def _rounded(number: float) -> str:
    return f"{round(number, -2):,.0f}"


def _of(plans: int, rate: float) -> Forecast:
    collectors = [
        collector for collector in TABLE if collector.enabled and collector.level in ("plan", "region")
    ]
    return forecast(
        [(_plan(number), Objectives(rpo=1_800.0)) for number in range(plans)],
        listed=plans,
        collectors=collectors,
        ages={
            collector.name: Ages(
                interval=collector.interval_seconds,
                at_rest=collector.at_rest_seconds
                if isinstance(collector, PlanCollector)
                else collector.interval_seconds,
            )
            for collector in collectors
        },
        calls_per_second=rate,
        pages={},
        now=_NOW,
    )


def _plan(number: int) -> Plan:
    return Plan(
        plan_id=f"dbs{number}",
        status="running",
        log_backup_enabled=True,
        restore_begin_at=_NOW - 86_400.0,
        restore_end_at=_NOW,
        schedule=Schedule(weekdays=tuple(range(7)), start_minute=number % SPREAD_MINUTES),
    )


def _cell(found: Forecast) -> str:
    age = format_duration(round(found.rest_seconds["full_backups"] * found.stretch_at_rest / 60) * 60)
    return f"{age}, stretch {found.stretch:.2f}"
