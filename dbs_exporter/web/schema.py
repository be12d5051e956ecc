"""The answers of `/api/v1`, for scripts, and how they are made from the overview. Pure; reads no clock.

Times are RFC 3339 in UTC, spans seconds, sizes bytes; what is not known is null.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import asdict, astuple, fields

from dbs_exporter.conditions.algebra import State
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.web.page.overview import CollectorRow, GatewayRow, Overview, PlanRow
from dbs_exporter.web.page.plan import ConditionRow, PlanView, not_passed

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class PlanSummary(Struct, frozen=True, kw_only=True):
    """One plan: its state, and the instants that it rests on."""

    account: str
    region: str
    plan_id: str
    name: str
    database_type: str
    source_instance_id: str
    status: str
    """As the API has it: running, stop, pause, locked, ..."""
    state: State
    worse_at: datetime | None
    """When it will be at risk or worse unless something new arrives."""
    recovery_point_at: datetime | None
    """The newest instant to which the database can be brought back."""
    last_full_backup_at: datetime | None
    last_full_backup_bytes: int | None
    last_good_expires_at: datetime | None
    """From when on nothing is left to restore from if no new backup succeeds."""
    restore_proven_at: datetime | None
    recovery_gaps: int | None
    rpo_seconds: float | None
    full_backup_interval_seconds: float | None
    restore_time_seconds: float | None
    restore_test_interval_seconds: float | None
    reasons: str
    """What is wrong, in words, the gravest first; joined by "; "."""


class ConditionAnswer(Struct, frozen=True, kw_only=True):
    """Something that is wrong with a plan, or will be unless something new arrives."""

    condition: str
    state: State
    summary: str
    task_id: str
    """The restore or download task that it is about; "" for the plan."""
    since: datetime | None
    until: datetime | None
    holds: bool
    alert: str
    severity: str
    explained_by: str
    """What explains it, so that it raises no alert; "" if nothing does."""


class Span(Struct, frozen=True, kw_only=True):
    """From when until when."""

    begin_at: datetime | None
    end_at: datetime | None


class BackupAnswer(Struct, frozen=True, kw_only=True):
    """One of the last full backups."""

    status: str
    began_at: datetime | None
    ended_at: datetime | None
    size_bytes: int | None


class RestoreAnswer(Struct, frozen=True, kw_only=True):
    """One restore task; progress by stage, from 0 to 1."""

    restore_task_id: str
    name: str
    status: str
    created_at: datetime | None
    finished_at: datetime | None
    target_at: datetime | None
    still_since: datetime | None
    """Since when its progress has not moved."""
    progress: dict[str, float]
    error_message: str


class DownloadAnswer(Struct, frozen=True, kw_only=True):
    """One download of a backup set."""

    download_task_id: str
    backup_set_id: str
    status: str
    created_at: datetime | None
    finished_at: datetime | None
    size_bytes: int | None
    error_message: str


class PrecheckAnswer(Struct, frozen=True, kw_only=True):
    """The pre-check of a plan or a restore task."""

    subject: str
    subject_id: str
    status: str
    not_passed: Sequence[str]


class SourceAnswer(Struct, frozen=True, kw_only=True):
    """A list that the answer rests on."""

    facts: str
    read_at: datetime | None
    fresh_until: datetime | None
    """None also where there is nothing to read."""
    stale: bool


class GatewayAnswer(Struct, frozen=True, kw_only=True):
    """One backup gateway."""

    account: str
    region: str
    gateway_id: str
    name: str
    hostname: str
    status: str
    last_heartbeat_at: datetime | None
    plans: int | None
    """Plans behind it; null while the plan list is not known."""
    trouble: bool


class PlanAnswer(Struct, frozen=True, kw_only=True):
    """Everything about one plan."""

    as_of: datetime | None
    plan: PlanSummary
    messages: Sequence[str]
    """What went wrong, in the API's own words."""
    conditions: Sequence[ConditionAnswer]
    """What holds, the gravest first, then what will, the soonest first."""
    restorable: Span | None
    holes: Sequence[Span]
    full_backups: Sequence[BackupAnswer]
    """The last 30, the oldest first."""
    restores: Sequence[RestoreAnswer]
    downloads: Sequence[DownloadAnswer]
    prechecks: Sequence[PrecheckAnswer]
    gateway: GatewayAnswer | None
    sources: Sequence[SourceAnswer]


class PlansAnswer(Struct, frozen=True, kw_only=True):
    """Plans, the worst first."""

    as_of: datetime | None
    plans: Sequence[PlanSummary]


class GatewaysAnswer(Struct, frozen=True, kw_only=True):
    """Gateways, those in trouble first."""

    as_of: datetime | None
    gateways: Sequence[GatewayAnswer]


class CollectorAnswer(Struct, frozen=True, kw_only=True):
    """One collector of an account's region."""

    account: str
    region: str
    collector: str
    trouble: bool
    permitted: bool
    subjects: int
    stale: int
    failed: int
    oldest_read_at: datetime | None
    last_error: str


class BudgetAnswer(Struct, frozen=True, kw_only=True):
    """Where the budget of calls does not suffice."""

    account: str
    region: str
    stretch: float
    """How many times later than planned readings come."""


class StatusAnswer(Struct, frozen=True, kw_only=True):
    """How the fleet and the exporter are."""

    as_of: datetime | None
    version: str
    plans: dict[State, int]
    gateways_in_trouble: int
    restores_late: int
    collectors_in_trouble: Sequence[CollectorAnswer]
    stretched: Sequence[BudgetAnswer]
    unsaved_since: datetime | None


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """Why there is no answer."""

    error: str


def plans_answer(facts: Overview, rows: Iterable[PlanRow]) -> PlansAnswer:
    """Return these plans."""
    return PlansAnswer(as_of=time(facts.now), plans=[plan_summary(row) for row in rows])


def gateways_answer(facts: Overview) -> GatewaysAnswer:
    """Return all gateways."""
    return GatewaysAnswer(as_of=time(facts.now), gateways=[_gateway(row) for row in facts.gateways])


def status_answer(facts: Overview, version: str) -> StatusAnswer:
    """Return how the fleet and the exporter are."""
    return StatusAnswer(
        as_of=time(facts.now),
        version=version,
        plans=facts.counts(),
        gateways_in_trouble=sum(row.trouble for row in facts.gateways),
        restores_late=sum(row.late for row in facts.restores),
        collectors_in_trouble=[_collector(row, row.state) for row in facts.collectors if row.trouble],
        stretched=[
            BudgetAnswer(account=each.scope.account, region=each.scope.region, stretch=each.stretch)
            for each in facts.stretched
        ],
        unsaved_since=time(facts.unsaved_since),
    )


def plan_answer(view: PlanView) -> PlanAnswer:
    """Return everything about one plan."""
    window = view.window
    return PlanAnswer(
        as_of=time(view.now),
        plan=plan_summary(view.row),
        messages=view.row.messages,
        conditions=[_condition(each) for each in view.conditions],
        restorable=Span(begin_at=time(window.begin_at), end_at=time(window.point_at)) if window else None,
        holes=[
            Span(begin_at=time(hole.begin_at), end_at=time(hole.end_at))
            for hole in (window.holes if window else ())
        ],
        full_backups=[
            BackupAnswer(
                status=bar.job.status,
                began_at=time(bar.job.began_at),
                ended_at=time(bar.job.ended_at),
                size_bytes=bar.job.size_bytes,
            )
            for bar in view.bars
        ],
        restores=[
            RestoreAnswer(
                restore_task_id=each.task.task_id,
                name=each.task.name,
                status=each.task.status,
                created_at=time(each.task.created_at),
                finished_at=time(each.task.finished_at),
                target_at=time(each.task.target_at),
                still_since=time(each.still_since),
                progress=dict(each.task.progress),
                error_message=each.task.error_message,
            )
            for each in view.restores
        ],
        downloads=[
            DownloadAnswer(
                download_task_id=task.task_id,
                backup_set_id=task.backup_set_id,
                status=task.status,
                created_at=time(task.created_at),
                finished_at=time(task.finished_at),
                size_bytes=task.size_bytes,
                error_message=task.error_message,
            )
            for task in view.downloads
        ],
        prechecks=[
            PrecheckAnswer(
                subject=check.subject,
                subject_id=check.subject_id,
                status=check.status,
                not_passed=not_passed(check),
            )
            for check in view.prechecks
        ],
        gateway=_gateway(view.gateway) if view.gateway else None,
        sources=[
            SourceAnswer(
                facts=each.name,
                read_at=time(each.read_at),
                fresh_until=time(each.fresh_until),
                stale=each.stale,
            )
            for each in view.sources
        ],
    )


def plan_summary(row: PlanRow) -> PlanSummary:
    """Return one plan in short."""
    plan, objectives = row.subject.plan, row.subject.objectives
    return PlanSummary(
        account=row.subject.scope.account,
        region=row.subject.scope.region,
        plan_id=plan.plan_id,
        name=plan.name,
        database_type=plan.database_type,
        source_instance_id=plan.source_instance_id,
        status=plan.status,
        state=row.state,
        worse_at=time(row.worse_at),
        recovery_point_at=time(row.recovery_point_at),
        last_full_backup_at=time(row.last_full_at),
        last_full_backup_bytes=row.size_bytes,
        last_good_expires_at=time(row.expires_at),
        restore_proven_at=time(row.proven_at),
        recovery_gaps=row.gaps,
        reasons="; ".join(row.reasons),
        **_objectives(objectives),
    )


def csv_of(plans: Iterable[PlanSummary]) -> str:
    """Return plans as CSV (RFC 4180) with a line of names; no cell is a formula."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(field.name for field in fields(PlanSummary))
    writer.writerows([_cell(value) for value in astuple(plan)] for plan in plans)
    return written.getvalue()


def time(at: float | None) -> datetime | None:
    """Return an instant in UTC to the second; None where no calendar reaches."""
    try:
        return None if at is None else datetime.fromtimestamp(int(at), UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _objectives(objectives: Objectives) -> dict[str, float | None]:
    return {
        f"{name}_seconds": value
        for name, value in asdict(objectives).items()
        if name in ("rpo", "full_backup_interval", "restore_time", "restore_test_interval")
    }


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _condition(row: ConditionRow) -> ConditionAnswer:
    return ConditionAnswer(
        condition=row.name,
        state=row.state,
        summary=row.summary,
        task_id=row.of,
        since=time(row.since),
        until=time(row.until),
        holds=row.holds,
        alert=row.alert,
        severity=row.severity or "",
        explained_by=row.cause,
    )


def _gateway(row: GatewayRow) -> GatewayAnswer:
    return GatewayAnswer(
        account=row.scope.account,
        region=row.scope.region,
        gateway_id=row.gateway.gateway_id,
        name=row.gateway.display_name,
        hostname=row.gateway.hostname,
        status=row.gateway.status,
        last_heartbeat_at=time(row.gateway.last_heartbeat_at),
        plans=row.plans,
        trouble=row.trouble,
    )


def _collector(row: CollectorRow, state: CollectorState) -> CollectorAnswer:
    return CollectorAnswer(
        account=state.scope.account,
        region=state.scope.region,
        collector=state.collector,
        trouble=row.trouble,
        permitted=state.permitted,
        subjects=state.subjects,
        stale=row.stale,
        failed=state.failed_subjects,
        oldest_read_at=time(state.oldest_success_at),
        last_error=state.last_error,
    )
