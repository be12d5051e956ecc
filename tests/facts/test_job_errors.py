"""Error codes of jobs as the API tells them."""

from __future__ import annotations

from support.records import reader_of

from dbs_exporter.facts.job_errors import JobError, read_job_error


def test_a_job_error_with_and_without_a_code() -> None:
    """A job whose error has no code gives none, as the vendor's own sample does."""
    answer = {"Item": {"ErrorCode": "E1", "ErrorMessage": "no"}}

    assert read_job_error({"Item": {"Language": "en", "JobId": "t"}}, "restore", "t", reader_of()) is None
    assert read_job_error({"Item": ""}, "restore", "t", reader_of()) is None
    assert read_job_error(answer, "full_backup", "t", reader_of()) == JobError(
        job_kind="full_backup", job_id="t", error_code="E1", error_message="no"
    )
