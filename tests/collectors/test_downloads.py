"""Backup set downloads: what is asked, and what their families make of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.dues import promised_within
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines, states
from support.known_subjects import DOWNLOAD, PLAN
from support.subjects import subject_with

from dbs_exporter.collectors.downloads import COLLECTOR, due, read_downloads
from dbs_exporter.collectors.dues import Pace
from dbs_exporter.facts.downloads import DOWNLOAD_STATUSES, DOWNLOADS, DownloadHistory
from dbs_exporter.metrics.family import Family

EXPECTED = {
    "dbs_download_tasks": states(DOWNLOAD_STATUSES, "finish"),
    "dbs_download_task_info": [
        '{backup_set_code="",backup_set_id="set1",data_format="SQL",directory="",download_task_id="download1",'
        'download_task_name="",gateway_id="7",job_type="full",'
        'target_type="OSS",way="manual"} 1.0'
    ],
    "dbs_download_task_status": states(DOWNLOAD_STATUSES, "finish", before='download_task_id="download1",'),
    "dbs_download_task_size_bytes": ['{download_task_id="download1"} 4096.0'],
    "dbs_download_task_created_timestamp_seconds": ['{download_task_id="download1"} 4000.0'],
    "dbs_download_task_finished_timestamp_seconds": ['{download_task_id="download1"} 4100.0'],
    "dbs_download_last_success_timestamp_seconds": ["{} 4100.0"],
}


def test_downloads_are_asked_of_one_plan_and_not_counted() -> None:
    """No family counts their ends."""
    record = {"BackupSetDownloadTaskId": "d1", "BackupSetDownloadStatus": "running"}
    api = FakeApi(DescribeBackupSetDownloadTaskList=[record])
    read = read_downloads(reading_of_plan(api))

    assert api.asked == [("DescribeBackupSetDownloadTaskList", {"BackupPlanId": "dbs1"})]
    assert [task.task_id for task in read.facts.tasks] == ["d1"]
    assert read.ended is None


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_an_undocumented_status_has_a_series_of_its_own() -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    known = subject_with(PLAN, (DOWNLOADS, DownloadHistory(tasks=(replace(DOWNLOAD, status="NEW"),))))

    assert lines(known, "dbs_download_task_status") == states(
        (*DOWNLOAD_STATUSES, "NEW"), "NEW", before='download_task_id="download1",'
    )


def test_downloads_are_read_soon_while_one_is_under_way_and_seldom_otherwise() -> None:
    """Ever more seldom while nothing changes; one that has ended is not waited for."""
    pace = Pace(now=NOW, interval=120.0, at_rest=3_600.0)

    def latest(*statuses: str, unchanged: int = 0) -> float:
        tasks = tuple(replace(DOWNLOAD, status=status, finished_at=None) for status in statuses)
        subject = subject_with(subject_of(), (DOWNLOADS, DownloadHistory(tasks=tasks), NOW))
        known = replace(subject.known(DOWNLOADS), unchanged=unchanged)
        [found] = due(replace(subject, groups={DOWNLOADS.name: known}), pace)
        return found.latest - NOW

    assert latest() == latest("finish", "stop") == promised_within(3_600.0)
    assert latest("finish", "running") == promised_within(120.0)
    assert [latest("init", unchanged=number) for number in (1, 2, 50)] == [
        promised_within(age) for age in (240.0, 480.0, 3_600.0)
    ]
