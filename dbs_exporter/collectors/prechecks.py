"""Pre-checks of plans and restore tasks: how they are read, and their families · DescribePreCheckProgressList."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read
from dbs_exporter.collectors.dues import Dues, Pace, soon
from dbs_exporter.facts.prechecks import (
    NOT_PASSED,
    PRECHECK_ITEM_STATES,
    PRECHECK_STATUSES,
    PRECHECKS,
    Precheck,
    read_precheck,
)
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import counted, single, state

_LIST = "DescribePreCheckProgressList"

CHECKED_PLAN_STATUSES = frozenset({"wait", "init", "check_pass"})
"""Statuses of a plan in which a pre-check can be running or failed."""
CHECKED_TASK_STATUSES = frozenset({"init", "check_pass"})
"""The same of a restore task."""


def read_prechecks(reading: PlanReading) -> Read[tuple[Precheck, ...]]:
    """Read the pre-checks of a plan that has not begun, and of its restore tasks that have not."""
    found: list[Precheck | None] = []
    if reading.subject.plan.status in CHECKED_PLAN_STATUSES:
        answer = reading.call(_LIST, BackupPlanId=reading.plan_id)
        found.append(read_precheck(answer, "plan", reading.plan_id, reading.reader))
    restores = reading.subject.get(RESTORES)
    for task in restores.tasks if restores else ():
        if task.status in CHECKED_TASK_STATUSES:
            answer = reading.call(_LIST, RestoreTaskId=task.task_id)
            found.append(read_precheck(answer, "restore_task", task.task_id, reading.reader))
    return Read(facts=tuple(precheck for precheck in found if precheck is not None))


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when pre-checks can have changed; nothing where none can be running or failed."""
    restores = subject.get(RESTORES)
    waits = any(task.status in CHECKED_TASK_STATUSES for task in restores.tasks) if restores else False
    known = subject.get(PRECHECKS)
    if waits or known or subject.plan.status in CHECKED_PLAN_STATUSES:
        return (soon(subject.known(PRECHECKS), pace, "a pre-check may run or have failed"),)
    return ()


def _prechecks(of: Callable[[Precheck], Iterable[Row]]) -> Callable[[PlanSubject], list[Row]]:
    return lambda subject: [row for precheck in subject.get(PRECHECKS) or () for row in of(precheck)]


def _failed_items(precheck: Precheck) -> list[Row]:
    # The same check may be listed once per object it looked at; the label names the check.
    names = dict.fromkeys(item.item for item in precheck.items if item.state in NOT_PASSED)
    return [((precheck.subject, precheck.subject_id, name), 1) for name in names]


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_precheck_status",
        "1 for the status of the pre-check, 0 for the others",
        f"{_LIST} Status",
        _prechecks(lambda each: state(PRECHECK_STATUSES, each.status, each.subject, each.subject_id)),
        labels=("subject", "subject_id", "status"),
        is_state=True,
    ),
    plan_family(
        "dbs_precheck_progress_ratio",
        "How far the pre-check has come, 0 to 1",
        f"{_LIST} Progress",
        _prechecks(lambda each: single(each.progress, each.subject, each.subject_id)),
        labels=("subject", "subject_id"),
    ),
    plan_family(
        "dbs_precheck_items",
        "Items of the pre-check",
        f"{_LIST} State",
        _prechecks(
            lambda each: counted(
                PRECHECK_ITEM_STATES, [item.state for item in each.items], each.subject, each.subject_id
            )
        ),
        labels=("subject", "subject_id", "state"),
    ),
    plan_family(
        "dbs_precheck_item_failed",
        "1 for each item of the pre-check that did not pass",
        f"{_LIST} Item and State",
        _prechecks(_failed_items),
        labels=("subject", "subject_id", "item"),
    ),
)

COLLECTOR = PlanCollector(
    name="prechecks",
    summary="DescribePreCheckProgressList, where a pre-check can be running or failed.",
    section="Pre-checks and job errors",
    group=PRECHECKS,
    operations=(_LIST,),
    interval_seconds=300,
    at_rest_seconds=3_600,
    rank=5,
    due=due,
    read=read_prechecks,
    nothing=(),
    needs=(RESTORES,),
    families=with_reads(_FAMILIES, PRECHECKS),
    on_demand=True,
)
