"""Standard error codes of failed jobs · DescribeJobErrorCode."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.fields import Record, item
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.records import Reader

JobKind = Literal["full_backup", "restore"]


class JobError(Struct, frozen=True, kw_only=True):
    """The standard error code of a failed job · DescribeJobErrorCode, Item."""

    job_kind: JobKind
    job_id: str
    error_code: str
    """"" if the API names none; kept, so that it is asked once."""
    error_message: str = ""


JOB_ERRORS: Group[tuple[JobError, ...]] = Group("job_errors", tuple[JobError, ...])


def read_job_error(answer: Record, job_kind: JobKind, job_id: str, reader: Reader) -> JobError | None:
    """Read why a job failed, None where the API names no code · DescribeJobErrorCode, Item. Raises BadAnswer."""
    found = item(answer)
    if found is None:
        return None
    fields = reader.fields(found)
    code = fields.text("ErrorCode")
    if "ErrorCode" in fields.unreadable:
        # It is asked again; a job without a code is not.
        raise BadAnswer("an error code that cannot be read", field="ErrorCode")
    if not code:
        return None
    return JobError(job_kind=job_kind, job_id=job_id, error_code=code, error_message=fields.error_message())
