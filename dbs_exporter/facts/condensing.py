"""What condensing any of the API's lists takes: one record for each identity, counts, sums, medians.

The order of a list is not documented, so nothing here depends on it: equal times are settled by id, and of a record listed
twice the one that has come further counts. All functions are pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from statistics import median
from typing import Protocol, TypeVar

from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.limits import MEDIAN_AT_LEAST
from dbs_exporter.facts.tallies import Counts, Sizes

Fact = TypeVar("Fact")


class Stored(Protocol):
    """A record of something stored."""

    @property
    def size_bytes(self) -> int | None: ...
    @property
    def storage_class(self) -> str: ...
    @property
    def unreadable(self) -> tuple[str, ...]: ...


def distinct(
    facts: Iterable[Fact],
    identity: Callable[[Fact], object],
    advance: Callable[[Fact], tuple[bool, float]],
) -> list[Fact]:
    """Return one fact for each identity, the one that has come furthest; a tie of different facts is settled by their text."""
    chosen: dict[object, Fact] = {}
    for fact in facts:
        key = identity(fact)
        other = chosen.setdefault(key, fact)
        if other is not fact and other != fact:
            chosen[key] = max(other, fact, key=lambda either: (advance(either), repr(either)))
    return list(chosen.values())


def counts_of(seen: Iterable[str], documented: Sequence[str]) -> Counts:
    """Return how often each status was seen, every documented one first."""
    found = Counter(seen)
    return (
        *(_pair(status, found.pop(status, 0)) for status in documented),
        *(_pair(status, number) for status, number in sorted(found.items())),
    )


@lru_cache(maxsize=4096)
def _pair(status: str, number: int) -> tuple[str, int]:
    """Return one tuple for all plans that count the same: most do, and theirs would be a fifth of what a plan costs."""
    return (status, number)


def size_by_storage_class(records: Iterable[Stored], left_out: int = 0) -> Sizes:
    """Return the bytes of the records by storage class; None where a sum lacks what could not be read.

    Records that were `left_out` of the list, or whose class cannot be read, may be of any class.
    """
    total: dict[str, int] = {}
    uncertain: set[str] = set()
    of_any_class = left_out > 0
    for record in records:
        storage_class = record.storage_class or "UNKNOWN"
        if "StorageMethod" in record.unreadable:
            of_any_class = True
        if "BackupSize" in record.unreadable:
            uncertain.add(storage_class)
        elif record.size_bytes is not None:
            total[storage_class] = total.get(storage_class, 0) + record.size_bytes
    if of_any_class:
        uncertain.update(STORAGE_CLASSES, total)
    return tuple((name, None if name in uncertain else total[name]) for name in sorted({*total, *uncertain}))


def median_of(values: Iterable[float | None]) -> float | None:
    """Return the median of the known values; None below MEDIAN_AT_LEAST of them."""
    known = [value for value in values if value is not None]
    return float(median(known)) if len(known) >= MEDIAN_AT_LEAST else None
