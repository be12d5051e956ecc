"""Counting every backup set, log file and task that ends, once, however often and in whatever parts its list is read. Pure.

What was counted is a watermark (everything that ended before it) and the later ends by their hashes; so a list whose newest part
is read alone, and then whole, counts nothing twice, and neither does another process that goes on from what this one stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import starmap
from struct import Struct as Layout

from msgspec import Struct

from dbs_exporter.facts.tallies import Ended, Tally

LATE_SECONDS = 3_600.0
"""An end may show in its list this much later."""
IDS_KEPT = 256
"""Ends that are known by their hashes at most; older ones by the watermark."""
IDS_KEPT_AT_LEAST = 64
"""Of more than these, ends LATE_SECONDS older than the newest are known by the watermark."""

_END = Layout("<dQ")


class Counted(Struct, frozen=True, kw_only=True):
    """What was counted of one group of one plan."""

    tally: Tally = Tally()
    watermark: float = float("-inf")
    """Everything that ended at or before this instant is counted, in Unix seconds."""
    ends: bytes = b""
    """(Unix seconds, 64-bit identity) of later ends that are counted, in order; packed, for a fleet has a million of them."""

    def __post_init__(self) -> None:
        if len(self.ends) % _END.size:
            raise ValueError(f"{len(self.ends)} bytes are no whole number of ends")

    def __len__(self) -> int:
        """Return how many ends are known by their identity."""
        return len(self.ends) // _END.size


def counted(before: Counted | None, ended: Iterable[Ended], at: float) -> Counted:
    """Add what has ended since the last reading; `at` is when it was read, in Unix seconds.

    What stood in the first list that was read (`before` is None) is not counted: nobody saw it end. Returns `before` itself if
    nothing is new.
    """
    if before is None:
        # What ended long before is not seen to end later, whatever part of the list shows it then, and however oddly it came now.
        return _counted(Tally(), at - LATE_SECONDS, {(each.ended_at, identity_of(each)) for each in ended})
    known = set(_END.iter_unpack(before.ends))
    identities = {identity for _, identity in known}
    fresh = {
        identity: each
        for each in ended
        if each.ended_at > before.watermark and (identity := identity_of(each)) not in identities
    }
    if not fresh:
        return before
    ends, tally = fresh.values(), before.tally
    tally = Tally(
        success=tally.success + sum(each.success for each in ends),
        failure=tally.failure + sum(not each.success for each in ends),
        size_bytes=tally.size_bytes + sum(each.size_bytes for each in ends),
        duration_seconds=tally.duration_seconds + sum(each.duration_seconds for each in ends),
    )
    return _counted(tally, before.watermark, known | {(each.ended_at, key) for key, each in fresh.items()})


def identity_of(ended: Ended) -> int:
    """Return the 64-bit identity of an end within its list, the same in every process."""
    return int.from_bytes(blake2b(ended.identity.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def _counted(tally: Tally, watermark: float, ends: Iterable[tuple[float, int]]) -> Counted:
    kept = sorted(end for end in ends if end[0] > watermark)
    late = kept[-1][0] - LATE_SECONDS if kept else 0.0
    above = max(0, len(kept) - IDS_KEPT)
    while above < len(kept) - IDS_KEPT_AT_LEAST and kept[above][0] < late:
        above += 1
    if above:
        watermark = kept[above - 1][0]
        kept = [end for end in kept if end[0] > watermark]
    return Counted(tally=tally, watermark=watermark, ends=b"".join(starmap(_END.pack, kept)))
