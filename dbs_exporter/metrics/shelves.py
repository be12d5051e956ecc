"""Rendered subjects in order of their keys, each family's bytes kept once, plain and compressed.

A shelf holds some hundred subjects. For each family it has one segment: the lines of all its subjects in one
bytes object, which pages serve as it is, and beside it the same lines deflated leaf by leaf, so that a
changed subject costs one join of a segment and one compression of a leaf in those families whose lines did
change. It knows no format, no clock and no lock.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from dbs_exporter.facts.subjects import SubjectKey
from dbs_exporter.metrics.deflate import Checksum, deflated

SHELF_SUBJECTS = 1024
"""Of one-line families this makes chunks of about 100 kB: large enough for a socket, small enough to join
again."""

LEAF_SUBJECTS = 64
"""Compressed together: fewer cost less when one changes, more compress better."""

_FEW = 3
"""Up to so many places in a segment are found faster by adding up the lengths before each."""

Render = Callable[[SubjectKey], Sequence[bytes | None] | None]
"""A changed subject's lines, one entry per family; None if it is gone. An entry is None if that family's lines
are as they were, which only a subject that is on a shelf may have."""


class Segment:
    """The lines of one family for the subjects of one shelf; never changed once made."""

    __slots__ = ("checksum", "identity", "lengths", "pieces", "series")

    def __init__(self, parts: Sequence[bytes], kept: Sequence[bytes] = ()) -> None:
        """Join one entry per subject; `kept` are compressed leaves that are known to hold from the front."""
        self.identity = b"".join(parts)
        self.lengths = array("I", map(len, parts))
        self.series = self.identity.count(b"\n")
        self.checksum = Checksum.of(self.identity)
        self.pieces = list(kept)
        for first in range(len(kept) * LEAF_SUBJECTS, len(parts), LEAF_SUBJECTS):
            self.pieces.append(_piece(b"".join(parts[first : first + LEAF_SUBJECTS])))

    def parts(self) -> list[bytes]:
        """Return the lines of each subject again, in order."""
        parts, begin = [], 0
        for length in self.lengths:
            parts.append(self.identity[begin : begin + length])
            begin += length
        return parts

    def replaced(self, changes: Mapping[int, bytes]) -> Segment:
        """Return a segment with the lines of the subjects at these places replaced; itself if they are as
        they were."""
        different: dict[int, tuple[int, int]] = {}
        # Where subjects begin is not kept: it would cost as much memory as the lengths and shift with every
        # change.
        begins = list(accumulate(self.lengths, initial=0)) if len(changes) > _FEW else None
        for at, lines in changes.items():
            begin = begins[at] if begins else sum(self.lengths[:at])
            end = begin + self.lengths[at]
            if end - begin != len(lines) or not self.identity.startswith(lines, begin):
                different[at] = (begin, end)
        if not different:
            return self
        chunks: list[bytes | memoryview] = []
        done = 0
        whole = memoryview(self.identity)
        made = Segment.__new__(Segment)
        made.lengths = array("I", self.lengths)
        for at in sorted(different):
            begin, end = different[at]
            chunks += [whole[done:begin], changes[at]]
            made.lengths[at] = len(changes[at])
            done = end
        made.identity = b"".join([*chunks, whole[done:]])
        made.series = made.identity.count(b"\n")
        made.checksum = Checksum.of(made.identity)
        made.pieces = list(self.pieces)
        whole = memoryview(made.identity)
        for leaf in {at // LEAF_SUBJECTS for at in different}:
            first = leaf * LEAF_SUBJECTS
            begin = sum(made.lengths[:first])
            end = begin + sum(made.lengths[first : first + LEAF_SUBJECTS])
            made.pieces[leaf] = _piece(whole[begin:end])
        return made


def _piece(data: bytes | memoryview) -> bytes:
    return deflated(data) if len(data) else b""


class Shelf:
    """Up to SHELF_SUBJECTS subjects and one segment for each family."""

    __slots__ = ("keys", "segments")

    def __init__(self, keys: list[SubjectKey], segments: list[Segment]) -> None:
        self.keys = keys
        self.segments = segments


class Shelves:
    """All subjects of one kind; `changed` collects the places of families whose lines are no longer the
    same."""

    def __init__(self, families: int) -> None:
        self._families = families
        self._shelves: list[Shelf] = []
        self.changed: set[int] = set()

    def __len__(self) -> int:
        return sum(len(shelf.keys) for shelf in self._shelves)

    def segments(self, family: int) -> Iterator[Segment]:
        """Yield a family's segments in the order of the subjects' keys."""
        return (shelf.segments[family] for shelf in self._shelves)

    def apply(self, keys: Sequence[SubjectKey], render: Render) -> None:
        """Take over these subjects' new lines; asks `render` shelf by shelf, so that few of them exist at a
        time."""
        for first_key, group in self._grouped(sorted(keys)):
            at = max(0, bisect_right(self._shelves, first_key, key=lambda shelf: shelf.keys[0]) - 1)
            if not self._shelves:
                self._rebuild(0, Shelf([], [Segment(()) for _ in range(self._families)]), group, render)
                continue
            shelf = self._shelves[at]
            places = {key: bisect_left(shelf.keys, key) for key in group}
            if all(place < len(shelf.keys) and shelf.keys[place] == key for key, place in places.items()):
                lines = {key: render(key) for key in group}
                if all(entry is not None for entry in lines.values()):
                    self._replace(
                        shelf, {places[key]: entry for key, entry in lines.items() if entry is not None}
                    )
                    continue
                self._rebuild(at, shelf, group, lines.__getitem__)
            else:
                self._rebuild(at, shelf, group, render)

    def _grouped(self, keys: list[SubjectKey]) -> list[tuple[SubjectKey, list[SubjectKey]]]:
        """Cut the sorted keys into runs that belong on one shelf as the shelves stand now."""
        if not keys:
            return []
        starts = [shelf.keys[0] for shelf in self._shelves[1:]]
        cuts = sorted({0, len(keys), *(bisect_left(keys, start) for start in starts)})
        return [(keys[begin], keys[begin:end]) for begin, end in pairwise(cuts)]

    def _replace(self, shelf: Shelf, lines: Mapping[int, Sequence[bytes | None]]) -> None:
        for family, segment in enumerate(shelf.segments):
            changes = {at: new for at, entry in lines.items() if (new := entry[family]) is not None}
            made = segment.replaced(changes) if changes else segment
            if made is not segment:
                shelf.segments[family] = made
                self.changed.add(family)

    def _rebuild(self, at: int, shelf: Shelf, group: list[SubjectKey], render: Render) -> None:
        """Put a shelf anew with subjects added or gone; too many become several shelves, none become no
        shelf."""
        asked = set(group)
        merged = sorted(asked.union(shelf.keys))
        old = [segment.parts() for segment in shelf.segments]
        places = {key: place for place, key in enumerate(shelf.keys)}
        count = -(-len(merged) // SHELF_SUBJECTS)
        size = -(-len(merged) // count)
        first_change = next((place for place, key in enumerate(merged) if key in asked), 0)
        kept_leaves = first_change // LEAF_SUBJECTS if count == 1 else 0
        made: list[Shelf] = []
        for begin in range(0, len(merged), size):
            keys: list[SubjectKey] = []
            columns: list[list[bytes]] = [[] for _ in range(self._families)]
            for key in merged[begin : begin + size]:
                if key in asked:
                    entry = render(key)
                    if entry is None:
                        continue
                    for column, lines, parts in zip(columns, entry, old, strict=True):
                        column.append(parts[places[key]] if lines is None else lines)
                else:
                    for column, parts in zip(columns, old, strict=True):
                        column.append(parts[places[key]])
                keys.append(key)
            if keys:
                segments = [
                    Segment(column, before.pieces[:kept_leaves])
                    for column, before in zip(columns, shelf.segments, strict=True)
                ]
                made.append(Shelf(keys, segments))
        self._shelves[at : at + 1] = made
        self.changed.update(range(self._families))
