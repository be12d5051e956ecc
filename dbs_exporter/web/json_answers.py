"""How the answers of `/api/v1` are made from the overview. Pure; reads no clock."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from msgspec.structs import asdict, astuple, fields

from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.web.json_schema import (
    BackupAnswer,
    BudgetAnswer,
    CollectorAnswer,
    ConditionAnswer,
    DownloadAnswer,
    GatewayAnswer,
    GatewaysAnswer,
    PlanAnswer,
    PlansAnswer,
    PlanSummary,
    PrecheckAnswer,
    RestoreAnswer,
    SourceAnswer,
    Span,
    StatusAnswer,
)  # fmt: skip
from dbs_exporter.web.page.overview import CollectorRow, GatewayRow, Overview, PlanRow
from dbs_exporter.web.page.plan import ConditionRow, PlanView, not_passed

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plans_answer(facts: Overview, rows: Iterable[PlanRow]) -> PlansAnswer:
    """Return these plans."""
    return PlansAnswer(as_of=time(facts.now), plans=[plan_summary(row) for row in rows])


def gateways_answer(facts: Overview) -> GatewaysAnswer:
    """Return all gateways."""
    return GatewaysAnswer(as_of=time(facts.now), gateways=[_gateway(row) for row in facts.gateways])


def status_answer(facts: Overview, version: str, shard: int, shard_pages: Sequence[str]) -> StatusAnswer:
    """Return how the fleet and the exporter are; `shard_pages` are "" where they are not known."""
    return StatusAnswer(
        as_of=time(facts.now),
        version=version,
        shard=shard,
        shards=len(shard_pages),
        shard_pages=[page for page in shard_pages if page],
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
        restore_estimate_seconds=row.estimate.seconds if row.estimate is not None else None,
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
