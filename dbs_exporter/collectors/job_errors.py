"""Error codes of failed jobs: how they are read, and their family · DescribeJobErrorCode."""

from __future__ import annotations

from collections.abc import Iterator

from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read
from dbs_exporter.collectors.dues import Dues, Pace, at_once
from dbs_exporter.errors import Invalid
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.job_errors import JOB_ERRORS, JobError, JobKind, read_job_error
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, plan_family, with_reads

_OPERATION = "DescribeJobErrorCode"


def read_job_errors(reading: PlanReading) -> Read[tuple[JobError, ...]]:
    """Read why jobs failed, once for each that stands failed: the newest full backup, and failed restores that are kept."""
    known = {(error.job_kind, error.job_id): error for error in reading.subject.get(JOB_ERRORS) or ()}
    found: list[JobError] = []
    for job_kind, job_id in _failed_jobs(reading.subject):
        if (job_kind, job_id) in known:
            found.append(known[job_kind, job_id])
            continue
        try:
            answer = reading.call(_OPERATION, TaskId=job_id, Language="en")
        except Invalid:
            # The service forgets old jobs; the lists already show that it failed.
            found.append(JobError(job_kind=job_kind, job_id=job_id, error_code=""))
            continue
        error = read_job_error(answer, job_kind, job_id, reading.reader)
        found.append(error or JobError(job_kind=job_kind, job_id=job_id, error_code=""))
    return Read(facts=tuple(found))


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when it is worth asking why jobs failed: at once for one that is new, and when one stands failed no more."""
    known = {(error.job_kind, error.job_id) for error in subject.get(JOB_ERRORS) or ()}
    if known != set(_failed_jobs(subject)):
        return (at_once(pace, pace.now, "a job failed, or was mended"),)
    return ()


def _failed_jobs(subject: PlanSubject) -> Iterator[tuple[JobKind, str]]:
    backups = subject.get(FULL_BACKUPS)
    if backups is not None and backups.last_attempt is not None and backups.last_attempt.status == "stop":
        yield "full_backup", backups.last_attempt.backup_set_id
    restores = subject.get(RESTORES)
    for task in restores.tasks if restores else ():
        if task.status == "stop":
            yield "restore", task.task_id


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_job_error_info",
        "Why the last full backup or restore failed, while it stands failed; always 1",
        f"{_OPERATION} ErrorCode",
        lambda subject: [
            ((error.job_kind, error.job_id, error.error_code), 1)
            for error in subject.get(JOB_ERRORS) or ()
            if error.error_code
        ],
        labels=("job_kind", "job_id", "error_code"),
    ),
)

COLLECTOR = PlanCollector(
    name="job_errors",
    summary="DescribeJobErrorCode, once for each job that stands failed.",
    section="Pre-checks and job errors",
    group=JOB_ERRORS,
    operations=(_OPERATION,),
    interval_seconds=120,
    at_rest_seconds=3_600,
    rank=5,
    due=due,
    read=read_job_errors,
    nothing=(),
    needs=(FULL_BACKUPS, RESTORES),
    families=with_reads(_FAMILIES, JOB_ERRORS),
    probe={_OPERATION: lambda _now: {"TaskId": "dbs0000000000"}},
    on_demand=True,
)
