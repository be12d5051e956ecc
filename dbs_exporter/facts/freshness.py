"""Until when facts count as known: the promise of the next reading, a grace later. Pure.

The promise is made when a reading is planned and kept in the subject; what several groups show together is fresh until the first
of them is not. Everything about a plan rests on the plan list too.
"""

from __future__ import annotations

from math import inf

from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.limits import AHEAD_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.facts.protection import recovery_point
from dbs_exporter.facts.subjects import PlanSubject

RECOVERY = "recovery"
"""What the recovery point rests on together."""


def fresh_until(subject: PlanSubject) -> dict[str, float]:
    """Return until when each kind of a plan's facts counts as known, in Unix seconds; only of what is read at all."""
    listed = subject.promised.get(PLANS.name)
    if listed is None:
        return {}
    # Of what there is nothing of, nothing gets old.
    known = {name: until if until == inf else min(listed, until) for name, until in subject.promised.items()}
    if subject.outage is not None:
        # What explains conditions of the plan.
        known[GATEWAYS.name] = subject.outage.known_until
    return {**known, RECOVERY: recovery_fresh_until(subject, listed)}


def recovery_fresh_until(subject: PlanSubject, listed: float) -> float:
    """Return until when a plan's recovery point counts as known; `listed` is the promise of the plan list.

    Where that list shows a restorable window, its end is a recovery point. Where it shows none, or was proved not to follow
    the log, the lists of backups must be known, and full backups must have been read once. A point far ahead of the list that
    was read last is not believed.
    """
    point, seen = recovery_point(subject), subject.listed_at or 0.0
    if (point is None and subject.get(FULL_BACKUPS) is None) or (
        point is not None and seen and point > seen + AHEAD_SECONDS
    ):
        return seen
    if subject.plan.restore_end_at is not None and not subject.window.refuted:
        return listed
    parts = [listed, *(subject.promised.get(group.name) for group in (FULL_BACKUPS, LOG_BACKUPS))]
    return min(until for until in parts if until is not None)
