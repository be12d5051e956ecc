"""Until when facts count as known: the promise of the next reading, a grace later. Pure.

The promise is made when a reading is planned and kept in the subject; what several groups show together is fresh until the first
of them is not.
"""

from __future__ import annotations

from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.facts.subjects import PlanSubject

RECOVERY = "recovery"
"""What the recovery point rests on together."""


def fresh_until(subject: PlanSubject) -> dict[str, float]:
    """Return until when each kind of a plan's facts counts as known, in Unix seconds; only of what is read at all."""
    promised = subject.promised
    listed = promised.get(PLANS.name)
    if listed is None:
        return {}
    return {**promised, RECOVERY: recovery_fresh_until(subject, listed)}


def recovery_fresh_until(subject: PlanSubject, listed: float) -> float:
    """Return until when a plan's recovery point counts as known; `listed` is the promise of the plan list.

    Where that list shows a restorable window, its end is a recovery point. Where it shows none, or was proved not to follow
    the log, the lists of backups must be known.
    """
    if subject.plan.restore_end_at is not None and not subject.window.refuted:
        return listed
    parts = [listed, *(subject.promised.get(group.name) for group in (FULL_BACKUPS, LOG_BACKUPS))]
    return min(until for until in parts if until is not None)
