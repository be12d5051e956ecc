"""Families that rest on several things: what can be restored, and what a plan is held to."""

from __future__ import annotations

from dbs_exporter.conditions.plans import plan_end
from dbs_exporter.facts.billing import BILLING
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.protection import (
    current_hole,
    last_good_expires,
    recoverable_window,
    recovery_gaps,
    recovery_point,
)
from dbs_exporter.facts.restore_estimates import restore_estimate
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family
from dbs_exporter.metrics.rows import of_kinds, single

_LIST = "DescribeBackupPlanList"
_RANGES = "DescribeRestoreRangeInfo"


def _gaps(subject: PlanSubject, field: int) -> list[Row]:
    gaps = recovery_gaps(subject)
    return [] if gaps is None else [((scope,), gap[field]) for scope, gap in gaps.items()]


def _hole(subject: PlanSubject, edge: int) -> list[Row]:
    hole = current_hole(subject)
    return [] if hole is None else single(hole[edge])


def _objectives(subject: PlanSubject) -> list[Row]:
    objectives = subject.objectives
    return of_kinds(
        rpo=objectives.rpo,
        full_backup_interval=objectives.full_backup_interval,
        restore_time=objectives.restore_time,
        restore_test_interval=objectives.restore_test_interval,
    )


def _estimate(subject: PlanSubject) -> list[Row]:
    estimate = restore_estimate(subject)
    return [] if estimate is None else single(estimate.seconds)


FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_plan_expires_timestamp_seconds",
        "When a prepaid plan ends",
        f"{_LIST} InstanceExpiredTimestamp or DescribeBackupPlanBilling BuyExpiredTimestamp",
        lambda subject: single(plan_end(subject)),
        reads=("plan", BILLING),
    ),
    plan_family(
        "dbs_plan_recoverable_from_timestamp_seconds",
        "The oldest instant to which the database can be brought back",
        f"{_RANGES} BeginTimestampForRestore and FullBackupDetail.EndTime,"
        f" else {_LIST} BeginTimestampForRestore",
        lambda subject: single(recoverable_window(subject)[0]),
        reads=("plan", RANGES),
    ),
    plan_family(
        "dbs_plan_recoverable_until_timestamp_seconds",
        "The end of the restorable window",
        f"{_RANGES} EndTimestampForRestore and FullBackupDetail.EndTime, else {_LIST} EndTimestampForRestore",
        lambda subject: single(recoverable_window(subject)[1]),
        reads=("plan", RANGES),
    ),
    plan_family(
        "dbs_plan_recovery_gaps",
        "Holes in continuous recoverability, current ones after the oldest full backup still kept",
        f"derived from {_RANGES} DBSRecoverRange and DescribeFullBackupList EndTime",
        lambda subject: _gaps(subject, 0),
        labels=("scope",),
        reads=(RANGES, FULL_BACKUPS),
    ),
    plan_family(
        "dbs_plan_recovery_gap_seconds",
        "Seconds in the holes that dbs_plan_recovery_gaps counts",
        f"derived from {_RANGES} DBSRecoverRange and DescribeFullBackupList EndTime",
        lambda subject: _gaps(subject, 1),
        labels=("scope",),
        reads=(RANGES, FULL_BACKUPS),
    ),
    plan_family(
        "dbs_plan_recovery_gap_begin_timestamp_seconds",
        "Where the newest current hole in continuous recoverability begins; absent without one",
        f"derived from {_RANGES} DBSRecoverRange and DescribeFullBackupList EndTime",
        lambda subject: _hole(subject, 0),
        reads=(RANGES, FULL_BACKUPS),
    ),
    plan_family(
        "dbs_plan_recovery_gap_end_timestamp_seconds",
        "Where the newest current hole in continuous recoverability ends; absent without one",
        f"derived from {_RANGES} DBSRecoverRange and DescribeFullBackupList EndTime",
        lambda subject: _hole(subject, 1),
        reads=(RANGES, FULL_BACKUPS),
    ),
    plan_family(
        "dbs_plan_recovery_point_timestamp_seconds",
        "The newest instant to which the database can be brought back",
        f"derived from DescribeIncrementBackupList EndTime, DescribeFullBackupList EndTime and {_RANGES}",
        lambda subject: single(recovery_point(subject)),
        reads=("plan", "noticed", "listed_at", RANGES, FULL_BACKUPS, LOG_BACKUPS),
    ),
    plan_family(
        "dbs_plan_last_good_expires_timestamp_seconds",
        "When the last usable backup expires if nothing new succeeds, the point of no recovery",
        "the latest DescribeFullBackupList BackupSetExpiredTime of a finished set",
        lambda subject: single(last_good_expires(subject)),
        reads=(FULL_BACKUPS,),
    ),
    plan_family(
        "dbs_plan_restore_estimate_seconds",
        "How long a restore of all that the plan names to the newest instant would take: the slowest of the last three that worked,"
        " to the kind of instance it backs up, by the bytes of the set and the log replayed; absent without one, and the log left"
        " out where none replayed any",
        "derived from DescribeRestoreTaskList RestoreTaskCreateTime, RestoreTaskFinishTime, RestoreTime and"
        " DescribeFullBackupList BackupSize",
        _estimate,
        reads=("plan", "proofs", "noticed", "listed_at", RANGES, FULL_BACKUPS, LOG_BACKUPS, RESTORES),
    ),
    plan_family(
        "dbs_plan_objective_seconds",
        "What the plan is held to",
        f"the configuration, else derived from {_LIST} BackupPeriod and EnableBackupLog",
        _objectives,
        labels=("objective",),
        reads=("objectives",),
    ),
    plan_family(
        "dbs_plan_objective_source_info",
        "Where an objective comes from: configured, schedule, learned (twice the usual time between the ends of log files), default;"
        " always 1",
        f"the configuration, else {_LIST} BackupPeriod, DescribeIncrementBackupList EndTime",
        lambda subject: [(pair, 1) for pair in subject.objectives.sources.items()],
        labels=("objective", "source"),
        reads=("objectives",),
    ),
)
