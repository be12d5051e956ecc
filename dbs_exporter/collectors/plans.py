"""Backup plans: the list of a region, and the families of what a plan is · DescribeBackupPlanList."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from dbs_exporter.collectors.base import Reading, RegionCollector
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.fields import text
from dbs_exporter.facts.objectives import schedule_max_gap_seconds
from dbs_exporter.facts.plans import PLAN_STATUSES, PLANS, Plan, PlanList, read_plan
from dbs_exporter.facts.records import Fields
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import of_kinds, single, state

_LIST = "DescribeBackupPlanList"
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def read_plans(reading: Reading) -> PlanList:
    """Read all plans of a region · DescribeBackupPlanList.

    Many regions share an endpoint; a record that names another region (BackupPlanRegion) is left to that region. Raises BadAnswer
    if no record can be read.
    """

    def here(fields: Fields) -> Plan | None:
        plan_region = text(fields.record, "BackupPlanRegion").lower()
        if plan_region and not _REGION.fullmatch(plan_region):
            # Left to another region, the plan would be in none.
            raise BadAnswer(f"a region expected, not {plan_region[:60]!r}", field="BackupPlanRegion")
        return read_plan(fields) if plan_region in ("", reading.region.lower()) else None

    reader = reading.reader
    read: list[tuple[list[Plan | None], list[BadAnswer]]] = []

    def on_page(page: list[dict[str, Any]], total: int) -> None:
        # A plan that is listed is a fact at once; only that one is gone takes the whole list.
        each = [reader.readable([record], here) for record in page]
        read.extend(each)
        reading.on_part(_plan_list(each, total=total))

    records = reading.pages(
        _LIST,
        on_page=on_page,
        Region=reading.region,
        ShowRecoverTimeRange=True,
        ShowBackupStrategyInfo=True,
        ShowStorageStrategyInfo=True,
    )
    # Pages of a list that changed while it was read came before those that make it.
    listed = read[len(read) - len(records) :]
    problems = [problem for _, unreadable in listed for problem in unreadable]
    if problems and len(problems) == len(listed):
        raise problems[0]
    return replace(_plan_list(listed, total=len(records)), whole=not problems)


def _plan_list(read: Iterable[tuple[list[Plan | None], list[BadAnswer]]], *, total: int) -> PlanList:
    plans = {plan.plan_id: plan for found, _ in read for plan in found if plan is not None}
    return PlanList(plans=tuple(plans.values()), whole=False, total=total)


def _info(subject: PlanSubject) -> list[Row]:
    plan = subject.plan
    labels = (
        plan.name,
        plan.database_type,
        plan.backup_method,
        plan.instance_class,
        plan.source_type,
        plan.source_instance_id,
        plan.source_region,
        plan.gateway_id,
        plan.resource_group_id,
        plan.cross_account_id,
    )
    return [(labels, 1)]


def _log_backup_enabled(subject: PlanSubject) -> list[Row]:
    enabled = subject.plan.log_backup_enabled
    return [] if enabled is None else single(int(enabled))


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_plan_info",
        "What the backup plan is; always 1",
        f"{_LIST} BackupPlanDetail",
        _info,
        labels=(
            "plan_name",
            "database_type",
            "backup_method",
            "instance_class",
            "source_type",
            "source_instance_id",
            "source_region",
            "gateway_id",
            "resource_group_id",
            "cross_account_id",
        ),
    ),
    plan_family(
        "dbs_plan_status",
        "1 for the status the plan has, 0 for the others",
        f"{_LIST} BackupPlanStatus",
        lambda subject: state(PLAN_STATUSES, subject.plan.status),
        labels=("status",),
        is_state=True,
    ),
    plan_family(
        "dbs_plan_created_timestamp_seconds",
        "When the plan was created",
        f"{_LIST} BackupPlanCreateTime",
        lambda subject: single(subject.plan.created_at),
    ),
    plan_family(
        "dbs_plan_log_backup_enabled",
        "1 if the plan is set to back up the log, 0 if not",
        f"{_LIST} EnableBackupLog",
        _log_backup_enabled,
    ),
    plan_family(
        "dbs_plan_retention_seconds",
        "How long backups are kept",
        f"{_LIST} BackupRetentionPeriod and LogBackupRetentionPeriod",
        lambda subject: of_kinds(
            full=subject.plan.full_retention_seconds, log=subject.plan.log_retention_seconds
        ),
        labels=("backup_type",),
    ),
    plan_family(
        "dbs_plan_schedule_max_gap_seconds",
        "The largest gap between two scheduled full backups",
        f"derived from {_LIST} BackupPeriod",
        lambda subject: single(schedule_max_gap_seconds(subject.plan.schedule)),
    ),
    plan_family(
        "dbs_plan_database_objects",
        "Databases that the plan names to be backed up",
        f"{_LIST} BackupObjects",
        lambda subject: single(subject.plan.objects_count),
    ),
)

COLLECTOR = RegionCollector(
    name="plans",
    summary="DescribeBackupPlanList: which plans there are.",
    section="Plans",
    group=PLANS,
    operations=(_LIST,),
    interval_seconds=120,
    read=read_plans,
    families=with_reads(_FAMILIES, "plan"),
)
