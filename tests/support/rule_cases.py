"""For every alert, what must be changed in the healthy fleet so that it fires, and so that it nearly does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from support.rule_world import DAY, HOUR, Line, Series, of_other, of_peer

from dbs_exporter.conditions.algebra import Condition
from dbs_exporter.conditions.rules import alerts


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
READ_FULL = 'dbs_plan_last_read_timestamp_seconds{collector="full_backups"}'
FRESH = 'dbs_plan_fresh_until_timestamp_seconds{facts="%s"}'
FRESH_LIST = 'dbs_region_fresh_until_timestamp_seconds{facts="%s"}'
STRETCH = "dbs_exporter_call_budget_stretch_ratio"
OFFSET = "dbs_exporter_clock_offset_seconds"
SAVED = "dbs_exporter_state_last_write_successful"
CALLS = 'dbs_exporter_api_requests_total{operation="DescribeFullBackupList",outcome="%s"}'
OF = 'dbs_exporter_collector_%s{collector="full_backups"}'
OF_FULL = {"collector": "full_backups"}
LABELS: Mapping[str, Mapping[str, str]] = {
    "plan": {},
    "restore_task": {"restore_task_id": "r1"},
    "download_task": {"download_task_id": "d1"},
    "gateway": {},
    "region": {},
}
"""What an alert about a task carries beside its plan."""


def falls(name: str, before: float, after: float) -> Series:
    """A series that changed at minute 5, by way of a step that the renderer knows as `before|after`."""
    return {f"{name}|{before:g}": after}


def since_key(condition: Condition, state: str) -> str:
    """The series from when on a condition holds in a state."""
    labels = {**LABELS[condition.of], "condition": condition.name, "state": state, "facts": condition.basis}
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"dbs_{condition.of}_condition_since_timestamp_seconds{{{inner}}}"


def case_of(condition: Condition, state: str) -> Case:
    """The deadline of a condition passed two hours ago; nearly: it lies ahead."""
    key = since_key(condition, state)
    fresh = FRESH_LIST if condition.of in ("gateway", "region") else FRESH
    return Case(
        change={key: -2 * HOUR},
        near={key: 9 * DAY},
        needs=(key, fresh % condition.basis),
        labels=LABELS[condition.of],
        subject={"gateway": "gateway", "region": "scope"}.get(condition.of, "plan"),
    )


EXPLAINED = 'dbs_plan_condition_explained_until_timestamp_seconds{condition="recovery_point",cause="pause",facts="plans"}'
BREACHED = (
    'dbs_plan_condition_since_timestamp_seconds{condition="recovery_point",state="breached",facts="recovery"}'
)
GONE_PLAN = "dbs_region_plan_gone_timestamp_seconds"
CASES: dict[str, Case] = {
    **{alert.name: case_of(condition, state) for condition, state, alert in alerts()},
    "DBSPlanGone": Case(
        change={GONE_PLAN: -HOUR}, near={GONE_PLAN: -8 * DAY}, needs=(GONE_PLAN,), subject="gone plan"
    ),
    "DBSPlansExplained": Case(
        change={BREACHED: -2 * HOUR, EXPLAINED: 9 * DAY},
        near={BREACHED: 9 * DAY, EXPLAINED: 9 * DAY},
        needs=(BREACHED, EXPLAINED),
        labels={"cause": "pause"},
        subject="scope",
    ),
    "DBSProtectionUnknown": Case(
        change={FRESH % "recovery": -HOUR},
        near={FRESH % "full_backups": -HOUR},
        needs=(FRESH % "recovery",),
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
        subject="scope of a job",
    ),
    "DBSExporterCollectorStale": Case(
        change={FRESH % "full_backups": -HOUR},
        near={OF % "oldest_success_timestamp_seconds": -HOUR},
        needs=(FRESH % "full_backups", OF % "permitted"),
        labels=OF_FULL,
        subject="scope of a job",
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
        subject="scope of a process",
    ),
    "DBSExporterAPIErrors": Case(
        change={CALLS % "timeout": Line(0, 10)},
        near={CALLS % "timeout": Line(0, 4)},
        needs=(CALLS % "timeout",),
        subject="scope of a process",
    ),
    "DBSExporterCallBudget": Case(
        change={STRETCH: 1.5, 'dbs_exporter_call_budget_wanted_per_second{collector="full_backups"}': 6.25},
        near={STRETCH: 1.15},
        needs=(STRETCH,),
        subject="scope of a job",
    ),
    "DBSExporterClockOffset": Case(
        change={OFFSET: -45}, near={OFFSET: 25}, needs=(OFFSET,), subject="process"
    ),
    "DBSExporterNotPermitted": Case(
        change={OF % "permitted": 0},
        near={OF % "permitted": 1},
        needs=(OF % "permitted",),
        labels=OF_FULL,
        subject="scope of a job",
    ),
    "DBSExporterReloadFailed": Case(
        change={"dbs_exporter_config_last_reload_successful": 0},
        near={"dbs_exporter_config_last_reload_successful": 1},
        needs=("dbs_exporter_config_last_reload_successful",),
        subject="process",
    ),
    "DBSExporterStateNotSaved": Case(change={SAVED: 0}, near={SAVED: 1}, needs=(SAVED,), subject="process"),
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
