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
    "DBSPlanGone": "had a good backup within a day, not in a complete list read in time, for 5 min",
    "DBSPrecheckFailed": "pre-check failed",
    "DBSPlanExpiring": "prepaid end in < 14 d",
    "DBSPlanExpiresSoon": "prepaid end in < 3 d",
    "DBSQuotaNearlyUsed": "used > 90 % of what is free of further charge (collector `billing`, off by default)",
    "DBSProtectionUnknown": "what the recovery point rests on not read in the time planned, or a point > 15 min ahead, for 5 min",
    "DBSRestoreFailed": "failed or paused in the last 7 d, no success since",
    "DBSRestoreStuck": "running > 1 h, no stage moved for 1 h, though looked at",
    "DBSRestoreWillMissObjective": "earliest end − start > `restore_time`",
    "DBSRestoreNeverTested": "no success, plan older than `restore_test_interval`",
    "DBSRestoreTestOverdue": "last success older than `restore_test_interval`",
    "DBSDownloadFailed": "failed in the last 7 d, no success since",
    "DBSDownloadStuck": "not ended after 1 d",
    "DBSGatewayOffline": "OFFLINE, STOPPED, not listed for 15 min, or heartbeat > 15 min old when read; a plan depends on it",
    "DBSGatewayHeartbeatStale": "heartbeat > 5 min old when read; a plan depends on it",
    "DBSExporterDown": "scrape fails for 5 min",
    "DBSExporterAbsent": "no exporter at all for 5 min",
    "DBSExporterScopeGone": "region watched within 6 h, not for 15 min",
    "DBSExporterBlind": "of a whole region no plan list, full backup or recovery point read in the time planned, or a shard never read the regions, for 3 min",
    "DBSExporterCollectorStale": "something not read in the time planned, or never, for 15 min; the regions for a day",
    "DBSExporterCredentialsFailing": "an exporter's refresh failed within 15 min, or all its calls of 5 min were denied",
    "DBSExporterCredentialsExpiring": "end in < 5 min, for 1 min",
    "DBSExporterThrottled": "> 5 % of the calls of 15 min, for 5 min",
    "DBSExporterAPIErrors": "> 5 % of the calls of 15 min, for 5 min",
    "DBSExporterCallBudget": "readings come > 1.2 times as late as wanted, for 1 h",
    "DBSExporterClockOffset": "> 30 s before or behind the API's clock, for 5 min",
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
        "DBSFullBackupFailed. Log backup is a stream: a failed file is retried and shows in the age of the recovery point "
        "(DBSRecoveryPointAtRisk) or as a hole (DBSRecoveryGap)",
    ),
    ("Repeated failure", "DBSFullBackupFailingRepeatedly"),
    ("Never succeeded", "DBSFullBackupNeverSucceeded, from the inventory"),
    (
        "Log backup lag",
        "DBSRecoveryPointAtRisk, DBSRecoveryPointBreached: how far the log has come is the recovery point",
    ),
    (
        "Log backup off or paused",
        "DBSLogBackupOff. The API says on or off; a paused one has no state of its own, and shows in the recovery point's age",
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
        "Throttled, API errors, too few calls",
        "DBSExporterThrottled, DBSExporterAPIErrors, DBSExporterCallBudget, DBSExporterCollectorStale. A clock that is wrong: "
        "DBSExporterClockOffset",
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
        "only while what they rest on counts as known (`dbs_plan_fresh_until_timestamp_seconds`: the next reading that is planned,",
        "later where calls are too few, and a grace); past that DBSProtectionUnknown and DBSExporterBlind speak. Failures, holes and",
        "sizes stay true until a better backup lands. `keep_firing_for` bridges a restart of the exporter.",
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
        "The example [`examples/alertmanager/alertmanager.yml`](../examples/alertmanager/alertmanager.yml): DBSExporterBlind for the",
        "plan list silences the plans of its account and region, DBSExporterCredentialsFailing that its account is blind,",
        "DBSGatewayOffline the plans behind the gateway, the graver of two alerts about one plan the other. DBSExporterDown and",
        "DBSExporterShardMissing silence what follows from them: that shards disagree, and that regions are no longer watched. Alerts",
        "for the platform's team are grouped by job, so that an exporter that is ill is one message.",
        "",
        "Both addresses in the annotations have one base each: the chart replaces them (`prometheusRule.runbookBaseUrl`,",
        "`prometheusRule.dashboardBaseUrl`); elsewhere, `sed -i 's#https://grafana.example.com#https://grafana.your.domain#' rules/*.rules.yml`.",
    ]
    return "\n".join(lines) + "\n"
