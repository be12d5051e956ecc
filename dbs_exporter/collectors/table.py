"""Every collector and every family that facts are turned into, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from dbs_exporter.collectors import (
    billing,
    conditions,
    downloads,
    freshness,
    full_backups,
    gateways,
    job_errors,
    log_backups,
    networks,
    plans,
    prechecks,
    protection,
    restore_ranges,
    restores,
)
from dbs_exporter.collectors.base import Collector
from dbs_exporter.metrics.family import Family, checked_table

AnyCollector = Collector[Any]


class Table:
    """Collectors by name, and their families. ValueError if two of either share a name."""

    def __init__(
        self, collectors: Iterable[AnyCollector], families: Mapping[str, tuple[Family, ...]] = {}
    ) -> None:
        """Take collectors, and by section the families that rest on several of them."""
        listed = tuple(collectors)
        self.collectors: Mapping[str, AnyCollector] = {collector.name: collector for collector in listed}
        if len(self.collectors) < len(listed):
            raise ValueError("two collectors share a name")
        self._across = families

    def __getitem__(self, name: str) -> AnyCollector:
        """Return the collector of that name."""
        return self.collectors[name]

    def __iter__(self) -> Iterator[AnyCollector]:
        """Yield the collectors in the order of the table."""
        return iter(self.collectors.values())

    @cached_property
    def sections(self) -> Mapping[str, tuple[Family, ...]]:
        """Families by the section in which they are printed."""
        found: dict[str, list[Family]] = {}
        for collector in self:
            found.setdefault(collector.section, []).extend(collector.families)
        for section, families in self._across.items():
            found.setdefault(section, []).extend(families)
        return {section: tuple(families) for section, families in found.items()}

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """Every family, in the order of the sections."""
        return checked_table(family for families in self.sections.values() for family in families)


TABLE = Table(
    (
        plans.COLLECTOR,
        restore_ranges.COLLECTOR,
        billing.COLLECTOR,
        full_backups.COLLECTOR,
        log_backups.COLLECTOR,
        restores.COLLECTOR,
        prechecks.COLLECTOR,
        job_errors.COLLECTOR,
        downloads.COLLECTOR,
        gateways.COLLECTOR,
        networks.REGIONS_COLLECTOR,
        networks.COLLECTOR,
    ),
    {
        plans.COLLECTOR.section: (*protection.FAMILIES, *freshness.PLAN_FAMILIES),
        "Conditions": (*conditions.PLAN_FAMILIES, *conditions.TASK_FAMILIES, *conditions.REGION_FAMILIES),
        gateways.COLLECTOR.section: freshness.REGION_FAMILIES,
    },
)
"""What the exporter reads and exports."""
