"""Which families and rows are exported, for those who pay for each series.

This module chooses; what an exclusion silences is known to `metrics.needs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from dbs_exporter.metrics.family import Family, Row

_KINDS = (("status",), ("storage_class",), ("range_type",))


def chosen(
    families: Iterable[Family], *, exclude: Sequence[str] = (), inactive_states: bool = True
) -> tuple[Family, ...]:
    """Return the families that no pattern of `exclude` matches; without `inactive_states`, of a state only the row that holds.

    Of what is counted by kind (a status, a storage class), a kind of which there is nothing has no row then.
    """
    return tuple(
        family
        if inactive_states or not (family.is_state or _is_by_kind(family))
        else replace(family, rows=partial(_holding, family.rows))
        for family in families
        if not any(fnmatchcase(family.name, pattern) for pattern in exclude)
    )


def _is_by_kind(family: Family) -> bool:
    return family.type == "gauge" and family.labels[-1:] in _KINDS


def _holding(rows: Callable[[Any], Iterable[Row]], subject: object) -> list[Row]:
    return [row for row in rows(subject) if row[1]]
