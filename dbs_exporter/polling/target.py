"""What is polled: one account in one region, with its calls, its time and what it is configured to read."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Protocol

from dbs_exporter.collectors.base import Api
from dbs_exporter.collectors.learned import Restored
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import AccountSubject, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How a collector is configured: how old facts may be while something happens and while nothing does, in seconds."""

    interval: float
    at_rest: float


class Rate(Protocol):
    """How many calls are allowed (`api.pacing.Pacer`)."""

    @property
    def rate(self) -> float:
        """Calls per second allowed now."""
        ...

    def ready_in(self) -> float:
        """Return in how many seconds a call may start, 0 for now."""
        ...


class Time(Protocol):
    """Whose time it is (`api.server_time.ServerTime`)."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        ...

    @property
    def offset_seconds(self) -> float | None:
        """How far the machine's clock is behind; None while that is not known."""
        ...


class Memory(Protocol):
    """What another process left (`state.saved.State`)."""

    def account(self, account: str, groups: Container[str]) -> AccountSubject | None:
        """Return what was known of an account, these groups of it."""
        ...

    def regions(self, account: str) -> tuple[str, ...]:
        """Return the regions of an account of which something was known."""
        ...

    def region(
        self, scope: Scope, groups: Container[str], selects: Callable[[Plan], bool]
    ) -> Restored | None:
        """Return what was known of an account's region, these groups of it, and of its plans those that are selected."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One account in one region, ready to be polled. `collectors` holds the enabled ones of regions and plans."""

    scope: Scope
    api: Api
    rate: Rate
    time: Time
    concurrency: int
    collectors: Mapping[str, Ages]
    selects: Callable[[Plan], bool]
    fingerprint: object
    """Equal for targets that a reload need not touch."""
    close: Callable[[], None] = lambda: None
