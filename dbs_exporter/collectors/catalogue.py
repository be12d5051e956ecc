"""FAMILIES: every family that facts are turned into, in the order in which they are printed.

The families themselves stand in one module per subject matter; the exporter's own are in `own`.
"""

from __future__ import annotations

from dbs_exporter.collectors.backup_families import FULL_BACKUP_FAMILIES, LOG_BACKUP_FAMILIES
from dbs_exporter.collectors.plan_families import PLAN_FAMILIES
from dbs_exporter.collectors.region_families import REGION_FAMILIES
from dbs_exporter.collectors.restore_families import DOWNLOAD_FAMILIES, PRECHECK_FAMILIES, RESTORE_FAMILIES
from dbs_exporter.metrics.family import Family, checked_table, reading

FAMILIES: tuple[Family, ...] = checked_table(
    (
        *PLAN_FAMILIES,
        *reading(FULL_BACKUP_FAMILIES, "full_backups", "full_backup_tally"),
        *reading(LOG_BACKUP_FAMILIES, "logs", "log_tally"),
        *reading(RESTORE_FAMILIES, "restores", "restore_tally"),
        *reading(PRECHECK_FAMILIES, "prechecks", "job_errors"),
        *reading(DOWNLOAD_FAMILIES, "downloads"),
        *REGION_FAMILIES,
    )
)
