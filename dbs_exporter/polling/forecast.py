"""What the plans of a region will want in calls, from their list alone, before anything is polled.

It asks the same `due` functions that fill the queue, so a fleet costs what is forecast here. What running restores want on top is not
foreseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbs_exporter.collectors.base import Collector, PlanCollector
from dbs_exporter.collectors.dues import NEVER, Pace
from dbs_exporter.facts.groups import Known
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.subjects import PlanSubject, Scope
from dbs_exporter.facts.windows import Window
from dbs_exporter.polling.budget import WHOLE_LIST_SHARE, ease, stretch_for
from dbs_exporter.polling.counting import PAGE
from dbs_exporter.polling.target import Ages

HOUR_MINUTES = 60
HALF_HOUR_MINUTES = 30
_HOUR = 3_600.0
_DAY_MINUTES = 1_440
_WEEK_MINUTES = 7 * _DAY_MINUTES
_QUIET = 16
"""Readings in a row that brought nothing new: a plan is at rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Calls per hour that a region wants, by collector, and what follows from it."""

    allowed: float
    at_rest: Mapping[str, float]
    in_window: Mapping[str, float]
    """In the hour in which most full backups start; without what starts, the same as at rest."""
    window_minute: int | None
    """When that hour begins, in minutes of the week from Monday on, in the time of the schedules; None without schedules."""
    rest_seconds: Mapping[str, float]
    """How old facts of plans at rest get."""
    stretch: float
    """By how much everything comes later in the fullest half hour; 1 if the calls suffice."""
    stretch_at_rest: float


def forecast(
    plans: Sequence[tuple[Plan, Objectives]],
    *,
    listed: int,
    collectors: Sequence[Collector[Any]],
    ages: Mapping[str, Ages],
    calls_per_second: float,
    pages: Mapping[str, int],
    now: float,
) -> Forecast:
    """Return what a region will want.

    `plans` are those that are selected, `listed` is how many its list holds, `pages` how many pages the list of one plan takes,
    by collector (1 if it is not named).
    """
    allowed = calls_per_second * _HOUR
    of_plans = [collector for collector in collectors if isinstance(collector, PlanCollector)]
    at_rest = {collector.name: 0.0 for collector in of_plans}
    for collector in collectors:
        if not isinstance(collector, PlanCollector):
            calls = -(-listed // PAGE) if collector.group is PLANS else 1
            at_rest[collector.name] = max(1, calls) * _HOUR / ages[collector.name].interval
    whole: dict[str, float] = {}
    for plan, objectives in plans:
        subject = _at_rest(plan, objectives, of_plans, now)
        for collector in of_plans:
            pace = _pace(ages[collector.name], now)
            size = pages.get(collector.name, 1)
            calls = 1 if collector.audit is not None else size
            dues = collector.due(subject, pace)
            spacing = min((due.wanted_spacing for due in dues), default=NEVER)
            at_rest[collector.name] += calls * _HOUR / spacing
            if collector.audit is not None:
                audit = collector.audit(subject, pace)
                whole[collector.name] = whole.get(collector.name, 0.0) + size * _HOUR / audit.wanted_spacing
    share = min(1.0, WHOLE_LIST_SHARE * allowed / max(1.0, sum(whole.values())))
    for name, wanted in whole.items():
        at_rest[name] += share * wanted

    per_start = {
        collector.name: collector.calls_per_backup * pages.get(collector.name, 1) for collector in of_plans
    }
    hour, begin = _most_starts(plans, HOUR_MINUTES)
    half_hour, _ = _most_starts(plans, HALF_HOUR_MINUTES)
    in_window = {name: calls + hour * per_start.get(name, 0.0) for name, calls in at_rest.items()}
    rest = sum(at_rest.values())
    return Forecast(
        allowed=allowed,
        at_rest=at_rest,
        in_window=in_window,
        window_minute=begin,
        rest_seconds=_rest_seconds(of_plans, collectors, at_rest, ages, len(plans), calls_per_second),
        stretch=stretch_for(rest / 2 + half_hour * sum(per_start.values()), allowed / 2),
        stretch_at_rest=stretch_for(rest, allowed),
    )


def _at_rest(
    plan: Plan, objectives: Objectives, collectors: Sequence[PlanCollector[Any]], now: float
) -> PlanSubject:
    """Return a plan of which everything was read just now and nothing is expected, with a trusted window."""
    end_at = now if plan.restore_end_at is not None else None
    return PlanSubject(
        scope=Scope(account="", region=""),
        plan=plan,
        objectives=objectives,
        window=Window(end_at=end_at, moved_at=now, confirmed=end_at is not None),
        groups={
            collector.group.name: Known(facts=None, read_at=now, unchanged=_QUIET) for collector in collectors
        },
    )


def _pace(ages: Ages, now: float) -> Pace:
    return Pace(now=now, interval=ages.interval, at_rest=ages.at_rest, at_most=ages.at_rest)


def _most_starts(plans: Sequence[tuple[Plan, Objectives]], minutes: int) -> tuple[int, int | None]:
    """Return how many full backups start within the fullest so many minutes of a week, and when those begin.

    Plans whose schedule cannot be read are taken to start then too.
    """
    starts: Counter[int] = Counter()
    unknown = 0
    for plan, _ in plans:
        schedule = plan.schedule
        if schedule is None or schedule.start_minute is None:
            unknown += schedule is not None
        else:
            starts.update(day * _DAY_MINUTES + schedule.start_minute for day in schedule.weekdays)
    best, begin = 0, None
    for first in starts:
        count = sum(starts[(first + minute) % _WEEK_MINUTES] for minute in range(minutes))
        if count > best:
            best, begin = count, first
    return best + unknown, begin


def _rest_seconds(
    of_plans: Sequence[PlanCollector[Any]],
    collectors: Sequence[Collector[Any]],
    at_rest: Mapping[str, float],
    ages: Mapping[str, Ages],
    plans: int,
    calls_per_second: float,
) -> dict[str, float]:
    """Return how old facts at rest get where calls are left over."""
    names = {collector.name for collector in of_plans}
    region = sum(calls for name, calls in at_rest.items() if name not in names) / _HOUR
    resting = sum(plans / ages[collector.name].at_rest for collector in of_plans if not collector.on_demand)
    share = ease(resting, region, calls_per_second)
    return {
        collector.name: max(ages[collector.name].interval, share * ages[collector.name].at_rest)
        if collector.name in names
        else ages[collector.name].interval
        for collector in collectors
    }
