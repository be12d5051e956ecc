"""When a group of a plan is worth reading: what the `due` functions beside each thing are written in.

A due time is a pure function of what is known. `at` is the earliest instant at which a reading can bring something new, and it is
promised within `patience` seconds after that. Too small a call budget stretches promises, not due times that are fixed by a
schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

from dbs_exporter.facts.groups import Known

EARLY_SHARE = 0.05
"""A reading that comes again and again comes this share of its period earlier, and is promised a little later, so that others have room."""
PATIENCE_SHARE = 0.2
LEAST_PATIENCE_SECONDS = 30.0
NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a group may be read: the time (Unix seconds) and two ages in seconds."""

    now: float
    interval: float
    """How old it may be while something happens."""
    at_rest: float
    """How old it may be while nothing does, and there are calls to spare."""
    at_most: float = 0.0
    """How old it may be while nothing does, however few calls there are."""
    tail: bool = True
    """Whether the newest part of its list can be read alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When to read: `at` (Unix seconds) at the earliest, `patience` seconds later at the latest.

    A reading either comes again and again, every `spacing` seconds, or it is a look at something expected, after which `follow`
    more are sure to come soon.
    """

    at: float
    patience: float
    spacing: float = NEVER
    wanted_spacing: float = NEVER
    """The same if no calls were to spare."""
    follow: int = 0
    why: str = ""

    @property
    def latest(self) -> float:
        """The instant that is promised, in Unix seconds, while the call budget suffices."""
        return self.at + self.patience


def resting(known: Known, pace: Pace, why: str = "at rest") -> Due:
    """Return the due time of a group of which nothing is expected."""
    return periodic(known, pace.at_rest, why, pace.at_most)


def soon(known: Known, pace: Pace, why: str) -> Due:
    """Return the due time of a group that may change: the interval, doubled each time nothing did, up to the age at rest."""
    period = pace.interval * 2.0 ** min(known.unchanged, 16)
    wanted = min(period, max(pace.interval, pace.at_most))
    return periodic(known, min(period, max(pace.interval, pace.at_rest)), why, wanted)


def periodic(known: Known, period: float, why: str, wanted: float = 0.0) -> Due:
    """Return the due time of a group that is read every so many seconds; `wanted` is how many would do if calls were few."""
    spacing = (1.0 - EARLY_SHARE) * period
    return Due(
        at=(known.read_at or 0.0) + spacing,
        patience=max(LEAST_PATIENCE_SECONDS, PATIENCE_SHARE * period),
        spacing=spacing,
        wanted_spacing=(1.0 - EARLY_SHARE) * max(period, wanted),
        why=why,
    )


def at_once(pace: Pace, since: float, why: str) -> Due:
    """Return the due time of a group that is known to have changed at `since` (Unix seconds)."""
    return Due(at=since, patience=max(pace.interval, LEAST_PATIENCE_SECONDS), why=why)


def earliest(*dues: Due | None) -> Due:
    """Return the due time that comes first."""
    return min((due for due in dues if due is not None), key=lambda due: due.latest)
