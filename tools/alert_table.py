"""docs/alerts.md: a table of all alerts from `rules/`, and what of the things to be watched DBS lets nobody know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parent.parent / "rules"

THRESHOLDS = {
    "DBSRecoveryPointBreached": "age of the recovery point > `rpo`",
    "DBSRecoveryPointAtRisk": "age of the recovery point > 0.8 × `rpo`, where `rpo` < `full_backup_interval`",
    "DBSFullBackupOverdue": "age of the last good full backup > `full_backup_interval`",
    "DBSFullBackupMissed": "no attempt for the largest gap of the schedule + 1 h, while the plan runs",
    "DBSFullBackupFailed": "≥ 1 failure since the last success",
    "DBSFullBackupFailingRepeatedly": "≥ 2 failures in a row",
    "DBSFullBackupNeverSucceeded": "in the inventory, list read, no success, older than 2 × `full_backup_interval`",
    "DBSLogBackupLagging": "newest log received older than 0.5 × `rpo`",
    "DBSLogBackupOff": "off, while log files are kept or `rpo` < `full_backup_interval`",
    "DBSRecoveryGap": "≥ 1 hole after the oldest full backup kept",
    "DBSRecoveryGapOlder": "≥ 1 hole before it",
    "DBSFullBackupEmpty": "last good full backup has 0 bytes",
    "DBSFullBackupSizeAnomaly": "< 0.5 or > 2 × the median of up to 30 before it (at least 5)",
    "DBSFullBackupSlow": "> 2 × the median and > 10 min, or > the gap of the schedule",
    "DBSFullBackupStuck": "running > 3 × the median and > 1 h, or > the gap of the schedule",
    "DBSLastGoodBackupExpiring": "expires within 2 × `full_backup_interval`, and the newest failed or is overdue",
    "DBSRetentionTooShort": "retention of full backups < 2 × `full_backup_interval`",
    "DBSPlanWeakened": "retention shorter than at some time in 7 days",
    "DBSScheduleWeakened": "largest gap of the schedule longer than at some time in 7 days",
    "DBSDatabaseObjectsDropped": "fewer objects than at some time in 7 days",
    "DBSPlanNotRunning": "stop, pause, locked; or wait, init, check_pass a day after it was made",
    "DBSPlanGone": "had a good backup within a day, not in the list for 5 min",
    "DBSPrecheckFailed": "pre-check failed",
    "DBSPlanExpiring": "prepaid end in < 14 d",
    "DBSPlanExpiresSoon": "prepaid end in < 3 d",
    "DBSQuotaNearlyUsed": "used > 90 % of what is free of further charge (collector `billing`, off by default)",
    "DBSProtectionUnknown": "data older than 3 intervals, or never read, for 5 min",
    "DBSRestoreFailed": "failed or paused in the last 7 d, no success since",
    "DBSRestoreStuck": "running > 1 h, no stage moved for 1 h",
    "DBSRestoreWillMissObjective": "earliest end − start > `restore_time`",
    "DBSRestoreNeverTested": "no success, plan older than `restore_test_interval`",
    "DBSRestoreTestOverdue": "last success older than `restore_test_interval`",
    "DBSDownloadFailed": "failed in the last 7 d, no success since",
    "DBSDownloadStuck": "not ended after 1 d",
    "DBSGatewayOffline": "OFFLINE, STOPPED, not listed, or heartbeat > 15 min old when read; a plan depends on it",
    "DBSGatewayHeartbeatStale": "heartbeat > 5 min old when read; a plan depends on it",
    "DBSExporterDown": "scrape fails for 5 min",
    "DBSExporterAbsent": "no exporter at all for 5 min",
    "DBSExporterScopeGone": "region watched within 6 h, not for 15 min",
    "DBSExporterBlind": "nothing read for 3 intervals, or never the plan list or the regions, for 1 min",
    "DBSExporterCollectorStale": "something not read for 3 intervals, or never, for 5 min",
    "DBSExporterCredentialsFailing": "refresh failed within 15 min, or all calls denied",
    "DBSExporterCredentialsExpiring": "end in < 5 min, for 1 min",
    "DBSExporterThrottled": "> 5 % of the calls of 15 min, for 5 min",
    "DBSExporterAPIErrors": "> 5 % of the calls of 15 min, for 5 min",
    "DBSExporterRunsSkipped": "2 runs or more skipped in 1 h",
    "DBSExporterCollectionSlow": "run > 80 % of its interval, for 15 min",
    "DBSExporterNotPermitted": "RAM refuses the collector",
    "DBSExporterReloadFailed": "last reload refused",
    "DBSExporterShardMissing": "fewer shards answer than each was told of, for 10 min",
    "DBSExporterShardsDisagree": "exporters of one job were told different numbers of shards, for 10 min",
    "DBSExporterUnknownValues": "≥ 1 in a day",
    "DBSExporterRowsRefused": "≥ 1 in an hour",
}

WATCHED = (
    ("RPO breached", "DBSRecoveryPointBreached"),
    ("RPO at risk", "DBSRecoveryPointAtRisk"),
    ("Scheduled full backup missed", "DBSFullBackupMissed, DBSFullBackupOverdue"),
    (
        "Full or log backup failed",
        "DBSFullBackupFailed. Log backup is a stream: a failed file is retried and shows as lag (DBSLogBackupLagging) or as a "
        "hole (DBSRecoveryGap)",
    ),
    ("Repeated failure", "DBSFullBackupFailingRepeatedly"),
    ("Never succeeded", "DBSFullBackupNeverSucceeded, from the inventory"),
    ("Log backup lag", "DBSLogBackupLagging; the page is DBSRecoveryPointBreached"),
    (
        "Log backup off or paused",
        "DBSLogBackupOff. The API says on or off; it has no separate paused state, which shows as lag",
    ),
    ("Hole in the log chain", "DBSRecoveryGap, DBSRecoveryGapOlder"),
    ("Backup shrank or grew", "DBSFullBackupSizeAnomaly, DBSFullBackupEmpty"),
    ("Duration anomaly", "DBSFullBackupSlow, against the median: percentiles are not exported"),
    (
        "Running too long or stuck",
        "DBSFullBackupStuck, by duration. Not every engine reports progress, so it is not asked for",
    ),
    ("Last good expires before the next can land", "DBSLastGoodBackupExpiring"),
    (
        "Objects dropped from the plan",
        "DBSDatabaseObjectsDropped, by their number: the names are no labels. One table replaced by another is not seen",
    ),
    ("Gateway offline, heartbeat stale", "DBSGatewayOffline, DBSGatewayHeartbeatStale"),
    ("Restore failed or stuck", "DBSRestoreFailed, DBSRestoreStuck"),
    ("Restore will miss its objective", "DBSRestoreWillMissObjective"),
    (
        "Never or not recently restore-tested",
        "DBSRestoreNeverTested, DBSRestoreTestOverdue, where `restore_test_interval` is configured",
    ),
    ("Plan paused, locked, pre-check failed", "DBSPlanNotRunning, DBSPrecheckFailed"),
    (
        "Unprotected database",
        "**cannot be had**: DBS knows plans, not the databases that have none. It takes an inventory from elsewhere, joined on "
        "`source_instance_id` of `dbs_plan_info`",
    ),
    (
        "Prepaid plan or quota expiring",
        "DBSPlanExpiring, DBSPlanExpiresSoon, DBSQuotaNearlyUsed. Automatic renewal is not in the API",
    ),
    (
        "Exporter blind",
        "DBSExporterBlind, DBSExporterDown, DBSExporterAbsent, DBSExporterScopeGone, DBSExporterShardMissing, "
        "DBSProtectionUnknown",
    ),
    (
        "Throttled, API errors, cycle too long",
        "DBSExporterThrottled, DBSExporterAPIErrors, DBSExporterRunsSkipped, DBSExporterCollectionSlow, DBSExporterCollectorStale",
    ),
    (
        "Credentials failing or expiring",
        "DBSExporterCredentialsFailing, DBSExporterCredentialsExpiring. The age of a fixed access key is not in the DBS API",
    ),
    (
        "Download stuck or link expiring",
        "DBSDownloadStuck, DBSDownloadFailed. **A link's expiry cannot be had**: the task list has none",
    ),
    (
        "Second copy in another region stale",
        "**cannot be had**: API version 2019-03-06 lists one copy of a set and does not say where a second one is",
    ),
    (
        "Plan weakened",
        "DBSPlanWeakened, DBSScheduleWeakened, DBSRetentionTooShort, DBSPlanGone. **A changed rate limit cannot be had** from the plan list",
    ),
)


def alerts() -> list[dict[str, Any]]:
    """The alerting rules of all files, in order."""
    return [
        rule
        for path in sorted(RULES.glob("*.rules.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def as_markdown() -> str:
    """The document; KeyError if an alert has no threshold in words."""
    lines = [
        "# Alerts",
        "",
        "<!-- Made by `make docs` from rules/dbs-alerts.rules.yml and tools/alert_table.py. -->",
        "",
        "Names in `code` are objectives of the plan (`dbs_plan_objective_seconds`), from `objectives` in the configuration or derived.",
        "Alerts about plans carry `plan_name`, `database_type` and `gateway_id`; all carry `severity` and `team`. Ages are judged",
        "only on data younger than three intervals; for older ones DBSProtectionUnknown and DBSExporterBlind speak. Failures,",
        "holes and sizes stay true until a better backup lands. `keep_firing_for` bridges a restart of the exporter.",
        "",
        "| alert | severity | team | fires when | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rule in alerts():
        name = rule["alert"]
        lines.append(
            f"| [{name}](../rules/runbooks/{name}.md) | {rule['labels']['severity']} | {rule['labels']['team']} "
            f"| {THRESHOLDS[name]} | {rule['annotations']['summary']} |"
        )
    lines += [
        "",
        "## What should be watched, and what watches it",
        "",
        "What people who run backups expect to be told, and which alert tells them, or why none can.",
        "",
        "| | to be watched | by |",
        "| --- | --- | --- |",
        *(f"| {number} | {what} | {by} |" for number, (what, by) in enumerate(WATCHED, 1)),
        "",
        "## Which alerts keep others quiet",
        "",
        "The example [`examples/alertmanager/alertmanager.yml`](../examples/alertmanager/alertmanager.yml): DBSExporterBlind silences",
        "the plans of its account and region, DBSGatewayOffline those behind the gateway, the graver of two alerts about one plan",
        "the other, and DBSExporterShardMissing that shards disagree, which a change of their number brings along.",
        "",
        "Both addresses in the annotations have one base each: the chart replaces them (`prometheusRule.runbookBaseUrl`,",
        "`prometheusRule.dashboardBaseUrl`); elsewhere, `sed -i 's#https://grafana.example.com#https://grafana.your.domain#' rules/*.rules.yml`.",
    ]
    return "\n".join(lines) + "\n"
