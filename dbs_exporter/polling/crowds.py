"""Readings that would come at the same time: looks are counted, and what comes again and again is spread.

Backups of a whole fleet may start at the same minute. Each look is promised within a minute or two of its time, which a crowd
cannot keep; so whoever promises asks how large it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from hashlib import blake2b

from dbs_exporter.polling.queue import Key

BUCKET_SECONDS = 300.0
LEAST_PHASED_SECONDS = 300.0
PHASE_SHARE = 0.7
"""Of their spacing: by how much readings come earlier at most, to come at a time of their own."""


class Crowds:
    """Looks by the five minutes in which they are expected. Not thread-safe."""

    def __init__(self) -> None:
        self._bucket_of: dict[Key, int] = {}
        self._sizes: Counter[int] = Counter()

    def size(self, at: float) -> int:
        """Return how many looks are expected about `at` (Unix seconds)."""
        return self._sizes[int(at // BUCKET_SECONDS)]

    def join(self, key: Key, at: float) -> None:
        """Expect a look at `at` and at no other time."""
        bucket = int(at // BUCKET_SECONDS)
        if self._bucket_of.get(key) != bucket:
            self.leave(key)
            self._bucket_of[key] = bucket
            self._sizes[bucket] += 1

    def leave(self, key: Key) -> None:
        """Expect no look of this key any more."""
        bucket = self._bucket_of.pop(key, None)
        if bucket is not None:
            self._sizes[bucket] -= 1
            if not self._sizes[bucket]:
                del self._sizes[bucket]

    def leave_all(self, plan_ids: Container[str]) -> None:
        """Expect no look at these plans any more."""
        for key in [key for key in self._bucket_of if key.plan_id in plan_ids]:
            self.leave(key)


def in_phase(key: Key, at: float, spacing: float) -> float:
    """Return the time at most so much earlier at which this reading comes round, each at a time of its own.

    After a start all groups are read one after the other; without this they would come together again and again.
    """
    if spacing < LEAST_PHASED_SECONDS:
        return at
    # A checksum would not do: ids that differ in a few digits have checksums close to each other.
    digest = blake2b(f"{key.collector}/{key.plan_id}".encode(), digest_size=4).digest()
    phase = int.from_bytes(digest, "big") / 2**32 * spacing
    earlier = at - (at - phase) % spacing
    return earlier if earlier > at - PHASE_SHARE * spacing else at
