"""Counts every backup set, log file and task that ends, once, however often and in whatever parts its list is read.

What was counted is a watermark (everything that ended before it) and the ends after it by their hashes; so a list whose newest
part is read alone, and then whole, counts nothing twice.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.facts.tallies import Ended, Tally

IDS_KEPT = 64
"""Ends that are known by their hashes; older ones by the watermark."""

LATE_SECONDS = 3_600.0
"""An end may show in its list this much later."""


class Counted:
    """What was counted of one group of one plan."""

    __slots__ = ("ended_at", "hashes", "watermark")

    def __init__(self) -> None:
        self.watermark = float("-inf")
        """Everything that ended at or before this instant is counted, in Unix seconds."""
        self.hashes = array("Q")
        self.ended_at = array("d")

    def add(self, ended: Iterable[tuple[int, float]]) -> None:
        """Take ends (hash, Unix seconds) as counted."""
        kept = sorted(
            {*zip(self.ended_at, self.hashes, strict=True), *((at, number) for number, at in ended)}
        )
        if len(kept) > IDS_KEPT:
            self.watermark = max(self.watermark, kept[-IDS_KEPT - 1][0])
            kept = [pair for pair in kept if pair[0] > self.watermark]
        self.ended_at = array("d", [at for at, _ in kept])
        self.hashes = array("Q", [number for _, number in kept])


class Ledger:
    """Tallies by plan and group; they never go down while the process lives.

    What stood in the first list that was read is not counted: the exporter did not see it end. A plan that disappears and
    returns goes on where it was.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[Scope, str], dict[str, Tally]] = {}
        self._counted: dict[tuple[Scope, str, str], Counted] = {}

    def tallies(self, scope: Scope, plan_id: str) -> dict[str, Tally]:
        """Return the tallies of a plan by the names of their groups."""
        return dict(self._tallies.get((scope, plan_id), {}))

    def count(
        self, scope: Scope, plan_id: str, group: Group[Any], ended: Iterable[Ended], at: float
    ) -> Tally:
        """Add what has ended since the last reading, and return the sum; `at` is when it was read, in Unix seconds."""
        key = (scope, plan_id, group.name)
        tallies = self._tallies.setdefault((scope, plan_id), {})
        tally = tallies.get(group.name, Tally())
        listed = {hash_of(scope, plan_id, group, each): each for each in ended}
        counted = self._counted.get(key)
        if counted is None:
            # What ended long before is not seen to end later, whatever part of the list shows it then, and however oddly it came now.
            counted = self._counted[key] = Counted()
            counted.add((number, each.ended_at) for number, each in listed.items())
            counted.watermark = max(counted.watermark, at - LATE_SECONDS)
            return tally
        known = set(counted.hashes)
        fresh = {
            number: each
            for number, each in listed.items()
            if number not in known and each.ended_at > counted.watermark
        }
        if fresh:
            tally = tallies[group.name] = Tally(
                success=tally.success + sum(each.success for each in fresh.values()),
                failure=tally.failure + sum(not each.success for each in fresh.values()),
                size_bytes=tally.size_bytes + sum(each.size_bytes for each in fresh.values()),
                duration_seconds=tally.duration_seconds
                + sum(each.duration_seconds for each in fresh.values()),
            )
            counted.add((number, each.ended_at) for number, each in fresh.items())
        return tally


def hash_of(scope: Scope, plan_id: str, group: Group[Any], ended: Ended) -> int:
    """Return the 64-bit identity of an end, the same in every process."""
    text = f"{scope.account}\x00{scope.region}\x00{plan_id}\x00{group.name}\x00{ended.identity}"
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
