"""Families of conditions: from when on something is wrong, where it ends by itself, and until when something else explains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from dbs_exporter.conditions.algebra import Condition, Of, Stage
from dbs_exporter.conditions.causes import explanations
from dbs_exporter.conditions.mutes import mute_of
from dbs_exporter.conditions.table import conditions_of
from dbs_exporter.facts.billing import BILLING
from dbs_exporter.facts.downloads import DOWNLOADS
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.maintenance import Mute
from dbs_exporter.facts.networks import NETWORKS
from dbs_exporter.facts.objectives import Owner
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


def _muted(of: Callable[[Mute], Row]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        mute = mute_of(subject)
        return [] if mute is None else [of(mute)]

    return rows


def _owner(subject: PlanSubject) -> list[Row]:
    whose = subject.objectives.owner
    return [] if whose == Owner() else [((whose.owner, whose.team, whose.tier), 1)]


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
        "From when on no alert about the plan is raised: the present window of maintenance, else the next",
        "objectives in the configuration, for plans of DescribeBackupPlanList",
        _muted(lambda mute: ((), max(mute.begin, 0.0))),
        reads=("objectives", "listed_at"),
    ),
    plan_family(
        "dbs_plan_muted_until_timestamp_seconds",
        "Until when no alert about the plan is raised; +Inf without an end",
        "objectives in the configuration, for plans of DescribeBackupPlanList",
        _muted(lambda mute: ((), mute.end)),
        reads=("objectives", "listed_at"),
    ),
    plan_family(
        "dbs_plan_muted_info",
        "Why no alert about the plan is raised in that window; always 1",
        "objectives in the configuration, for plans of DescribeBackupPlanList",
        _muted(lambda mute: ((mute.reason,), 1)),
        labels=("reason",),
        reads=("objectives", "listed_at"),
    ),
    plan_family(
        "dbs_plan_owner_info",
        "Whose the plan is; always 1",
        "labels of objectives in the configuration, for plans of DescribeBackupPlanList",
        _owner,
        labels=("owner", "team", "tier"),
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
        "dbs_region_condition_since_timestamp_seconds",
        _SINCE,
        _SOURCE,
        _stages("region", 1, subject_label=False),
        labels=_LABELS,
        reads=("noticed", NETWORKS),
    ),
    region_family(
        "dbs_region_condition_until_timestamp_seconds",
        _UNTIL,
        _SOURCE,
        _stages("region", 2, subject_label=False),
        labels=_LABELS,
        reads=("noticed", NETWORKS),
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
