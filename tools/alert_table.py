"""docs/alerts.md: a table of all alerts from `rules/`, and what of the things to be watched DBS lets nobody know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parent.parent / "rules"

THRESHOLDS = {
    "DBSNoRecoveryPoint": "the greatest of: no set is usable any more, created + `full_backup_interval` (else `rpo`, else 1 d)",
    "DBSFullBackupRemark": "end of the last good one, if it carries an error message",
    "DBSFullBackupMissesDatabases": "end of the last good one, if it lacks databases that the plan named when it began",
    "DBSNodeNetworksChanged": "a network first seen that was not there before; for 7 d",
    "DBSPlanExpired": "end",
    "DBSNoObjective": "first seen without schedule, log backup and objective",
    "DBSPrecheckFailedForRestore": "the first item that did not pass, else first seen failed",
    "DBSRestoreFailedEarlier": "its end; for 7 d, and no success since",
    "DBSRestoreLate": "first seen running + `restore_time`",
    "DBSGatewayGone": "left a complete list though plans name it",
    "DBSPlansExplained": "something else explains what is wrong with plans",
    "DBSRecoveryPointBreached": "point + `rpo`, where there is log",
    "DBSRecoveryPointAtRisk": "point + 0.8 × `rpo`, where there is log",
    "DBSFullBackupOverdue": "end of the last good one + `full_backup_interval` (without log and schedule: `rpo`)",
    "DBSFullBackupMissed": "the least of attempt + largest gap of the schedule + 1 h (while the plan runs), and end of the last good one + 0.9 × `full_backup_interval`",
    "DBSFullBackupFailed": "end of the first failure since the last success",
    "DBSLogBackupOff": "first seen off, while log files are kept or `rpo` < `full_backup_interval`",
    "DBSRecoveryGap": "end of the newest hole that ends after the oldest full backup kept; for 7 d",
    "DBSRecoveryGapOlder": "end of the newest hole",
    "DBSFullBackupEmpty": "end of the last good one, if it has 0 bytes",
    "DBSFullBackupSizeAnomaly": "end of the last good one, if < 0.5 or > 2 × the median of up to 30 before it; with fewer than five, if < 0.1 × the largest",
    "DBSFullBackupSlow": "end of the last good one, if it took > 2 × the median and > 10 min, or > the gap of the schedule",
    "DBSFullBackupStuck": "its start, else creation, + the least of max(3 × the usual duration, 1 h) and the gap of the schedule; 1 d without either",
    "DBSLastGoodBackupExpiring": "the greatest of its expiry − 2 × `full_backup_interval`, and when a newer one first failed or is overdue",
    "DBSRetentionTooShort": "first seen < 2 × `full_backup_interval`",
    "DBSPlanWeakened": "the change: retention shorter, schedule rarer, databases fewer; for 7 d or until undone",
    "DBSPlanNotRunning": "first seen stop, pause or locked; created + 1 d for wait, init and check_pass",
    "DBSPlanGone": "left a complete plan list though it had backups; for 7 d",
    "DBSPrecheckFailed": "the first item that did not pass, else first seen failed",
    "DBSPlanExpiring": "end − 14 d",
    "DBSPlanExpiresSoon": "end − 3 d",
    "DBSProtectionUnknown": "what the recovery point rests on not read in the time planned, or a point > 15 min ahead, for 5 min",
    "DBSRestoreFailed": "its end; for 4 h, and no success since",
    "DBSRestoreStuck": "progress last changed + 1 h, running or paused",
    "DBSRestoreWillMissObjective": "first seen running + 0.8 × `restore_time`",
    "DBSRestoreTestOverdue": "last success of all that the plan names, else created, + `restore_test_interval`",
    "DBSRestoreEstimateTooLong": "first seen that the slowest of the last three proofs, scaled to the newest set and its log, is > `restore_time`",
    "DBSDownloadFailed": "its end; for 7 d, and no success since",
    "DBSDownloadStuck": "created + 1 d",
    "DBSGatewayOffline": "the least of heartbeat + 15 min and first seen OFFLINE or STOPPED; a plan depends on it",
    "DBSGatewayHeartbeatStale": "heartbeat + 5 min; a plan depends on it",
    "DBSExporterDown": "scrape fails for 5 min, and it answered within a day",
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
    "DBSExporterStateNotSaved": "nothing can be saved for 5 min",
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
    (
        "Repeated failure",
        "DBSFullBackupFailed, which counts them (dbs_full_backup_consecutive_failures); DBSLastGoodBackupExpiring and DBSFullBackupOverdue, if they go on",
    ),
    ("Never succeeded", "DBSNoRecoveryPoint, from the inventory"),
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
    ("A set lacks databases", "DBSFullBackupMissesDatabases, by the names that the plan and the set give"),
    (
        "Objects dropped from the plan",
        "DBSPlanWeakened, by their number: the names are no labels. One table replaced by another is not seen",
    ),
    ("Gateway offline, heartbeat stale", "DBSGatewayOffline, DBSGatewayHeartbeatStale, DBSGatewayGone"),
    ("Restore failed or stuck", "DBSRestoreFailed, DBSRestoreFailedEarlier, DBSRestoreStuck"),
    (
        "Restore will miss its objective, or would",
        "DBSRestoreWillMissObjective, DBSRestoreLate; DBSRestoreEstimateTooLong before one is needed",
    ),
    (
        "Never or not recently restore-tested",
        "DBSRestoreTestOverdue, where `restore_test_interval` is configured",
    ),
    (
        "Plan paused, locked, pre-check failed",
        "DBSPlanNotRunning, DBSPrecheckFailed, DBSPrecheckFailedForRestore",
    ),
    ("A firewall rule must follow", "DBSNodeNetworksChanged, where the collector `nodes` is on"),
    (
        "Unprotected database",
        "**cannot be had**: DBS knows plans, not the databases that have none. It takes an inventory from elsewhere, joined on "
        "`source_instance_id` of `dbs_plan_info`",
    ),
    (
        "Prepaid plan or quota expiring",
        "DBSPlanExpiring, DBSPlanExpiresSoon, DBSPlanExpired; what the fields of the bill mean against the free volume is unsettled. Automatic renewal is not in the API",
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
        "DBSPlanWeakened, DBSRetentionTooShort, DBSPlanGone. **A changed rate limit cannot be had** from the plan list",
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
        "Of plans, tasks and gateways the exporter computes the instant from which a condition holds",
        "(`dbs_plan_condition_since_timestamp_seconds`); the alert is raised once that has passed while its facts were known",
        "(`dbs_plan_fresh_until_timestamp_seconds`), unless something else explains it or the plan is muted (`alerts: off`,",
        "`maintenance`; `dbs_plan_muted_from_timestamp_seconds`). The status page shows the same conditions. Labels are what identifies the",
        "subject, `severity`, and `owner`, `team` and `tier` from `labels` of `objectives` (`dbs_plan_owner_info`; the team is `databases` where",
        "they name none); the text names plan and database. A changed label is another alert.",
        "`keep_firing_for` bridges a restart of the exporter. `dbs-exporter rules` makes the files, in English or Chinese.",
        "",
        "| alert | severity | team | fires when | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rule in alerts():
        name = rule["alert"]
        lines.append(
            f"| [{name}](../rules/runbooks/{name}.md) | {rule['labels']['severity']} | {rule['labels'].get('team', 'of the plan')} "
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
        "plan list silences what is unknown of its account and region, DBSExporterCredentialsFailing that its account is blind. Conditions",
        "keep each other quiet in the rules: a lesser state a worse one, and of several critical alerts about one plan only the first",
        "is raised. A pause, a gateway that is offline and a log that catches up explain what follows from them. DBSExporterDown and",
        "DBSExporterShardMissing silence what follows from them: that shards disagree, and that regions are no longer watched. Alerts",
        "for the platform's team are grouped by job, so that an exporter that is ill is one message.",
        "[`chat.yml`](../examples/alertmanager/chat.yml) beside it sends alerts to DingTalk, Feishu and WeCom, from Alertmanager 0.32 on.",
        "",
        "Both addresses in the annotations have one base each: the chart replaces them (`prometheusRule.runbookBaseUrl`,",
        "`prometheusRule.dashboardBaseUrl`); elsewhere, `dbs-exporter rules --output=rules --grafana-url=https://grafana.your.domain`.",
    ]
    return "\n".join(lines) + "\n"
