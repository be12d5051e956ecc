"""Conditions of restores and downloads, and whether a restore was ever proved to work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbs_exporter.conditions.algebra import Stage, after, condition, stage
from dbs_exporter.facts.downloads import DOWNLOADS, DownloadTask, download_ended
from dbs_exporter.facts.limits import AT_RISK_SHARE, DAY_SECONDS, HOUR_SECONDS
from dbs_exporter.facts.noticed import RESTORE_SLOW, progress_key
from dbs_exporter.facts.protection import last_proof
from dbs_exporter.facts.restores import RESTORES, RestoreTask, restore_ended, running_key
from dbs_exporter.facts.subjects import PlanSubject


@condition(
    "restore_failed",
    of="restore_task",
    basis=RESTORES.name,
    breached=("DBSRestoreFailed", "critical"),
    attention=("DBSRestoreFailedEarlier", "warning"),
)
def restore_failed(subject: PlanSubject) -> Iterable[Stage]:
    """A restore failed: critical for four hours, while somebody waits for it, then a warning for a week."""
    restores = subject.get(RESTORES)
    for task in _restores(subject):
        failed = task.finished_at if task.finished_at is not None else task.created_at
        good = restores.last_success_at if restores else None
        if task.status != "stop" or failed is None:
            continue
        if good is None or good <= (task.created_at or failed):
            yield from stage("breached", failed, failed + 4 * HOUR_SECONDS, task.task_id)
            yield from stage("attention", failed, failed + 7 * DAY_SECONDS, task.task_id)


@condition("restore_stuck", of="restore_task", basis=RESTORES.name, breached=("DBSRestoreStuck", "critical"))
def restore_stuck(subject: PlanSubject) -> Iterable[Stage]:
    """A restore runs or pauses, and has come no further for an hour."""
    for task in _restores(subject):
        moved = subject.noticed.get(progress_key(task))
        yield from stage("breached", after(moved, HOUR_SECONDS), of=task.task_id)


@condition(
    "restore_time",
    of="restore_task",
    basis=RESTORES.name,
    breached=("DBSRestoreLate", "warning"),
    at_risk=("DBSRestoreWillMissObjective", "warning"),
)
def restore_time(subject: PlanSubject) -> Iterable[Stage]:
    """A restore takes, or soon will have taken, longer than its objective."""
    objective = subject.objectives.restore_time
    for task in _restores(subject):
        begin = subject.noticed.get(running_key(task))
        if objective is not None and begin is not None and not restore_ended(task):
            yield from stage("at_risk", begin + AT_RISK_SHARE * objective, of=task.task_id)
            yield from stage("breached", begin + objective, of=task.task_id)


@condition("restore_test", basis=RESTORES.name, attention=("DBSRestoreTestOverdue", "warning"))
def restore_test(subject: PlanSubject) -> Iterable[Stage]:
    """No restore of all that the plan names has been proved to work for longer than the objective allows."""
    restores, interval = subject.get(RESTORES), subject.objectives.restore_test_interval
    if restores is not None:
        made = subject.plan.created_at if subject.plan.created_at is not None else subject.first_listed_at
        proof = last_proof(subject)
        proof = made if proof is None else proof
        yield from stage("attention", after(proof, interval))


@condition("restore_estimate", basis=RESTORES.name, attention=("DBSRestoreEstimateTooLong", "warning"))
def restore_too_slow(subject: PlanSubject) -> Iterable[Stage]:
    """By the restores that worked, another one of all that the plan names would take longer than its objective."""
    yield from stage("attention", subject.noticed.get(RESTORE_SLOW))


@condition(
    "download_failed", of="download_task", basis=DOWNLOADS.name, attention=("DBSDownloadFailed", "info")
)
def download_failed(subject: PlanSubject) -> Iterable[Stage]:
    """A download failed within a week, and none that worked has followed."""
    downloads = subject.get(DOWNLOADS)
    for task in _downloads(subject):
        failed = task.finished_at if task.finished_at is not None else task.created_at
        good = downloads.last_success_at if downloads else None
        if not download_ended(task) or task.status == "finish" or failed is None:
            continue
        if good is None or good <= (task.created_at or failed):
            yield from stage("attention", failed, failed + 7 * DAY_SECONDS, task.task_id)


@condition("download_stuck", of="download_task", basis=DOWNLOADS.name, attention=("DBSDownloadStuck", "info"))
def download_stuck(subject: PlanSubject) -> Iterable[Stage]:
    """A download has not ended for a day."""
    for task in _downloads(subject):
        if not download_ended(task):
            yield from stage("attention", after(task.created_at, DAY_SECONDS), of=task.task_id)


def _restores(subject: PlanSubject) -> Iterator[RestoreTask]:
    restores = subject.get(RESTORES)
    return iter(restores.tasks if restores else ())


def _downloads(subject: PlanSubject) -> Iterator[DownloadTask]:
    downloads = subject.get(DOWNLOADS)
    return iter(downloads.tasks if downloads else ())
