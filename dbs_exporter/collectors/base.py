"""What a collector is: one group of facts, the calls that make it, and the metric families it has.

A collector reads its group whole or raises; it keeps nothing and knows no schedule, no store and no page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from dbs_exporter.collectors.dues import Due, Dues, Pace, resting
from dbs_exporter.collectors.learned import Tails
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

_log = logging.getLogger(__name__)


OnPage = Callable[[list[dict[str, Any]], int], None]


class Api(Protocol):
    """What a collector asks of the client (`api.client.Client`)."""

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        """Return one answer."""
        ...

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> list[dict[str, Any]]:
        """Return all items of a list; `on_page` takes the items of each page as they come, and how many there are in all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A region or account about to be read: the client, the region, the time (Unix seconds) and how long it may take (seconds).

    `on_part` takes facts that hold already while the reading goes on, such as the plans of one page.
    """

    api: Api
    region: str
    now: float
    within: float
    unknown: UnknownValue
    on_part: Callable[[Any], None] = lambda _part: None

    @property
    def reader(self) -> Reader:
        """Reads records of answers that come now."""
        return Reader(self.now, self.unknown)

    def pages(
        self,
        operation: str,
        on_page: OnPage | None = None,
        **params: object,
    ) -> list[dict[str, Any]]:
        """Return all items of a list; `on_page` takes the items of each page as they come, and how many there are in all."""
        more = {} if on_page is None else {"on_page": on_page}
        return self.api.pages(operation, params, within=self.within, **more)

    def call(self, operation: str, **params: object) -> dict[str, Any]:
        """Return one answer."""
        return self.api.call(operation, params, within=self.within)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReading(Reading):
    """A plan about to be read: besides, what is known of it, and whether its whole list is wanted."""

    subject: PlanSubject
    whole: bool = True
    tails: Tails = field(default_factory=Tails)

    @property
    def plan_id(self) -> str:
        """The plan's id."""
        return self.subject.plan.plan_id


@dataclass(frozen=True, kw_only=True)
class Read(Generic[F]):
    """What a reading brings: the facts of its group, and what it saw at its end (None: the group has no counters)."""

    facts: F
    ended: tuple[Ended, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Follow(Generic[F]):
    """How what is under way is read by its ids, for many plans in one call; whole lists find what is new."""

    operation: str
    unfinished: Callable[[F | None], tuple[str, ...]]
    """Ids of what is under way in a plan's facts."""
    read: Callable[[Reading, Sequence[str]], Mapping[str, Any]]
    """Reads things by their ids, and returns them by these; what the API does not know is not among them."""
    merge: Callable[[F, Sequence[Any]], F]
    """Puts what was read into a plan's facts."""
    most: int = 30
    """Ids in one call."""


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
    """How old its facts may be: of a plan, while something happens."""
    enabled: bool = True
    families: tuple[Family, ...] = ()
    probe: Mapping[str, Callable[[float], Mapping[str, object]]] | None = None
    """By operation: parameters that its cheapest question takes besides the plan's id, from the time in Unix seconds."""
    on_demand: bool = False
    """It is asked only about what others have found wanting, so its cost is not known beforehand."""

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
    at_rest_seconds: float
    """How old its facts may be while nothing happens."""
    due: Callable[[PlanSubject, Pace], Dues]
    """When it is worth reading again after it was read, by each reason; empty while there is nothing to ask."""
    rank: int
    """In which order the groups of a plan are read at a start."""
    calls_per_backup: float = 0.0
    """How many readings more each full backup costs, less those at rest that they replace; only a forecast goes by it."""
    needs: tuple[Group[Any], ...] = ()
    """Groups whose facts it asks about; before those were read once there is nothing to ask about."""
    audit: Callable[[PlanSubject, Pace], Due] | None = None
    """When its whole list is worth reading again, where `read` may read the newest part alone; None where it never does."""
    follow: Follow[F] | None = None
    """How what is under way is read for many plans at once."""

    @property
    def level(self) -> Level:
        """Plan."""
        return "plan"

    def dues_of(self, subject: PlanSubject, pace: Pace) -> Dues:
        """Return when the group is worth reading again; one whose time cannot be computed, seldom."""
        try:
            return self.due(subject, pace)
        except Exception:
            # One plan with odd facts must not hold up all others of its region.
            where = {
                "account": subject.scope.account,
                "plan_id": subject.plan.plan_id,
                "collector": self.name,
            }
            _log.exception("a due time could not be computed", extra=where)
            return (resting(subject.known(self.group), pace, "its due time broke"),)

    def read_group(self, reading: PlanReading) -> Read[F]:
        """Read the group whole. What the API does not answer of a plan that waits for its configuration is not there."""
        try:
            return self.read(reading)
        except Invalid:
            if reading.subject.plan.status != NOT_CONFIGURED:
                raise
            return Read(facts=self.nothing)
