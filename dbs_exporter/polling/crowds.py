"""How many looks are expected at the same time: backups of a whole fleet may start at the same minute.

Each look is promised within a minute or two of its time, which a crowd cannot keep; so whoever promises asks how large it is.
"""

from __future__ import annotations

from collections import Counter

from dbs_exporter.polling.queue import Key

BUCKET_SECONDS = 300.0


class Crowds:
    """Looks by the five minutes in which they are expected. Not thread-safe."""

    def __init__(self) -> None:
        self._bucket_of: dict[Key, int] = {}
        self._sizes: Counter[int] = Counter()

    def join(self, key: Key, at: float) -> int:
        """Expect a look at `at` (Unix seconds) and at no other time; return how many are expected about then."""
        bucket = int(at // BUCKET_SECONDS)
        if self._bucket_of.get(key) != bucket:
            self.leave(key)
            self._bucket_of[key] = bucket
            self._sizes[bucket] += 1
        return self._sizes[bucket]

    def leave(self, key: Key) -> None:
        """Expect no look of this key any more."""
        bucket = self._bucket_of.pop(key, None)
        if bucket is not None:
            self._sizes[bucket] -= 1
            if not self._sizes[bucket]:
                del self._sizes[bucket]

    def leave_all(self, plan_id: str) -> None:
        """Expect no look at a plan any more."""
        for key in [key for key in self._bucket_of if key.plan_id == plan_id]:
            self.leave(key)
