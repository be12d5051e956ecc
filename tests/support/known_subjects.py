"""A plan and a region of which everything is known, for tests that need every family to have samples."""

from __future__ import annotations

from support.subjects import subject_with

from dbs_exporter.facts.billing import BILLING, Billing
from dbs_exporter.facts.downloads import DOWNLOADS, DownloadHistory, DownloadTask
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.job_errors import JOB_ERRORS, JobError
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.networks import NETWORKS, REGIONS, NodeNetworks
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan, PlanList, Schedule
from dbs_exporter.facts.prechecks import PRECHECKS, Precheck, PrecheckItem
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import AccountSubject, PlanSubject, RegionSubject, Scope
from dbs_exporter.facts.tallies import Tally

SCOPE = Scope(account="prod", region="cn-hangzhou")
FREE_TEXT = "Access denied for user 'backup'@'10.0.0.1'"
"""An error message of the API, which no label may carry."""

BACKUP = FullBackup(
    backup_set_id="set1",
    status="finish",
    created_at=1000.0,
    started_at=1100.0,
    ended_at=1400.0,
    finished_at=1500.0,
    expires_at=9000.0,
    size_bytes=4096,
    storage_class="Standard",
)
RUNNING = FullBackup(
    backup_set_id="set2",
    status="running",
    created_at=2000.0,
    started_at=2100.0,
    structure_progress=1.0,
    data_progress=0.25,
    error_message=FREE_TEXT,
)
TASK = RestoreTask(
    task_id="task1",
    plan_id="dbs1",
    status="running",
    name="drill",
    created_at=3000.0,
    finished_at=3500.0,
    target_at=2500.0,
    progress=(("pre_structure", 1.0), ("full_data", 0.5)),
    destination_type="RDS",
    destination_instance_id="rm-2",
    destination_region="cn-beijing",
    backup_set_id="set1",
    error_message=FREE_TEXT,
)
DOWNLOAD = DownloadTask(
    task_id="download1",
    plan_id="dbs1",
    status="finish",
    backup_set_id="set1",
    data_format="SQL",
    way="manual",
    target_type="OSS",
    gateway_id="7",
    job_type="full",
    size_bytes=4096,
    created_at=4000.0,
    finished_at=4100.0,
    error_message=FREE_TEXT,
)
_PLAN = PlanSubject(
    scope=SCOPE,
    plan=Plan(
        plan_id="dbs1",
        name="orders",
        status="running",
        database_type="MySQL",
        backup_method="logical",
        instance_class="small",
        source_type="RDS",
        source_instance_id="rm-1",
        source_region="cn-hangzhou",
        gateway_id="7",
        resource_group_id="rg-1",
        cross_account_id="42",
        created_at=100.0,
        expires_at=99_000.0,
        log_backup_enabled=True,
        full_retention_seconds=604_800.0,
        log_retention_seconds=86_400.0,
        schedule=Schedule(weekdays=(0, 3), start_minute=90),
        objects=("a", "b", "c"),
        error_message=FREE_TEXT,
    ),
    objectives=Objectives(
        rpo=300.0, full_backup_interval=90_000.0, restore_time=3600.0, restore_test_interval=8e6
    ),
    promised={"plans": 5400.0, "full_backups": 9000.0, "log_backups": 7000.0, "restores": 8000.0},
)
PLAN = subject_with(
    _PLAN,
    (
        FULL_BACKUPS,
        FullBackupHistory(
            last_success=BACKUP,
            last_attempt=RUNNING,
            running=RUNNING,
            orphans=1,
            consecutive_failures=2,
            counts=(("finish", 5), ("running", 1)),
            bytes_by_storage_class=(("Standard", 4096),),
            size_median_bytes=4000.5,
            duration_median_seconds=290.0,
            last_good_expires_at=9000.0,
            last_failure_message=FREE_TEXT,
        ),
        5000.0,
        Tally(success=4, failure=1, size_bytes=20_480, duration_seconds=1200.5),
    ),
    (
        LOG_BACKUPS,
        LogHistory(
            last_data_at=2200.0,
            last_completed_at=2190.0,
            count=10,
            counts=(("COMPLETED", 9), ("FILLING", 1)),
            bytes_by_storage_class=(("IA", 512),),
        ),
        None,
        Tally(success=9, size_bytes=512),
    ),
    (
        RESTORES,
        RestoreHistory(
            tasks=(TASK,),
            counts=(("running", 1),),
            last_success_at=1800.0,
            last_success_duration_seconds=60.0,
        ),
        5001.0,
        Tally(success=1, failure=2),
    ),
    (
        RANGES,
        (
            RestoreRange(range_type="range", begin_at=1.0, end_at=2.0),
            RestoreRange(range_type="range", begin_at=3.0, end_at=4.0),
        ),
    ),
    (
        PRECHECKS,
        (
            Precheck(
                subject="plan",
                subject_id="dbs1",
                status="failed",
                progress=0.75,
                items=(
                    PrecheckItem(item="CHECK_SOURCE_CONN", state="failed", error_message=FREE_TEXT),
                    PrecheckItem(item="CHECK_SOURCE_CONN", state="caught"),
                    PrecheckItem(item="CHECK_BINLOG", state="warning"),
                    PrecheckItem(item="CHECK_VERSION", state="finish"),
                    PrecheckItem(item="CHECK_LATER", state="init"),
                ),
            ),
        ),
    ),
    (DOWNLOADS, DownloadHistory(tasks=(DOWNLOAD,), counts=(("finish", 1),), last_success_at=4100.0)),
    (
        JOB_ERRORS,
        (JobError(job_kind="full_backup", job_id="set2", error_code="DBS-1001", error_message=FREE_TEXT),),
    ),
    (
        BILLING,
        Billing(
            charge_type="PREPAY",
            spec="small",
            full_storage_bytes=1,
            log_storage_bytes=2,
            full_used_bytes=3,
            log_used_bytes=4,
            free_bytes=5,
            paid_bytes=6,
        ),
    ),
)
REGION = subject_with(
    RegionSubject(scope=SCOPE, promised={"plans": 5400.0, "gateways": 5500.0}),
    (
        GATEWAYS,
        (
            Gateway(
                gateway_id="7",
                status="ONLINE",
                identifier="gw",
                display_name="office",
                hostname="host",
                internet_ip="1.2.3.4",
                intranet_ip="10.0.0.1",
                created_at=10.0,
                last_heartbeat_at=20.0,
            ),
        ),
    ),
    (PLANS, PlanList(plans=tuple(Plan(plan_id=f"dbs{number}", gateway_id="7") for number in range(3)))),
    (NETWORKS, NodeNetworks(internet=("1.2.3.0/24", "1.2.3.0/24"), intranet=("10.0.0.0/8",))),
)
ACCOUNT = subject_with(AccountSubject(account=SCOPE.account), (REGIONS, (SCOPE.region,)))
