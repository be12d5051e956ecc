"""Error codes of jobs as the API tells them."""

from __future__ import annotations

import pytest
from support.records import reader_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.job_errors import JobError, read_job_error


def test_a_job_error_with_and_without_a_code() -> None:
    """A job whose error has no code gives none, as the vendor's own sample does."""
    answer = {"Item": {"ErrorCode": "E1", "ErrorMessage": "no"}}

    assert read_job_error({"Item": {"Language": "en", "JobId": "t"}}, "restore", "t", reader_of()) is None
    assert read_job_error({"Item": ""}, "restore", "t", reader_of()) is None
    assert read_job_error(answer, "full_backup", "t", reader_of()) == JobError(
        job_kind="full_backup", job_id="t", error_code="E1", error_message="no"
    )


def test_a_code_that_cannot_be_read_is_not_a_job_without_one() -> None:
    """A job without a code is never asked again."""
    told = Told()
    with pytest.raises(BadAnswer) as caught:
        read_job_error({"Item": {"ErrorCode": ["E1"]}}, "restore", "t", reader_of(told))

    assert caught.value.field == "ErrorCode"
    assert told.fields == ["ErrorCode"]


def test_a_message_that_cannot_be_read_costs_the_message() -> None:
    """The code is what the series carries."""
    told = Told()
    answer = {"Item": {"ErrorCode": "E1", "ErrorMessage": {}, "ErrMsg": 5.5}}
    error = read_job_error(answer, "restore", "t", reader_of(told))

    assert error == JobError(job_kind="restore", job_id="t", error_code="E1")
    assert told.fields == ["ErrMsg"]
