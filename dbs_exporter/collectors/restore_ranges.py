"""Restorable points and ranges of a plan: how they are read, and their family · DescribeRestoreRangeInfo."""

from __future__ import annotations

from dbs_exporter.collectors.base import PROBE_DAY_MILLISECONDS, PlanCollector, PlanReading, Read
from dbs_exporter.collectors.dues import Due, Dues, Pace, resting
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.restore_ranges import RANGE_TYPES, RANGES, RestoreRange, read_restore_ranges
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import counted

_OPERATION = "DescribeRestoreRangeInfo"

STALL_SECONDS = 900.0
"""A window that stood longer than this and moves again may have left a hole."""


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


HOURLY_SECONDS = 3_600.0


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when a plan's ranges can have changed: after a full backup, after its window stood; at most once an hour."""
    known = subject.known(RANGES)
    read_at = known.read_at or 0.0
    backups = subject.get(FULL_BACKUPS)
    last = backups.last_success if backups else None
    finished_at = (last.finished_at or last.ended_at) if last else None
    window = subject.window
    resumed = (
        window.moved_at is not None and window.stood_seconds > STALL_SECONDS and window.moved_at > read_at
    )
    events = [
        at for at in (finished_at, window.moved_at if resumed else None) if at is not None and at > read_at
    ]
    if not events:
        return (resting(known, pace),)
    at = max(min(events), read_at + min(HOURLY_SECONDS, pace.at_rest))
    expected = Due(at=at, patience=pace.interval, why="a full backup finished, or the log came back")
    return expected, resting(known, pace)


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
    at_rest_seconds=21_600,
    rank=3,
    calls_per_backup=1,
    due=due,
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
