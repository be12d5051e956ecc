"""Subjects as bodies of rows, and back. Each body is typed, compressed and sealed, so that a damaged one fails by itself.

A seal covers the row's key too: a body never passes for another plan's. What is read is what was written, or `Unreadable` is
raised; nothing is guessed. Times are Unix seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from hashlib import blake2b
from types import GenericAlias
from typing import Any, Generic, TypeVar

from msgspec import MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from dbs_exporter.collectors.learned import Learned
from dbs_exporter.facts.counters import Counted
from dbs_exporter.facts.groups import Group, Known
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import GonePlan, Outage, PlanSubject, Proof, RegionSubject, Weakening
from dbs_exporter.facts.tallies import Tally
from dbs_exporter.facts.windows import Window

OWN = ""
"""The part of a subject that is no group."""
GONE = "gone"
"""The part that is left of a plan that is gone."""
READS = "reads"
"""Not a part; what the times of readings are sealed with."""
_SEAL_BYTES = 8
_LEVEL = 1
"""Of compression: bodies are small."""

_NOTHING_ENDED = Tally()

B = TypeVar("B")


class Unreadable(ValueError):
    """A body that is not what was written, or of another version."""


class OwnPart(Struct, frozen=True, kw_only=True):
    """A plan without its groups."""

    plan: Plan
    window: Window
    first_listed_at: float | None = None
    listed_at: float | None = None
    changed_at: float | None = None
    noticed: dict[str, float] = {}
    weakened: dict[str, Weakening] = {}
    outage: Outage | None = None
    proofs: tuple[Proof, ...] = ()


class RegionPart(Struct, frozen=True, kw_only=True):
    """A region without its groups."""

    noticed: dict[str, float] = {}
    gone: dict[str, float] = {}


class GroupPart(Struct, frozen=True, kw_only=True):
    """A group of a subject, its facts aside; `lineage` is that of its counters (`state.directory`)."""

    read_at: float | None = None
    unchanged: int = 0
    counted: Counted | None = None
    lineage: int = 0


class GonePart(Struct, frozen=True, kw_only=True):
    """What is left of a plan that is gone."""

    gone_at: float
    lineage: int
    counted: dict[str, Counted] = {}


class Times(Struct, frozen=True, kw_only=True, array_like=True):
    """When a subject was last listed, and each group read, and how many readings in a row brought nothing new."""

    listed_at: float | None = None
    groups: dict[str, tuple[float, int]] = {}


class Reads(Struct, frozen=True, kw_only=True):
    """What changes with every reading of an account and region, so that facts are written only when they change."""

    at: float
    learned: Learned = Learned()
    subjects: dict[str, Times] = {}
    """By the plan's id; "" for the region."""


class Body(Generic[B]):
    """How one kind of body is written and read."""

    def __init__(self, kind: Any) -> None:
        self._encode = Encoder().encode
        self._decode = Decoder(kind).decode

    def sealed(self, value: B, *key: str) -> bytes:
        """Return a body. Raises Unreadable for what no body can hold, such as half a character."""
        try:
            packed = zlib.compress(self._encode(value), _LEVEL)
        except (MsgspecError, ValueError, OverflowError) as error:
            raise Unreadable(str(error)) from None
        return _seal(packed, key) + packed

    def opened(self, body: bytes, *key: str) -> B:
        """Return what a body holds. Raises Unreadable."""
        seal, packed = bytes(body[:_SEAL_BYTES]), body[_SEAL_BYTES:]
        if seal != _seal(packed, key):
            raise Unreadable("its bytes are damaged")
        try:
            value: B = self._decode(zlib.decompress(packed))
        except (MsgspecError, zlib.error) as error:
            raise Unreadable(str(error)) from None
        return value


class Bodies:
    """The bodies of all kinds of parts, for these groups."""

    def __init__(self, groups: Iterable[Group[Any]]) -> None:
        self.own = Body[OwnPart](OwnPart)
        self.region = Body[RegionPart](RegionPart)
        self.gone = Body[GonePart](GonePart)
        self.reads = Body[Reads](Reads)
        self.groups: dict[str, Body[tuple[Any, GroupPart]]] = {
            group.name: Body(_pair_of(group.facts_type)) for group in groups
        }


def _pair_of(facts_type: Any) -> GenericAlias:
    return GenericAlias(tuple, (facts_type | None, GroupPart))


def own_part(subject: PlanSubject) -> OwnPart:
    """Return a plan without its groups."""
    return OwnPart(
        plan=subject.plan,
        window=subject.window,
        first_listed_at=subject.first_listed_at,
        listed_at=subject.listed_at,
        changed_at=subject.changed_at,
        noticed=subject.noticed,
        weakened=subject.weakened,
        outage=subject.outage,
        proofs=subject.proofs,
    )


def region_part(subject: RegionSubject) -> RegionPart:
    """Return a region without its groups."""
    return RegionPart(noticed=subject.noticed, gone=subject.gone)


def group_part(known: Known, lineage: int) -> tuple[object, GroupPart]:
    """Return a group as it is written."""
    part = GroupPart(read_at=known.read_at, unchanged=known.unchanged, counted=known.counted, lineage=lineage)
    return known.facts, part


def gone_part(plan: GonePlan, lineage: int) -> GonePart:
    """Return what is left of a plan as it is written."""
    counted = {name: known.counted for name, known in plan.counters.items() if known.counted is not None}
    return GonePart(gone_at=plan.gone_at, lineage=lineage, counted=counted)


def known_from(facts: object, part: GroupPart, lineage: int) -> Known:
    """Return a group as it was; its counters begin at 0 if others than the saved ones may have been published."""
    counted = of_lineage(part.counted, part.lineage, lineage)
    return Known(
        facts=facts,
        read_at=part.read_at,
        unchanged=part.unchanged,
        counted=counted,
        tally=counted.tally if counted is not None else _NOTHING_ENDED,
    )


def gone_from(part: GonePart, lineage: int) -> GonePlan:
    """Return what is left of a plan."""
    counters = {}
    for name, saved in part.counted.items():
        counted = of_lineage(saved, part.lineage, lineage)
        if counted is not None:
            counters[name] = Known(facts=None, counted=counted, tally=counted.tally)
    return GonePlan(gone_at=part.gone_at, counters=counters)


def of_lineage(counted: Counted | None, saved: int, lineage: int) -> Counted | None:
    """Return what was counted; at 0 if it is of another lineage. What was counted is never counted again."""
    if counted is None or saved == lineage:
        return counted
    return replace(counted, tally=Tally())


def _seal(packed: bytes, key: tuple[str, ...]) -> bytes:
    digest = blake2b("\0".join(key).encode("utf-8", "replace"), digest_size=_SEAL_BYTES)
    digest.update(packed)
    return digest.digest()
