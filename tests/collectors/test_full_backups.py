"""Full backups: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.fake_api import FakeApi, reading_of_plan
from support.family_lines import lines, numbers, states
from support.known_subjects import BACKUP, PLAN
from support.subjects import subject_with

from dbs_exporter.collectors.full_backups import COLLECTOR, read_full_backups
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.full_backups import FULL_BACKUP_STATUSES, FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_full_backup_last_success_timestamp_seconds": ["{} 1500.0"],
    "dbs_full_backup_last_success_duration_seconds": ["{} 400.0"],
    "dbs_full_backup_last_success_queue_seconds": ["{} 100.0"],
    "dbs_full_backup_last_success_size_bytes": ["{} 4096.0"],
    "dbs_full_backup_last_success_expires_timestamp_seconds": ["{} 9000.0"],
    "dbs_full_backup_last_attempt_timestamp_seconds": ["{} 2000.0"],
    "dbs_full_backup_last_attempt_status": states(FULL_BACKUP_STATUSES, "running"),
    "dbs_full_backup_consecutive_failures": ["{} 2.0"],
    "dbs_full_backup_running_started_timestamp_seconds": ["{} 2100.0"],
    "dbs_full_backup_running_progress_ratio": ['{stage="structure"} 1.0', '{stage="data"} 0.25'],
    "dbs_full_backup_orphaned_jobs": ["{} 1.0"],
    "dbs_full_backup_sets": numbers(FULL_BACKUP_STATUSES, {"finish": 5, "running": 1}),
    "dbs_full_backup_sets_bytes": numbers(STORAGE_CLASSES, {"Standard": 4096}, "storage_class"),
    "dbs_full_backup_size_median_bytes": ["{} 4000.5"],
    "dbs_full_backup_duration_median_seconds": ["{} 290.0"],
    "dbs_full_backups_completed_total": ['{result="success"} 4.0', '{result="failure"} 1.0'],
    "dbs_full_backup_bytes_total": ["{} 20480.0"],
    "dbs_full_backup_duration_seconds_total": ["{} 1200.5"],
}


def with_history(history: FullBackupHistory) -> PlanSubject:
    return subject_with(PLAN, (FULL_BACKUPS, history))


def test_only_what_has_ended_is_told_to_the_counters() -> None:
    """A running set is no event yet, and what failed is told apart."""
    records = [
        {"BackupSetId": f"s{number}", "BackupStatus": status, "BackupSize": 5}
        for number, status in enumerate(["finish", "stop", "running", "pause", "schedule"])
    ]
    ended = read_full_backups(reading_of_plan(FakeApi(DescribeFullBackupList=records))).ended

    assert ended is not None
    assert [(end.identity, end.success) for end in ended] == [("s0/finish", True), ("s1/stop", False)]


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    attempted = with_history(FullBackupHistory(last_attempt=replace(BACKUP, status="NEW")))
    counted = with_history(FullBackupHistory(counts=(("NEW", 1),)))
    expected = states((*FULL_BACKUP_STATUSES, "NEW"), "NEW")

    assert lines(attempted, "dbs_full_backup_last_attempt_status") == expected
    assert lines(counted, "dbs_full_backup_sets") == expected


def test_a_set_that_ends_before_it_starts_has_no_duration() -> None:
    """Instants that contradict each other are not known; a negative span is never exported."""
    backwards = with_history(FullBackupHistory(last_success=replace(BACKUP, finished_at=1.0, created_at=5e9)))

    assert lines(backwards, "dbs_full_backup_last_success_duration_seconds") == []
    assert lines(backwards, "dbs_full_backup_last_success_queue_seconds") == []


def test_a_set_without_a_finish_time_succeeded_when_its_data_ended() -> None:
    """FinishTime is told later than EndTime, and by some sets never."""
    finished = with_history(FullBackupHistory(last_success=replace(BACKUP, finished_at=None)))

    assert lines(finished, "dbs_full_backup_last_success_timestamp_seconds") == ["{} 1400.0"]
