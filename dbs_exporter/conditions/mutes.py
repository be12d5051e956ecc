"""When a plan's conditions raise no alert, by the configuration; they are shown all the same."""

from __future__ import annotations

from dbs_exporter.facts.maintenance import Mute, mute_at
from dbs_exporter.facts.subjects import PlanSubject


def mute_of(subject: PlanSubject) -> Mute | None:
    """Return the window in which the plan is muted, or the next one, as of the list that last showed it; None without one."""
    return mute_at(subject.objectives.maintenance, subject.listed_at or 0.0)
