"""A healthy fleet as Prometheus stores it, for tests of the rules.

Time starts at 0 and a sample is taken each minute. A value is a number that stands, or a `Line` that rises with time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Line:
    """`start` at minute 0, `step` more each minute."""

    start: float
    step: float = 60.0


Value = float | Line
Series = Mapping[str, "Value | None"]
NOW = Line(-20.0)
SOON = Line(300.0)
"""Until when facts count as known that are read again and again."""

PLAN: Series = {
    "dbs_plan_info": 1,
    'dbs_plan_status{status="running"}': 1,
    'dbs_plan_status{status="pause"}': 0,
    'dbs_plan_status{status="wait"}': 0,
    "dbs_plan_created_timestamp_seconds": -400 * DAY,
    "dbs_plan_expires_timestamp_seconds": 100 * DAY,
    "dbs_plan_log_backup_enabled": 1,
    'dbs_plan_retention_seconds{backup_type="full"}': 30 * DAY,
    'dbs_plan_retention_seconds{backup_type="log"}': 7 * DAY,
    "dbs_plan_schedule_max_gap_seconds": DAY,
    "dbs_plan_database_objects": 12,
    'dbs_plan_recovery_gaps{scope="current"}': 0,
    'dbs_plan_recovery_gaps{scope="older"}': 0,
    'dbs_plan_recovery_gap_seconds{scope="current"}': 0,
    "dbs_plan_recovery_point_timestamp_seconds": Line(-60.0),
    "dbs_plan_last_good_expires_timestamp_seconds": 29 * DAY,
    'dbs_plan_objective_seconds{objective="rpo"}': 1800,
    'dbs_plan_objective_seconds{objective="full_backup_interval"}': 1.2 * DAY,
    'dbs_plan_objective_seconds{objective="restore_time"}': 4 * HOUR,
    'dbs_plan_objective_seconds{objective="restore_test_interval"}': 100 * DAY,
    "dbs_plan_billing_free_bytes": 1e12,
    'dbs_plan_billing_used_bytes{backup_type="full"}': 4e11,
    'dbs_plan_billing_used_bytes{backup_type="log"}': 1e11,
    'dbs_plan_last_read_timestamp_seconds{collector="full_backups"}': NOW,
    'dbs_plan_last_read_timestamp_seconds{collector="incremental_backups"}': NOW,
    'dbs_plan_last_read_timestamp_seconds{collector="restore_ranges"}': NOW,
    'dbs_plan_last_read_timestamp_seconds{collector="restores"}': NOW,
    'dbs_plan_fresh_until_timestamp_seconds{facts="plans"}': SOON,
    'dbs_plan_fresh_until_timestamp_seconds{facts="full_backups"}': SOON,
    'dbs_plan_fresh_until_timestamp_seconds{facts="log_backups"}': SOON,
    'dbs_plan_fresh_until_timestamp_seconds{facts="ranges"}': SOON,
    'dbs_plan_fresh_until_timestamp_seconds{facts="restores"}': SOON,
    'dbs_plan_fresh_until_timestamp_seconds{facts="downloads"}': SOON,
    'dbs_plan_fresh_until_timestamp_seconds{facts="recovery"}': SOON,
    "dbs_full_backup_last_success_timestamp_seconds": -2 * HOUR,
    "dbs_full_backup_last_success_duration_seconds": 1200,
    "dbs_full_backup_last_success_size_bytes": 1e11,
    "dbs_full_backup_last_attempt_timestamp_seconds": -2 * HOUR - 1300,
    "dbs_full_backup_consecutive_failures": 0,
    "dbs_full_backup_size_median_bytes": 1e11,
    "dbs_full_backup_duration_median_seconds": 1200,
    "dbs_incremental_backup_last_data_timestamp_seconds": Line(-60.0),
    "dbs_incremental_backup_last_completed_timestamp_seconds": Line(-60.0),
    "dbs_restore_last_success_timestamp_seconds": -10 * DAY,
    "dbs_restore_last_success_duration_seconds": 2 * HOUR,
    "dbs_download_last_success_timestamp_seconds": -10 * DAY,
}
GATEWAY: Series = {
    "dbs_gateway_info": 1,
    'dbs_gateway_status{status="ONLINE"}': 1,
    'dbs_gateway_status{status="OFFLINE"}': 0,
    "dbs_gateway_last_heartbeat_timestamp_seconds": Line(-30.0),
    "dbs_gateway_plans": 1,
}
COLLECTORS = ("plans", "gateways", "full_backups", "incremental_backups", "restore_ranges", "restores")
SCOPE: Series = {
    **{
        f'dbs_exporter_collector_{what}{{collector="{name}"}}': value
        for name in COLLECTORS
        for what, value in (
            ("success", 1.0), ("permitted", 1.0), ("subjects", 1.0), ("failed_subjects", 0.0),
            ("last_success_timestamp_seconds", NOW), ("oldest_success_timestamp_seconds", NOW),
        )
    },
    'dbs_region_fresh_until_timestamp_seconds{facts="plans"}': SOON,
    'dbs_region_fresh_until_timestamp_seconds{facts="gateways"}': SOON,
    'dbs_region_fresh_until_timestamp_seconds{facts="networks"}': SOON,
    "dbs_exporter_call_budget_stretch_ratio": 1,
    'dbs_exporter_call_budget_wanted_per_second{collector="full_backups"}': 1.5,
    'dbs_exporter_call_budget_wanted_per_second{collector="restores"}': 0.5,
    "dbs_exporter_api_rate_limit_per_second": 5,
    "dbs_exporter_clock_offset_seconds": 0.2,
    'dbs_exporter_api_requests_total{operation="DescribeFullBackupList",outcome="success"}': Line(0, 100),
    'dbs_exporter_api_requests_total{operation="DescribeFullBackupList",outcome="throttled"}': 0,
    'dbs_exporter_api_requests_total{operation="DescribeFullBackupList",outcome="denied"}': 0,
    'dbs_exporter_api_requests_total{operation="DescribeFullBackupList",outcome="timeout"}': 0,
}  # fmt: skip
ACCOUNT: Series = {
    "dbs_exporter_credentials_expires_timestamp_seconds": Line(1800.0),
    "dbs_exporter_credentials_refresh_failures_total": 0,
}
PROCESS: Series = {
    "dbs_exporter_build_info": 1,
    "dbs_exporter_config_last_reload_successful": 1,
    "dbs_exporter_state_last_write_successful": 1,
    "dbs_exporter_shards": 2,
    'dbs_exporter_shard_info{shard="0"}': 1,
    'dbs_exporter_unknown_values_total{field="BackupStatus"}': 0,
    'dbs_exporter_refused_rows_total{family="dbs_plan_info",reason="error"}': 0,
    "up": 1,
}


def of_peer(key: str) -> str:
    """The same series of the other exporter of the job."""
    name, _, labels = key.partition("{")
    return f'{name}{{instance="peer-exporter:10033",{labels or "}"}'


def of_other(key: str) -> str:
    """The same series of the other plan of the region."""
    name, _, labels = key.partition("{")
    return f'{name}{{plan_id="dbs2",{labels or "}"}'


def of_job(key: str) -> str:
    """The same series of an exporter of another job that reads the same account and region."""
    name, _, labels = key.partition("{")
    return f'{name}{{job="backup",instance="backup:9300",{labels or "}"}'


PEER: Series = {of_peer(key.replace('shard="0"', 'shard="1"')): value for key, value in PROCESS.items()}

READS = (
    "dbs_plan_last_read_timestamp_seconds", "dbs_plan_fresh_until_timestamp_seconds",
    "dbs_region_fresh_until_timestamp_seconds", "dbs_exporter_collector_last_success_timestamp_seconds",
    "dbs_exporter_collector_oldest_success_timestamp_seconds",
)  # fmt: skip
