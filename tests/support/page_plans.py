"""Plans in known states, the collectors that read them, and a fleet of both, for tests of the status page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import replace
from support.subjects import subject_with

from dbs_exporter.facts.collection import BudgetState, CollectorState
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.groups import Group, with_facts
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan, PlanList
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask, running_key
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject, Scope
from dbs_exporter.web.page.overview import Overview, Snapshot, overview

F = TypeVar("F")
NOW = 1_800_000_000.0
HOUR = 3600.0
SCOPE = Scope(account="prod", region="cn-hangzhou")
COLLECTORS = {
    "plans": "plans",
    "full_backups": "full_backups",
    "incremental_backups": "log_backups",
    "restore_ranges": "ranges",
}
"""Collector -> the group that it brings."""


def backup(age: float = HOUR, status: str = "finish", size_bytes: int | None = 1000) -> FullBackup:
    """A full backup that came to its end so long ago."""
    return FullBackup(
        backup_set_id="set1",
        status=status,
        finished_at=NOW - age,
        ended_at=NOW - age,
        size_bytes=size_bytes,
    )


def good_plan(plan_id: str = "dbs1", *, scope: Scope = SCOPE, name: str = "orders") -> PlanSubject:
    """A plan of which nothing is wrong: a full backup an hour ago, log of a minute ago, everything read and promised again."""
    history = FullBackupHistory(
        last_success=backup(),
        last_attempt=backup(),
        points=((NOW - HOUR, NOW + 700 * HOUR),),
        size_median_bytes=1000.0,
        last_good_expires_at=NOW + 700 * HOUR,
    )
    logs = LogHistory(last_data_at=NOW - 60, spans=((NOW - 2 * HOUR, NOW - 60),))
    return subject_with(
        PlanSubject(
            scope=scope,
            plan=Plan(
                plan_id=plan_id,
                name=name,
                status="running",
                log_backup_enabled=True,
                created_at=NOW - 1000 * HOUR,
            ),
            objectives=Objectives(rpo=1800.0, full_backup_interval=25 * HOUR),
            listed_at=NOW - 30,
            promised=dict.fromkeys((*COLLECTORS.values(), "restores"), NOW + 300.0),
        ),
        (FULL_BACKUPS, history, NOW - 30),
        (LOG_BACKUPS, logs, NOW - 30),
        (RANGES, (restorable(NOW - 90 * HOUR, NOW - 600),), NOW - 30),
        (RESTORES, RestoreHistory(last_success_at=NOW - 100 * HOUR, successes=((NOW - 100 * HOUR, None),))),
    )


def restorable(begin: float, end: float) -> RestoreRange:
    return RestoreRange(range_type="range", begin_at=begin, end_at=end)


def collectors(**changes: Any) -> dict[str, CollectorState]:
    """The collectors of a scope, all well."""
    state = CollectorState(
        scope=SCOPE,
        collector="",
        tried=True,
        success=True,
        last_success_at=NOW - 30,
        oldest_success_at=NOW - 30,
        subjects=4,
    )
    return {
        name: replace(state, collector=name, facts=facts, **changes) for name, facts in COLLECTORS.items()
    }


def with_plan(subject: PlanSubject, **changes: Any) -> PlanSubject:
    """The same with another word about the plan itself."""
    return replace(subject, plan=replace(subject.plan, **changes))


def with_group(subject: PlanSubject, group: Group[F], facts: F | None) -> PlanSubject:
    """The same with other facts, read when those were."""
    return with_facts(subject, group, facts, subject.known(group).read_at)


def with_backups(subject: PlanSubject, **changes: Any) -> PlanSubject:
    """The same with another word in its history of full backups."""
    history = subject.get(FULL_BACKUPS)
    assert history is not None
    return with_group(subject, FULL_BACKUPS, replace(history, **changes))


def stale_for(subject: PlanSubject, seconds: float, *groups: str) -> PlanSubject:
    """The same with these groups promised so long before now, and so not read in time since."""
    return replace(subject, promised={**subject.promised, **dict.fromkeys(groups, NOW - seconds)})


def without_window(subject: PlanSubject) -> PlanSubject:
    """The same where the plan list shows no window, so that the recovery point rests on the lists of backups."""
    return with_plan(subject, restore_end_at=None)


def until_then(at: float) -> PlanSubject:
    """A plan that can be restored up to an instant, by the ranges alone."""
    return with_group(with_group(GOOD, LOG_BACKUPS, None), RANGES, (restorable(NOW - 90 * HOUR, at),))


GOOD = good_plan()
NOTHING_TO_RESTORE = with_backups(with_group(with_group(GOOD, RANGES, ()), LOG_BACKUPS, None), points=())
HOLES = with_group(
    GOOD,
    RANGES,
    (restorable(NOW - 90 * HOUR, NOW - 50 * HOUR), restorable(NOW - 48 * HOUR, NOW - 600)),
)
LATE_POINT = with_backups(
    with_group(with_group(GOOD, LOG_BACKUPS, None), RANGES, (restorable(0.0, NOW - 1801),)),
    points=(),
)


def overview_of(
    plans: Sequence[PlanSubject] = (),
    *,
    regions: Sequence[RegionSubject] = (),
    collectors: Sequence[CollectorState] = (),
    budgets: Sequence[BudgetState] = (),
) -> Overview:
    """What the page shows of these at NOW."""
    return overview(Snapshot(now=NOW, plans=plans, regions=regions, collectors=collectors, budgets=budgets))


def fleet(count: int = 3) -> Overview:
    """Plans of every gravity in two accounts, with a gateway, a restore under way and collectors."""
    other = Scope(account="staging", region="cn-beijing")
    running = RestoreTask(task_id="t1", plan_id="p1", status="running", created_at=NOW - 2 * HOUR)
    ended = replace(running, task_id="t2", status="finish", finished_at=NOW - HOUR)
    restoring = replace(
        with_group(good_plan("p1", name="with restore"), RESTORES, RestoreHistory(tasks=(running, ended))),
        objectives=Objectives(rpo=1800.0, restore_time=HOUR),
        noticed={running_key(running): NOW - 2 * HOUR},
    )
    plans = [
        restoring,
        with_plan(LATE_POINT, plan_id="late", name="late", source_instance_id="rm-77"),
        with_plan(HOLES, plan_id="holes", name="holes", gateway_id="g1"),
        with_plan(NOTHING_TO_RESTORE, plan_id="none", name="none"),
        *(good_plan(f"n{number}", scope=other, name=f"plan {number:03}") for number in range(count)),
    ]
    gateways = (
        Gateway(gateway_id="g2", status="ONLINE", last_heartbeat_at=NOW - 10),
        Gateway(gateway_id="g1", status="OFFLINE", last_heartbeat_at=NOW - HOUR),
        Gateway(gateway_id="g3", status="ONLINE", last_heartbeat_at=NOW - 301),
    )
    behind = tuple(Plan(plan_id=f"behind{number}", gateway_id="g1") for number in range(4))
    region = subject_with(RegionSubject(scope=SCOPE), (GATEWAYS, gateways), (PLANS, PlanList(plans=behind)))
    states = [
        *collectors().values(),
        replace(
            collectors()["plans"], collector="billing", permitted=False, success=False, oldest_success_at=None
        ),
    ]
    return overview_of(plans, regions=[region], collectors=states)
