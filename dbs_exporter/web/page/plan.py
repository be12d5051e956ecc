"""What the page of one plan shows, from the overview. Pure; reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dbs_exporter.conditions.algebra import STATES, Condition, Severity, Stage, State
from dbs_exporter.conditions.causes import explanations
from dbs_exporter.conditions.table import conditions_of
from dbs_exporter.conditions.texts import cause, summary
from dbs_exporter.facts.downloads import DOWNLOAD_ENDED, DOWNLOADS, DownloadTask
from dbs_exporter.facts.freshness import RECOVERY, fresh_until
from dbs_exporter.facts.full_backups import FULL_BACKUP_RUNNING, FULL_BACKUPS, RecentJob, recent_jobs
from dbs_exporter.facts.job_errors import JOB_ERRORS, JobError
from dbs_exporter.facts.noticed import backup_progress_key, progress_key
from dbs_exporter.facts.prechecks import NOT_PASSED, PRECHECKS, Precheck
from dbs_exporter.facts.protection import recoverable_window, recovery_holes
from dbs_exporter.facts.restores import RESTORES, RestoreTask, restore_ended
from dbs_exporter.web.page.overview import GatewayRow, Overview, PlanRow

_OF_PLANS = conditions_of("plan", "restore_task", "download_task")
SHORTEST_SHARE = 0.004
"""A hole or a set is drawn at least this wide, so that it is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRow:
    """Something that is wrong, or will be unless something new arrives."""

    name: str
    state: State
    summary: str
    of: str
    """The task that it is about; "" for the plan."""
    since: float
    until: float | None
    holds: bool
    alert: str
    """"" where it raises none."""
    severity: Severity | None
    cause: str
    """What explains that it holds, so that it raises no alert; "" if nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the drawn window: times in Unix seconds, begin and width as shares of the whole."""

    begin_at: float
    end_at: float
    left: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The restorable window to scale, from its begin until now; shares of it from 0 to 1."""

    begin_at: float
    point_at: float
    point: float
    """How far the recovery point is along it."""
    holes: Sequence[Stretch]
    sets: Sequence[Stretch]
    """Full backups that succeeded within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One full backup in the strip; its height is a share of the largest."""

    job: RecentJob
    height: float
    mood: str
    """good, bad, warn or unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A full backup that runs or waits."""

    status: str
    began_at: float | None
    progress: float | None
    still_since: float | None
    """Since when its progress has not moved; None where the API shows none."""
    ends_at: float | None
    """When it should end, by how long the last ones took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A restore; `still_since` is when its progress last moved, where it has not ended."""

    task: RestoreTask
    still_since: float | None
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A list that the page rests on."""

    name: str
    read_at: float | None
    fresh_until: float
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """Everything about one plan at `now`, in Unix seconds."""

    now: float
    zone: str
    row: PlanRow
    conditions: Sequence[ConditionRow]
    """What holds, the worst first, then what will, the soonest first."""
    window: Window | None
    bars: Sequence[Bar]
    running: Running | None
    restores: Sequence[Restore]
    downloads: Sequence[DownloadTask]
    prechecks: Sequence[Precheck]
    job_errors: Sequence[JobError]
    gateway: GatewayRow | None
    sources: Sequence[Source]
    calls: Sequence[str]
    """Command lines that ask the API for what the page rests on."""


def plan_view(facts: Overview, account: str, region: str, plan_id: str) -> PlanView | None:
    """Return the page of a plan; None if no such plan is known."""
    row = facts.plan(account, region, plan_id)
    if row is None:
        return None
    subject, now = row.subject, facts.now
    restores, downloads = subject.get(RESTORES), subject.get(DOWNLOADS)
    prechecks, job_errors = subject.get(PRECHECKS), subject.get(JOB_ERRORS)
    return PlanView(
        now=now,
        zone=facts.zone,
        row=row,
        conditions=tuple(_conditions(row, now)),
        window=_window(row, now),
        bars=_bars(row),
        running=_running(row),
        restores=tuple(
            Restore(
                task=task,
                still_since=None if restore_ended(task) else subject.noticed.get(progress_key(task)),
                ended=restore_ended(task),
            )
            for task in (restores.tasks if restores else ())
        ),
        downloads=downloads.tasks if downloads else (),
        prechecks=prechecks or (),
        job_errors=job_errors or (),
        gateway=facts.gateway(account, subject.plan.gateway_id) if subject.plan.gateway_id else None,
        sources=tuple(_sources(row, now)),
        calls=tuple(_calls(row)),
    )


def not_passed(check: Precheck) -> list[str]:
    """Return the items of a pre-check that did not pass, with the API's words."""
    return [
        ": ".join(filter(None, (item.item, item.error_message)))
        for item in check.items
        if item.state in NOT_PASSED
    ]


def download_ended(task: DownloadTask) -> bool:
    """Return whether a download does not go on."""
    return task.status in DOWNLOAD_ENDED


def _conditions(row: PlanRow, now: float) -> Iterable[ConditionRow]:
    causes = {
        each.condition.name: cause(each.cause) for each in explanations(row.subject) if each.until > now
    }
    seen = set()
    for condition, stage in row.held:
        if (condition.name, stage.of) not in seen:
            seen.add((condition.name, stage.of))
            yield _condition(condition, stage, causes, holds=True)
    known = fresh_until(row.subject)
    coming = [
        (condition, stage)
        for condition in _OF_PLANS
        if condition.basis in known
        for stage in condition.stages(row.subject)
        if stage.since >= now and stage.state != "protected"
    ]
    for condition, stage in sorted(coming, key=lambda each: (each[1].since, STATES.index(each[1].state))):
        yield _condition(condition, stage, causes, holds=False)


def _condition(condition: Condition, stage: Stage, causes: dict[str, str], *, holds: bool) -> ConditionRow:
    alert = condition.alerts.get(stage.state)
    return ConditionRow(
        name=condition.name,
        state=stage.state,
        summary=summary(condition.name, stage.state).removesuffix("."),
        of=stage.of,
        since=stage.since,
        until=stage.until,
        holds=holds,
        alert=alert.name if alert else "",
        severity=alert.severity if alert else None,
        cause=causes.get(condition.name, "") if holds else "",
    )


def _window(row: PlanRow, now: float) -> Window | None:
    """Return the restorable window, drawn from its begin until now; None where nothing can be restored."""
    begin, point = recoverable_window(row.subject)[0], row.recovery_point_at
    jobs = recent_jobs(row.backups) if row.backups else ()
    ends = [job.ended_at for job in jobs if job.status == "finish" and job.ended_at is not None]
    begins = [at for at in (begin, row.backups.oldest_kept_at if row.backups else None) if at is not None]
    if point is None:
        return None
    first = min(begins, default=point)
    whole = max(now - first, 1.0)

    def drawn(left_at: float, right_at: float) -> Stretch:
        left = min(max((left_at - first) / whole, 0.0), 1.0 - SHORTEST_SHARE)
        width = max((min(right_at, now) - max(left_at, first)) / whole, SHORTEST_SHARE)
        return Stretch(begin_at=left_at, end_at=right_at, left=left, width=min(width, 1.0 - left))

    return Window(
        begin_at=first,
        point_at=point,
        point=min(max((point - first) / whole, 0.0), 1.0),
        holes=tuple(drawn(*hole) for hole in recovery_holes(row.subject) if hole[1] > first),
        sets=tuple(drawn(at, at) for at in ends if at >= first),
    )


def _bars(row: PlanRow) -> tuple[Bar, ...]:
    jobs = recent_jobs(row.backups) if row.backups else ()
    largest = max((job.size_bytes or 0 for job in jobs), default=0)
    moods = {"finish": "good", "stop": "bad", "pause": "warn"}
    return tuple(
        Bar(
            job=job,
            height=max(0.08, (job.size_bytes or 0) / largest) if largest else 1.0,
            mood="running" if job.status in FULL_BACKUP_RUNNING else moods.get(job.status, "unknown"),
        )
        for job in jobs
    )


def _running(row: PlanRow) -> Running | None:
    backups = row.backups
    job = backups.running if backups else None
    if backups is None or job is None:
        return None
    usual = backups.usual_duration_seconds
    return Running(
        status=job.status,
        began_at=job.started_at if job.started_at is not None else job.created_at,
        progress=job.data_progress,
        still_since=row.subject.noticed.get(backup_progress_key(job)),
        ends_at=job.started_at + usual if job.started_at is not None and usual is not None else None,
    )


def _sources(row: PlanRow, now: float) -> Iterable[Source]:
    subject = row.subject
    for name, until in sorted(fresh_until(subject).items()):
        if name == RECOVERY:
            continue
        known = subject.groups.get(name)
        read_at = subject.listed_at if name == "plans" else known.read_at if known is not None else None
        yield Source(name=name, read_at=read_at, fresh_until=until, stale=until < now)


def _calls(row: PlanRow) -> Iterable[str]:
    subject = row.subject
    where = f"--account={subject.scope.account} --region={subject.scope.region}"
    plan = f"BackupPlanId={subject.plan.plan_id}"
    yield f"dbs-exporter call DescribeBackupPlanList {where} {plan}"
    yield f"dbs-exporter call DescribeFullBackupList {where} {plan}"
    if subject.plan.log_backup_enabled:
        yield f"dbs-exporter call DescribeIncrementBackupList {where} {plan}"
    if subject.get(FULL_BACKUPS) is not None:
        yield f"dbs-exporter call DescribeRestoreTaskList {where} {plan}"
    if subject.plan.gateway_id:
        yield f"dbs-exporter call DescribeBackupGatewayList {where}"
