"""Rendered subjects in the order of their keys, the lines of each family compressed.

A shelf holds up to SHELF_SUBJECTS subjects. It has a segment for each family, which holds their lines in leaves of
LEAF_SUBJECTS subjects, and each leaf as deflated bytes only: plain, they are some 25 times as large. So a subject that changed
costs one leaf inflated in each family that may have changed, and one compressed in each that did. This module knows no format,
no clock and no lock.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dbs_exporter.facts.subjects import SubjectKey
from dbs_exporter.metrics.deflate import EMPTY, Checksum, combined, deflated, inflated

SHELF_SUBJECTS = 1024
"""The lines of so many subjects have some 16 MB, which are held for a moment when subjects come or go."""

LEAF_SUBJECTS = 64
"""Subjects that are compressed together: fewer make a change cheaper, more compress better."""

Render = Callable[[SubjectKey], Sequence[bytes | None] | None]
"""Returns a changed subject's lines, an entry per family; None if the subject is gone.

An entry is None if that family's lines did not change; only a subject that is on a shelf may have such entries.
"""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the exposition, kept compressed; `series` is how many of them are samples."""

    piece: bytes = b""
    checksum: Checksum = EMPTY
    series: int = 0

    @classmethod
    def of(cls, text: bytes, comments: int = 0) -> Lines:
        """Compress these lines, of which so many are no samples."""
        return cls(deflated(text), Checksum.of(text), text.count(b"\n") - comments) if text else _NO_LINES

    def text(self) -> bytes:
        """Return the lines as they were."""
        return inflated(self.piece)


_NO_LINES = Lines()


class Segment:
    """The lines of a family for the subjects of a shelf; immutable once built."""

    __slots__ = ("checksum", "leaves", "lengths", "series")

    def __init__(self, lengths: array[int], leaves: Sequence[Lines]) -> None:
        """Take the length of each subject's lines, and the leaves that these lie in."""
        self.lengths = lengths
        self.leaves = tuple(leaves)
        self.checksum = combined(leaf.checksum for leaf in leaves)
        self.series = sum(leaf.series for leaf in leaves)

    @classmethod
    def of(cls, parts: Sequence[bytes], kept: Sequence[Lines] = ()) -> Segment:
        """Join the lines of the subjects; `kept` are the first leaves, if already known."""
        first = len(kept) * LEAF_SUBJECTS
        made = [
            Lines.of(b"".join(parts[begin : begin + LEAF_SUBJECTS]))
            for begin in range(first, len(parts), LEAF_SUBJECTS)
        ]
        return cls(array("I", map(len, parts)), [*kept, *made])

    def parts(self) -> list[bytes]:
        """Return the lines of each subject, in order."""
        return [part for leaf in range(len(self.leaves)) for part in self._parts_of(leaf)]

    def _parts_of(self, leaf: int) -> list[bytes]:
        text, parts, begin = self.leaves[leaf].text(), [], 0
        for length in self.lengths[leaf * LEAF_SUBJECTS : (leaf + 1) * LEAF_SUBJECTS]:
            parts.append(text[begin : begin + length])
            begin += length
        return parts

    def replaced(self, changes: Mapping[int, bytes]) -> Segment:
        """Return a segment with new lines for the subjects at these positions; itself if none differ."""
        leaves = list(self.leaves)
        lengths = self.lengths
        for leaf in {position // LEAF_SUBJECTS for position in changes}:
            first = leaf * LEAF_SUBJECTS
            before = self._parts_of(leaf)
            after = [changes.get(position, part) for position, part in enumerate(before, first)]
            if after != before:
                leaves[leaf] = Lines.of(b"".join(after))
                lengths = lengths[:first] + array("I", map(len, after)) + lengths[first + len(after) :]
        return self if lengths is self.lengths else Segment(lengths, leaves)


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
                self._rebuild(0, Shelf([], [Segment.of(()) for _ in range(self._families)]), group, render)
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
                    Segment.of(column, before.leaves[:kept_leaves])
                    for column, before in zip(columns, shelf.segments, strict=True)
                ]
                rebuilt.append(Shelf(keys, segments))
        self._shelves[index : index + 1] = rebuilt
        self.changed.update(range(self._families))
