"""What a condition is: from when on something is wrong unless something new arrives, and what compares that with a clock.

A condition yields stages: (state, since, until). `since` in the past: it holds; in the future: it will. *And* is the greatest
`since`, *or* the least, *no longer* is `until`; nothing else. Conditions read no clock. `holding` is the algebra that
`conditions.rules` writes in PromQL, for whoever asks in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS

State = Literal["unknown", "unprotected", "breached", "at_risk", "attention", "protected"]
STATES: tuple[State, ...] = ("unknown", "unprotected", "breached", "at_risk", "attention", "protected")
"""Worst first: not known; nothing to restore or nothing backed up; an objective broken; it will be; somebody should look; well."""

Severity = Literal["critical", "warning", "info"]
Of = Literal["plan", "restore_task", "download_task", "gateway", "region"]


class Stage(NamedTuple):
    """From when on, in Unix seconds, a condition holds in a state, and where it ends by itself; `of` names a task or gateway."""

    state: State
    since: float
    until: float | None = None
    of: str = ""


class Alert(NamedTuple):
    """What is raised while a condition holds in a state."""

    name: str
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that can be wrong: of what, by which facts, and which states raise which alert."""

    name: str
    of: Of
    basis: str
    """The facts that it rests on, as `dbs_plan_fresh_until_timestamp_seconds` names them."""
    alerts: Mapping[State, Alert]
    stages: Callable[[Any], Iterable[Stage]]


class Held(NamedTuple):
    """A condition that holds, or held when it was last known."""

    condition: Condition
    stage: Stage


def condition(
    name: str, *, basis: str, of: Of = "plan", **alerts: tuple[str, Severity]
) -> Callable[[Callable[[Any], Iterable[Stage]]], Condition]:
    """Make a condition of the function from a subject to its stages; keywords are states and their alerts."""
    raised: dict[State, Alert] = {state: Alert(*alerts[state]) for state in STATES if state in alerts}
    assert set(alerts) <= set(raised)
    return lambda stages: Condition(name=name, of=of, basis=basis, alerts=raised, stages=stages)


def first(*times: float | None) -> float | None:
    """Return the least of the instants that are there: *or*."""
    return min((at for at in times if at is not None), default=None)


def after(*parts: float | None) -> float | None:
    """Return the sum of an instant and spans, None if any of them is not known."""
    return None if None in parts else sum(part for part in parts if part is not None)


def stage(state: State, since: float | None, until: float | None = None, of: str = "") -> Iterator[Stage]:
    """Yield the stage, nothing where `since` is None or the stage has ended before it begins."""
    if since is not None and (until is None or since < until):
        yield Stage(state, since, until, of)


def holding(
    conditions: Iterable[Condition], subject: Any, fresh_until: Mapping[str, float], now: float
) -> Iterator[Held]:
    """Yield what holds at `now`: its deadline passed while its facts were known, and it has not ended."""
    for each in conditions:
        known_until = fresh_until.get(each.basis)
        if known_until is None:
            continue
        for found in each.stages(subject):
            began = found.since < min(now, known_until - FRESH_GRACE_SECONDS)
            if began and (found.until is None or found.until > now):
                yield Held(each, found)
