"""Rendered subjects in the order of their keys, the lines of each family plain and compressed.

A shelf holds up to SHELF_SUBJECTS subjects. It has a segment for each family: the lines of all its subjects in one bytes
object, which pages serve without a copy, and the same lines deflated in leaves of LEAF_SUBJECTS subjects. So a subject that
changed costs one join of a segment and one compression of a leaf in each family whose lines changed. This module knows no
format, no clock and no lock.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from dbs_exporter.facts.subjects import SubjectKey
from dbs_exporter.metrics.deflate import Checksum, deflated

SHELF_SUBJECTS = 1024
"""A segment of this size has about 100 kB: large enough for a socket, small enough to be joined again."""

LEAF_SUBJECTS = 64
"""Subjects that are compressed together: fewer make a change cheaper, more compress better."""

_FEW = 3
"""Up to so many positions in a segment are found faster by adding up the lengths before each of them."""

Render = Callable[[SubjectKey], Sequence[bytes | None] | None]
"""Returns a changed subject's lines, an entry per family; None if the subject is gone.

An entry is None if that family's lines did not change; only a subject that is on a shelf may have such entries.
"""


class Segment:
    """The lines of a family for the subjects of a shelf; immutable once built."""

    __slots__ = ("checksum", "identity", "lengths", "pieces", "series")

    def __init__(self, parts: Sequence[bytes], kept: Sequence[bytes] = ()) -> None:
        """Join the lines of the subjects; `kept` are the first compressed leaves, if already known."""
        self.identity = b"".join(parts)
        self.lengths = array("I", map(len, parts))
        self.series = self.identity.count(b"\n")
        self.checksum = Checksum.of(self.identity)
        self.pieces = list(kept)
        for first in range(len(kept) * LEAF_SUBJECTS, len(parts), LEAF_SUBJECTS):
            self.pieces.append(_piece(b"".join(parts[first : first + LEAF_SUBJECTS])))

    def parts(self) -> list[bytes]:
        """Return the lines of each subject, in order."""
        parts, begin = [], 0
        for length in self.lengths:
            parts.append(self.identity[begin : begin + length])
            begin += length
        return parts

    def replaced(self, changes: Mapping[int, bytes]) -> Segment:
        """Return a segment with new lines for the subjects at these positions; itself if none differ."""
        different: dict[int, tuple[int, int]] = {}
        # Where subjects begin is not stored: it would cost as much memory as the lengths and shift with every change.
        begins = list(accumulate(self.lengths, initial=0)) if len(changes) > _FEW else None
        for position, lines in changes.items():
            begin = begins[position] if begins else sum(self.lengths[:position])
            end = begin + self.lengths[position]
            if end - begin != len(lines) or not self.identity.startswith(lines, begin):
                different[position] = (begin, end)
        if not different:
            return self
        chunks: list[bytes | memoryview] = []
        done = 0
        whole = memoryview(self.identity)
        segment = Segment.__new__(Segment)
        segment.lengths = array("I", self.lengths)
        for position in sorted(different):
            begin, end = different[position]
            chunks += [whole[done:begin], changes[position]]
            segment.lengths[position] = len(changes[position])
            done = end
        segment.identity = b"".join([*chunks, whole[done:]])
        segment.series = segment.identity.count(b"\n")
        segment.checksum = Checksum.of(segment.identity)
        segment.pieces = list(self.pieces)
        whole = memoryview(segment.identity)
        for leaf in {position // LEAF_SUBJECTS for position in different}:
            first = leaf * LEAF_SUBJECTS
            begin = sum(segment.lengths[:first])
            end = begin + sum(segment.lengths[first : first + LEAF_SUBJECTS])
            segment.pieces[leaf] = _piece(whole[begin:end])
        return segment


def _piece(data: bytes | memoryview) -> bytes:
    return deflated(data) if len(data) else b""


class Shelf:
    """Up to SHELF_SUBJECTS subjects, and a segment for each family."""

    __slots__ = ("keys", "segments")

    def __init__(self, keys: list[SubjectKey], segments: list[Segment]) -> None:
        self.keys = keys
        self.segments = segments


class Shelves:
    """All subjects of a level; `changed` collects the positions of the families whose lines have changed."""

    def __init__(self, families: int) -> None:
        self._families = families
        self._shelves: list[Shelf] = []
        self.changed: set[int] = set()

    def __len__(self) -> int:
        return sum(len(shelf.keys) for shelf in self._shelves)

    def segments(self, family: int) -> Iterator[Segment]:
        """Yield the segments of a family, in the order of the subjects' keys."""
        return (shelf.segments[family] for shelf in self._shelves)

    def apply(self, keys: Sequence[SubjectKey], render: Render) -> None:
        """Replace the lines of these subjects by what `render` returns, shelf by shelf to save memory."""
        for first_key, group in self._grouped(sorted(keys)):
            index = max(0, bisect_right(self._shelves, first_key, key=lambda shelf: shelf.keys[0]) - 1)
            if not self._shelves:
                self._rebuild(0, Shelf([], [Segment(()) for _ in range(self._families)]), group, render)
                continue
            shelf = self._shelves[index]
            places = {key: bisect_left(shelf.keys, key) for key in group}
            if all(place < len(shelf.keys) and shelf.keys[place] == key for key, place in places.items()):
                lines = {key: render(key) for key in group}
                if all(entry is not None for entry in lines.values()):
                    self._replace(
                        shelf, {places[key]: entry for key, entry in lines.items() if entry is not None}
                    )
                    continue
                self._rebuild(index, shelf, group, lines.__getitem__)
            else:
                self._rebuild(index, shelf, group, render)

    def _grouped(self, keys: list[SubjectKey]) -> list[tuple[SubjectKey, list[SubjectKey]]]:
        """Cut the sorted keys into runs that belong on the same shelf at present."""
        if not keys:
            return []
        starts = [shelf.keys[0] for shelf in self._shelves[1:]]
        cuts = sorted({0, len(keys), *(bisect_left(keys, start) for start in starts)})
        return [(keys[begin], keys[begin:end]) for begin, end in pairwise(cuts)]

    def _replace(self, shelf: Shelf, lines: Mapping[int, Sequence[bytes | None]]) -> None:
        for family, segment in enumerate(shelf.segments):
            changes = {place: new for place, entry in lines.items() if (new := entry[family]) is not None}
            replaced = segment.replaced(changes) if changes else segment
            if replaced is not segment:
                shelf.segments[family] = replaced
                self.changed.add(family)

    def _rebuild(self, index: int, shelf: Shelf, group: list[SubjectKey], render: Render) -> None:
        """Replace a shelf whose subjects came or went, by as many shelves as they now fill."""
        changed_keys = set(group)
        merged = sorted(changed_keys.union(shelf.keys))
        old = [segment.parts() for segment in shelf.segments]
        places = {key: place for place, key in enumerate(shelf.keys)}
        count = -(-len(merged) // SHELF_SUBJECTS)
        size = -(-len(merged) // count)
        first_change = next((place for place, key in enumerate(merged) if key in changed_keys), 0)
        kept_leaves = first_change // LEAF_SUBJECTS if count == 1 else 0
        rebuilt: list[Shelf] = []
        for begin in range(0, len(merged), size):
            keys: list[SubjectKey] = []
            columns: list[list[bytes]] = [[] for _ in range(self._families)]
            for key in merged[begin : begin + size]:
                if key in changed_keys:
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
                rebuilt.append(Shelf(keys, segments))
        self._shelves[index : index + 1] = rebuilt
        self.changed.update(range(self._families))
