"""What the status page shows, from the facts and the time: is each plan protected, and if not, why. Pure; reads no clock.

Exactly one state holds for a plan, the first in this table that applies. The recording rules say the same in PromQL; `now` is
`time()`, and a comparison whose objective, fact or series is missing does not hold.

| state       | holds when | series |
| ---         | ---        | ---    |
| unknown     | the full backups were never read | `dbs_plan_last_read_timestamp_seconds{collector="full_backups"}` absent |
|             | a group that protection rests on (full_backups, incremental_backups, restore_ranges) is older than three intervals of its collector | `now - dbs_plan_last_read_timestamp_seconds > 3 * dbs_exporter_collector_interval_seconds` |
|             | such a group was never read, though its collector runs in the plan's region and RAM permits it | interval present, last read absent, `dbs_exporter_collector_permitted == 1` |
|             | the plan list is older than three intervals | `now - dbs_exporter_collector_last_success_timestamp_seconds{collector="plans"} > 3 * interval` |
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
last attempt failed", and stays while the next attempt still runs. What RAM never permitted is left out, so that an exporter
without DescribeRestoreRangeInfo still judges by full backups and log; what was read once must stay fresh.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from dbs_exporter.facts import protection
from dbs_exporter.facts.history import restore_ended
from dbs_exporter.facts.model import CollectorState, Gateway, PlanSubject, RegionSubject, RestoreTask, Scope
from dbs_exporter.web.page.words import span

State = Literal["unprotected", "breached", "unknown", "at_risk", "protected"]
STATES: tuple[State, ...] = ("unprotected", "breached", "unknown", "at_risk", "protected")
"""Worst first, as the page sorts."""

NOT_RUNNING = frozenset({"wait", "init", "check_pass", "stop", "pause", "locked"})
STALE_INTERVALS = 3.0
AT_RISK_SHARE = 0.8
LATE_SHARE = 0.9
AHEAD_SECONDS = 900.0
HEARTBEAT_LATE_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The facts at one moment, as the store and the scheduler hold them."""

    plans: Sequence[PlanSubject]
    regions: Sequence[RegionSubject]
    collectors: Sequence[CollectorState]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One plan as the page shows it. Ages and lags are seconds before now, ratios shares of the objective."""

    subject: PlanSubject
    state: State
    reasons: tuple[str, ...]
    """Sentences, the gravest first; empty for a protected plan."""
    messages: tuple[str, ...]
    """What the API says went wrong, in its own words."""
    recovery_point_at: float | None
    recovery_point_age: float | None
    recovery_point_ratio: float | None
    last_full_at: float | None
    last_full_age: float | None
    last_full_ratio: float | None
    size_bytes: int | None
    size_ratio: float | None
    """Size of the last full backup against the median of those before it."""
    log_lag: float | None
    """None also where log backup is off."""
    gaps: int | None
    gap_seconds: float
    expires_at: float | None
    """When the last good backup expires."""
    proven_at: float | None
    """The last restore that worked."""
    proven_late: bool
    """The last restore that worked is older than the objective, or there is none."""

    @property
    def urgency(self) -> float:
        """The larger share of an objective that is used up."""
        return max(self.recovery_point_ratio or 0.0, self.last_full_ratio or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Derived:
    """What `protection` makes of a plan's facts, made once per plan and look."""

    point: float | None
    full_at: float | None
    gaps: int | None
    gap_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRow:
    """One gateway; `plans` is None while the plan list is not known."""

    scope: Scope
    gateway: Gateway
    plans: int | None
    heartbeat_age: float | None
    trouble: bool
    """Not online, or no heartbeat for five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRow:
    """One restore task that has not ended; `late` if it has run longer than the plan's restore_time."""

    subject: PlanSubject
    task: RestoreTask
    elapsed: float | None
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorRow:
    """One collector in one scope; `age` is that of the worst subject's last whole read, None if one was never read."""

    state: CollectorState
    age: float | None
    stale: bool
    trouble: bool
    """Stale, failing, or not permitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything the page shows, at `now`; plans worst first."""

    now: float
    plans: tuple[PlanRow, ...]
    gateways: tuple[GatewayRow, ...]
    restores: tuple[RestoreRow, ...]
    collectors: tuple[CollectorRow, ...]
    first_runs_pending: int
    """Collectors that have not finished their first run."""

    def counts(self) -> dict[State, int]:
        """How many plans are in each state, every state named."""
        found = Counter(row.state for row in self.plans)
        return {state: found[state] for state in STATES}

    @property
    def oldest(self) -> CollectorRow | None:
        """The collector whose data is oldest against its interval, of those whose age is known."""
        known = [row for row in self.collectors if row.age is not None]
        return max(known, key=lambda row: (row.age or 0.0) / row.state.interval_seconds, default=None)


def overview(snapshot: Snapshot, now: float) -> Overview:
    """Judge every plan and put everything in order of gravity; `now` in Unix seconds."""
    collectors: dict[Scope, dict[str, CollectorState]] = {}
    for state in snapshot.collectors:
        collectors.setdefault(state.scope, {})[state.collector] = state
    rows = [plan_row(subject, collectors.get(subject.scope, {}), now) for subject in snapshot.plans]
    return Overview(
        now=now,
        plans=tuple(sorted(rows, key=_gravity)),
        gateways=tuple(
            sorted(chain.from_iterable(_gateways(one, now) for one in snapshot.regions), key=_gateway_gravity)
        ),
        restores=tuple(
            sorted(chain.from_iterable(_restores(one, now) for one in snapshot.plans), key=_restore_gravity)
        ),
        collectors=tuple(
            sorted((collector_row(one, now) for one in snapshot.collectors), key=_collector_gravity)
        ),
        first_runs_pending=sum(not one.finished_first_run for one in snapshot.collectors),
    )


def plan_row(subject: PlanSubject, collectors: Mapping[str, CollectorState], now: float) -> PlanRow:
    """One plan, judged; `collectors` are those of its account and region, by name."""
    backups = subject.full_backups
    last = backups.last_success if backups else None
    derived = _derived(subject)
    point_age = _age(derived.point, now)
    full_age = _age(derived.full_at, now)
    logs = subject.logs
    proven_at = subject.restores.last_success_at if subject.restores else None
    test_interval = subject.objectives.restore_test_interval
    state, reasons = _judged(subject, derived, collectors, now)
    return PlanRow(
        subject=subject,
        state=state,
        reasons=reasons,
        messages=tuple(dict.fromkeys(_messages(subject))),
        recovery_point_at=derived.point,
        recovery_point_age=point_age,
        recovery_point_ratio=_ratio(point_age, subject.objectives.rpo),
        last_full_at=derived.full_at,
        last_full_age=full_age,
        last_full_ratio=_ratio(full_age, subject.objectives.full_backup_interval),
        size_bytes=last.size_bytes if last else None,
        size_ratio=_ratio(last.size_bytes, backups.size_median_bytes) if last and backups else None,
        log_lag=_age(logs.last_data_at, now) if logs and subject.plan.log_backup_enabled else None,
        gaps=derived.gaps,
        gap_seconds=derived.gap_seconds,
        expires_at=protection.last_good_expires(subject),
        proven_at=proven_at,
        proven_late=test_interval is not None
        and subject.restores is not None
        and (proven_at is None or now - proven_at > test_interval),
    )


def judge(
    subject: PlanSubject, collectors: Mapping[str, CollectorState], now: float
) -> tuple[State, tuple[str, ...]]:
    """The plan's state by the table above, and every reason for it."""
    return _judged(subject, _derived(subject), collectors, now)


def _judged(
    subject: PlanSubject, derived: _Derived, collectors: Mapping[str, CollectorState], now: float
) -> tuple[State, tuple[str, ...]]:
    if said := [*_unknown(subject, collectors, now), *_ahead(derived, now)]:
        return "unknown", tuple(said)
    # What is worse does not hide what else is wrong with a plan.
    weak = _weak(subject, derived)
    if said := _unprotected(subject, derived):
        return "unprotected", (*said, *weak)
    if said := _beyond(subject, derived, now, rpo_share=1.0, interval_share=1.0):
        return "breached", (*said, *weak)
    rpo, interval = subject.objectives.rpo, subject.objectives.full_backup_interval
    by_log = rpo is not None and interval is not None and rpo < interval
    rpo_share = AT_RISK_SHARE if by_log else LATE_SHARE
    said = [*weak, *_beyond(subject, derived, now, rpo_share=rpo_share, interval_share=LATE_SHARE)]
    return ("at_risk", tuple(said)) if said else ("protected", ())


def _derived(subject: PlanSubject) -> _Derived:
    gaps = protection.recovery_gaps(subject)
    last = subject.full_backups.last_success if subject.full_backups else None
    return _Derived(
        point=protection.recovery_point(subject),
        full_at=last.finished_at if last else None,
        gaps=gaps["current"][0] if gaps is not None else None,
        gap_seconds=gaps["current"][1] if gaps is not None else 0.0,
    )


def collector_row(state: CollectorState, now: float) -> CollectorRow:
    """One collector; its data is stale when the worst subject's is older than three intervals."""
    age = _age(state.oldest_success_at, now)
    stale = age is not None and age > STALE_INTERVALS * state.interval_seconds
    return CollectorRow(
        state=state,
        age=age,
        stale=stale,
        trouble=stale or not state.permitted or (state.finished_first_run and not state.success),
    )


def _unknown(subject: PlanSubject, collectors: Mapping[str, CollectorState], now: float) -> list[str]:
    read_at = dict(subject.read_at)
    reasons = []
    for name in protection.PROTECTION_COLLECTORS:
        at = read_at.get(name)
        collector = collectors.get(name)
        if at is None:
            if name == "full_backups" or (collector is not None and collector.permitted):
                why = "not yet" if collector is None or collector.permitted else "not permitted"
                reasons.append(
                    f"{_words(name)} never read ({'collector is off' if collector is None else why})"
                )
        elif collector is not None and now - at > STALE_INTERVALS * collector.interval_seconds:
            reasons.append(f"{_words(name)} last read {span(now - at)} ago")
    plans = collectors.get("plans")
    if (
        plans is not None
        and plans.last_success_at is not None
        and now - plans.last_success_at > STALE_INTERVALS * plans.interval_seconds
    ):
        reasons.append(f"plan list last read {span(now - plans.last_success_at)} ago")
    return reasons


def _ahead(derived: _Derived, now: float) -> list[str]:
    """A clock or an answer is wrong, and the plan would be called protected until then."""
    ahead = (derived.point or now) - now
    return [f"recovery point lies {span(ahead)} in the future"] if ahead > AHEAD_SECONDS else []


def _unprotected(subject: PlanSubject, derived: _Derived) -> list[str]:
    reasons = []
    if subject.plan.status in NOT_RUNNING:
        reasons.append(f"plan is not running: {subject.plan.status}")
    if derived.point is None:
        reasons.append("nothing to restore from")
    return reasons


def _beyond(
    subject: PlanSubject, derived: _Derived, now: float, *, rpo_share: float, interval_share: float
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


def _weak(subject: PlanSubject, derived: _Derived) -> list[str]:
    reasons = []
    if derived.gaps:
        reasons.append(
            f"{_counted(derived.gaps, 'hole')} in recoverability, {span(derived.gap_seconds)} in all"
        )
    failures = subject.full_backups.consecutive_failures if subject.full_backups else 0
    if failures:
        reasons.append("last full backup failed" if failures == 1 else f"last {failures} full backups failed")
    return reasons


def _messages(subject: PlanSubject) -> Iterable[str]:
    backups = subject.full_backups
    if backups is not None and backups.consecutive_failures and backups.last_failure_message:
        yield backups.last_failure_message
    if subject.plan.error_message:
        yield subject.plan.error_message
    for error in subject.job_errors or ():
        yield f"{error.job.replace('_', ' ')} {error.job_id}: {': '.join(filter(None, (error.error_code, error.error_message)))}"
    for check in subject.prechecks or ():
        for item in check.items:
            if item.state in ("failed", "caught"):
                yield f"pre-check of {check.subject.replace('_', ' ')}: {': '.join(filter(None, (item.item, item.error_message)))}"


def _gateways(subject: RegionSubject, now: float) -> Iterable[GatewayRow]:
    plans = dict(subject.gateway_plans) if subject.gateway_plans is not None else None
    for gateway in subject.gateways or ():
        age = _age(gateway.last_heartbeat_at, now)
        yield GatewayRow(
            scope=subject.scope,
            gateway=gateway,
            plans=plans.get(gateway.gateway_id, 0) if plans is not None else None,
            heartbeat_age=age,
            trouble=gateway.status != "ONLINE" or (age is not None and age > HEARTBEAT_LATE_SECONDS),
        )


def _restores(subject: PlanSubject, now: float) -> Iterable[RestoreRow]:
    objective = subject.objectives.restore_time
    for task in subject.restores.tasks if subject.restores else ():
        if not restore_ended(task):
            elapsed = _age(task.created_at, now)
            late = elapsed is not None and objective is not None and elapsed > objective
            yield RestoreRow(subject=subject, task=task, elapsed=elapsed, late=late)


def _gravity(row: PlanRow) -> tuple[int, float, str, str]:
    return STATES.index(row.state), -row.urgency, row.subject.plan.name, row.subject.plan.plan_id


def _gateway_gravity(row: GatewayRow) -> tuple[bool, int, Scope, str]:
    return not row.trouble, -(row.plans or 0), row.scope, row.gateway.gateway_id


def _restore_gravity(row: RestoreRow) -> tuple[bool, float, str]:
    return not row.late, -(row.elapsed or 0.0), row.task.task_id


def _collector_gravity(row: CollectorRow) -> tuple[bool, Scope, str]:
    return not row.trouble, row.state.scope, row.state.collector


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)


def _ratio(value: float | None, of: float | None) -> float | None:
    return None if value is None or not of else value / of


def _words(collector: str) -> str:
    return collector.replace("_", " ")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
