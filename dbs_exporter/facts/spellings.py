"""How DBS spells its enums: every documented value, and every spelling in lower case, to the one that is exported.

It owns the documented values and the known slips in them; a value that is not here is new to the documents, not wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

from dbs_exporter.facts.model import (
    DOWNLOAD_STATUSES,
    FULL_BACKUP_STATUSES,
    GATEWAY_STATUSES,
    LOG_FILE_STATUSES,
    PLAN_STATUSES,
    PRECHECK_ITEM_STATES,
    PRECHECK_STATUSES,
    RANGE_TYPES,
    RESTORE_STATUSES,
    STORAGE_CLASSES,
)


def _known(*values: str, **spellings: str) -> Mapping[str, str]:
    """Give every accepted spelling of an enum's values, to the one that is exported."""
    # Also as documented, so that the usual case is found at the first look.
    return {value: value for value in values} | {value.lower(): value for value in values} | spellings


PLAN_STATUS = _known(*PLAN_STATUSES)
FULL_STATUS = _known(*FULL_BACKUP_STATUSES)
LOG_STATUS = _known(*LOG_FILE_STATUSES)
RESTORE_STATUS = _known(*RESTORE_STATUSES)
GATEWAY_STATUS = _known(*GATEWAY_STATUSES)
PRECHECK_STATUS = _known(*PRECHECK_STATUSES)
# Newer documents spell `caught` as `catched`; of a download the English page says `Caught` where the Chinese says `cached`.
PRECHECK_STATE = _known(*PRECHECK_ITEM_STATES, catched="caught")
DOWNLOAD_STATUS = _known(*DOWNLOAD_STATUSES, caught="cached", catched="cached")
STORAGE = _known(*STORAGE_CLASSES)
RANGE_TYPE = _known(*RANGE_TYPES)
METHOD = _known("logical", "physical", "duplication")
CLASS = _known("micro", "small", "medium", "large", "xlarge")
ENDPOINT = _known("rds", "ecs", "express", "agent", "dds", "other", "dg", "polardb", "kvstore")
DATABASE = _known(
    "MySQL", "MSSQL", "Oracle", "MongoDB", "Redis", "PostgreSQL", "DRDS", "MariaDB", "PPAS", file="FIle"
)  # fmt: skip
FORMAT = _known("Native", "SQL", "CSV", "JSON")
WAY = _known("manual", "auto")
TARGET = _known("agent")

STAGES = (
    ("pre_structure", "FullStruforeRestoreProgress"),
    ("full_data", "FullDataRestoreProgress"),
    ("post_structure", "FullStruAfterRestoreProgress"),
    ("continuous", "ContinuousRestoreProgress"),
    ("physical_full", "PhysicalFullBackupRecoverProgress"),
    ("physical_incremental", "PhysicalIncrementBackupRecoverProgress"),
    ("physical_full_and_incremental", "PhysicalFullAndIncrementBackupRecoverProgress"),
    ("physical_recover", "PhysicalBackupRecoverProgress"),
    ("physical_online", "PhysicalDatabaseOnlineProgress"),
)
