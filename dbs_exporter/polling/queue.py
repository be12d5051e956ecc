"""What is to be read next in one account and region: the reading whose promise ends first, of those that can bring something.

It owns order and nothing else: due times come from the `due` functions, promises are stretched by the budget, and who carries a
reading out is the dispatcher's business. Times are monotonic seconds. Not thread-safe: its region's poller guards it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Key(NamedTuple):
    """What a reading is of: a collector, and a plan ("" for the region), and whether the whole list is wanted."""

    collector: str
    plan_id: str = ""
    whole: bool = False


@dataclass(slots=True)
class Entry:
    """One reading to come. Times are monotonic seconds, `cost` is in calls."""

    key: Key
    at: float
    """From when on it is carried out."""
    latest: float
    """Until when it is promised."""
    wanted_at: float
    """From when on it would be carried out if calls did not count."""
    spacing: float = float("inf")
    """Seconds until it comes again, if calls did not count; infinite for a look at something expected."""
    follow: int = 0
    """Looks that are sure to follow soon after this one."""
    cost: int = 1
    urgent: bool = False
    """Lists of the region come before all else."""
    version: int = 0


_Ready = tuple[bool, float, int, Entry]
"""(not urgent, latest, version, entry)"""


class ReadingQueue:
    """Entries by key; of one key there is at most one."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}
        self._waiting: list[tuple[float, int, Entry]] = []
        self._ready: list[_Ready] = []
        self._ready_whole: list[_Ready] = []
        self._versions = itertools.count(1)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def get(self, key: Key) -> Entry | None:
        """Return the reading of this key, None if there is none."""
        return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Have this reading, in place of one of the same key."""
        entry.version = next(self._versions)
        before = self._entries.get(entry.key)
        if before is not None:
            # The mapping keeps the key that it has; a second one would be kept for each of a hundred thousand entries.
            entry.key = before.key
        self._entries[entry.key] = entry
        heapq.heappush(self._waiting, (entry.at, entry.version, entry))
        # Entries that were replaced stay on the heaps until they come up; a quarter as many as others is too many.
        if len(self._waiting) + len(self._ready) + len(self._ready_whole) > 64 + 1.25 * len(self._entries):
            self._tidy()

    def remove(self, key: Key) -> Entry | None:
        """Have this reading no more."""
        return self._entries.pop(key, None)

    def remove_plan(self, plan_id: str, collectors: Iterable[str]) -> None:
        """Have no reading of this plan any more."""
        for collector in collectors:
            self._entries.pop(Key(collector, plan_id), None)
            self._entries.pop(Key(collector, plan_id, whole=True), None)

    def take(self, now: float, *, whole_lists: bool = True) -> Entry | None:
        """Take out the reading that is to be carried out now, None if nothing is due.

        Without `whole_lists`, readings of whole lists are left where they are.
        """
        heap = self._first(now, whole_lists)
        if heap is None:
            return None
        entry = heapq.heappop(heap)[3]
        del self._entries[entry.key]
        return entry

    def next_at(self, now: float, *, whole_lists_at: float = float("-inf")) -> float | None:
        """Return when something is due: now if it is already, None if nothing ever is.

        Whole lists are read from `whole_lists_at` on.
        """
        self._promote(now)
        if self._live(self._ready):
            return now
        whole = max(now, whole_lists_at) if self._live(self._ready_whole) else None
        waiting = None
        while self._waiting and waiting is None:
            at, version, entry = self._waiting[0]
            if self._is_live(version, entry):
                waiting = at
            else:
                heapq.heappop(self._waiting)
        return min((at for at in (whole, waiting) if at is not None), default=None)

    def is_late(self, now: float) -> bool:
        """Return whether a promise has passed; of whole lists nothing is promised."""
        self._promote(now)
        return self._live(self._ready) and any(
            latest < now for _, latest, version, entry in self._ready if self._is_live(version, entry)
        )

    def most_urgent(self, now: float) -> tuple[bool, float] | None:
        """Return the place in the order of what `take` would give; None if nothing is due."""
        heap = self._first(now, whole_lists=True)
        return None if heap is None else heap[0][:2]

    def _first(self, now: float, whole_lists: bool) -> list[_Ready] | None:
        """Return the heap on which the reading stands that is to be carried out next."""
        self._promote(now)
        heaps = [heap for heap in (self._ready, self._ready_whole if whole_lists else []) if self._live(heap)]
        return min(heaps, key=lambda heap: heap[0][:3], default=None)

    def _live(self, heap: list[_Ready]) -> bool:
        """Drop what was replaced from the top of a heap; return whether anything is left."""
        while heap and not self._is_live(heap[0][2], heap[0][3]):
            heapq.heappop(heap)
        return bool(heap)

    def _promote(self, now: float) -> None:
        """Move what has become due to where it is ordered by its promise."""
        while self._waiting and self._waiting[0][0] <= now:
            _, version, entry = heapq.heappop(self._waiting)
            if self._is_live(version, entry):
                heap = self._ready_whole if entry.key.whole else self._ready
                heapq.heappush(heap, (not entry.urgent, entry.latest, version, entry))

    def _tidy(self) -> None:
        self._waiting = [item for item in self._waiting if self._is_live(item[1], item[2])]
        heapq.heapify(self._waiting)
        for heap in (self._ready, self._ready_whole):
            heap[:] = [item for item in heap if self._is_live(item[2], item[3])]
            heapq.heapify(heap)

    def _is_live(self, version: int, entry: Entry) -> bool:
        return self._entries.get(entry.key) is entry and entry.version == version
