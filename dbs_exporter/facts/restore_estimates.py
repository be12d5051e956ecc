"""How long a restore of all that a plan backs up would take, by the plan's own restores that worked. Pure.

A proof is remembered with what it took and what it brought back, since the set that it restored expires, and its size with it.
A restore is taken to cost so much for each byte of the set and so much for each second of the log that follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dbs_exporter.facts.full_backups import (
    FULL_BACKUPS,
    FullBackupHistory,
    full_backup_end,
    recent_jobs,
    set_positions,
)
from dbs_exporter.facts.limits import CHAIN_TOLERANCE_SECONDS, PROOFS_KEPT
from dbs_exporter.facts.objects import lacking
from dbs_exporter.facts.protection import last_proof, recovery_point
from dbs_exporter.facts.restores import RESTORES, RestoreTask, restore_succeeded, running_key, waiting_key
from dbs_exporter.facts.subjects import PlanSubject, Proof


class RestoreEstimate(NamedTuple):
    """How long a restore would take now, and what that rests on."""

    seconds: float
    proven_at: float
    """When the newest of the proofs ended, in Unix seconds."""
    proofs: int
    """Restores that it rests on, at most PROOFS_KEPT."""
    is_log_known: bool
    """False where log would be replayed and no proof did, so that it takes longer by that."""


def proofs_of(subject: PlanSubject) -> tuple[Proof, ...]:
    """Return the last restores that worked of all that the plan names, to the kind of instance that it backs up, the newest first.

    They are those in the list whose set is known, and those that were remembered.
    """
    known = {proof.task_id: proof for proof in subject.proofs}
    known |= {proof.task_id: proof for proof in _listed(subject)}
    newest = sorted(known.values(), key=lambda proof: (-proof.finished_at, proof.task_id))[:PROOFS_KEPT]
    # What is equal stays the same object, by which others see that it did not change.
    return subject.proofs if tuple(newest) == subject.proofs else tuple(newest)


def restore_estimate(subject: PlanSubject) -> RestoreEstimate | None:
    """Return how long a restore to the newest instant would take; None without a proof, or where the newest set's size is unknown.

    The set costs the seconds per byte of the slowest proof, the log since its end the pace of the slowest that replayed any. Where
    no proof was without log, the two cannot be separated: then it is what the slowest takes if all of it grows as the faster
    growing of the two, the most that it can be.
    """
    backups = subject.get(FULL_BACKUPS)
    last = backups.last_success if backups else None
    proofs = [proof for proof in subject.proofs if proof.destination_type == subject.plan.source_type]
    if last is None or not last.size_bytes or not proofs or last_proof(subject) is None:
        return None
    log = _log_since(subject, full_backup_end(last))
    return RestoreEstimate(
        seconds=_seconds(proofs, last.size_bytes, log),
        proven_at=max(proof.finished_at for proof in proofs),
        proofs=len(proofs),
        is_log_known=not log or any(proof.log_seconds for proof in proofs),
    )


def _seconds(proofs: Sequence[Proof], size: int, log: float) -> float:
    without = [proof.seconds / proof.size_bytes for proof in proofs if not proof.log_seconds]
    replayed = [proof for proof in proofs if proof.log_seconds]
    if not without:
        return max(
            proof.seconds * max(size / proof.size_bytes, log / proof.log_seconds) for proof in replayed
        )
    slowest = max(without)
    of_log = max(
        ((proof.seconds - slowest * proof.size_bytes) / proof.log_seconds for proof in replayed), default=0.0
    )
    return slowest * size + max(of_log, 0.0) * log


def _log_since(subject: PlanSubject, end: float | None) -> float:
    point = recovery_point(subject)
    if not subject.plan.log_backup_enabled or point is None or end is None:
        return 0.0
    return _beyond(end, point)


def _beyond(end: float, target: float) -> float:
    """Return the seconds of log from a set's end to an instant; 0 where they are the same but for rounding."""
    return target - end if target - end > CHAIN_TOLERANCE_SECONDS else 0.0


def _listed(subject: PlanSubject) -> Iterator[Proof]:
    restores, backups = subject.get(RESTORES), subject.get(FULL_BACKUPS)
    for task in restores.tasks if restores is not None and backups is not None else ():
        proof = _proof(subject, task, backups) if backups is not None and _proves(subject, task) else None
        if proof is not None:
            yield proof


def _proves(subject: PlanSubject, task: RestoreTask) -> bool:
    kind = subject.plan.source_type
    whole = not lacking(task.objects, subject.plan.objects)
    return restore_succeeded(task) and whole and kind != "" and task.destination_type == kind


def _proof(subject: PlanSubject, task: RestoreTask, backups: FullBackupHistory) -> Proof | None:
    began = _began(subject, task)
    restored = _restored(task, backups)
    if began is None or task.finished_at is None or task.finished_at <= began or restored is None:
        return None
    end, size = restored
    return Proof(
        task_id=task.task_id,
        finished_at=task.finished_at,
        destination_type=task.destination_type,
        seconds=task.finished_at - began,
        size_bytes=size,
        log_seconds=0.0 if task.target_at is None else _beyond(end, task.target_at),
    )


def _began(subject: PlanSubject, task: RestoreTask) -> float | None:
    """Return when a restore began: where it was seen to wait, when it was first seen to run; else at its creation, the careful side."""
    if waiting_key(task) in subject.noticed:
        return subject.noticed.get(running_key(task), task.created_at)
    return task.created_at


def _restored(task: RestoreTask, backups: FullBackupHistory) -> tuple[float, int] | None:
    """Return (end, bytes) of the set that a task restored: the one it names, else the newest that ended before its instant."""
    jobs = recent_jobs(backups)
    if task.backup_set_id:
        chosen: Iterable[int] = set_positions(backups, task.backup_set_id)
    else:
        chosen = range(len(jobs))
    target = float("inf") if task.backup_set_id else task.target_at
    found = [
        (float(jobs[at].ended_at or 0), jobs[at].size_bytes or 0)
        for at in chosen
        if jobs[at].status == "finish" and jobs[at].ended_at is not None and jobs[at].size_bytes
    ]
    if target is None:
        return None
    return max((each for each in found if each[0] <= target), default=None)
