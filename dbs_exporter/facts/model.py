"""Frozen facts about plans, backups, restores and gateways, as the API told them.

`api.wire` makes the records, `protection` condenses lists of them, `store` bundles them into subjects, `metrics.catalogue`
turns subjects into rows. None always means "not known". Times are Unix seconds, spans seconds, sizes bytes, progress 0 to 1.
This module holds no logic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Scope:
    """One account in one region: the labels that every family starts with."""

    account: str
    region: str


PLAN_STATUSES = ("wait", "init", "check_pass", "running", "stop", "pause", "locked")
FULL_BACKUP_STATUSES = ("schedule", "running", "finish", "stop", "pause")
LOG_FILE_STATUSES = ("INIT", "FILLING", "COMPLETED", "UNCOMPLETED")
RESTORE_STATUSES = ("init", "check_pass", "running", "stop", "pause", "finish")
RESTORE_STAGES = (
    "pre_structure",
    "full_data",
    "post_structure",
    "continuous",
    "physical_full",
    "physical_incremental",
    "physical_full_and_incremental",
    "physical_recover",
    "physical_online",
)
PRECHECK_STATUSES = ("running", "failed", "finish")
PRECHECK_ITEM_STATES = ("init", "running", "warning", "caught", "failed", "finish")
GATEWAY_STATUSES = ("ONLINE", "OFFLINE", "STOPPED", "UPGRADING")
DOWNLOAD_STATUSES = (
    "init", "checking", "check_pass", "schedule", "running", "pause", "stop", "warning", "cached", "failed", "finish",
)  # fmt: skip
STORAGE_CLASSES = ("Standard", "IA", "Archive", "UNKNOWN")
RANGE_TYPES = ("point", "range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When full backups start: weekdays (Monday is 0) and minutes after midnight (time zone not documented)."""

    weekdays: tuple[int, ...]
    start_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One backup plan · DescribeBackupPlanList, Items.BackupPlanDetail."""

    plan_id: str
    name: str = ""
    status: str = ""
    database_type: str = ""
    backup_method: str = ""
    instance_class: str = ""
    source_type: str = ""
    source_instance_id: str = ""
    source_region: str = ""
    gateway_id: str = ""
    """"" if the plan uses no gateway (the wire says 0)."""
    resource_group_id: str = ""
    cross_account_id: str = ""
    created_at: float | None = None
    expires_at: float | None = None
    """End of a prepaid plan (InstanceExpiredTimestamp)."""
    log_backup_enabled: bool | None = None
    full_retention_seconds: float | None = None
    log_retention_seconds: float | None = None
    schedule: Schedule | None = None
    restore_begin_at: float | None = None
    restore_end_at: float | None = None
    objects_count: int | None = None
    """Databases named in BackupObjects; None where that is not a list."""
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullBackup:
    """One full backup set or job · DescribeFullBackupList, Items.FullBackupFile."""

    backup_set_id: str
    status: str
    created_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    size_bytes: int | None = None
    storage_class: str = ""
    structure_progress: float | None = None
    data_progress: float | None = None
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One incremental (log) backup file · DescribeIncrementBackupList, Items.IncrementBackupFile.

    Identity is (job_id, file_id): file names repeat across source instances.
    """

    file_id: str
    job_id: str
    source_id: str
    status: str
    started_at: float | None = None
    ended_at: float | None = None
    expires_at: float | None = None
    size_bytes: int | None = None
    storage_class: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTask:
    """One restore task · DescribeRestoreTaskList, Items.RestoreTaskDetail."""

    task_id: str
    plan_id: str
    status: str
    name: str = ""
    created_at: float | None = None
    finished_at: float | None = None
    target_at: float | None = None
    progress: tuple[tuple[str, float], ...] = ()
    """(stage of RESTORE_STAGES, 0 to 1), only the stages the API reports."""
    destination_type: str = ""
    destination_instance_id: str = ""
    destination_region: str = ""
    backup_set_id: str = ""
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRange:
    """One restorable point or range · DescribeRestoreRangeInfo, Items.DBSRecoverRange.

    For a point the instants are those of its full backups (FullBackupDetail.EndTime).
    """

    range_type: str
    begin_at: float | None
    end_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecheckItem:
    """One item of a pre-check · DescribePreCheckProgressList, Items.PreCheckProgressDetail."""

    item: str
    state: str
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precheck:
    """The pre-check of a plan or a restore task · DescribePreCheckProgressList."""

    subject: Literal["plan", "restore_task"]
    subject_id: str
    status: str
    progress: float | None
    items: tuple[PrecheckItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadTask:
    """One backup set download · DescribeBackupSetDownloadTaskList, Items.BackupSetDownloadTaskDetail."""

    task_id: str
    plan_id: str
    status: str
    backup_set_id: str = ""
    data_format: str = ""
    way: str = ""
    target_type: str = ""
    gateway_id: str = ""
    job_type: str = ""
    size_bytes: int | None = None
    created_at: float | None = None
    finished_at: float | None = None
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """The standard error code of a failed job · DescribeJobErrorCode, Item."""

    job: Literal["full_backup", "restore"]
    job_id: str
    error_code: str
    """"" if the API names none; kept, so that it is asked once."""
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What a plan stores and has used · DescribeBackupPlanBilling, Item."""

    charge_type: str = ""
    spec: str = ""
    expires_at: float | None = None
    full_storage_bytes: int | None = None
    log_storage_bytes: int | None = None
    full_used_bytes: int | None = None
    log_used_bytes: int | None = None
    free_bytes: int | None = None
    paid_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One backup gateway · DescribeBackupGatewayList, Items.BackupGateway."""

    gateway_id: str
    status: str
    identifier: str = ""
    display_name: str = ""
    hostname: str = ""
    internet_ip: str = ""
    intranet_ip: str = ""
    created_at: float | None = None
    last_heartbeat_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNetworks:
    """Networks that DBS connects from · DescribeNodeCidrList."""

    internet: tuple[str, ...] = ()
    intranet: tuple[str, ...] = ()


# ── condensed lists: what stays in memory of a list that may be thousands long (made by `protection`) ──

Counts = tuple[tuple[str, int], ...]
"""(status or class, how many), every documented one and those seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullBackupHistory:
    """A plan's full backup list, condensed; independent of the list's length."""

    last_success: FullBackup | None = None
    last_attempt: FullBackup | None = None
    running: FullBackup | None = None
    consecutive_failures: int = 0
    counts: Counts = ()
    bytes_by_storage_class: Counts = ()
    size_median_bytes: float | None = None
    duration_median_seconds: float | None = None
    oldest_kept_at: float | None = None
    """EndTime of the oldest finished set that has not expired."""
    newest_recovery_point_at: float | None = None
    """EndTime of the newest finished set that has not expired."""
    last_good_expires_at: float | None = None
    """Latest expiry among the finished sets."""
    last_failure_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHistory:
    """A plan's log file list, condensed."""

    last_data_at: float | None = None
    last_completed_at: float | None = None
    counts: Counts = ()
    bytes_by_storage_class: Counts = ()
    spans: tuple[tuple[float, float], ...] = ()
    """Merged (begin, end) of contiguous log, oldest first; at most 64, the newest kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreHistory:
    """A plan's restore tasks: those not ended and the newest five ended ones, and what the whole list says."""

    tasks: tuple[RestoreTask, ...] = ()
    counts: Counts = ()
    last_success_at: float | None = None
    last_success_duration_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadHistory:
    """A plan's download tasks, kept as restores are."""

    tasks: tuple[DownloadTask, ...] = ()
    counts: Counts = ()
    last_success_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the exporter itself has seen reach an end since it first saw the plan; never goes down."""

    success: int = 0
    failure: int = 0
    size_bytes: int = 0
    duration_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What a plan is held to, in seconds; None where neither the configuration nor the plan's schedule says."""

    rpo: float | None = None
    full_backup_interval: float | None = None
    restore_time: float | None = None
    restore_test_interval: float | None = None


# ── subjects: what metrics are made of, one swap each ──


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSubject:
    """Everything known of one plan. A group that was never read is None and gives no rows."""

    scope: Scope
    plan: Plan
    objectives: Objectives = Objectives()
    full_backups: FullBackupHistory | None = None
    full_backup_tally: Tally = Tally()
    logs: LogHistory | None = None
    log_tally: Tally = Tally()
    restores: RestoreHistory | None = None
    restore_tally: Tally = Tally()
    ranges: tuple[RestoreRange, ...] | None = None
    prechecks: tuple[Precheck, ...] | None = None
    downloads: DownloadHistory | None = None
    job_errors: tuple[JobError, ...] | None = None
    billing: Billing | None = None
    read_at: tuple[tuple[str, float], ...] = ()
    """(collector, when its last whole read of this plan ended), plan-level collectors only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSubject:
    """Everything known of one account and region that belongs to no single plan."""

    scope: Scope
    supported: bool | None = None
    """Listed by DescribeRegions; None while that was never read."""
    gateways: tuple[Gateway, ...] | None = None
    gateway_plans: tuple[tuple[str, int], ...] | None = None
    """(gateway_id, plans that back up through it); None while the plan list is not known."""
    networks: NodeNetworks | None = None


Subject = PlanSubject | RegionSubject
SubjectKey = tuple[str, str, str]
"""(account, region, plan_id); plan_id is "" for the region's own subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorState:
    """How one collector fares in one scope, for the exporter's own metrics, the status page and readiness."""

    scope: Scope
    collector: str
    interval_seconds: float
    finished_first_run: bool = False
    success: bool = False
    """The last run read everything it should (what RAM does not permit is not counted against it)."""
    permitted: bool = True
    """False while RAM refuses the operation to these credentials."""
    last_run_at: float | None = None
    duration_seconds: float | None = None
    last_success_at: float | None = None
    oldest_success_at: float | None = None
    """The worst subject's last success."""
    subjects: int = 0
    failed_subjects: int = 0
    skipped_runs: int = 0
    last_error: str = ""
    """One sentence with the subject's id; never a secret."""
    last_error_at: float | None = None
