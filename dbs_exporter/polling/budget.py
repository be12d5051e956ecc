"""Whether the calls suffice: how much slower than wanted a region is read, computed ahead from what is wanted.

Two numbers come from it. `ease` shortens the ages at rest of a small fleet, so that calls which nobody else needs make its facts
fresher. `stretch` lengthens every promise of a fleet that wants more calls than it is allowed, evenly and visibly. Neither is fed
back from what was late, or it would swing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable

from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.queue import Entry

HORIZON_SECONDS = 1_800.0
"""How far ahead wants are counted."""
STEP = 1.05
"""A stretch changes in steps of 5 %."""
HOLD_SECONDS = 900.0
"""It rises at once and falls after so long."""
EASY_SHARE = 0.5
"""Of the allowed calls: what a fleet at rest may use to be fresher than it need be."""
LEAST_EASE = 1 / 60
WHOLE_LIST_SHARE = 0.1
"""Of the allowed calls: what whole lists may take, whatever else is wanted."""
MOST_SAVED_CALLS = 100.0

_log = logging.getLogger(__name__)


def wanted_calls(entries: Iterable[Entry], now: float, allowed: float) -> dict[str, float]:
    """Return how many calls the readings in a queue want within the horizon, by collector.

    Whole lists want no more than their share of the `allowed` calls. Lists of the region come by a cadence and are left out.
    """
    wanted: dict[str, float] = {}
    whole: dict[str, float] = {}
    for entry in entries:
        if not entry.urgent:
            of = whole if entry.key.whole else wanted
            of[entry.key.collector] = of.get(entry.key.collector, 0.0) + _calls(entry, now)
    share = min(1.0, WHOLE_LIST_SHARE * allowed / max(1.0, sum(whole.values())))
    for collector, calls in whole.items():
        wanted[collector] = wanted.get(collector, 0.0) + share * calls
    return wanted


def _calls(entry: Entry, now: float) -> float:
    if entry.spacing < float("inf"):
        # By its rate and not by its next times: what was late would count twice.
        return entry.cost * HORIZON_SECONDS / entry.spacing
    return entry.cost * (1.0 + entry.follow) if entry.wanted_at < now + HORIZON_SECONDS else 0.0


def ease(rest_calls_per_second: float, other_calls_per_second: float, allowed_per_second: float) -> float:
    """Return the share of their ages at rest at which plans may be read, 1 or less.

    `rest_calls_per_second` is what all plans at rest want at full ages, `other_calls_per_second` what region lists take.
    """
    free = EASY_SHARE * allowed_per_second - other_calls_per_second
    if free <= 0:
        return 1.0
    return min(1.0, max(LEAST_EASE, _in_steps(rest_calls_per_second / free)))


class WholeListShare:
    """Calls that whole lists may take: a share of all that are allowed, at most a page's worth saved up."""

    def __init__(self, now: float) -> None:
        self._saved = MOST_SAVED_CALLS
        self._since = now

    def ready_in(self, allowed_per_second: float, now: float) -> float:
        """Return in how many seconds a whole list may be read, 0 for now (monotonic seconds)."""
        rate = WHOLE_LIST_SHARE * allowed_per_second
        self._saved = min(MOST_SAVED_CALLS, self._saved + rate * (now - self._since))
        self._since = now
        return max(0.0, (1.0 - self._saved) / rate) if rate > 0 else float("inf")

    def spend(self, calls: int) -> None:
        """Note that a whole list took so many calls; what was not saved up is owed."""
        self._saved -= calls


class Stretch:
    """The factor by which promises of one region are longer than wanted; 1 while the calls suffice."""

    def __init__(self) -> None:
        self.factor = 1.0
        self._lower_since: float | None = None

    def restore(self, factor: float) -> None:
        """Take over the factor of another process; it falls as slowly as one's own."""
        self.factor = max(1.0, factor)

    def update(self, wanted: float, allowed: float, now: float) -> bool:
        """Take the calls that are wanted and allowed within the horizon (monotonic seconds); True if the factor changed."""
        needed = stretch_for(wanted, allowed) if allowed > 0 else self.factor
        before = self.factor
        if needed >= self.factor:
            self.factor = needed
            self._lower_since = None
        elif self._lower_since is None:
            self._lower_since = now
        elif now - self._lower_since >= HOLD_SECONDS:
            self.factor = needed
            self._lower_since = None
        return self.factor != before


def log_stretch(scope: Scope, before: float, after: float, *, wanted: float, allowed: float) -> None:
    """Say that the factor of a region changed; `wanted` and `allowed` are the calls within the horizon."""
    per_hour = 3_600.0 / HORIZON_SECONDS
    rises = after > before
    _log.log(
        logging.WARNING if rises else logging.INFO,
        "the call budget does not suffice; readings come later: raise requests_per_second or at_rest, or select fewer plans"
        if rises
        else "the call budget suffices better again",
        extra={
            "account": scope.account,
            "region": scope.region,
            "stretch": round(after, 2),
            "wanted_per_hour": round(per_hour * wanted),
            "allowed_per_hour": round(per_hour * allowed),
        },
    )


def stretch_for(wanted: float, allowed: float) -> float:
    """Return by how much readings must come later for the wanted calls to be no more than those allowed; 1 or more."""
    return max(1.0, _in_steps(wanted / allowed))


def _in_steps(factor: float) -> float:
    """Return the next step above a factor, so that small changes change nothing."""
    return 0.0 if factor <= 0 else STEP ** math.ceil(round(math.log(factor, STEP), 6))
