"""Families of conditions: from when on something is wrong, where it ends by itself, and until when something else explains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from dbs_exporter.conditions.algebra import Condition, Of, Stage
from dbs_exporter.conditions.causes import explanations
from dbs_exporter.conditions.table import conditions_of
from dbs_exporter.facts.billing import BILLING
from dbs_exporter.facts.downloads import DOWNLOADS
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.prechecks import PRECHECKS
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject
from dbs_exporter.metrics.family import Family, Part, Row, plan_family, region_family

_SINCE = "When the condition begins to hold: in the past it holds, in the future it will unless something new is read"
_UNTIL = "When the condition ends by itself"
_SOURCE = "derived from DescribeBackupPlanList and the plan's other lists, by the table in docs/alerts.md"
_LABELS = ("condition", "state", "facts")
_PLAN: tuple[Part, ...] = (
    "plan", "objectives", "noticed", "weakened", "first_listed_at",
    FULL_BACKUPS, LOG_BACKUPS, RANGES, PRECHECKS, RESTORES, BILLING,
)  # fmt: skip


class _Judged:
    """The stages of all conditions of a kind; two families are made of them, one after the other for each subject."""

    def __init__(self, of: Of) -> None:
        self._conditions = conditions_of(of)
        self._last: tuple[object, list[tuple[Condition, Stage]]] = (None, [])

    def stages(self, subject: PlanSubject | RegionSubject) -> list[tuple[Condition, Stage]]:
        """Return the stages with their conditions."""
        last, stages = self._last
        if last is not subject:
            stages = [(each, stage) for each in self._conditions for stage in each.stages(subject)]
            self._last = subject, stages
        return stages


_JUDGED = {of: _Judged(of) for of in get_args(Of)}


def _stages(of: Of, place: int, *, subject_label: bool) -> Callable[[PlanSubject | RegionSubject], list[Row]]:
    """Return the rows of `since` (place 1) or `until` (2) of all conditions; of several reasons for one the first counts."""
    judged = _JUDGED[of]

    def rows(subject: PlanSubject | RegionSubject) -> list[Row]:
        found: dict[tuple[str, ...], float] = {}
        for condition, stage in judged.stages(subject):
            at = stage[place]
            if isinstance(at, float):
                labels = (condition.name, stage.state, condition.basis)
                found.setdefault((stage.of, *labels) if subject_label else labels, at)
        return list(found.items())

    return rows


def _explained(subject: PlanSubject) -> list[Row]:
    return [((each.condition.name, each.cause, each.facts), each.until) for each in explanations(subject)]


def _muted(subject: PlanSubject, at: float) -> list[Row]:
    return [] if subject.objectives.alerts else [((), at)]


def _task(name: str, label: str, of: Of, place: int, what: str, *reads: Part) -> Family:
    return plan_family(
        name, what, _SOURCE, _stages(of, place, subject_label=True), labels=(label, *_LABELS), reads=reads
    )


_RESTORE: tuple[Part, ...] = ("objectives", "noticed", RESTORES)

PLAN_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_plan_condition_since_timestamp_seconds",
        _SINCE,
        _SOURCE,
        _stages("plan", 1, subject_label=False),
        labels=_LABELS,
        reads=_PLAN,
    ),
    plan_family(
        "dbs_plan_condition_until_timestamp_seconds",
        _UNTIL,
        _SOURCE,
        _stages("plan", 2, subject_label=False),
        labels=_LABELS,
        reads=_PLAN,
    ),
    plan_family(
        "dbs_plan_condition_explained_until_timestamp_seconds",
        "Until when something else, with an alert of its own, explains that the condition holds",
        _SOURCE,
        _explained,
        labels=("condition", "cause", "facts"),
        reads=(*_PLAN, "outage", "promised", "listed_at"),
    ),
    plan_family(
        "dbs_plan_muted_from_timestamp_seconds",
        "From when on no alert about the plan is raised",
        "objectives in the configuration, for plans of DescribeBackupPlanList",
        lambda subject: _muted(subject, 0.0),
        reads=("objectives",),
    ),
    plan_family(
        "dbs_plan_muted_until_timestamp_seconds",
        "Until when no alert about the plan is raised; +Inf without an end",
        "objectives in the configuration, for plans of DescribeBackupPlanList",
        lambda subject: _muted(subject, float("inf")),
        reads=("objectives",),
    ),
)
TASK_FAMILIES: tuple[Family, ...] = (
    _task("dbs_restore_task_condition_since_timestamp_seconds", "restore_task_id", "restore_task", 1, _SINCE, *_RESTORE),
    _task("dbs_restore_task_condition_until_timestamp_seconds", "restore_task_id", "restore_task", 2, _UNTIL, *_RESTORE),
    _task("dbs_download_task_condition_since_timestamp_seconds", "download_task_id", "download_task", 1, _SINCE, DOWNLOADS),
    _task("dbs_download_task_condition_until_timestamp_seconds", "download_task_id", "download_task", 2, _UNTIL, DOWNLOADS),
)  # fmt: skip
REGION_FAMILIES: tuple[Family, ...] = (
    region_family(
        "dbs_gateway_condition_since_timestamp_seconds",
        _SINCE,
        _SOURCE,
        _stages("gateway", 1, subject_label=True),
        labels=("gateway_id", *_LABELS),
        reads=("noticed", GATEWAYS),
    ),
    region_family(
        "dbs_region_plan_gone_timestamp_seconds",
        "When a plan that had backups left a complete list; for a week",
        "DescribeBackupPlanList BackupPlanId",
        lambda subject: [((plan_id,), at) for plan_id, at in subject.gone.items()],
        labels=("plan_id",),
        reads=("gone",),
    ),
)
