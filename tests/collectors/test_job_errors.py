"""Error codes of failed jobs: what is asked, once, and what their family makes of them."""

from __future__ import annotations

import pytest
from support.fake_api import NOW, FakeApi, reading_of_plan, subject_of
from support.family_lines import lines
from support.known_subjects import PLAN
from support.subjects import subject_with

from dbs_exporter.collectors.dues import Pace
from dbs_exporter.collectors.job_errors import COLLECTOR, due, read_job_errors
from dbs_exporter.errors import BadAnswer, Invalid
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory
from dbs_exporter.facts.job_errors import JOB_ERRORS, JobError
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.metrics.family import Family

EXPECTED = {"dbs_job_error_info": ['{error_code="DBS-1001",job_id="set2",job_kind="full_backup"} 1.0']}
FAILED = subject_with(
    subject_of(),
    (FULL_BACKUPS, FullBackupHistory(last_attempt=FullBackup(backup_set_id="set9", status="stop"))),
)


def test_error_codes_are_asked_of_jobs_that_stand_failed() -> None:
    """The last full backup and the restores that failed, and nothing that goes on or went well."""
    statuses = {"r1": "stop", "r2": "running", "r3": "finish"}
    tasks = tuple(
        RestoreTask(task_id=task_id, plan_id="dbs1", status=status) for task_id, status in statuses.items()
    )
    api = FakeApi(DescribeJobErrorCode={"Item": {"ErrorCode": "DBS.NoSpace"}})
    subject = subject_with(FAILED, (RESTORES, RestoreHistory(tasks=tasks)))
    errors = read_job_errors(reading_of_plan(api, subject)).facts

    assert [params["TaskId"] for _, params in api.asked] == ["set9", "r1"]
    assert [(error.job_kind, error.error_code) for error in errors] == [
        ("full_backup", "DBS.NoSpace"), ("restore", "DBS.NoSpace"),
    ]  # fmt: skip


def test_an_error_code_is_asked_once_and_gone_when_the_job_no_longer_stands_failed() -> None:
    """A code does not change; a backup that succeeded since needs none."""
    api = FakeApi(DescribeJobErrorCode={"Item": {"ErrorCode": "DBS.NoSpace"}})
    known = JobError(job_kind="full_backup", job_id="set9", error_code="DBS.NoSpace")
    failed = subject_with(FAILED, (JOB_ERRORS, (known,)))
    success = FullBackupHistory(last_attempt=FullBackup(backup_set_id="set10", status="finish"))
    mended = subject_with(failed, (FULL_BACKUPS, success))

    assert read_job_errors(reading_of_plan(api, failed)).facts == (known,)
    assert read_job_errors(reading_of_plan(api, mended)).facts == ()
    assert api.asked == []


@pytest.mark.parametrize("answer", [Invalid("no such job", code="InvalidJobId"), {"Item": {}}])
def test_a_job_without_a_code_fails_nothing_and_is_not_asked_again(answer: object) -> None:
    """The service forgets old jobs and names no code for others; the lists already tell of the failure itself."""
    api = FakeApi(DescribeJobErrorCode=answer)
    errors = read_job_errors(reading_of_plan(api, FAILED)).facts
    again = subject_with(FAILED, (JOB_ERRORS, errors))

    assert errors == (JobError(job_kind="full_backup", job_id="set9", error_code=""),)
    assert read_job_errors(reading_of_plan(api, again)).facts == errors
    assert len(api.asked) == 1


@pytest.mark.parametrize("family", COLLECTOR.families, ids=lambda family: family.name)
def test_facts_become_these_lines(family: Family) -> None:
    """Every family has its rows for a plan of which everything is known."""
    assert lines(PLAN, family.name) == EXPECTED[family.name]


def test_a_job_without_a_code_has_no_series() -> None:
    """It is kept so that it is not asked again, not to be exported."""
    known = subject_with(PLAN, (JOB_ERRORS, (JobError(job_kind="restore", job_id="r1", error_code=""),)))

    assert lines(known, "dbs_job_error_info") == []


def test_a_code_that_cannot_be_read_is_asked_again() -> None:
    """It is not a job without a code, of which nothing more would ever be asked."""
    with pytest.raises(BadAnswer):
        read_job_errors(reading_of_plan(FakeApi(DescribeJobErrorCode={"Item": {"ErrorCode": [1]}}), FAILED))


# ── when they are worth asking ──

PACE = Pace(now=NOW, interval=120.0, at_rest=3_600.0, at_most=3_600.0)
KNOWN = JobError(job_kind="full_backup", job_id="set9", error_code="")


def test_a_job_that_failed_is_asked_about_at_once_and_once() -> None:
    """Also if the answer had no code."""
    [found] = due(FAILED, PACE)

    assert (found.at, found.latest) == (NOW, NOW + 120.0)
    assert due(subject_with(FAILED, (JOB_ERRORS, (KNOWN,))), PACE) == ()


def test_an_error_that_no_longer_stands_is_put_away_at_once() -> None:
    """Its series would else say that the job stands failed."""
    mended = subject_with(subject_of(), (JOB_ERRORS, (KNOWN,)), (FULL_BACKUPS, FullBackupHistory()))
    [found] = due(mended, PACE)

    assert found.latest == NOW + 120.0


def test_where_no_job_failed_nothing_is_due() -> None:
    """Healthy plans cost no call."""
    assert due(subject_of(), PACE) == ()
    assert due(subject_with(subject_of(), (RESTORES, RestoreHistory())), PACE) == ()
