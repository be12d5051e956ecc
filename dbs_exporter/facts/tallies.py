"""Counts of what is listed now, and tallies of what was seen to end."""

from __future__ import annotations

from msgspec import Struct

Counts = tuple[tuple[str, int], ...]
"""(status or class, how many), every documented one and those seen."""

Sizes = tuple[tuple[str, int | None], ...]
"""(storage class, bytes), None where the size of some of it could not be read."""


class Tally(Struct, frozen=True, kw_only=True):
    """What the exporter itself has seen reach an end since it first saw the plan; never goes down."""

    success: int = 0
    failure: int = 0
    size_bytes: int = 0
    duration_seconds: float = 0.0


class Ended(Struct, frozen=True):
    """A backup set, log file or task that has come to its end, for the counters.

    `identity` is unique within its list, and names the outcome too; `ended_at` is Unix seconds.
    """

    identity: str
    ended_at: float
    success: bool
    size_bytes: int = 0
    duration_seconds: float = 0.0
