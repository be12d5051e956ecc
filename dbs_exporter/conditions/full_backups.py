"""Conditions of full backups: late, failed, empty, of an unusual size, slow, stuck."""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.conditions.algebra import Stage, after, condition, first, stage
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, full_backup_duration, full_backup_end
from dbs_exporter.facts.limits import (
    DAY_SECONDS,
    FULL_BACKUP_TOLERANCE_SECONDS,
    LATE_SHARE,
    SHRUNKEN_SHARE,
    SLOW_LEAST_SECONDS,
    STUCK_LEAST_SECONDS,
    STUCK_MEDIANS,
    UNUSUAL_RATIO,
)
from dbs_exporter.facts.noticed import objects_key
from dbs_exporter.facts.objectives import schedule_max_gap_seconds
from dbs_exporter.facts.protection import missing_databases
from dbs_exporter.facts.subjects import PlanSubject

BASIS = FULL_BACKUPS.name


@condition(
    "full_backup_age",
    basis=BASIS,
    breached=("DBSFullBackupOverdue", "critical"),
    at_risk=("DBSFullBackupMissed", "warning"),
)
def full_backup_age(subject: PlanSubject) -> Iterable[Stage]:
    """The last full backup that worked is too old, or a scheduled one did not start."""
    backups, objectives = subject.get(FULL_BACKUPS), subject.objectives
    end = full_backup_end(backups.last_success) if backups else None
    interval = objectives.full_backup_interval
    if interval is None and subject.plan.log_backup_enabled is False:
        # Without log the full backup is the recovery point.
        interval = objectives.rpo
    if backups is None or end is None or interval is None:
        return
    missed = None
    if subject.plan.status == "running" and backups.last_attempt is not None:
        gap = schedule_max_gap_seconds(subject.plan.schedule)
        missed = after(backups.last_attempt.created_at, gap, FULL_BACKUP_TOLERANCE_SECONDS)
    yield from stage("at_risk", first(missed, end + LATE_SHARE * interval))
    yield from stage("breached", end + interval)


@condition("full_backup_failed", basis=BASIS, at_risk=("DBSFullBackupFailed", "warning"))
def full_backup_failed(subject: PlanSubject) -> Iterable[Stage]:
    """Full backups have failed since the last that worked; how many is a family of its own."""
    backups = subject.get(FULL_BACKUPS)
    if backups is not None and backups.consecutive_failures:
        yield from stage("at_risk", backups.first_failure_at)


@condition("full_backup_empty", basis=BASIS, at_risk=("DBSFullBackupEmpty", "warning"))
def full_backup_empty(subject: PlanSubject) -> Iterable[Stage]:
    """The last full backup that worked holds nothing."""
    last = _last(subject)
    if last is not None and last.size_bytes == 0:
        yield from stage("at_risk", full_backup_end(last))


@condition("full_backup_size", basis=BASIS, attention=("DBSFullBackupSizeAnomaly", "warning"))
def full_backup_size(subject: PlanSubject) -> Iterable[Stage]:
    """The last full backup is far from the median of those before, or, with few of them, far below the largest."""
    backups, last = subject.get(FULL_BACKUPS), _last(subject)
    if backups is None or last is None or not last.size_bytes:
        return
    median, largest = backups.size_median_bytes, backups.size_largest_bytes
    if median:
        unusual = not 1 / UNUSUAL_RATIO <= last.size_bytes / median <= UNUSUAL_RATIO
    else:
        unusual = bool(largest) and last.size_bytes < SHRUNKEN_SHARE * (largest or 0)
    if unusual:
        yield from stage("attention", full_backup_end(last))


@condition("full_backup_slow", basis=BASIS, attention=("DBSFullBackupSlow", "warning"))
def full_backup_slow(subject: PlanSubject) -> Iterable[Stage]:
    """The last full backup took far longer than usual, or longer than the time between two of them."""
    backups, last = subject.get(FULL_BACKUPS), _last(subject)
    took = full_backup_duration(last) if last else None
    if backups is None or took is None:
        return
    median, gap = backups.duration_median_seconds, schedule_max_gap_seconds(subject.plan.schedule)
    if (median and took > max(UNUSUAL_RATIO * median, SLOW_LEAST_SECONDS)) or (gap and took > gap):
        yield from stage("attention", full_backup_end(last))


@condition("full_backup_remark", basis=BASIS, attention=("DBSFullBackupRemark", "warning"))
def full_backup_remark(subject: PlanSubject) -> Iterable[Stage]:
    """The last full backup worked, and the API says that something was wrong with it."""
    last = _last(subject)
    if last is not None and last.error_message:
        yield from stage("attention", full_backup_end(last))


@condition("full_backup_missing_databases", basis=BASIS, at_risk=("DBSFullBackupMissesDatabases", "warning"))
def full_backup_missing_databases(subject: PlanSubject) -> Iterable[Stage]:
    """The last full backup lacks databases that the plan has named since before it began."""
    last, objects = _last(subject), subject.plan.objects
    named = None if objects is None else subject.noticed.get(objects_key(objects))
    if last is None or named is None or not missing_databases(subject):
        return
    began = first(last.created_at, last.started_at)
    if began is None or began >= named:
        yield from stage("at_risk", full_backup_end(last))


@condition("full_backup_stuck", basis=BASIS, at_risk=("DBSFullBackupStuck", "warning"))
def full_backup_stuck(subject: PlanSubject) -> Iterable[Stage]:
    """A full backup runs, waits or pauses far too long."""
    backups = subject.get(FULL_BACKUPS)
    job = backups.running if backups else None
    if backups is not None and backups.last_attempt is not None and backups.last_attempt.status == "pause":
        job = backups.last_attempt
    if backups is None or job is None:
        return
    begin = job.started_at if job.started_at is not None else job.created_at
    usual = backups.usual_duration_seconds
    gap = schedule_max_gap_seconds(subject.plan.schedule)
    longest = first(gap, None if usual is None else max(STUCK_MEDIANS * usual, STUCK_LEAST_SECONDS))
    yield from stage("at_risk", after(begin, DAY_SECONDS if longest is None else longest))


def _last(subject: PlanSubject) -> FullBackup | None:
    backups = subject.get(FULL_BACKUPS)
    return backups.last_success if backups else None
