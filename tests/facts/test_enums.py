"""How enums are spelled, and what becomes of a value that no document lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.records import DOWNLOAD_TASK, FULL_BACKUP, GATEWAY, LOG_FILE, PLAN, RESTORE_TASK, fields_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.downloads import read_download_task
from dbs_exporter.facts.enums import spellings
from dbs_exporter.facts.full_backups import read_full_backup
from dbs_exporter.facts.gateways import read_gateway
from dbs_exporter.facts.log_backups import read_log_file
from dbs_exporter.facts.plans import read_plan
from dbs_exporter.facts.records import Fields
from dbs_exporter.facts.restores import read_restore_task

Read = Callable[[Fields], Any]

READERS: list[tuple[Read, dict[str, Any], str, str]] = [
    (read_plan, PLAN, "BackupPlanStatus", "status"),
    (read_full_backup, FULL_BACKUP, "BackupStatus", "status"),
    (read_full_backup, FULL_BACKUP, "StorageMethod", "storage_class"),
    (read_log_file, LOG_FILE, "BackupStatus", "status"),
    (read_restore_task, RESTORE_TASK, "RestoreStatus", "status"),
    (read_gateway, GATEWAY, "BackupGatewayStatus", "status"),
    (read_download_task, DOWNLOAD_TASK, "BackupSetDownloadStatus", "status"),
    (read_plan, PLAN, "DatabaseType", "database_type"),
    (read_plan, PLAN, "SourceEndpointInstanceType", "source_type"),
]


def test_a_value_is_found_as_documented_in_lower_case_and_by_its_other_spellings() -> None:
    """Every accepted spelling leads to the documented one, and a spelling that is not accepted to none."""
    known = spellings("ONLINE", "Standard", caught="cached")

    assert {said: known.get(said) for said in ("ONLINE", "online", "Standard", "standard", "caught")} == {
        "ONLINE": "ONLINE",
        "online": "ONLINE",
        "Standard": "Standard",
        "standard": "Standard",
        "caught": "cached",
    }
    assert "Online" not in known


@pytest.mark.parametrize(
    ("read", "record", "field", "attribute"), READERS, ids=lambda value: getattr(value, "__name__", "")
)
def test_an_unknown_value_is_kept_and_told(
    read: Read, record: dict[str, Any], field: str, attribute: str
) -> None:
    """A value that no document lists keeps its own name, and is told once."""
    told = Told()
    fact = read(fields_of({**record, field: "Hibernating"}, told))

    assert getattr(fact, attribute) == "Hibernating"
    assert told.fields == [field]


@pytest.mark.parametrize(
    ("read", "record", "field"),
    [
        (read, record, field)
        for read, record, field, _ in READERS
        if field.endswith("Status") and read is not read_plan
    ],
)
def test_a_record_without_its_status_is_refused(read: Read, record: dict[str, Any], field: str) -> None:
    """A job whose state is not told cannot be counted as anything."""
    without = {name: value for name, value in record.items() if name != field}
    with pytest.raises(BadAnswer) as caught:
        read(fields_of(without))

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "said", "attribute", "documented"),
    [
        ("BackupPlanStatus", "Running", "status", "running"),
        ("SourceEndpointInstanceType", "RDS", "source_type", "rds"),
        ("SourceEndpointInstanceType", "Express", "source_type", "express"),
    ],
)
def test_known_values_in_another_case(field: str, said: str, attribute: str, documented: str) -> None:
    """The documents themselves write RDS and rds for the same thing."""
    assert getattr(read_plan(fields_of({**PLAN, field: said})), attribute) == documented
