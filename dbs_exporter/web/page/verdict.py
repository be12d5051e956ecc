"""The protection state of a plan and its reasons, from the facts and the time. Pure; reads no clock.

Exactly one state holds for a plan, the first in this table that applies. The recording rules compute the same in PromQL; `now` is
`time()`, and a comparison whose objective, fact or series is missing does not hold.

| state       | holds when | series |
| ---         | ---        | ---    |
| unknown     | what the recovery point rests on was not read in time | `dbs_plan_fresh_until_timestamp_seconds{facts="recovery"} < now` |
|             | there is no recovery point, and the full backups were never read | `dbs_plan_recovery_point_timestamp_seconds` and `dbs_plan_last_read_timestamp_seconds{collector="full_backups"}` absent |
|             | the recovery point lies a quarter of an hour in the future, or more | `dbs_plan_recovery_point_timestamp_seconds > now + 900` |
| unprotected | the plan is not running: wait, init, check_pass, stop, pause, locked | `dbs_plan_status{status=~"..."} == 1` |
|             | there is no recovery point | `dbs_plan_recovery_point_timestamp_seconds` absent |
| breached    | age of the recovery point > rpo | `now - dbs_plan_recovery_point_timestamp_seconds > dbs_plan_objective_seconds{objective="rpo"}` |
|             | age of the last full backup > full_backup_interval | `now - dbs_full_backup_last_success_timestamp_seconds > dbs_plan_objective_seconds{objective="full_backup_interval"}` |
| at_risk     | age of the recovery point > 0.8 of rpo, where rpo < full_backup_interval: log is held against it | the same, `> 0.8 *` |
|             | either age > 0.9 of its objective, which the schedule sets: a backup that comes when it is due reaches 1 / 1.2 of it | the same, `> 0.9 *` |
|             | holes in current recoverability | `dbs_plan_recovery_gaps{scope="current"} > 0` |
|             | a full backup failed since the last success | `dbs_full_backup_consecutive_failures > 0` |
| protected   | none of these | |

A status that the documents do not know is not held against a plan. "A full backup failed since the last success" covers "the
last attempt failed", and stays while the next attempt still runs. What the age of a fact may be is `facts.freshness`' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbs_exporter.facts.freshness import RECOVERY, fresh_until
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.limits import AHEAD_SECONDS, AT_RISK_SHARE, LATE_SHARE
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.plans import NOT_RUNNING, PLANS
from dbs_exporter.facts.protection import recovery_gaps, recovery_point
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.web.page.words import span

State = Literal["unprotected", "breached", "unknown", "at_risk", "protected"]
STATES: tuple[State, ...] = ("unprotected", "breached", "unknown", "at_risk", "protected")
"""Worst first, as the page sorts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What follows from a plan's facts, computed once per plan and look."""

    point: float | None
    full_at: float | None
    gaps: int | None
    gap_seconds: float


def judge(subject: PlanSubject, now: float) -> tuple[State, tuple[str, ...]]:
    """Return the plan's state by the table above, and every reason for it."""
    return judged(subject, derived_from(subject), now)


def judged(subject: PlanSubject, derived: Derived, now: float) -> tuple[State, tuple[str, ...]]:
    """Return the same of what was derived already."""
    if reasons := [*_unknown(subject, derived, now), *_ahead(derived, now)]:
        return "unknown", tuple(reasons)
    # What is worse does not hide what else is wrong with a plan.
    weak = _weak(subject, derived)
    if reasons := _unprotected(subject, derived):
        return "unprotected", (*reasons, *weak)
    if reasons := _beyond(subject, derived, now, rpo_share=1.0, interval_share=1.0):
        return "breached", (*reasons, *weak)
    rpo, interval = subject.objectives.rpo, subject.objectives.full_backup_interval
    by_log = rpo is not None and interval is not None and rpo < interval
    rpo_share = AT_RISK_SHARE if by_log else LATE_SHARE
    reasons = [*weak, *_beyond(subject, derived, now, rpo_share=rpo_share, interval_share=LATE_SHARE)]
    return ("at_risk", tuple(reasons)) if reasons else ("protected", ())


def derived_from(subject: PlanSubject) -> Derived:
    """Return what follows from a plan's facts."""
    gaps = recovery_gaps(subject)
    backups = subject.get(FULL_BACKUPS)
    last = backups.last_success if backups else None
    return Derived(
        point=recovery_point(subject),
        full_at=last.finished_at if last else None,
        gaps=gaps["current"][0] if gaps is not None else None,
        gap_seconds=gaps["current"][1] if gaps is not None else 0.0,
    )


def _unknown(subject: PlanSubject, derived: Derived, now: float) -> list[str]:
    until = fresh_until(subject)
    stale = [name for name in (PLANS.name, FULL_BACKUPS.name, LOG_BACKUPS.name) if until.get(name, now) < now]
    if until.get(RECOVERY, now) < now:
        return [f"{_words(name)} not read in time, for {span(now - until[name])}" for name in stale]
    if derived.point is None and subject.get(FULL_BACKUPS) is None:
        return ["full backups not read yet"]
    return []


def _ahead(derived: Derived, now: float) -> list[str]:
    """A clock or an answer is wrong, and the plan would be called protected until then."""
    ahead = (derived.point or now) - now
    return [f"recovery point lies {span(ahead)} in the future"] if ahead > AHEAD_SECONDS else []


def _unprotected(subject: PlanSubject, derived: Derived) -> list[str]:
    reasons = []
    if subject.plan.status in NOT_RUNNING:
        reasons.append(f"plan is not running: {subject.plan.status}")
    if derived.point is None:
        reasons.append("nothing to restore from")
    return reasons


def _beyond(
    subject: PlanSubject, derived: Derived, now: float, *, rpo_share: float, interval_share: float
) -> list[str]:
    objectives = subject.objectives
    return [
        f"{what} is {span(now - at)} old, objective {span(objective)}"
        for what, at, objective, share in (
            ("recovery point", derived.point, objectives.rpo, rpo_share),
            ("last full backup", derived.full_at, objectives.full_backup_interval, interval_share),
        )
        if at is not None and objective is not None and now - at > share * objective
    ]


def _weak(subject: PlanSubject, derived: Derived) -> list[str]:
    reasons = []
    if derived.gaps:
        reasons.append(
            f"{_counted(derived.gaps, 'hole')} in recoverability, {span(derived.gap_seconds)} in all"
        )
    backups = subject.get(FULL_BACKUPS)
    failures = backups.consecutive_failures if backups else 0
    if failures:
        reasons.append("last full backup failed" if failures == 1 else f"last {failures} full backups failed")
    return reasons


def _words(facts: str) -> str:
    return facts.replace("_", " ")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
