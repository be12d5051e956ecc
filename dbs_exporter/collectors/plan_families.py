"""Families of what a plan is, what it promises and what can be restored from it."""

from __future__ import annotations

from dbs_exporter.facts import protection
from dbs_exporter.facts.model import PLAN_STATUSES, RANGE_TYPES, PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family
from dbs_exporter.metrics.rows import counted, of_kinds, one, state

_LIST = "DescribeBackupPlanList"
_RANGES = "DescribeRestoreRangeInfo"
_BILLING = "DescribeBackupPlanBilling"


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


def _expires(subject: PlanSubject) -> list[Row]:
    if subject.plan.expires_at is None and subject.billing:
        return one(subject.billing.expires_at)
    return one(subject.plan.expires_at)


def _log_backup_enabled(subject: PlanSubject) -> list[Row]:
    enabled = subject.plan.log_backup_enabled
    return [] if enabled is None else one(int(enabled))


def _ranges(subject: PlanSubject) -> list[Row]:
    if subject.ranges is None:
        return []
    return counted(RANGE_TYPES, [each.range_type for each in subject.ranges])


def _gaps(subject: PlanSubject, field: int) -> list[Row]:
    gaps = protection.recovery_gaps(subject)
    return [] if gaps is None else [((scope,), gap[field]) for scope, gap in gaps.items()]


def _objectives(subject: PlanSubject) -> list[Row]:
    objectives = subject.objectives
    return of_kinds(
        rpo=objectives.rpo,
        full_backup_interval=objectives.full_backup_interval,
        restore_time=objectives.restore_time,
        restore_test_interval=objectives.restore_test_interval,
    )


def _billing_storage(subject: PlanSubject) -> list[Row]:
    billing = subject.billing
    return [] if billing is None else of_kinds(full=billing.full_storage_bytes, log=billing.log_storage_bytes)


def _billing_used(subject: PlanSubject) -> list[Row]:
    billing = subject.billing
    return [] if billing is None else of_kinds(full=billing.full_used_bytes, log=billing.log_used_bytes)


def _billing_info(subject: PlanSubject) -> list[Row]:
    billing = subject.billing
    return [] if billing is None else one(1, billing.charge_type, billing.spec)


def _last_read(subject: PlanSubject) -> list[Row]:
    return [((collector,), read_at) for collector, read_at in subject.read_at]


PLAN_FAMILIES: tuple[Family, ...] = (
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
        reads=("plan",),
    ),
    plan_family(
        "dbs_plan_status",
        "1 for the status the plan has, 0 for the others",
        f"{_LIST} BackupPlanStatus",
        lambda subject: state(PLAN_STATUSES, subject.plan.status),
        labels=("status",),
        reads=("plan",),
    ),
    plan_family(
        "dbs_plan_created_timestamp_seconds",
        "When the plan was created",
        f"{_LIST} BackupPlanCreateTime",
        lambda subject: one(subject.plan.created_at),
        reads=("plan",),
    ),
    plan_family(
        "dbs_plan_expires_timestamp_seconds",
        "When a prepaid plan ends",
        f"{_LIST} InstanceExpiredTimestamp or {_BILLING} BuyExpiredTimestamp",
        _expires,
        reads=("plan", "billing"),
    ),
    plan_family(
        "dbs_plan_log_backup_enabled",
        "1 if the plan is set to back up the log, 0 if not",
        f"{_LIST} EnableBackupLog",
        _log_backup_enabled,
        reads=("plan",),
    ),
    plan_family(
        "dbs_plan_retention_seconds",
        "How long backups are kept",
        f"{_LIST} BackupRetentionPeriod and LogBackupRetentionPeriod",
        lambda subject: of_kinds(
            full=subject.plan.full_retention_seconds, log=subject.plan.log_retention_seconds
        ),
        labels=("backup_type",),
        reads=("plan",),
    ),
    plan_family(
        "dbs_plan_schedule_max_gap_seconds",
        "The largest gap between two scheduled full backups",
        f"derived from {_LIST} BackupPeriod",
        lambda subject: one(protection.schedule_max_gap_seconds(subject.plan.schedule)),
        reads=("plan",),
    ),
    plan_family(
        "dbs_plan_database_objects",
        "Databases that the plan names to be backed up",
        f"{_LIST} BackupObjects",
        lambda subject: one(subject.plan.objects_count),
        reads=("plan",),
    ),
    plan_family(
        "dbs_plan_recoverable_from_timestamp_seconds",
        "The oldest instant to which the database can be brought back",
        f"{_RANGES} BeginTimestampForRestore and FullBackupDetail.EndTime,"
        f" else {_LIST} BeginTimestampForRestore",
        lambda subject: one(protection.recoverable_window(subject)[0]),
        reads=("plan", "ranges"),
    ),
    plan_family(
        "dbs_plan_recoverable_until_timestamp_seconds",
        "The end of the restorable window",
        f"{_RANGES} EndTimestampForRestore and FullBackupDetail.EndTime, else {_LIST} EndTimestampForRestore",
        lambda subject: one(protection.recoverable_window(subject)[1]),
        reads=("plan", "ranges"),
    ),
    plan_family(
        "dbs_plan_recoverable_ranges",
        "Restorable points and ranges",
        f"{_RANGES} RangeType",
        _ranges,
        labels=("range_type",),
        reads=("ranges",),
    ),
    plan_family(
        "dbs_plan_recovery_gaps",
        "Holes in continuous recoverability, current ones after the oldest full backup still kept",
        f"derived from {_RANGES} DBSRecoverRange and DescribeFullBackupList EndTime",
        lambda subject: _gaps(subject, 0),
        labels=("scope",),
        reads=("ranges", "full_backups"),
    ),
    plan_family(
        "dbs_plan_recovery_gap_seconds",
        "Seconds in the holes that dbs_plan_recovery_gaps counts",
        f"derived from {_RANGES} DBSRecoverRange and DescribeFullBackupList EndTime",
        lambda subject: _gaps(subject, 1),
        labels=("scope",),
        reads=("ranges", "full_backups"),
    ),
    plan_family(
        "dbs_plan_recovery_point_timestamp_seconds",
        "The newest instant to which the database can be brought back",
        f"derived from DescribeIncrementBackupList EndTime, DescribeFullBackupList EndTime and {_RANGES}",
        lambda subject: one(protection.recovery_point(subject)),
        reads=("plan", "ranges", "full_backups", "logs"),
    ),
    plan_family(
        "dbs_plan_last_good_expires_timestamp_seconds",
        "When the last usable backup expires if nothing new succeeds, the point of no recovery",
        "the latest DescribeFullBackupList BackupSetExpiredTime of a finished set",
        lambda subject: one(protection.last_good_expires(subject)),
        reads=("full_backups",),
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
        "dbs_plan_billing_storage_bytes",
        "Bytes stored now",
        f"{_BILLING} FullStorageSize and ContStorageSize",
        _billing_storage,
        labels=("kind",),
        reads=("billing",),
    ),
    plan_family(
        "dbs_plan_billing_used_bytes",
        "Bytes of the quota used by backups so far",
        f"{_BILLING} UsedFullBytes and UsedIncrementBytes",
        _billing_used,
        labels=("kind",),
        reads=("billing",),
    ),
    plan_family(
        "dbs_plan_billing_free_bytes",
        "Bytes a prepaid plan may back up without further charge",
        f"{_BILLING} TotalFreeBytes",
        lambda subject: one(subject.billing.free_bytes if subject.billing else None),
        reads=("billing",),
    ),
    plan_family(
        "dbs_plan_billing_paid_bytes",
        "Bytes that are charged for",
        f"{_BILLING} PaiedBytes",
        lambda subject: one(subject.billing.paid_bytes if subject.billing else None),
        reads=("billing",),
    ),
    plan_family(
        "dbs_plan_billing_info",
        "How the plan is paid for; always 1",
        f"{_BILLING} BuyChargeType and BuySpec",
        _billing_info,
        labels=("charge_type", "spec"),
        reads=("billing",),
    ),
    plan_family(
        "dbs_plan_last_read_timestamp_seconds",
        "When the collector last read this plan whole, the age of what the plan's other families say",
        "the exporter's clock at the end of DescribeFullBackupList, DescribeIncrementBackupList and so on",
        _last_read,
        labels=("collector",),
        reads=("read_at",),
    ),
)
