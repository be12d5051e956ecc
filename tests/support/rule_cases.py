"""For every alert, what must be changed in the healthy fleet so that it fires, and so that it nearly does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from support.rule_world import DAY, HOUR, Line, Series, of_other, of_peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What makes an alert fire for the first of two subjects.

    `near` just fails to; `labels` come beside those of the subject; `old` says whether it fires when all that it judges was
    last read an hour before; `needs` are the series without each of which it cannot fire.
    """

    change: Series
    near: Series
    needs: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    subject: str = "plan"
    old: bool = True


RPO, FULL = "dbs_plan_recovery_point_timestamp_seconds", "dbs_full_backup_last_success_timestamp_seconds"
INTERVAL = 'dbs_plan_objective_seconds{objective="full_backup_interval"}'
RPO_OBJECTIVE = 'dbs_plan_objective_seconds{objective="rpo"}'
TEST_OBJECTIVE = 'dbs_plan_objective_seconds{objective="restore_test_interval"}'
FAILURES = "dbs_full_backup_consecutive_failures"
EXPIRES = "dbs_plan_expires_timestamp_seconds"
BEAT = "dbs_gateway_last_heartbeat_timestamp_seconds"
READ_FULL = 'dbs_plan_last_read_timestamp_seconds{collector="full_backups"}'
FRESH = 'dbs_plan_fresh_until_timestamp_seconds{facts="%s"}'
FRESH_LIST = 'dbs_region_fresh_until_timestamp_seconds{facts="%s"}'
STRETCH = "dbs_exporter_call_budget_stretch_ratio"
OFFSET = "dbs_exporter_clock_offset_seconds"
RUNS = 'dbs_restore_task_status{restore_task_id="r1",status="running"}'
STOPPED = 'dbs_restore_task_status{restore_task_id="r1",status="stop"}'
MADE = 'dbs_restore_task_created_timestamp_seconds{restore_task_id="r1"}'
MOVES = 'dbs_restore_task_progress_ratio{restore_task_id="r1",stage="full_data"}'
DOWN_FAILED = 'dbs_download_task_status{download_task_id="d1",status="failed"}'
DOWN_RUNS = 'dbs_download_task_status{download_task_id="d1",status="running"}'
DOWN_MADE = 'dbs_download_task_created_timestamp_seconds{download_task_id="d1"}'
CALLS = 'dbs_exporter_api_requests_total{operation="DescribeFullBackupList",outcome="%s"}'
OF = 'dbs_exporter_collector_%s{collector="full_backups"}'
OF_FULL = {"collector": "full_backups"}
R1, D1 = {"restore_task_id": "r1"}, {"download_task_id": "d1"}


def falls(name: str, before: float, after: float) -> Series:
    """A series that changed at minute 5, by way of a step that the renderer knows as `before|after`."""
    return {f"{name}|{before:g}": after}


CASES: dict[str, Case] = {
    "DBSRecoveryPointBreached": Case(
        change={RPO: -1800}, near={RPO: Line(-1790.0)}, needs=(RPO, RPO_OBJECTIVE), old=False
    ),
    "DBSRecoveryPointAtRisk": Case(
        change={RPO: Line(-1500.0)},
        near={RPO: Line(-1430.0)},
        needs=(RPO, RPO_OBJECTIVE, INTERVAL),
        old=False,
    ),
    "DBSFullBackupOverdue": Case(
        change={FULL: -1.2 * DAY}, near={FULL: -1.1 * DAY}, needs=(FULL, INTERVAL), old=False
    ),
    "DBSFullBackupMissed": Case(
        change={"dbs_full_backup_last_attempt_timestamp_seconds": -DAY - HOUR},
        near={"dbs_full_backup_last_attempt_timestamp_seconds": -DAY + HOUR},
        needs=(
            "dbs_full_backup_last_attempt_timestamp_seconds",
            "dbs_plan_schedule_max_gap_seconds",
            'dbs_plan_status{status="running"}',
        ),
        old=False,
    ),
    "DBSFullBackupFailed": Case(change={FAILURES: 1}, near={FAILURES: 0}, needs=(FAILURES,)),
    "DBSFullBackupFailingRepeatedly": Case(change={FAILURES: 2}, near={FAILURES: 1}, needs=(FAILURES,)),
    "DBSFullBackupNeverSucceeded": Case(
        change={FULL: None},
        near={FULL: None, "dbs_plan_created_timestamp_seconds": -2 * DAY},
        needs=(READ_FULL, "dbs_plan_info"),
    ),
    "DBSLogBackupOff": Case(
        change={"dbs_plan_log_backup_enabled": 0},
        near={
            "dbs_plan_log_backup_enabled": 0,
            "dbs_incremental_backup_last_completed_timestamp_seconds": None,
            RPO_OBJECTIVE: 1.2 * DAY,
        },
        needs=("dbs_plan_log_backup_enabled",),
    ),
    "DBSRecoveryGap": Case(
        change={
            'dbs_plan_recovery_gaps{scope="current"}': 1,
            'dbs_plan_recovery_gap_seconds{scope="current"}': 900,
        },
        near={'dbs_plan_recovery_gaps{scope="older"}': 1},
        needs=('dbs_plan_recovery_gaps{scope="current"}',),
    ),
    "DBSRecoveryGapOlder": Case(
        change={'dbs_plan_recovery_gaps{scope="older"}': 2},
        near={'dbs_plan_recovery_gaps{scope="current"}': 1},
        needs=('dbs_plan_recovery_gaps{scope="older"}',),
    ),
    "DBSFullBackupEmpty": Case(
        change={"dbs_full_backup_last_success_size_bytes": 0},
        near={"dbs_full_backup_last_success_size_bytes": 1},
        needs=("dbs_full_backup_last_success_size_bytes",),
    ),
    "DBSFullBackupSizeAnomaly": Case(
        change={"dbs_full_backup_last_success_size_bytes": 4e10},
        near={"dbs_full_backup_last_success_size_bytes": 6e10},
        needs=("dbs_full_backup_last_success_size_bytes", "dbs_full_backup_size_median_bytes"),
    ),
    "DBSFullBackupSlow": Case(
        change={"dbs_full_backup_last_success_duration_seconds": 3000},
        near={
            "dbs_full_backup_last_success_duration_seconds": 500,
            "dbs_full_backup_duration_median_seconds": 100,
        },
        needs=("dbs_full_backup_last_success_duration_seconds", "dbs_full_backup_duration_median_seconds"),
    ),
    "DBSFullBackupStuck": Case(
        change={"dbs_full_backup_running_started_timestamp_seconds": -HOUR},
        near={"dbs_full_backup_running_started_timestamp_seconds": 2400},
        needs=(
            "dbs_full_backup_running_started_timestamp_seconds",
            "dbs_full_backup_duration_median_seconds",
        ),
        old=False,
    ),
    "DBSLastGoodBackupExpiring": Case(
        change={"dbs_plan_last_good_expires_timestamp_seconds": 2 * DAY, FAILURES: 1},
        near={"dbs_plan_last_good_expires_timestamp_seconds": 2 * DAY},
        needs=("dbs_plan_last_good_expires_timestamp_seconds", INTERVAL, FAILURES),
    ),
    "DBSRetentionTooShort": Case(
        change={'dbs_plan_retention_seconds{backup_type="full"}': 2 * DAY},
        near={'dbs_plan_retention_seconds{backup_type="full"}': 3 * DAY},
        needs=('dbs_plan_retention_seconds{backup_type="full"}', INTERVAL),
    ),
    "DBSPlanWeakened": Case(
        change=falls('dbs_plan_retention_seconds{backup_type="full"}', 40 * DAY, 30 * DAY),
        near=falls('dbs_plan_retention_seconds{backup_type="full"}', 20 * DAY, 30 * DAY),
        needs=('dbs_plan_retention_seconds{backup_type="full"}',),
        labels={"backup_type": "full"},
    ),
    "DBSScheduleWeakened": Case(
        change=falls("dbs_plan_schedule_max_gap_seconds", DAY, 2 * DAY),
        near=falls("dbs_plan_schedule_max_gap_seconds", 2 * DAY, DAY),
        needs=("dbs_plan_schedule_max_gap_seconds",),
    ),
    "DBSDatabaseObjectsDropped": Case(
        change=falls("dbs_plan_database_objects", 12, 11),
        near=falls("dbs_plan_database_objects", 11, 12),
        needs=("dbs_plan_database_objects",),
    ),
    "DBSPlanNotRunning": Case(
        change={'dbs_plan_status{status="running"}': 0, 'dbs_plan_status{status="pause"}': 1},
        near={
            'dbs_plan_status{status="running"}': 0,
            'dbs_plan_status{status="wait"}': 1,
            "dbs_plan_created_timestamp_seconds": -HOUR,
        },
        needs=('dbs_plan_status{status="pause"}',),
        labels={"status": "pause"},
    ),
    "DBSPlanGone": Case(
        change={"dbs_plan_info": None},
        near={"dbs_plan_info": None, FULL: None},
        needs=(FULL, FRESH_LIST % "plans"),
        subject="gone plan",
    ),
    "DBSPrecheckFailed": Case(
        change={'dbs_precheck_status{subject="plan",subject_id="dbs1",status="failed"}': 1},
        near={'dbs_precheck_status{subject="plan",subject_id="dbs1",status="failed"}': 0},
        needs=('dbs_precheck_status{subject="plan",subject_id="dbs1",status="failed"}',),
        labels={"subject": "plan", "subject_id": "dbs1"},
    ),
    "DBSPlanExpiring": Case(change={EXPIRES: 10 * DAY}, near={EXPIRES: 15 * DAY}, needs=(EXPIRES,)),
    "DBSPlanExpiresSoon": Case(change={EXPIRES: 2 * DAY}, near={EXPIRES: 4 * DAY}, needs=(EXPIRES,)),
    "DBSQuotaNearlyUsed": Case(
        change={'dbs_plan_billing_used_bytes{kind="full"}': 8.5e11},
        near={'dbs_plan_billing_used_bytes{kind="full"}': 7.5e11},
        needs=("dbs_plan_billing_free_bytes", 'dbs_plan_billing_used_bytes{kind="full"}'),
    ),
    "DBSProtectionUnknown": Case(
        change={FRESH % "recovery": -HOUR},
        near={FRESH % "full_backups": -HOUR},
        needs=(FRESH % "recovery", "dbs_plan_info"),
    ),
    "DBSRestoreFailed": Case(
        change={STOPPED: 1, MADE: -HOUR},
        near={STOPPED: 1, MADE: -HOUR, "dbs_restore_last_success_timestamp_seconds": 0},
        needs=(STOPPED, MADE),
        labels=R1,
    ),
    "DBSRestoreStuck": Case(
        change={RUNS: 1, MOVES: 0.4, MADE: -HOUR},
        near={RUNS: 1, MOVES: Line(0.1, 0.001), MADE: -HOUR},
        needs=(RUNS, MOVES),
        labels=R1,
        old=False,
    ),
    "DBSRestoreWillMissObjective": Case(
        change={
            RUNS: 1,
            MADE: -3 * HOUR,
            MOVES: Line(0.1, 0.001),
            "dbs_restore_last_success_duration_seconds": 5 * HOUR,
        },
        near={RUNS: 1, MADE: -HOUR, MOVES: Line(0.1, 0.01)},
        needs=(RUNS, MADE, 'dbs_plan_objective_seconds{objective="restore_time"}'),
        labels=R1,
    ),
    "DBSRestoreNeverTested": Case(
        change={"dbs_restore_last_success_timestamp_seconds": None},
        near={
            "dbs_restore_last_success_timestamp_seconds": None,
            "dbs_plan_created_timestamp_seconds": -90 * DAY,
        },
        needs=(TEST_OBJECTIVE, 'dbs_plan_last_read_timestamp_seconds{collector="restores"}'),
    ),
    "DBSRestoreTestOverdue": Case(
        change={"dbs_restore_last_success_timestamp_seconds": -101 * DAY},
        near={"dbs_restore_last_success_timestamp_seconds": -99 * DAY},
        needs=("dbs_restore_last_success_timestamp_seconds", TEST_OBJECTIVE),
    ),
    "DBSDownloadFailed": Case(
        change={DOWN_FAILED: 1, DOWN_MADE: -HOUR},
        near={DOWN_FAILED: 1, DOWN_MADE: -HOUR, "dbs_download_last_success_timestamp_seconds": 0},
        needs=(DOWN_FAILED, DOWN_MADE),
        labels=D1,
    ),
    "DBSDownloadStuck": Case(
        change={DOWN_RUNS: 1, DOWN_MADE: -DAY},
        near={DOWN_RUNS: 1, DOWN_MADE: -HOUR},
        needs=(DOWN_RUNS, DOWN_MADE),
        labels=D1,
    ),
    "DBSGatewayOffline": Case(
        change={'dbs_gateway_status{status="OFFLINE"}': 1},
        near={'dbs_gateway_status{status="OFFLINE"}': 1, "dbs_gateway_plans": 0},
        needs=('dbs_gateway_status{status="OFFLINE"}', "dbs_gateway_plans"),
        subject="gateway",
    ),
    "DBSGatewayHeartbeatStale": Case(
        change={BEAT: Line(-400.0)},
        near={BEAT: Line(-300.0)},
        needs=(
            BEAT,
            "dbs_gateway_plans",
            'dbs_exporter_collector_last_success_timestamp_seconds{collector="gateways"}',
        ),
        subject="gateway",
        old=False,
    ),
    "DBSExporterDown": Case(change={"up": 0}, near={"up": 1}, needs=("up",), subject="process"),
    "DBSExporterAbsent": Case(
        change={"dbs_exporter_build_info": None, of_peer("dbs_exporter_build_info"): None},
        near={"dbs_exporter_build_info": None},
        needs=(),
        subject="nobody",
    ),
    "DBSExporterScopeGone": Case(
        change=falls(STRETCH, 1, float("nan")),
        near={'dbs_exporter_collector_success{collector="plans"}': None},
        needs=(STRETCH,),
        subject="scope of a job",
    ),
    "DBSExporterBlind": Case(
        change={
            FRESH_LIST % "plans": -HOUR,
            FRESH % "plans": -HOUR,
            of_other(FRESH % "plans"): -HOUR,
            'dbs_exporter_collector_last_success_timestamp_seconds{collector="plans"}': -HOUR,
        },
        near={FRESH_LIST % "plans": -HOUR},
        needs=(FRESH_LIST % "plans",),
        labels={"collector": "plans"},
        subject="scope",
    ),
    "DBSExporterCollectorStale": Case(
        change={FRESH % "full_backups": -HOUR},
        near={OF % "oldest_success_timestamp_seconds": -HOUR},
        needs=(FRESH % "full_backups", OF % "permitted"),
        labels=OF_FULL,
        subject="scope",
    ),
    "DBSExporterCredentialsFailing": Case(
        change={"dbs_exporter_credentials_refresh_failures_total": Line(0, 1)},
        near={CALLS % "denied": Line(0, 1)},
        needs=("dbs_exporter_credentials_refresh_failures_total",),
        subject="account",
    ),
    "DBSExporterCredentialsExpiring": Case(
        change={"dbs_exporter_credentials_expires_timestamp_seconds": HOUR},
        near={"dbs_exporter_credentials_expires_timestamp_seconds": 3 * HOUR},
        needs=("dbs_exporter_credentials_expires_timestamp_seconds",),
        subject="account",
    ),
    "DBSExporterThrottled": Case(
        change={CALLS % "throttled": Line(0, 10)},
        near={CALLS % "throttled": Line(0, 4)},
        needs=(CALLS % "throttled",),
        subject="scope",
    ),
    "DBSExporterAPIErrors": Case(
        change={CALLS % "timeout": Line(0, 10)},
        near={CALLS % "timeout": Line(0, 4)},
        needs=(CALLS % "timeout",),
        subject="scope",
    ),
    "DBSExporterCallBudget": Case(
        change={STRETCH: 1.5, 'dbs_exporter_call_budget_wanted_per_second{collector="full_backups"}': 6.25},
        near={STRETCH: 1.15},
        needs=(STRETCH,),
        subject="scope",
    ),
    "DBSExporterClockOffset": Case(
        change={OFFSET: -45}, near={OFFSET: 25}, needs=(OFFSET,), subject="process"
    ),
    "DBSExporterNotPermitted": Case(
        change={OF % "permitted": 0},
        near={OF % "permitted": 1},
        needs=(OF % "permitted",),
        labels=OF_FULL,
        subject="scope",
    ),
    "DBSExporterReloadFailed": Case(
        change={"dbs_exporter_config_last_reload_successful": 0},
        near={"dbs_exporter_config_last_reload_successful": 1},
        needs=("dbs_exporter_config_last_reload_successful",),
        subject="process",
    ),
    "DBSExporterShardMissing": Case(
        change={"dbs_exporter_shards": 3},
        near={"dbs_exporter_shards": 3, 'dbs_exporter_shard_info{instance="third:10033",shard="2"}': 1},
        needs=("dbs_exporter_shards",),
        subject="job",
    ),
    "DBSExporterShardsDisagree": Case(
        change={"dbs_exporter_shards": 1},
        near={'dbs_exporter_shards{job="another"}': 1},
        needs=("dbs_exporter_shards",),
        subject="job",
    ),
    "DBSExporterUnknownValues": Case(
        change={'dbs_exporter_unknown_values_total{field="BackupStatus"}': Line(0, 1)},
        near={'dbs_exporter_unknown_values_total{field="BackupStatus"}': 7},
        needs=('dbs_exporter_unknown_values_total{field="BackupStatus"}',),
        labels={"field": "BackupStatus"},
        subject="nobody",
    ),
    "DBSExporterRowsRefused": Case(
        change={'dbs_exporter_refused_rows_total{family="dbs_plan_info",reason="error"}': Line(0, 1)},
        near={'dbs_exporter_refused_rows_total{family="dbs_plan_info",reason="error"}': 7},
        needs=('dbs_exporter_refused_rows_total{family="dbs_plan_info",reason="error"}',),
        labels={"family": "dbs_plan_info", "reason": "error"},
        subject="nobody",
    ),
}
