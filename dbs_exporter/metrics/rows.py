"""Rows of the usual shapes: a single value, a state out of several, counts by status or class.

A value that is not known gives no row. This module knows no family and no API field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dbs_exporter.facts.tallies import Counts, Sizes, Tally
from dbs_exporter.metrics.family import Row

SEEN = "counted from 0 since the exporter first saw the plan"
WHICH_TASKS = "tasks that have not ended and the newest five that have"


def single(value: float | None, *labels: str) -> list[Row]:
    """Return a row with this value and these labels; no row if the value is None."""
    return [] if value is None else [(labels, value)]


def of_kinds(**values: float | None) -> list[Row]:
    """Return a row per keyword, with the keyword as its label; no row where the value is None."""
    return [((kind,), value) for kind, value in values.items() if value is not None]


def state(documented: Sequence[str], holds: str, *labels: str) -> list[Row]:
    """Return a row per documented status: 1 for the present one (`holds`), 0 for the others.

    A status that is not documented gets a row of its own. An empty status is not known and gives no rows.
    """
    if not holds:
        return []
    rows: list[Row] = [((*labels, status), 1 if status == holds else 0) for status in documented]
    if holds not in documented:
        rows.append(((*labels, holds), 1))
    return rows


def counts(documented: Sequence[str], counted: Counts | None, *labels: str) -> list[Row]:
    """Return a row per documented status or class (0 if none was counted) and per other that was counted; no row for None."""
    if counted is None:
        return []
    by_name = dict.fromkeys(documented, 0)
    for name, number in counted:
        if name:
            by_name[name] = by_name.get(name, 0) + number
    return [((*labels, name), number) for name, number in by_name.items()]


def counted(documented: Sequence[str], seen: Iterable[str], *labels: str) -> list[Row]:
    """Count the statuses in `seen` and return the rows of `counts` for them."""
    return counts(documented, tuple((name, 1) for name in seen), *labels)


def completed(tally: Tally) -> list[Row]:
    """Return the rows of a counter of finished jobs by result."""
    return of_kinds(success=tally.success, failure=tally.failure)


def sizes(documented: Sequence[str], known: Sizes) -> list[Row]:
    """Return a row of bytes per documented storage class, 0 if nothing is stored; no row for None."""
    by_name: dict[str, int | None] = {**dict.fromkeys(documented, 0), **dict(known)}
    return [((name,), number) for name, number in by_name.items() if name and number is not None]
