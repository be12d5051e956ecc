"""Families of how old what is known is, and until when it counts as known."""

from __future__ import annotations

from typing import Any

from dbs_exporter.collectors import full_backups, log_backups, restore_ranges, restores
from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.facts.freshness import fresh_until
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, region_family
from dbs_exporter.metrics.rows import of_kinds

AGED: tuple[PlanCollector[Any], ...] = (
    full_backups.COLLECTOR,
    log_backups.COLLECTOR,
    restore_ranges.COLLECTOR,
    restores.COLLECTOR,
)
"""Collectors of which it is exported when they last read each plan: those that protection rests on, and the one whose
silence would look like a stuck restore."""


def _last_read(subject: PlanSubject) -> list[Row]:
    read_at = {collector.name: subject.known(collector.group).read_at for collector in AGED}
    return of_kinds(**read_at)


def _region(subject: RegionSubject) -> list[Row]:
    return of_kinds(**dict(sorted(subject.promised.items())))


PLAN_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_plan_last_read_timestamp_seconds",
        "When the collector last read this plan, the age of what the plan's other families say",
        "the time at the end of DescribeFullBackupList, DescribeIncrementBackupList and so on",
        _last_read,
        labels=("collector",),
    ),
    plan_family(
        "dbs_plan_fresh_until_timestamp_seconds",
        "Until when what was last read of the plan counts as known; past it, these facts are stale",
        "when the next DescribeBackupPlanList, DescribeFullBackupList and so on is promised, and 3.5 minutes",
        lambda subject: of_kinds(**dict(sorted(fresh_until(subject).items()))),
        labels=("facts",),
        reads=(
            "plan",
            "noticed",
            "window",
            "promised",
            "listed_at",
            "outage",
            FULL_BACKUPS,
            LOG_BACKUPS,
            RANGES,
        ),
    ),
)
REGION_FAMILIES: tuple[Family, ...] = (
    region_family(
        "dbs_region_fresh_until_timestamp_seconds",
        "Until when what was last read of the region counts as known; past it, these facts are stale",
        "when the next DescribeBackupPlanList, DescribeBackupGatewayList and so on is promised, and 3.5 minutes",
        _region,
        labels=("facts",),
        reads=("promised",),
    ),
)
