"""One function per group: which calls of the API make which facts.

A function reads its group whole or raises; it keeps nothing and knows no schedule, no store and no metric.

Incremental lists are read for every plan, also where log backup is switched off: the files from before are what is left to
restore from. Restores and downloads are asked per plan, as the API demands. A pre-check is asked only where one can be running
or failed, and an error code only for a job that stands failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from dbs_exporter.errors import BadAnswer, Invalid
from dbs_exporter.facts import history, wire
from dbs_exporter.facts.fields import text
from dbs_exporter.facts.model import (
    FullBackup,
    Gateway,
    JobError,
    LogFile,
    NodeNetworks,
    Plan,
    PlanSubject,
    Precheck,
)

Level = Literal["region", "plan"]
Unknown = Callable[[str], None]

PRECHECK_PLAN_STATUSES = frozenset({"wait", "init", "check_pass"})
PRECHECK_TASK_STATUSES = frozenset({"init", "check_pass"})


class Api(Protocol):
    """What a collector asks of the client (`api.client.Client`)."""

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]: ...

    def pages(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> list[dict[str, Any]]: ...


class Ended(NamedTuple):
    """A backup set, log file or task that has come to its end, for the counters; `identity` is unique within its list.

    A tuple, since one is made for every record of every list, and is not kept.
    """

    identity: str
    success: bool
    size_bytes: int = 0
    duration_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRead:
    """What a plan-level collector brings: fields of PlanSubject to replace, and what has ended."""

    facts: dict[str, Any]
    ended: tuple[Ended, ...] | None = None
    tally: str = ""
    """The field of PlanSubject that counts `ended`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One plan about to be read: what is known of it, the time (Unix seconds), and how long the read may take (seconds)."""

    api: Api
    subject: PlanSubject
    now: float
    within: float
    unknown: Unknown

    @property
    def plan_id(self) -> str:
        return self.subject.plan.plan_id

    def pages(self, operation: str, **params: object) -> list[dict[str, Any]]:
        """All items of a list of this plan."""
        return self.api.pages(operation, {"BackupPlanId": self.plan_id, **params}, within=self.within)

    def call(self, operation: str, **params: object) -> dict[str, Any]:
        """One answer."""
        return self.api.call(operation, params, within=self.within)


@dataclass(frozen=True, slots=True)
class Collector:
    """A group of facts: its name in the configuration, what it is read for, and the operations it may call."""

    name: str
    level: Level
    operations: tuple[str, ...]
    facts: tuple[str, ...]
    """Fields of PlanSubject or RegionSubject, by its level, that nothing else fills."""
    read: Callable[[Reading], PlanRead] | None = field(default=None, repr=False)
    """Of a plan-level collector; the others are called by name below."""


def supported_regions(api: Api, within: float) -> tuple[str, ...]:
    """Regions that DBS supports for the account · DescribeRegions.

    None at all is not believed, since that would take away whatever is known of any plan.
    """
    found = wire.regions(api.call("DescribeRegions", {}, within=within))
    if not found:
        raise BadAnswer("there is no region at all", operation="DescribeRegions", field="Regions.RegionCode")
    return found


def plans(api: Api, region: str, within: float, unknown: Unknown) -> tuple[Plan, ...]:
    """All plans of a region · DescribeBackupPlanList.

    Many regions share an endpoint; a record that names another region (BackupPlanRegion) is left to that region.
    """
    records = api.pages(
        "DescribeBackupPlanList",
        {
            "Region": region,
            "ShowRecoverTimeRange": True,
            "ShowBackupStrategyInfo": True,
            "ShowStorageStrategyInfo": True,
        },
        within=within,
    )
    here = (one for one in records if text(one, "BackupPlanRegion").lower() in ("", region.lower()))
    return tuple({plan.plan_id: plan for plan in (wire.plan(one, unknown) for one in here)}.values())


def gateways(api: Api, region: str, within: float, unknown: Unknown) -> tuple[Gateway, ...]:
    """All gateways of a region · DescribeBackupGatewayList."""
    records = api.pages("DescribeBackupGatewayList", {"Region": region}, within=within)
    return tuple(
        {one.gateway_id: one for one in (wire.gateway(record, unknown) for record in records)}.values()
    )


def node_networks(api: Api, region: str, within: float) -> NodeNetworks:
    """Networks that DBS connects from · DescribeNodeCidrList."""
    return wire.node_networks(api.call("DescribeNodeCidrList", {"Region": region}, within=within))


def full_backups(reading: Reading) -> PlanRead:
    """DescribeFullBackupList."""
    records = reading.pages("DescribeFullBackupList", ShowStorageType=True, ShowProgress="true")
    sets = [wire.full_backup(record, reading.unknown) for record in records]
    return PlanRead(
        facts={"full_backups": history.full_backup_history(sets, reading.now)},
        ended=tuple(_ended_sets(sets)),
        tally="full_backup_tally",
    )


def _ended_sets(sets: Iterable[FullBackup]) -> Iterable[Ended]:
    for one in sets:
        if one.status in ("finish", "stop"):
            seconds = history.full_backup_duration(one) or 0.0
            yield Ended(one.backup_set_id, one.status == "finish", one.size_bytes or 0, seconds)


def incremental_backups(reading: Reading) -> PlanRead:
    """DescribeIncrementBackupList."""
    records = reading.pages("DescribeIncrementBackupList", ShowStorageType=True)
    files = [wire.log_file(record, reading.unknown) for record in records]
    return PlanRead(
        facts={"logs": history.log_history(files)}, ended=tuple(_ended_files(files)), tally="log_tally"
    )


def _ended_files(files: Iterable[LogFile]) -> Iterable[Ended]:
    for one in files:
        if one.status in ("COMPLETED", "UNCOMPLETED"):
            identity = f"{one.job_id}/{one.source_id}/{one.file_id}/{one.started_at}"
            yield Ended(identity, one.status == "COMPLETED", one.size_bytes or 0)


def restores(reading: Reading) -> PlanRead:
    """DescribeRestoreTaskList."""
    records = reading.pages("DescribeRestoreTaskList")
    tasks = [wire.restore_task(record, reading.unknown) for record in records]
    return PlanRead(
        facts={"restores": history.restore_history(tasks)},
        ended=tuple(
            Ended(
                identity=task.task_id,
                success=history.restore_succeeded(task),
                duration_seconds=history.restore_duration(task) or 0.0,
            )
            for task in tasks
            if history.restore_ended(task)
        ),
        tally="restore_tally",
    )


def restore_ranges(reading: Reading) -> PlanRead:
    """DescribeRestoreRangeInfo between the edges that the plan list gives; without edges nothing can be restored."""
    plan = reading.subject.plan
    if plan.restore_begin_at is None or plan.restore_end_at is None:
        return PlanRead(facts={"ranges": ()})
    answer = reading.call(
        "DescribeRestoreRangeInfo",
        BackupPlanId=plan.plan_id,
        BeginTimestampForRestore=int(plan.restore_begin_at * 1000),
        EndTimestampForRestore=int(max(plan.restore_end_at, reading.now) * 1000),
    )
    return PlanRead(facts={"ranges": wire.restore_ranges(answer, reading.unknown)})


def prechecks(reading: Reading) -> PlanRead:
    """DescribePreCheckProgressList, of a plan that has not begun and of restore tasks that have not."""
    found: list[Precheck | None] = []
    if reading.subject.plan.status in PRECHECK_PLAN_STATUSES:
        answer = reading.call("DescribePreCheckProgressList", BackupPlanId=reading.plan_id)
        found.append(wire.precheck(answer, "plan", reading.plan_id, reading.unknown))
    for task in reading.subject.restores.tasks if reading.subject.restores else ():
        if task.status in PRECHECK_TASK_STATUSES:
            answer = reading.call("DescribePreCheckProgressList", RestoreTaskId=task.task_id)
            found.append(wire.precheck(answer, "restore_task", task.task_id, reading.unknown))
    return PlanRead(facts={"prechecks": tuple(one for one in found if one is not None)})


def downloads(reading: Reading) -> PlanRead:
    """DescribeBackupSetDownloadTaskList."""
    records = reading.pages("DescribeBackupSetDownloadTaskList")
    tasks = [wire.download_task(record, reading.unknown) for record in records]
    return PlanRead(facts={"downloads": history.download_history(tasks)})


def job_errors(reading: Reading) -> PlanRead:
    """DescribeJobErrorCode, once for each job that stands failed: the newest full backup, and failed restores that are kept."""
    failed: list[tuple[Literal["full_backup", "restore"], str]] = []
    backups = reading.subject.full_backups
    if backups is not None and backups.last_attempt is not None and backups.last_attempt.status == "stop":
        failed.append(("full_backup", backups.last_attempt.backup_set_id))
    if reading.subject.restores is not None:
        failed.extend(
            ("restore", task.task_id) for task in reading.subject.restores.tasks if task.status == "stop"
        )
    known = {(one.job, one.job_id): one for one in reading.subject.job_errors or ()}
    found: list[JobError] = []
    for job, job_id in failed:
        if (job, job_id) in known:
            found.append(known[job, job_id])
            continue
        try:
            answer = reading.call("DescribeJobErrorCode", TaskId=job_id, Language="en")
        except Invalid:
            # The service forgets old jobs; the failure itself is already told by the lists.
            found.append(JobError(job=job, job_id=job_id, error_code=""))
            continue
        one = wire.job_error(answer, job, job_id)
        found.append(one or JobError(job=job, job_id=job_id, error_code=""))
    return PlanRead(facts={"job_errors": tuple(found)})


def billing(reading: Reading) -> PlanRead:
    """DescribeBackupPlanBilling."""
    answer = reading.call("DescribeBackupPlanBilling", BackupPlanId=reading.plan_id, ShowStorageType=True)
    return PlanRead(facts={"billing": wire.billing(answer)})


COLLECTORS: Mapping[str, Collector] = {
    one.name: one
    for one in (
        Collector("plans", "region", ("DescribeBackupPlanList",), facts=("gateway_plans",)),
        Collector("gateways", "region", ("DescribeBackupGatewayList",), facts=("gateways",)),
        Collector(
            "nodes", "region", ("DescribeRegions", "DescribeNodeCidrList"), facts=("supported", "networks")
        ),
        Collector(
            "full_backups",
            "plan",
            ("DescribeFullBackupList",),
            facts=("full_backups", "full_backup_tally"),
            read=full_backups,
        ),
        Collector(
            "incremental_backups",
            "plan",
            ("DescribeIncrementBackupList",),
            facts=("logs", "log_tally"),
            read=incremental_backups,
        ),
        Collector(
            "restores",
            "plan",
            ("DescribeRestoreTaskList",),
            facts=("restores", "restore_tally"),
            read=restores,
        ),
        Collector(
            "restore_ranges", "plan", ("DescribeRestoreRangeInfo",), facts=("ranges",), read=restore_ranges
        ),
        Collector(
            "prechecks", "plan", ("DescribePreCheckProgressList",), facts=("prechecks",), read=prechecks
        ),
        Collector(
            "downloads", "plan", ("DescribeBackupSetDownloadTaskList",), facts=("downloads",), read=downloads
        ),
        Collector("job_errors", "plan", ("DescribeJobErrorCode",), facts=("job_errors",), read=job_errors),
        Collector("billing", "plan", ("DescribeBackupPlanBilling",), facts=("billing",), read=billing),
    )
}
"""By the name that stands in the configuration."""
