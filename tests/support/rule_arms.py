"""For each part of an alert's expression, what makes that part alone decide: every `or`, every exception, both sides of a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from support.rule_cases import (
    BEAT,
    CALLS,
    D1,
    DOWN_MADE,
    EXPIRES,
    FAILURES,
    FULL,
    MADE,
    MOVES,
    OF,
    OF_FULL,
    R1,
    RPO,
    RPO_OBJECTIVE,
    RUNS,
    STOPPED,
)
from support.rule_world import DAY, HOUR, Line, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A change of the healthy fleet, and whether the alert fires by it."""

    what: str
    change: Series
    fires: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


def both_sides(what: str, fires: Series, quiet: Series, **labels: str) -> tuple[Arm, Arm]:
    """A threshold: just beyond it, and just before."""
    return (
        Arm(what=f"{what}: beyond", change=fires, labels=labels),
        Arm(what=f"{what}: before", change=quiet, fires=False),
    )


T = 90 * 60.0
"""When they are judged, in seconds. Rules are evaluated each five minutes: what waits (`for`) must hold at T - 300 already, and what
is kept firing for a quarter of an hour must have ended before that."""
LOG = "dbs_incremental_backup_last_data_timestamp_seconds"
LOG_ON = "dbs_plan_log_backup_enabled"
FILES = 'dbs_incremental_backup_files{status="COMPLETED"}'
ATTEMPT = "dbs_full_backup_last_attempt_timestamp_seconds"
CREATED = "dbs_plan_created_timestamp_seconds"
SIZE = "dbs_full_backup_last_success_size_bytes"
TOOK, USUAL = "dbs_full_backup_last_success_duration_seconds", "dbs_full_backup_duration_median_seconds"
STARTED = "dbs_full_backup_running_started_timestamp_seconds"
GAP = "dbs_plan_schedule_max_gap_seconds"
LAST_GOOD = "dbs_plan_last_good_expires_timestamp_seconds"
RESTORED, RESTORE_TOOK = (
    "dbs_restore_last_success_timestamp_seconds",
    "dbs_restore_last_success_duration_seconds",
)
RUNNING = 'dbs_plan_status{status="running"}'
INTERVAL_SECONDS = 1.2 * DAY
PLANS_READ = 'dbs_exporter_collector_last_success_timestamp_seconds{collector="plans"}'
PLANS_GOOD = 'dbs_exporter_collector_success{collector="plans"}'


def status(metric: str, value: str, **labels: str) -> str:
    """A series of a state set."""
    inner = ",".join(f'{name}="{text}"' for name, text in {**labels, "status": value}.items())
    return f"{metric}{{{inner}}}"


def plan_in(state: str) -> Series:
    return {RUNNING: 0, status("dbs_plan_status", state): 1}


RANGES_OLD = {'dbs_plan_last_read_timestamp_seconds{collector="restore_ranges"}': -3 * HOUR}
"""Nothing is known of the restorable ranges any more; what full backups and log say stands."""
PLAN_ARMS: dict[str, tuple[Arm, ...]] = {
    "DBSRecoveryPointBreached": (Arm(what="ranges are old", change={RPO: -1800, **RANGES_OLD}),),
    "DBSFullBackupOverdue": (Arm(what="ranges are old", change={FULL: -1.2 * DAY, **RANGES_OLD}),),
    "DBSFullBackupMissed": (
        *both_sides("an hour late", {ATTEMPT: T - DAY - HOUR - 60}, {ATTEMPT: T - DAY - HOUR + 60}),
        Arm(what="not running", change={ATTEMPT: -DAY - HOUR, RUNNING: 0}, fires=False),
    ),
    "DBSFullBackupNeverSucceeded": both_sides(
        "two intervals old",
        {FULL: None, CREATED: T - 2 * INTERVAL_SECONDS - 60},
        {FULL: None, CREATED: T - 2 * INTERVAL_SECONDS + 60},
    ),
    "DBSLogBackupLagging": (
        *both_sides("half the RPO", {LOG: Line(-910.0)}, {LOG: Line(-890.0)}),
        Arm(what="log is off", change={LOG: Line(-1000.0), LOG_ON: 0}, fires=False),
    ),
    "DBSLogBackupOff": (
        Arm(what="there was log", change={LOG_ON: 0, RPO_OBJECTIVE: INTERVAL_SECONDS}),
        Arm(what="the objective needs log", change={LOG_ON: 0, FILES: 0}),
        Arm(what="neither", change={LOG_ON: 0, FILES: 0, RPO_OBJECTIVE: INTERVAL_SECONDS}, fires=False),
    ),
    "DBSFullBackupSizeAnomaly": (
        *both_sides("half", {SIZE: 4.9e10}, {SIZE: 5.1e10}),
        *both_sides("double", {SIZE: 2.1e11}, {SIZE: 1.9e11}),
        Arm(what="empty, which has its own", change={SIZE: 0}, fires=False),
    ),
    "DBSFullBackupSlow": (
        *both_sides("twice as long", {TOOK: 2500}, {TOOK: 2300}),
        *both_sides("ten minutes", {TOOK: 610, USUAL: 100}, {TOOK: 590, USUAL: 100}),
        *both_sides(
            "longer than the schedule's gap", {TOOK: 1.01 * DAY, USUAL: DAY}, {TOOK: 0.99 * DAY, USUAL: DAY}
        ),
    ),
    "DBSFullBackupStuck": (
        *both_sides("an hour at least", {STARTED: T - 3660, USUAL: 10}, {STARTED: T - 3540, USUAL: 10}),
        *both_sides(
            "three times as long", {STARTED: T - 6060, USUAL: 2000}, {STARTED: T - 5940, USUAL: 2000}
        ),
        *both_sides(
            "longer than the schedule's gap",
            {STARTED: T - 7260, USUAL: None, GAP: 7200},
            {STARTED: T - 7140, USUAL: None, GAP: 7200},
        ),
    ),
    "DBSLastGoodBackupExpiring": (
        *both_sides(
            "within two intervals",
            {LAST_GOOD: T + 2 * INTERVAL_SECONDS - 60, FAILURES: 1},
            {LAST_GOOD: T + 2 * INTERVAL_SECONDS + 60, FAILURES: 1},
        ),
        Arm(what="overdue instead of failed", change={LAST_GOOD: 2 * DAY, FULL: -1.2 * DAY}),
    ),
    "DBSRetentionTooShort": both_sides(
        "two intervals",
        {'dbs_plan_retention_seconds{backup_type="full"}': 1.99 * INTERVAL_SECONDS},
        {'dbs_plan_retention_seconds{backup_type="full"}': 2.01 * INTERVAL_SECONDS},
    ),
    "DBSPlanNotRunning": (
        *(
            Arm(what=state, change=plan_in(state), labels={"status": state})
            for state in ("stop", "pause", "locked", "wait", "init", "check_pass")
        ),
        *both_sides(
            "a day old",
            {**plan_in("wait"), CREATED: T - DAY - 60},
            {**plan_in("wait"), CREATED: T - DAY + 60},
            status="wait",
        ),
    ),
    "DBSPlanGone": (
        Arm(what="the plan list is old", change={"dbs_plan_info": None, PLANS_READ: -HOUR}, fires=False),
    ),
    "DBSPlanExpiring": (
        *both_sides("14 days", {EXPIRES: T + 14 * DAY - 60}, {EXPIRES: T + 14 * DAY + 60}),
        Arm(what="ended", change={EXPIRES: -DAY}),
    ),
    "DBSPlanExpiresSoon": (
        *both_sides("3 days", {EXPIRES: T + 3 * DAY - 60}, {EXPIRES: T + 3 * DAY + 60}),
        Arm(what="ended", change={EXPIRES: -DAY}),
    ),
    "DBSQuotaNearlyUsed": (
        *both_sides(
            "nine tenths",
            {'dbs_plan_billing_used_bytes{kind="full"}': 8.1e11},
            {'dbs_plan_billing_used_bytes{kind="full"}': 7.9e11},
        ),
        Arm(what="by log", change={'dbs_plan_billing_used_bytes{kind="log"}': 6e11}),
    ),
    "DBSRestoreFailed": (
        Arm(
            what="paused",
            change={status("dbs_restore_task_status", "pause", restore_task_id="r1"): 1, MADE: -HOUR},
            labels=R1,
        ),
        *both_sides(
            "seven days", {STOPPED: 1, MADE: T - 7 * DAY + 60}, {STOPPED: 1, MADE: T - 7 * DAY - 1800}, **R1
        ),
    ),
    "DBSRestoreStuck": (
        Arm(what="stands at 0", change={RUNS: 1, MOVES: 0, MADE: -HOUR}, labels=R1),
        Arm(
            what="not read lately",
            change={
                RUNS: 1, MOVES: 0.4, MADE: -HOUR,
                'dbs_plan_last_read_timestamp_seconds{collector="restores"}': -1800,
            },
            fires=False,
        ),
    ),
    "DBSRestoreWillMissObjective": (
        *both_sides(
            "by what it took so far",
            {RUNS: 1, MOVES: 0.4, RESTORE_TOOK: None, MADE: T - 4 * HOUR - 60},
            {RUNS: 1, MOVES: 0.4, RESTORE_TOOK: None, MADE: T - 4 * HOUR + 60},
            **R1,
        ),
        *both_sides(
            "by what the last one took",
            {RUNS: 1, MOVES: 0.4, MADE: 0, RESTORE_TOOK: 4 * HOUR + 60},
            {RUNS: 1, MOVES: 0.4, MADE: 0, RESTORE_TOOK: 4 * HOUR - 60},
            **R1,
        ),
    ),
    "DBSRestoreNeverTested": both_sides(
        "old enough for a test",
        {RESTORED: None, CREATED: T - 100 * DAY - 60},
        {RESTORED: None, CREATED: T - 100 * DAY + 60},
    ),
    "DBSRestoreTestOverdue": both_sides(
        "100 days", {RESTORED: T - 100 * DAY - 60}, {RESTORED: T - 100 * DAY + 60}
    ),
    "DBSDownloadFailed": (
        Arm(
            what="stopped",
            change={status("dbs_download_task_status", "stop", download_task_id="d1"): 1, DOWN_MADE: -HOUR},
            labels=D1,
        ),
        *both_sides(
            "seven days",
            {
                status("dbs_download_task_status", "failed", download_task_id="d1"): 1,
                DOWN_MADE: T - 7 * DAY + 60,
            },
            {
                status("dbs_download_task_status", "failed", download_task_id="d1"): 1,
                DOWN_MADE: T - 7 * DAY - 1800,
            },
            **D1,
        ),
    ),
    "DBSDownloadStuck": tuple(
        arm
        for state in ("init", "checking", "check_pass", "schedule", "running", "pause")
        for arm in both_sides(
            state,
            {status("dbs_download_task_status", state, download_task_id="d1"): 1, DOWN_MADE: T - DAY - 60},
            {status("dbs_download_task_status", state, download_task_id="d1"): 1, DOWN_MADE: T - DAY + 60},
            **D1,
        )
    ),
}  # fmt: skip

GATEWAY_GONE: Series = dict.fromkeys(("dbs_gateway_info", BEAT, 'dbs_gateway_status{status="ONLINE"}', 'dbs_gateway_status{status="OFFLINE"}'))  # fmt: skip
OTHER_ARMS: dict[str, tuple[Arm, ...]] = {
    "DBSGatewayOffline": (
        Arm(what="stopped", change={'dbs_gateway_status{status="STOPPED"}': 1}),
        *both_sides("fifteen minutes silent", {BEAT: Line(-930.0)}, {BEAT: Line(-910.0)}),
        Arm(what="not in the list", change=GATEWAY_GONE),
        Arm(
            what="not in a list that is old",
            change={
                **GATEWAY_GONE,
                'dbs_exporter_collector_last_success_timestamp_seconds{collector="gateways"}': -HOUR,
            },
            fires=False,
        ),
        Arm(what="silent, no plan", change={BEAT: Line(-2000.0), "dbs_gateway_plans": 0}, fires=False),
    ),
    "DBSGatewayHeartbeatStale": (
        *both_sides("five minutes silent", {BEAT: Line(-330.0)}, {BEAT: Line(-310.0)}),
        Arm(what="no plan", change={BEAT: Line(-400.0), "dbs_gateway_plans": 0}, fires=False),
    ),
    "DBSExporterBlind": (
        Arm(
            what="the plan list was never read", change={PLANS_GOOD: 0, PLANS_READ: None},
            labels={"collector": "plans"},
        ),
        Arm(
            what="the plan list was refused from the start",
            change={'dbs_exporter_collector_permitted{collector="plans"}': 0, PLANS_READ: None},
            labels={"collector": "plans"},
        ),
        Arm(
            what="the regions were never read",
            change={'dbs_exporter_collector_success{collector="regions"}': 0},
            labels={"collector": "regions"},
        ),
        Arm(what="the last run failed", change={PLANS_GOOD: 0}, fires=False),
        *both_sides(
            "three intervals", {PLANS_READ: T - 360 - 330}, {PLANS_READ: T - 360 + 60}, collector="plans"
        ),
    ),
    "DBSExporterCollectorStale": (
        *both_sides(
            "three intervals and five minutes",
            {OF % "oldest_success_timestamp_seconds": T - 900 - 330},
            {OF % "oldest_success_timestamp_seconds": T - 900 + 60},
            **OF_FULL,
        ),
        Arm(
            what="one of many fails from the start",
            change={
                OF % "success": 0, OF % "last_success_timestamp_seconds": None,
                OF % "last_run_timestamp_seconds": Line(-60.0),
            },
            labels=OF_FULL,
        ),
        Arm(
            what="no run has succeeded for three intervals",
            change={OF % "success": 0, OF % "last_success_timestamp_seconds": T - 900 - 330},
            labels=OF_FULL,
        ),
        Arm(what="one run failed", change={OF % "success": 0}, fires=False),
        Arm(
            what="the first run has not ended",
            change={OF % "success": 0, OF % "last_success_timestamp_seconds": None}, fires=False,
        ),
        Arm(
            what="not permitted",
            change={OF % "oldest_success_timestamp_seconds": -HOUR, OF % "permitted": 0}, fires=False,
        ),
    ),
    "DBSExporterCredentialsFailing": (
        Arm(what="everything is denied", change={CALLS % "denied": Line(0, 1), CALLS % "success": 0}),
        Arm(what="nothing is called", change={CALLS % "success": 0}, fires=False),
    ),
    "DBSExporterCredentialsExpiring": both_sides(
        "five minutes",
        {"dbs_exporter_credentials_expires_timestamp_seconds": T - 10},
        {"dbs_exporter_credentials_expires_timestamp_seconds": T + 310},
    ),
    "DBSExporterThrottled": both_sides(
        "a twentieth", {CALLS % "throttled": Line(0, 5.4)}, {CALLS % "throttled": Line(0, 5.1)}
    ),
    "DBSExporterAPIErrors": (
        *(
            Arm(what=outcome, change={CALLS % outcome: Line(0, 5.4)})
            for outcome in ("invalid", "server_error", "timeout", "unreachable", "bad_answer")
        ),
        Arm(what="before a twentieth", change={CALLS % "invalid": Line(0, 5.1)}, fires=False),
        Arm(what="denied, which has its own", change={CALLS % "denied": Line(0, 50)}, fires=False),
    ),
    "DBSExporterCollectionSlow": both_sides(
        "four fifths", {OF % "duration_seconds": 242}, {OF % "duration_seconds": 238}, **OF_FULL
    ),
}  # fmt: skip

ARMS = {**PLAN_ARMS, **OTHER_ARMS}
