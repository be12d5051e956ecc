"""Full backups: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.fake_api import FakeApi, reading_of_plan
from support.family_lines import lines, numbers, states
from support.known_subjects import BACKUP, PLAN
from support.subjects import subject_with
from support.unknown_values import Told

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


def test_without_orphans_there_is_no_series_of_them() -> None:
    """They are rare, and most plans never have one."""
    assert lines(with_history(FullBackupHistory()), "dbs_full_backup_orphaned_jobs") == []
    assert lines(with_history(FullBackupHistory(orphans=2)), "dbs_full_backup_orphaned_jobs") == ["{} 2.0"]


def test_a_job_that_was_killed_in_flight_does_not_run() -> None:
    """It is listed as running for ever; what runs now has not been overtaken."""
    records = [
        {
            "BackupSetId": "s1",
            "BackupStatus": "running",
            "CreateTime": 1583740000000,
            "StartTime": 1583740001000,
        },
        {
            "BackupSetId": "s2",
            "BackupStatus": "finish",
            "CreateTime": 1583750000000,
            "EndTime": 1583750009000,
        },
    ]
    read = read_full_backups(reading_of_plan(FakeApi(DescribeFullBackupList=records)))
    known = with_history(read.facts)

    assert lines(known, "dbs_full_backup_running_started_timestamp_seconds") == []
    assert lines(known, "dbs_full_backup_orphaned_jobs") == ["{} 1.0"]
    assert lines(known, "dbs_full_backup_sets") == numbers(FULL_BACKUP_STATUSES, {"running": 1, "finish": 1})


def test_bytes_that_may_lack_a_size_are_absent() -> None:
    """Those of the other storage classes are there."""
    known = with_history(FullBackupHistory(bytes_by_storage_class=(("IA", None), ("Standard", 5))))

    assert lines(known, "dbs_full_backup_sets_bytes") == [
        '{storage_class="Standard"} 5.0',
        '{storage_class="Archive"} 0.0',
        '{storage_class="UNKNOWN"} 0.0',
    ]


def test_one_odd_record_in_ten_costs_that_record() -> None:
    """Its neighbours are read and counted, and it is told."""
    told = Told()
    good = [{"BackupSetId": f"s{number}", "BackupStatus": "finish"} for number in range(9)]
    api = FakeApi(DescribeFullBackupList=[*good, {"BackupSetId": "s9", "BackupStatus": []}])
    read = read_full_backups(reading_of_plan(api, unknown=told))

    assert dict(read.facts.counts)["finish"] == 9
    assert len(read.ended or ()) == 9
    assert told.fields == ["BackupStatus"]


def test_a_size_that_cannot_be_read_costs_the_group_nothing_else() -> None:
    """The set is a success and a recovery point; it is not counted until it is read for certain."""
    records = [
        {
            "BackupSetId": "s1",
            "BackupStatus": "finish",
            "CreateTime": 1583740000000,
            "EndTime": 1583740009000,
            "BackupSize": float("nan"),
            "StorageMethod": "IA",
        }
    ]
    read = read_full_backups(reading_of_plan(FakeApi(DescribeFullBackupList=records)))

    assert read.facts.newest_recovery_point_at == 1583740009.0
    assert read.facts.bytes_by_storage_class == (("IA", None),)
    assert read.ended == ()
