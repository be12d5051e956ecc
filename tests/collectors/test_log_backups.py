"""Log backups: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from support.fake_api import FakeApi, reading_of_plan, subject_of
from support.family_lines import lines, numbers, states
from support.known_subjects import PLAN
from support.subjects import subject_with
from support.unknown_values import Told

from dbs_exporter.collectors.log_backups import COLLECTOR, read_log_backups
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LOG_FILE_STATUSES, LogHistory
from dbs_exporter.facts.plans import Plan
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_incremental_backup_last_data_timestamp_seconds": ["{} 2200.0"],
    "dbs_incremental_backup_last_completed_timestamp_seconds": ["{} 2190.0"],
    "dbs_incremental_backup_files": numbers(LOG_FILE_STATUSES, {"COMPLETED": 9, "FILLING": 1}),
    "dbs_incremental_backup_files_bytes": numbers(STORAGE_CLASSES, {"IA": 512}, "storage_class"),
    "dbs_incremental_backups_completed_total": ['{result="success"} 9.0', '{result="failure"} 0.0'],
    "dbs_incremental_backup_bytes_total": ["{} 512.0"],
}


@pytest.mark.parametrize("enabled", [True, False, None])
def test_log_files_are_read_also_where_log_backup_is_off(enabled: bool | None) -> None:
    """What was received before is what is left to restore from, and its lag is what an alert looks at."""
    api = FakeApi()
    plan = Plan(plan_id="dbs1", log_backup_enabled=enabled)
    read_log_backups(reading_of_plan(api, subject_of(plan)))

    assert api.asked == [("DescribeIncrementBackupList", {"BackupPlanId": "dbs1", "ShowStorageType": True})]


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    counted = subject_with(PLAN, (LOG_BACKUPS, LogHistory(counts=(("NEW", 1),))))

    assert lines(counted, "dbs_incremental_backup_files") == states((*LOG_FILE_STATUSES, "NEW"), "NEW")


def test_bytes_that_may_lack_a_size_are_absent() -> None:
    """Those of the other storage classes are there."""
    known = subject_with(PLAN, (LOG_BACKUPS, LogHistory(bytes_by_storage_class=(("IA", None),))))

    assert lines(known, "dbs_incremental_backup_files_bytes") == [
        '{storage_class="Standard"} 0.0',
        '{storage_class="Archive"} 0.0',
        '{storage_class="UNKNOWN"} 0.0',
    ]


def test_one_odd_file_of_168_costs_that_file() -> None:
    """A week of log stays known, but for the hour that is not."""
    told = Told()
    hour = 3_600_000
    records = [
        {
            "BackupSetId": f"bin.{number}",
            "BackupStatus": "COMPLETED",
            "StartTime": 1_583_740_800_000 + number * hour,
            "EndTime": 1_583_740_800_000 + (number + 1) * hour,
            "BackupSize": 10,
            "StorageMethod": "Standard",
        }
        for number in range(168)
    ]
    records[100] |= {"EndTime": "soon", "BackupSize": -1}
    read = read_log_backups(reading_of_plan(FakeApi(DescribeIncrementBackupList=records), unknown=told))

    assert [(end - begin) / 3600 for begin, end in read.facts.spans] == [100.0, 67.0]
    assert read.facts.bytes_by_storage_class == (("Standard", None),)
    assert len(read.ended or ()) == 167
    assert sorted(told.fields) == ["BackupSize", "EndTime"]
