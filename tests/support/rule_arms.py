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
    FRESH,
    FRESH_LIST,
    FULL,
    MADE,
    MOVES,
    OF,
    OF_FULL,
    OFFSET,
    R1,
    READ_FULL,
    RPO,
    RPO_OBJECTIVE,
    RUNS,
    STOPPED,
    STRETCH,
)
from support.rule_world import DAY, HOUR, SOON, Line, Series, of_other, of_peer


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
LOG_ON = "dbs_plan_log_backup_enabled"
COMPLETED = "dbs_incremental_backup_last_completed_timestamp_seconds"
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
PEER_INSTANCE = "peer-exporter:10033"
OF_REGIONS = 'dbs_exporter_collector_%s{collector="regions"}'


def status(metric: str, value: str, **labels: str) -> str:
    """A series of a state set."""
    inner = ",".join(f'{name}="{text}"' for name, text in {**labels, "status": value}.items())
    return f"{metric}{{{inner}}}"


def plan_in(state: str) -> Series:
    return {RUNNING: 0, status("dbs_plan_status", state): 1}


def stale(*facts: str, since: float = -HOUR) -> Series:
    """What was not read again in time of the first plan."""
    return {FRESH % name: since for name in facts}


def stale_everywhere(*facts: str, since: float = -HOUR) -> Series:
    """The same of all plans of the region."""
    of_first = stale(*facts, since=since)
    return {**of_first, **{of_other(key): value for key, value in of_first.items()}}


def unlisted(since: float = -HOUR) -> Series:
    """The same of all that plan lists bring."""
    return {**stale_everywhere("plans", "recovery", since=since), FRESH_LIST % "plans": since}


NEVER_LISTED: Series = {FRESH % "plans": None, of_other(FRESH % "plans"): None}
NEVER_READ: Series = {RPO: None, READ_FULL: None, FULL: None}
PLAN_ARMS: dict[str, tuple[Arm, ...]] = {
    "DBSRecoveryPointBreached": (
        Arm(
            what="only what it does not rest on is old",
            change={RPO: -1800, **stale("full_backups", "log_backups", "ranges")},
        ),
        Arm(what="what it rests on is old", change={RPO: -1800, **stale("recovery")}, fires=False),
    ),
    "DBSRecoveryPointAtRisk": (
        Arm(
            what="only what it does not rest on is old",
            change={RPO: Line(-1500.0), **stale("full_backups", "log_backups", "ranges")},
        ),
        Arm(what="what it rests on is old", change={RPO: Line(-1500.0), **stale("recovery")}, fires=False),
    ),
    "DBSFullBackupOverdue": (
        Arm(
            what="only what it does not rest on is old",
            change={FULL: -1.2 * DAY, **stale("recovery", "log_backups", "ranges")},
        ),
        Arm(what="full backups are old", change={FULL: -1.2 * DAY, **stale("full_backups")}, fires=False),
        Arm(what="the plan list is old", change={FULL: -1.2 * DAY, **stale("plans")}, fires=False),
    ),
    "DBSFullBackupMissed": (
        *both_sides("an hour late", {ATTEMPT: T - DAY - HOUR - 60}, {ATTEMPT: T - DAY - HOUR + 60}),
        Arm(what="full backups are old", change={ATTEMPT: -DAY - HOUR, **stale("full_backups")}, fires=False),
        Arm(what="not running", change={ATTEMPT: -DAY - HOUR, RUNNING: 0}, fires=False),
    ),
    "DBSFullBackupNeverSucceeded": both_sides(
        "two intervals old",
        {FULL: None, CREATED: T - 2 * INTERVAL_SECONDS - 60},
        {FULL: None, CREATED: T - 2 * INTERVAL_SECONDS + 60},
    ),
    "DBSLogBackupOff": (
        Arm(what="there was log", change={LOG_ON: 0, RPO_OBJECTIVE: INTERVAL_SECONDS}),
        Arm(what="the objective needs log", change={LOG_ON: 0, COMPLETED: None}),
        Arm(what="neither", change={LOG_ON: 0, COMPLETED: None, RPO_OBJECTIVE: INTERVAL_SECONDS}, fires=False),
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
        Arm(what="full backups are old", change={STARTED: -HOUR, **stale("full_backups")}, fires=False),
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
        Arm(
            what="no whole list was read in time",
            change={"dbs_plan_info": None, FRESH_LIST % "plans": T - 60},
            fires=False,
        ),
        Arm(
            what="no whole list was read since the start",
            change={"dbs_plan_info": None, FRESH_LIST % "plans": None},
            fires=False,
        ),
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
            what="restores were not read in time",
            change={RUNS: 1, MOVES: 0.4, MADE: -HOUR, **stale("restores")},
            fires=False,
        ),
        Arm(
            what="nothing was read in time",
            change={RUNS: 1, MOVES: 0.4, MADE: -HOUR, **unlisted()},
            fires=False,
        ),
        Arm(
            what="the list was read half an hour ago, as planned",
            change={
                RUNS: 1, MOVES: 0.4, MADE: -HOUR,
                'dbs_plan_last_read_timestamp_seconds{collector="restores"}': T - 1800,
            },
            labels=R1,
        ),
    ),
    "DBSProtectionUnknown": (
        *both_sides("five minutes", stale("recovery", since=T - 330), stale("recovery", since=T - 270)),
        Arm(what="a recovery point in the future", change={RPO: Line(1000.0)}),
        Arm(what="a recovery point that is nearly now", change={RPO: Line(800.0)}, fires=False),
        Arm(what="never read, and that is late", change={**NEVER_READ, **stale("recovery", "full_backups")}),
        Arm(what="never read, and that is to come", change=NEVER_READ, fires=False),
        Arm(what="never read, and nobody is to", change={**NEVER_READ, FRESH % "full_backups": None}),
        Arm(
            what="full backups were never read, and the plan list has a recovery point",
            change={READ_FULL: None, FULL: None, **stale("full_backups")}, fires=False,
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
            what="not in a list that was not read in time",
            change={**GATEWAY_GONE, FRESH_LIST % "gateways": -HOUR}, fires=False,
        ),
        Arm(
            what="not in a list that was not read since the start",
            change={**GATEWAY_GONE, FRESH_LIST % "gateways": None}, fires=False,
        ),
        Arm(
            what="offline when its list was last read",
            change={'dbs_gateway_status{status="OFFLINE"}': 1, FRESH_LIST % "gateways": -HOUR},
        ),
        Arm(what="silent, no plan", change={BEAT: Line(-2000.0), "dbs_gateway_plans": 0}, fires=False),
    ),
    "DBSGatewayHeartbeatStale": (
        *both_sides("five minutes silent", {BEAT: Line(-330.0)}, {BEAT: Line(-310.0)}),
        Arm(what="no plan", change={BEAT: Line(-400.0), "dbs_gateway_plans": 0}, fires=False),
    ),
    "DBSExporterBlind": (
        *both_sides("five minutes past what was planned", unlisted(T - 330), unlisted(T - 270), collector="plans"),
        Arm(
            what="a list that breaks off",
            change={FRESH_LIST % "plans": -HOUR, FRESH % "plans": SOON}, fires=False,
        ),
        Arm(
            what="the plan list was never read",
            change={PLANS_GOOD: 0, PLANS_READ: None, FRESH_LIST % "plans": None, **NEVER_LISTED},
            labels={"collector": "plans"},
        ),
        Arm(
            what="the plan list was never whole",
            change={PLANS_GOOD: 0, PLANS_READ: None, FRESH_LIST % "plans": None}, fires=False,
        ),
        Arm(
            what="the plan list was refused from the start",
            change={
                'dbs_exporter_collector_permitted{collector="plans"}': 0, PLANS_READ: None,
                FRESH_LIST % "plans": None, **NEVER_LISTED,
            },
            labels={"collector": "plans"},
        ),
        Arm(what="the last reading failed", change={PLANS_GOOD: 0}, fires=False),
        Arm(what="the last reading was refused", change={'dbs_exporter_collector_permitted{collector="plans"}': 0}, fires=False),
        Arm(
            what="the regions were never read",
            change={OF_REGIONS % "success": 0, OF_REGIONS % "subjects": 1},
            labels={"collector": "regions"},
        ),
        Arm(
            what="the regions were refused from the start",
            change={OF_REGIONS % "success": 1, OF_REGIONS % "permitted": 0, OF_REGIONS % "subjects": 1},
            labels={"collector": "regions"},
        ),
        Arm(
            what="one shard never read the regions, another did",
            change={
                OF_REGIONS % "success": 1, OF_REGIONS % "subjects": 1,
                OF_REGIONS % "last_success_timestamp_seconds": Line(-20.0), of_peer(OF_REGIONS % "success"): 0,
            },
            labels={"collector": "regions"},
        ),
        Arm(
            what="regions were read once",
            change={OF_REGIONS % "success": 0, OF_REGIONS % "subjects": 1, OF_REGIONS % "last_success_timestamp_seconds": -HOUR},
            fires=False,
        ),
        *both_sides(
            "no full backup any more", stale_everywhere("full_backups", since=T - 330), stale_everywhere("full_backups", since=T - 270), **OF_FULL
        ),
        Arm(
            what="no full backup and no plan list: only the graver",
            change={**unlisted(), **stale_everywhere("full_backups")}, labels={"collector": "plans"},
        ),
        Arm(what="no full backup of one plan", change=stale("full_backups"), fires=False),
        Arm(what="no log file, but windows", change=stale_everywhere("log_backups"), fires=False),
        Arm(
            what="no log file and no window", change=stale_everywhere("log_backups", "recovery"),
            labels={"collector": "incremental_backups"},
        ),
    ),
    "DBSExporterCollectorStale": (
        *both_sides(
            "a quarter of an hour past what was planned",
            stale("full_backups", since=T - 930), stale("full_backups", since=T - 870), **OF_FULL,
        ),
        Arm(what="read long ago, as planned", change={OF % "oldest_success_timestamp_seconds": -HOUR}, fires=False),
        Arm(what="log files", change=stale("log_backups"), labels={"collector": "incremental_backups"}),
        Arm(what="ranges", change=stale("ranges"), labels={"collector": "restore_ranges"}),
        Arm(what="gateways", change={FRESH_LIST % "gateways": -HOUR}, labels={"collector": "gateways"}),
        Arm(what="a plan list that breaks off", change={FRESH_LIST % "plans": -HOUR}, labels={"collector": "plans"}),
        Arm(
            what="networks",
            change={FRESH_LIST % "networks": -HOUR, 'dbs_exporter_collector_permitted{collector="nodes"}': 1},
            labels={"collector": "nodes"},
        ),
        Arm(
            what="never read",
            change={OF % "success": 0, OF % "failed_subjects": 1, OF % "last_success_timestamp_seconds": None},
            labels=OF_FULL,
        ),
        Arm(what="one reading failed", change={OF % "success": 0, OF % "failed_subjects": 1}, fires=False),
        Arm(
            what="the first reading has not ended", change={OF % "last_success_timestamp_seconds": None}, fires=False,
        ),
        Arm(what="not permitted", change={**stale("full_backups"), OF % "permitted": 0}, fires=False),
        *both_sides(
            "the regions, for a day",
            {
                OF_REGIONS % "failed_subjects": 1, OF_REGIONS % "permitted": 1,
                OF_REGIONS % "last_success_timestamp_seconds": T - DAY - 930,
            },
            {
                OF_REGIONS % "failed_subjects": 1, OF_REGIONS % "permitted": 1,
                OF_REGIONS % "last_success_timestamp_seconds": T - DAY - 870,
            },
            collector="regions",
        ),
    ),
    "DBSExporterCredentialsFailing": (
        Arm(what="everything is denied", change={CALLS % "denied": Line(0, 1), CALLS % "success": 0}),
        Arm(what="nothing is called", change={CALLS % "success": 0}, fires=False),
        Arm(
            what="everything is denied to one shard, and nothing to another",
            change={of_peer(CALLS % "denied"): Line(0, 1), of_peer(CALLS % "success"): 0},
            labels={"instance": PEER_INSTANCE},
        ),
        Arm(
            what="one shard cannot refresh them",
            change={of_peer("dbs_exporter_credentials_refresh_failures_total"): Line(0, 1)},
            labels={"instance": PEER_INSTANCE},
        ),
    ),
    "DBSExporterCredentialsExpiring": (
        *both_sides(
            "five minutes",
            {"dbs_exporter_credentials_expires_timestamp_seconds": T - 10},
            {"dbs_exporter_credentials_expires_timestamp_seconds": T + 310},
        ),
        Arm(
            what="those of one shard",
            change={of_peer("dbs_exporter_credentials_expires_timestamp_seconds"): T - 10},
            labels={"instance": PEER_INSTANCE},
        ),
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
    "DBSExporterCallBudget": (
        *both_sides("a fifth", {STRETCH: 1.21}, {STRETCH: 1.19}),
        *both_sides("an hour", {STRETCH: Line(1.2 - 0.0295, 0.001)}, {STRETCH: Line(1.2 - 0.0305, 0.001)}),
    ),
    "DBSExporterClockOffset": (
        *both_sides("behind", {OFFSET: 31}, {OFFSET: 29}),
        *both_sides("ahead", {OFFSET: -31}, {OFFSET: -29}),
    ),
    "DBSExporterNotPermitted": (
        Arm(
            what="refused to one of two that read the region",
            change={of_peer(OF % "permitted"): 0, of_peer(OF % "success"): 1}, labels=OF_FULL,
        ),
    ),
}  # fmt: skip

ARMS = {**PLAN_ARMS, **OTHER_ARMS}
