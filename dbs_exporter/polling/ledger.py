"""Counts every backup set, log file and task that ends, once, however often it is listed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.facts.tallies import Ended, Tally


class Ledger:
    """Tallies by plan and group; they never go down while the process lives.

    What stood in the first list that was read is not counted: the exporter did not see it end. Identities are kept as 64-bit
    hashes, and those long gone from the list are forgotten. A plan that disappears and returns goes on where it was.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[Scope, str], dict[str, Tally]] = {}
        self._seen: dict[tuple[Scope, str, str], array[int]] = {}

    def tallies(self, scope: Scope, plan_id: str) -> dict[str, Tally]:
        """Return the tallies of a plan by the names of their groups."""
        return dict(self._tallies.get((scope, plan_id), {}))

    def count(self, scope: Scope, plan_id: str, group: Group[Any], ended: Iterable[Ended]) -> Tally:
        """Add what has ended since the last list, and return the sum."""
        key = (scope, plan_id, group.name)
        listed = {hash(each.identity): each for each in ended}
        before = self._seen.get(key)
        tallies = self._tallies.setdefault((scope, plan_id), {})
        tally = tallies.get(group.name, Tally())
        if before is None:
            self._seen[key] = array("q", list(listed))
            return tally
        seen = set(before)
        fresh = [number for number in listed if number not in seen]
        if fresh:
            for number in fresh:
                each = listed[number]
                tally = Tally(
                    success=tally.success + each.success,
                    failure=tally.failure + (not each.success),
                    size_bytes=tally.size_bytes + each.size_bytes,
                    duration_seconds=tally.duration_seconds + each.duration_seconds,
                )
            tallies[group.name] = tally
            # Twice the list is room enough for sets that leave a list and come back.
            kept = [*before, *fresh][-max(64, 2 * len(listed)) :]
            self._seen[key] = array("q", list(dict.fromkeys([*kept, *listed])))
        return tally
