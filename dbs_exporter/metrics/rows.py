"""The shapes that rows of most families have: one value, one of several states, counts. Unknown gives no
row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dbs_exporter.facts.tallies import Counts, Sizes, Tally
from dbs_exporter.metrics.family import Row

SEEN = "counted from 0 since the exporter first saw the plan"
WHICH_TASKS = "tasks that have not ended and the newest five that have"


def single(value: float | None, *labels: str) -> list[Row]:
    """Return one row with this value; none if it is not known."""
    return [] if value is None else [(labels, value)]


def of_kinds(**values: float | None) -> list[Row]:
    """Return one row per keyword, with the keyword as its label; those not known are left out."""
    return [((kind,), value) for kind, value in values.items() if value is not None]


def state(documented: Sequence[str], holds: str, *labels: str) -> list[Row]:
    """Return a row per documented status, 1 for the one that holds and 0 for the others.

    A status that the documents do not know gets a row of its own; an empty one is not known and gives no
    rows.
    """
    if not holds:
        return []
    rows: list[Row] = [((*labels, status), 1 if status == holds else 0) for status in documented]
    if holds not in documented:
        rows.append(((*labels, holds), 1))
    return rows


def counts(documented: Sequence[str], counted: Counts, *labels: str) -> list[Row]:
    """Return a row per documented status or class, 0 if none were counted, and one for each other that
    was."""
    by_name = dict.fromkeys(documented, 0)
    for name, number in counted:
        if name:
            by_name[name] = by_name.get(name, 0) + number
    return [((*labels, name), number) for name, number in by_name.items()]


def counted(documented: Sequence[str], seen: Iterable[str], *labels: str) -> list[Row]:
    """Return the rows of `counts` for statuses that are still to be counted."""
    return counts(documented, tuple((name, 1) for name in seen), *labels)


def completed(tally: Tally) -> list[Row]:
    """Return the rows of a counter of ends by result."""
    return of_kinds(success=tally.success, failure=tally.failure)


def sizes(documented: Sequence[str], known: Sizes) -> list[Row]:
    """Return a row per documented storage class, 0 bytes if nothing is there; none where the sum is not known."""
    by_name: dict[str, int | None] = {**dict.fromkeys(documented, 0), **dict(known)}
    return [((name,), number) for name, number in by_name.items() if name and number is not None]
