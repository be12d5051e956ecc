"""The incidents that a fleet can have, what else a demo shows, and the errors of the jobs that fail because of them.

This module owns names, descriptions and messages. How an incident changes a plan is in `past`, `drills` and `world`.
"""

from __future__ import annotations

INCIDENTS = {
    "failed_full_backup": "the newest full backup failed; the one before is good",
    "repeatedly_failing_full_backup": "the last four full backups failed",
    "missed_schedule": "two full backups that were due never began",
    "shrunken_backup": "full backups are a tenth of their usual size from the newest one on",
    "log_backup_paused": "log backup was switched off three hours ago",
    "log_hole": "two hours of log are missing before a recent full backup",
    "offline_gateway": "a gateway stopped reporting two hours ago; the plans behind it receive no log and their backups fail",
    "stuck_restore": "a restore has stood at 43 % of its data for five hours",
    "failed_precheck": "a new plan's pre-check failed, so it never began",
    "locked_plan": "a plan is locked: no log for five hours, no full backup any more",
    "expiring_prepaid_plan": "a prepaid plan ends in two days",
    "last_good_expiring": "full backups fail and the last good one expires within 30 hours",
    "never_succeeded": "a plan of four days has not had one good full backup",
    "failed_restore": "the newest restore failed",
    "failed_download": "the newest download failed",
    "orphaned_job": "a full backup of days ago was killed in flight and is listed as running for ever",
    "paused_plan": "somebody paused a plan three hours ago: no log since, no full backup any more",
    "failing_without_log": "the last two full backups of a plan without log backup failed",
    "stuck_in_schedule": "a full backup has waited to begin for two days, and no later one is made",
}
"""Name of an incident -> what an operator sees."""

ALL = tuple(INCIDENTS)

TROUBLES = {
    "missing_databases": "full backups lack a database that the plan names",
    "empty_backup": "full backups hold nothing from the newest one on",
    "slow_backup": "full backups take many times as long as they did",
    "remarked_backup": "full backups end well, and the API says that tables were skipped",
    "short_retention": "full backups are kept for a day, and made once a day",
    "no_objective": "a plan without schedule and log: nothing says how old its backups may be",
    "stuck_download": "a download has run for two days",
    "weakened_plan": "somebody shortens how long full backups are kept",
    "gone_gateway": "a gateway is removed though a plan backs up through it",
    "new_network": "DBS connects from one network more",
}
"""What else a demo shows, each of a plan of its own but the last, and no other fleet: name -> what an operator sees."""

LATER = {"weakened_plan": 180.0, "gone_gateway": 360.0, "new_network": 540.0}
"""Troubles that come while one watches -> seconds after the beginning."""

REMARK = "3 tables were skipped: they are locked by another session"

FAILURES = {
    "failed_full_backup": (
        "DBS.SourceAccessDenied",
        "Access denied for user 'backup'@'10.0.0.1' (using password: YES)",
    ),
    "repeatedly_failing_full_backup": (
        "DBS.SourceConnectionLost",
        "Communications link failure: the source closed the connection during the dump.",
    ),
    "last_good_expiring": ("DBS.StorageQuotaExceeded", "The storage quota of the backup plan is used up."),
    "never_succeeded": ("DBS.SourceUnreachable", "connect to the source timed out after 30000 ms"),
    "offline_gateway": ("DBS.BackupGatewayOffline", "The backup gateway is offline."),
    "failing_without_log": ("DBS.SourceLockTimeout", "FLUSH TABLES WITH READ LOCK timed out after 3600 s"),
    "failed_restore": ("DBS.RestoreObjectConflict", "Duplicate object found on the destination"),
    "failed_download": ("DBS.DownloadStorageFull", "java.io.IOException: No space left on device"),
}
"""Incident -> (ErrorCode, message) of the job that failed; the codes are made up, since no document lists them."""


def incidents_by_index(plans: int) -> dict[int, str]:
    """Return plan index -> the incident reserved for the plan, in an account of so many plans.

    Two plans are behind the gateway that goes offline, all other incidents have a single plan.
    """
    reserved = [*INCIDENTS]
    reserved.insert(reserved.index("orphaned_job") + 1, "offline_gateway")
    step = 2 if plans >= 2 * len(reserved) else 1
    return {1 + step * number: name for number, name in enumerate(reserved) if 1 + step * number < plans}
