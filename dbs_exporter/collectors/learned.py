"""What was learned at run time of an account and region, and what another process left of it.

How the newest part of a log list can be asked for is what readings learn; the rest is how they fared.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from dbs_exporter.facts.subjects import GonePlan, PlanSubject, RegionSubject

TRIES = 3
"""Whole lists, long enough for a proof, after which it is taken that nothing can be proved."""


class TailMethod(Struct, frozen=True, kw_only=True):
    """How the newest part of a list is asked for."""

    by: Literal["filter", "order"]
    unit: float = 1000.0
    """Of a filter: what a second counts, 1000 for milliseconds."""
    field: Literal["start", "end"] = "end"
    """Of a filter: which of a file's times it compares."""
    newest_first: bool = False
    """Of an order: whether the newest record stands on the first page."""


class Fared(Struct, frozen=True, kw_only=True):
    """How one collector fared; times are Unix seconds. Errors are the sentences that the status page shows."""

    denied: dict[str, tuple[int, float]] = {}
    """Subject -> how many times in a row it was refused, and when it may be asked about again."""
    failed: dict[str, str] = {}
    error: str = ""
    error_at: float | None = None
    last_success_at: float | None = None


class Learned(Struct, frozen=True, kw_only=True):
    """What was learned of an account and region besides its facts."""

    tail: TailMethod | None = None
    tail_failures: int = 0
    stretch: float = 1.0
    since: dict[str, float] = {}
    """Collector -> from when on it is read here, in Unix seconds."""
    fared: dict[str, Fared] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What another process left of an account and region."""

    region: RegionSubject | None = None
    plans: tuple[PlanSubject, ...] = ()
    gone: Mapping[str, GonePlan] = field(default_factory=dict)
    learned: Learned = field(default_factory=Learned)
    away_seconds: float = 0.0
    """For how long nobody read anything here."""


class Tails:
    """What was proved in one account and region; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._method: TailMethod | None = None
        self._failures = 0

    @property
    def method(self) -> TailMethod | None:
        """How tails are read; None while nothing is proved."""
        return self._method

    @property
    def given_up(self) -> bool:
        """Whether enough lists proved nothing."""
        return self._method is None and self._failures >= TRIES

    def learn(self, method: TailMethod | None) -> None:
        """Take the result of a proof; None: nothing could be proved, and nothing that was proved before holds."""
        with self._lock:
            self._method = method
            self._failures = 0 if method is not None else self._failures + 1

    def miss(self) -> None:
        """Take that a long list was read which could prove nothing."""
        with self._lock:
            self._failures += 1

    @property
    def failures(self) -> int:
        """How many long lists proved nothing since the last one that did."""
        return self._failures

    def restore(self, method: TailMethod | None, failures: int) -> None:
        """Take over what another process proved."""
        with self._lock:
            self._method = method
            self._failures = failures
