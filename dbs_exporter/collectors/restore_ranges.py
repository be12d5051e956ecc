"""Restorable points and ranges of a plan: how they are read, and their family · DescribeRestoreRangeInfo."""

from __future__ import annotations

from dbs_exporter.collectors.base import PROBE_DAY_MILLISECONDS, PlanCollector, PlanReading, Read
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.restore_ranges import RANGE_TYPES, RANGES, RestoreRange, read_restore_ranges
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import counted

_OPERATION = "DescribeRestoreRangeInfo"


def read_ranges(reading: PlanReading) -> Read[tuple[RestoreRange, ...]]:
    """Read the ranges between the edges that the plan list gives; without edges nothing can be restored.

    Edges that are there and cannot be read are no edges that are missing. Raises BadAnswer.
    """
    plan = reading.subject.plan
    for edge in ("BeginTimestampForRestore", "EndTimestampForRestore"):
        if edge in plan.unreadable:
            raise BadAnswer("the plan list gives an edge that cannot be read", field=edge)
    if plan.restore_begin_at is None or plan.restore_end_at is None:
        return Read(facts=())
    answer = reading.call(
        _OPERATION,
        BackupPlanId=plan.plan_id,
        BeginTimestampForRestore=int(plan.restore_begin_at * 1000),
        EndTimestampForRestore=int(max(plan.restore_end_at, reading.now) * 1000),
    )
    return Read(facts=read_restore_ranges(answer, reading.reader))


def _ranges(subject: PlanSubject) -> list[Row]:
    ranges = subject.get(RANGES)
    return [] if ranges is None else counted(RANGE_TYPES, [each.range_type for each in ranges])


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_plan_recoverable_ranges",
        "Restorable points and ranges",
        f"{_OPERATION} RangeType",
        _ranges,
        labels=("range_type",),
    ),
)

COLLECTOR = PlanCollector(
    name="restore_ranges",
    summary="DescribeRestoreRangeInfo, for each plan.",
    section="Plans",
    group=RANGES,
    operations=(_OPERATION,),
    interval_seconds=600,
    read=read_ranges,
    nothing=(),
    families=with_reads(_FAMILIES, RANGES),
    probe={
        _OPERATION: lambda now: {
            "BeginTimestampForRestore": int(now * 1000) - PROBE_DAY_MILLISECONDS,
            "EndTimestampForRestore": int(now * 1000),
        }
    },
)
