"""Reading what is under way in many plans together, by its ids. It owns no state, and knows neither the store nor the planner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dbs_exporter.collectors.base import Follow, PlanCollector, Reading
from dbs_exporter.errors import Invalid
from dbs_exporter.facts.subjects import PlanSubject


def plans_by_id(collector: PlanCollector[Any], subjects: Iterable[PlanSubject]) -> dict[str, str]:
    """Return the id of its plan for each id of what is under way."""
    follow = collector.follow
    if follow is None:
        return {}
    return {
        thing_id: subject.plan.plan_id
        for subject in subjects
        for thing_id in follow.unfinished(subject.get(collector.group))
    }


def things_by_id(follow: Follow[Any], reading: Reading, ids: Iterable[str]) -> dict[str, Any]:
    """Read things by their ids, so many in one call as may be; what the API does not know is not among them."""
    wanted = sorted(ids)
    found: dict[str, Any] = {}
    for first in range(0, len(wanted), follow.most):
        found |= _known(follow, reading, wanted[first : first + follow.most])
    return found


def _known(follow: Follow[Any], reading: Reading, ids: list[str]) -> Mapping[str, Any]:
    """Read things by their ids; if the API refuses some, each alone, and what it refuses then is left out."""
    try:
        return follow.read(reading, ids)
    except Invalid:
        if len(ids) == 1:
            return {}
    found: dict[str, Any] = {}
    for thing_id in ids:
        found |= _known(follow, reading, [thing_id])
    return found
