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


def sizing() -> str:
    """Return the section."""
    head = [
        f"| plans in a region | {' | '.join(f'{rate} calls/s' for rate in RATES)} |",
        f"| --- | {' | '.join('---' for _ in RATES)} |",
    ]
    rows = [f"| {plans:,} | {' | '.join(_cell(_of(plans, rate)) for rate in RATES)} |" for plans in PLANS]
    return "\n".join([_INTRODUCTION, *head, *rows]) + "\n"


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
