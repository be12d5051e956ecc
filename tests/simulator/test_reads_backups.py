"""Lists of full backups and log files: filters choose."""

from __future__ import annotations

from support.simulated_cloud import DAY, NOW, Cloud


def test_full_backups_are_chosen_by_time_and_status(cloud: Cloud) -> None:
    """Times in seconds or milliseconds."""
    plan = {"BackupPlanId": cloud.plan_id}
    week = int((NOW - 7 * DAY) * 1000)
    recent = cloud.ask("DescribeFullBackupList", **plan, StartTimestamp=week)["TotalElements"]

    assert 0 < recent < cloud.sets()
    assert cloud.ask("DescribeFullBackupList", **plan, StartTimestamp=week // 1000)["TotalElements"] == recent
    older = cloud.ask("DescribeFullBackupList", **plan, EndTimestamp=week)["TotalElements"]
    assert older + recent == cloud.sets()
    assert cloud.ask("DescribeFullBackupList", **plan, BackupSetStatus="stop")["TotalElements"] == 0


def test_log_files_are_chosen_by_time(cloud: Cloud) -> None:
    """A file is there for each hour of the last day."""
    logs = cloud.ask(
        "DescribeIncrementBackupList", BackupPlanId=cloud.plan_id, StartTimestamp=int((NOW - DAY) * 1000)
    )

    assert 23 <= logs["TotalElements"] <= 26


def test_the_storage_class_of_a_log_file_is_shown_unless_it_is_declined(cloud: Cloud) -> None:
    """ShowStorageType is optional."""
    shown = cloud.ask("DescribeIncrementBackupList", BackupPlanId=cloud.plan_id)
    hidden = cloud.ask("DescribeIncrementBackupList", BackupPlanId=cloud.plan_id, ShowStorageType="false")

    assert "StorageMethod" in shown["Items"]["IncrementBackupFile"][0]
    assert "StorageMethod" not in hidden["Items"]["IncrementBackupFile"][0]


def test_a_set_is_found_by_its_id(cloud: Cloud) -> None:
    """One backup of many, with every field that the whole list has."""
    listed = cloud.ask("DescribeFullBackupList", BackupPlanId=cloud.plan_id)["Items"]["FullBackupFile"]
    found = cloud.ask(
        "DescribeFullBackupList", BackupPlanId=cloud.plan_id, BackupSetId=listed[3]["BackupSetId"]
    )

    assert found["Items"]["FullBackupFile"] == [listed[3]]
