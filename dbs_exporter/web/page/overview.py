"""What the status page shows, from the facts and the time: is each plan protected, and if not, why. Pure; reads no clock.

The state of each plan and its reasons are those of its conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf

from msgspec.structs import replace

from dbs_exporter.conditions.algebra import STATES, Held, State
from dbs_exporter.conditions.causes import explanations
from dbs_exporter.conditions.mutes import mute_of
from dbs_exporter.conditions.table import judge, worse_from
from dbs_exporter.conditions.texts import cause, summary
from dbs_exporter.facts.collection import BudgetState, CollectorState, StorageState
from dbs_exporter.facts.downloads import DOWNLOADS
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory, full_backup_end
from dbs_exporter.facts.gateways import GATEWAYS, Gateway, plans_per_gateway
from dbs_exporter.facts.job_errors import JOB_ERRORS
from dbs_exporter.facts.limits import DAY_SECONDS, HEARTBEAT_LATE_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.maintenance import Mute
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.facts.prechecks import NOT_PASSED, PRECHECKS
from dbs_exporter.facts.protection import (
    current_hole,
    last_good_expires,
    last_proof,
    log_until,
    recovery_gaps,
    recovery_point,
)
from dbs_exporter.facts.restore_estimates import RestoreEstimate, restore_estimate
from dbs_exporter.facts.restores import RESTORES, RestoreTask, restore_ended, running_key
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject, Scope
from dbs_exporter.web.page.words import clock, span


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The facts at one moment, as the store and the scheduler hold them; `now` in Unix seconds as the API has it."""

    now: float
    plans: Sequence[PlanSubject]
    regions: Sequence[RegionSubject]
    collectors: Sequence[CollectorState]
    budgets: Sequence[BudgetState] = ()
    storage: StorageState | None = None
    """None if the state is kept in memory only."""
    zone: str = "UTC"
    """The time zone of the clock times that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One plan as the page shows it. Ages and lags are seconds before now, ratios shares of the objective."""

    subject: PlanSubject
    backups: FullBackupHistory | None
    """None while they were never read."""
    restores_read: bool
    state: State
    held: tuple[Held, ...]
    """What holds, the worst first."""
    reasons: tuple[str, ...]
    """Sentences, the worst first."""
    worse_at: float | None
    """When the plan will be at risk, or worse than that and than now, unless something new arrives."""
    messages: tuple[str, ...]
    """What went wrong, in the API's own words."""
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
    hole: tuple[float, float] | None
    """Begin and end of the newest current hole."""
    muted: Mute | None
    """The window in which nobody is paged about the plan: the present one, else one that begins within a day."""
    expires_at: float | None
    """When the last good backup expires."""
    proven_at: float | None
    """The last restore of everything that worked."""
    estimate: RestoreEstimate | None
    proven_late: bool
    """The last restore of everything is older than the objective, or there is none."""
    partly_proven_at: float | None
    """A restore of a part that worked since."""

    @property
    def urgency(self) -> float:
        """The larger share of an objective that is used up."""
        return max(self.recovery_point_ratio or 0.0, self.last_full_ratio or 0.0)


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
    """One collector in one scope; `age` is that of the worst subject's last reading, None if none was ever read."""

    state: CollectorState
    age: float | None
    stale: int
    """Subjects whose facts were not read in time."""
    trouble: bool
    """Stale, failing, or not permitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything the page shows, at `now`; plans worst first."""

    now: float
    zone: str
    plans: tuple[PlanRow, ...]
    gateways: tuple[GatewayRow, ...]
    restores: tuple[RestoreRow, ...]
    collectors: tuple[CollectorRow, ...]
    untried: int
    """Collectors that have not read anything yet, and have something to read."""
    stretched: tuple[BudgetState, ...]
    """Where calls are too few, the worst first."""
    unsaved_since: float | None = None
    """Since when what is known cannot be saved, in Unix seconds; None if it can, or is not to be."""

    def plan(self, account: str, region: str, plan_id: str) -> PlanRow | None:
        """Return one plan; None if it is not there."""
        scope = Scope(account=account, region=region)
        return next(
            (row for row in self.plans if row.subject.plan.plan_id == plan_id and row.subject.scope == scope),
            None,
        )

    def gateway(self, account: str, gateway_id: str) -> GatewayRow | None:
        """Return a gateway of an account, in whatever region it is listed; None if it is not there."""
        return next(
            (
                row
                for row in self.gateways
                if row.gateway.gateway_id == gateway_id and row.scope.account == account
            ),
            None,
        )

    def counts(self) -> dict[State, int]:
        """How many plans are in each state, every state named."""
        found = Counter(row.state for row in self.plans)
        return {state: found[state] for state in STATES}


def overview(snapshot: Snapshot) -> Overview:
    """Judge every plan and put everything in order of severity."""
    now = snapshot.now
    rows = [plan_row(subject, now, snapshot.zone) for subject in snapshot.plans]
    promised = [(plan.scope, plan.promised) for plan in snapshot.plans]
    promised += [(region.scope, region.promised) for region in snapshot.regions]
    stale = Counter(
        (scope, facts) for scope, until_of in promised for facts, until in until_of.items() if until < now
    )
    states = [*_with_nothing_to_read(snapshot.collectors, promised)]
    return Overview(
        now=now,
        zone=snapshot.zone,
        plans=tuple(sorted(rows, key=_severity)),
        gateways=tuple(
            sorted(
                chain.from_iterable(_gateways(region, now) for region in snapshot.regions),
                key=_gateway_severity,
            )
        ),
        restores=tuple(
            sorted(
                chain.from_iterable(_restores(plan, now) for plan in snapshot.plans), key=_restore_severity
            )
        ),
        collectors=tuple(
            sorted(
                (collector_row(state, stale[state.scope, state.facts], now) for state in states),
                key=_collector_severity,
            )
        ),
        untried=sum(not state.tried for state in states),
        stretched=tuple(
            sorted(
                (budget for budget in snapshot.budgets if budget.stretch > 1),
                key=lambda budget: (-budget.stretch, budget.scope),
            )
        ),
        unsaved_since=snapshot.storage.failing_since if snapshot.storage is not None else None,
    )


def plan_row(subject: PlanSubject, now: float, zone: str = "UTC") -> PlanRow:
    """Return one plan, judged; clock times are of that time zone."""
    backups = subject.get(FULL_BACKUPS)
    last = backups.last_success if backups else None
    point, full_at = recovery_point(subject), full_backup_end(last)
    point_age, full_age = _age(point, now), _age(full_at, now)
    holes = recovery_gaps(subject)
    restores = subject.get(RESTORES)
    proven_at = last_proof(subject)
    succeeded_at = restores.last_success_at if restores else None
    state, held = judge(subject, now)
    mute = mute_of(subject)
    return PlanRow(
        subject=subject,
        backups=backups,
        restores_read=restores is not None,
        state=state,
        held=held,
        reasons=(
            *(_unknown(subject, now) if state == "unknown" else ()),
            *_reasons(subject, held, now, zone),
        ),
        worse_at=None if state == "unknown" else worse_from(subject, state, now),
        messages=tuple(dict.fromkeys(_messages(subject))),
        recovery_point_at=point,
        recovery_point_age=point_age,
        recovery_point_ratio=_ratio(point_age, subject.objectives.rpo),
        last_full_at=full_at,
        last_full_age=full_age,
        last_full_ratio=_ratio(full_age, subject.objectives.full_backup_interval),
        size_bytes=last.size_bytes if last else None,
        size_ratio=_ratio(last.size_bytes, backups.size_median_bytes) if last and backups else None,
        log_lag=_age(log_until(subject), now),
        gaps=holes["current"][0] if holes else None,
        gap_seconds=holes["current"][1] if holes else 0.0,
        hole=current_hole(subject),
        muted=mute if mute is not None and mute.begin < now + DAY_SECONDS and mute.end > now else None,
        expires_at=last_good_expires(subject),
        proven_at=proven_at,
        estimate=restore_estimate(subject),
        proven_late=any(each.condition.name == "restore_test" for each in held),
        partly_proven_at=succeeded_at
        if succeeded_at is not None and succeeded_at > (proven_at or 0.0)
        else None,
    )


def _reasons(subject: PlanSubject, held: Iterable[Held], now: float, zone: str) -> Iterable[str]:
    """Yield what holds and for how long, each condition once in its worst state, and what explains it."""
    explained = {each.condition.name: each.cause for each in explanations(subject) if each.until > now}
    shown = set()
    for condition, stage in held:
        if (condition.name, stage.of) in shown:
            continue
        shown.add((condition.name, stage.of))
        sentence = summary(condition.name, stage.state).removesuffix(".")
        of = f" ({stage.of})" if stage.of else ""
        why = f", because {cause(explained[condition.name])}" if condition.name in explained else ""
        yield f"{sentence}{of}, for {span(now - stage.since)}, since {clock(stage.since, zone)}{why}"


def _unknown(subject: PlanSubject, now: float) -> Iterable[str]:
    """Yield why a plan's state is not known."""
    until = subject.promised
    stale = [name for name in (PLANS.name, FULL_BACKUPS.name, LOG_BACKUPS.name) if until.get(name, now) < now]
    if stale:
        for name in stale:
            yield f"{name.replace('_', ' ')} not read in time, for {span(now - until[name])}"
    elif subject.get(FULL_BACKUPS) is None:
        yield "full backups not read yet"
    else:
        yield "recovery point lies in the future"


def _with_nothing_to_read(
    states: Sequence[CollectorState], promised: Iterable[tuple[Scope, Mapping[str, float]]]
) -> Iterator[CollectorState]:
    """Yield how collectors fare; one that no plan has anything for is not waited for."""
    said = {(scope, facts, until < inf) for scope, until_of in promised for facts, until in until_of.items()}
    listed = {state.scope for state in states if state.facts == PLANS.name and state.success}
    for state in states:
        has_something, has_nothing = ((state.scope, state.facts, finite) in said for finite in (True, False))
        is_without_plans = not state.subjects and state.scope in listed
        if not state.tried and (is_without_plans or (has_nothing and not has_something)):
            yield replace(state, tried=True, success=True, subjects=0)
        else:
            yield state


def collector_row(state: CollectorState, stale: int, now: float) -> CollectorRow:
    """Return one collector, of whose subjects so many are stale."""
    return CollectorRow(
        state=state,
        age=_age(state.oldest_success_at, now),
        stale=stale,
        trouble=bool(stale) or not state.permitted or (state.tried and not state.success),
    )


def _messages(subject: PlanSubject) -> Iterable[str]:
    backups = subject.get(FULL_BACKUPS)
    if backups is not None and backups.consecutive_failures and backups.last_failure_message:
        yield backups.last_failure_message
    if subject.plan.error_message:
        yield subject.plan.error_message
    for error in subject.get(JOB_ERRORS) or ():
        yield f"{error.job_kind.replace('_', ' ')} {error.job_id}: {': '.join(filter(None, (error.error_code, error.error_message)))}"
    restores, downloads = subject.get(RESTORES), subject.get(DOWNLOADS)
    for task in restores.tasks if restores else ():
        if task.error_message and task.status != "finish":
            yield f"restore {task.task_id}: {task.error_message}"
    for download in downloads.tasks if downloads else ():
        if download.error_message and download.status != "finish":
            yield f"download {download.task_id}: {download.error_message}"
    if backups is not None and backups.last_success is not None and backups.last_success.error_message:
        yield f"full backup {backups.last_success.backup_set_id}: {backups.last_success.error_message}"
    for check in subject.get(PRECHECKS) or ():
        if check.error_message and check.status == "failed":
            yield f"pre-check of {check.subject.replace('_', ' ')}: {check.error_message}"
        for item in check.items:
            if item.state in NOT_PASSED:
                yield f"pre-check of {check.subject.replace('_', ' ')}: {': '.join(filter(None, (item.item, item.error_message)))}"


def _gateways(subject: RegionSubject, now: float) -> Iterable[GatewayRow]:
    listed = subject.get(PLANS)
    plans = plans_per_gateway(listed.plans) if listed is not None else None
    for gateway in subject.get(GATEWAYS) or ():
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
    restores = subject.get(RESTORES)
    for task in restores.tasks if restores else ():
        if not restore_ended(task):
            # What waits has not begun; it takes its time from when it was first seen to run.
            elapsed = _age(subject.noticed.get(running_key(task)), now)
            late = elapsed is not None and objective is not None and elapsed > objective
            yield RestoreRow(subject=subject, task=task, elapsed=elapsed, late=late)


def _severity(row: PlanRow) -> tuple[int, float, float, str, str]:
    left = float("inf") if row.worse_at is None else row.worse_at
    return STATES.index(row.state), left, -row.urgency, row.subject.plan.name, row.subject.plan.plan_id


def _gateway_severity(row: GatewayRow) -> tuple[bool, int, Scope, str]:
    return not row.trouble, -(row.plans or 0), row.scope, row.gateway.gateway_id


def _restore_severity(row: RestoreRow) -> tuple[bool, float, str]:
    return not row.late, -(row.elapsed or 0.0), row.task.task_id


def _collector_severity(row: CollectorRow) -> tuple[bool, Scope, str]:
    return not row.trouble, row.state.scope, row.state.collector


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)


def _ratio(value: float | None, of: float | None) -> float | None:
    return None if value is None or not of else value / of
