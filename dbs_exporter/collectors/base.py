"""What a collector is: one group of facts, the calls that make it, and the metric families it has.

A collector reads its group whole or raises; it keeps nothing and knows no schedule, no store and no page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from dbs_exporter.errors import Invalid
from dbs_exporter.facts.enums import UnknownValue
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.plans import NOT_CONFIGURED
from dbs_exporter.facts.records import Reader
from dbs_exporter.facts.subjects import Level, PlanSubject
from dbs_exporter.facts.tallies import Ended
from dbs_exporter.metrics.family import Family

F = TypeVar("F")

PROBE_DAY_MILLISECONDS = 86_400_000


class Api(Protocol):
    """What a collector asks of the client (`api.client.Client`)."""

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        """Return one answer."""
        ...

    def pages(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> list[dict[str, Any]]:
        """Return all items of a list."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A region or account about to be read: the client, the region, the time (Unix seconds) and how long it may take (seconds)."""

    api: Api
    region: str
    now: float
    within: float
    unknown: UnknownValue

    @property
    def reader(self) -> Reader:
        """Reads records of answers that come now."""
        return Reader(self.now, self.unknown)

    def pages(self, operation: str, **params: object) -> list[dict[str, Any]]:
        """Return all items of a list."""
        return self.api.pages(operation, params, within=self.within)

    def call(self, operation: str, **params: object) -> dict[str, Any]:
        """Return one answer."""
        return self.api.call(operation, params, within=self.within)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReading(Reading):
    """A plan about to be read: besides, what is known of it."""

    subject: PlanSubject

    @property
    def plan_id(self) -> str:
        """The plan's id."""
        return self.subject.plan.plan_id


@dataclass(frozen=True, kw_only=True)
class Read(Generic[F]):
    """What a reading brings: the facts of its group, and what it saw at its end (None: the group has no counters)."""

    facts: F
    ended: tuple[Ended, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Collector(Generic[F]):
    """The whole description of a thing that is read; use one of the subclasses.

    `name` is its key in the configuration and the label `collector` of the exporter's own metrics.
    """

    name: str
    summary: str
    """What it reads, for the configuration's reference."""
    section: str
    """Where its families stand in the table of metrics."""
    group: Group[F]
    operations: tuple[str, ...]
    interval_seconds: float
    enabled: bool = True
    families: tuple[Family, ...] = ()
    probe: Mapping[str, Callable[[float], Mapping[str, object]]] | None = None
    """By operation: parameters that its cheapest question takes besides the plan's id, from the time in Unix seconds."""
    on_demand: bool = False
    """It is asked only about what others have found wanting, so its cost cannot be told beforehand."""

    @property
    def level(self) -> Level:
        """What it reads: accounts, regions or plans."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, eq=False)
class AccountCollector(Collector[F]):
    """Reads a group of facts of an account."""

    read: Callable[[Reading], F]

    @property
    def level(self) -> Level:
        """Account."""
        return "account"


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionCollector(Collector[F]):
    """Reads a group of facts of a region."""

    read: Callable[[Reading], F]

    @property
    def level(self) -> Level:
        """Region."""
        return "region"


@dataclass(frozen=True, kw_only=True, eq=False)
class PlanCollector(Collector[F]):
    """Reads a group of facts of a plan."""

    read: Callable[[PlanReading], Read[F]]
    nothing: F
    """What is there of a plan that was never configured."""
    needs: tuple[Group[Any], ...] = ()
    """Groups whose facts it asks about; before those were read once there is nothing to ask about."""

    @property
    def level(self) -> Level:
        """Plan."""
        return "plan"

    def read_group(self, reading: PlanReading) -> Read[F]:
        """Read the group whole. What the API does not answer of a plan that waits for its configuration is not there."""
        try:
            return self.read(reading)
        except Invalid:
            if reading.subject.plan.status != NOT_CONFIGURED:
                raise
            return Read(facts=self.nothing)
