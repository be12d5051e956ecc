"""When a plan must alert: worlds as functions of the minute, asked of the shipped rules by promtool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.rule_fixtures import promtool

MINUTES = 240
GRACE = 3.5
"""How far `fresh_until` lies behind what is promised; readings come every two minutes and promise two more."""
At = Callable[[int], "float | None"]
PLAN = 'account="a",region="r",plan_id="p"'
CONDITION = f'{PLAN},condition="recovery_point"'
BACK = (1, 121)


@dataclass(frozen=True, kw_only=True)
class Case:
    """The minutes that the exporter shows at each minute, and the spans of minutes in which the plan alerts."""

    since: At
    fresh: At
    until: At | None = None
    explained: At | None = None
    fresh_cause: At | None = None
    muted: tuple[int, int] | None = None
    replica: tuple[At, At] | None = None
    alerts: list[tuple[int, int]] = field(default_factory=list)


def reading(minute: int, out: tuple[int, int] = (0, 0)) -> int:
    """The minute of the latest reading when the API answered nothing in `out`."""
    if out[0] <= minute < out[1]:
        minute = out[0] - 1
    if out[1] and minute >= out[1]:
        return out[1] + (minute - out[1]) // 2 * 2
    return max(minute, 0) // 2 * 2


def fresh(out: tuple[int, int] = (0, 0)) -> At:
    return lambda minute: reading(minute, out) + 2 + GRACE


def hourly(minute: int) -> float:
    """Until when what is read once an hour is known."""
    return minute // 60 * 60 + 60 + GRACE


def flapping(minute: int) -> float | None:
    """What explains while a gateway comes and goes from minute 10 to 60."""
    if minute < 10:
        return None
    seen = min(minute, 59)
    return (seen if seen % 4 < 2 else seen // 4 * 4 + 2) + 15.0 if minute < 60 else 74.0


CASES: Mapping[str, Case] = {
    "an outage of two hours, the log goes on": Case(since=lambda m: reading(m, BACK) + 30, fresh=fresh(BACK)),
    "the same with an rpo of five minutes": Case(since=lambda m: reading(m, BACK) + 4, fresh=fresh(BACK)),
    "an outage of two hours, the log stopped in it": Case(since=lambda _: 30, fresh=fresh(BACK), alerts=[(121, MINUTES)]),
    "an outage that begins a minute before the deadline": Case(since=lambda _: 30, fresh=fresh((29, 100)), alerts=[(100, MINUTES)]),
    "held before the outage, and goes on": Case(since=lambda _: -10, fresh=fresh(BACK), alerts=[(0, MINUTES)]),
    "ends by itself in an outage": Case(since=lambda _: 20, fresh=fresh((80, 140)), until=lambda _: 90, alerts=[(21, 90)]),
    "first seen long after it began": Case(
        since=lambda m: -10000 if m >= 20 else None, fresh=lambda m: m + 5.5 if m >= 20 else None, alerts=[(20, MINUTES)]
    ),
    "mended": Case(since=lambda m: 30 if m < 60 else reading(m) + 30, fresh=fresh(), alerts=[(31, 60)]),
    "a gateway is gone, then the API as well": Case(
        since=lambda _: 40, fresh=fresh((40, 160)),
        explained=lambda m: reading(m, (40, 160)) + 15 if m >= 10 else None, fresh_cause=fresh((40, 160)),
    ),
    "a gateway flaps for a quarter of an hour": Case(
        since=lambda _: 40, fresh=fresh(), explained=flapping, fresh_cause=fresh(), alerts=[(74, MINUTES)]
    ),
    "a gateway is back, the plan catches up until minute 100": Case(
        since=lambda m: 40 if m < 100 else m + 30, fresh=fresh(),
        explained=lambda m: min(m, 100) + 15 if m >= 10 else None, fresh_cause=fresh(),
    ),
    "explained by what is read once an hour": Case(since=lambda _: 40, fresh=fresh(), explained=hourly, fresh_cause=hourly),
    "explained by what is read once an hour, then the API is out": Case(
        since=lambda _: 40, fresh=fresh((45, 200)),
        explained=lambda m: hourly(reading(m, (45, 200))), fresh_cause=lambda m: hourly(reading(m, (45, 200))),
    ),
    "readings stretched, never beyond the deadline; the log stopped": Case(
        since=lambda _: 30, fresh=lambda m: 30 + GRACE if m < 30 else m // 2 * 2 + 5.5, alerts=[(31, MINUTES)]
    ),
    "muted for a while": Case(since=lambda _: 40, fresh=fresh(), muted=(50, 100), alerts=[(41, 50), (100, MINUTES)]),
    "a second replica hangs": Case(since=lambda m: m // 2 * 2 + 30, fresh=fresh(), replica=(lambda _: 30, lambda _: 5.5)),
}  # fmt: skip


def series(name: str, labels: str, at: At) -> dict[str, str]:
    """A family's series at each minute, in seconds."""
    minutes = [at(minute) for minute in range(MINUTES)]
    return {
        "series": f"dbs_plan_{name}_timestamp_seconds{{{labels}}}",
        "values": " ".join("_" if each is None else f"{each * 60:.1f}" for each in minutes),
    }


def shown(case: Case) -> list[dict[str, str]]:
    """What one exporter, or two, show of the plan."""
    stage = f'{CONDITION},state="breached",facts="recovery"'
    cause = f'{CONDITION},cause="x",facts="plans"'
    found = [
        series("condition_since", f'{stage},instance="1"', case.since),
        series("fresh_until", f'{PLAN},facts="recovery",instance="1"', case.fresh),
    ]
    if case.until is not None:
        found.append(series("condition_until", stage, case.until))
    if case.explained is not None and case.fresh_cause is not None:
        found.append(series("condition_explained_until", cause, case.explained))
        found.append(series("fresh_until", f'{PLAN},facts="plans"', case.fresh_cause))
    if case.muted is not None:
        begin, end = case.muted
        found += [series("muted_from", PLAN, lambda _: begin), series("muted_until", PLAN, lambda _: end)]
    if case.replica is not None:
        found.append(series("condition_since", f'{stage},instance="2"', case.replica[0]))
        found.append(series("fresh_until", f'{PLAN},facts="recovery",instance="2"', case.replica[1]))
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_plan_alerts_at_the_minutes_at_which_it_must(name: str, tmp_path: Path) -> None:
    """At each of 240 minutes the rule that alerts rest on holds, or does not."""
    case = CASES[name]
    expected: list[dict[str, Any]] = [
        {
            "expr": 'count(plan:dbs_condition:alerting{condition="recovery_point",state="breached"})',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": 1}]
            if any(begin <= minute < end for begin, end in case.alerts)
            else [],
        }
        for minute in range(MINUTES)
    ]
    test = {"interval": "1m", "input_series": shown(case), "promql_expr_test": expected}

    assert promtool(tmp_path, [test], interval="1m") == ""
