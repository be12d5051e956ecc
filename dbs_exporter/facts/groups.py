"""Groups of facts: what one reading of one subject brings, under one typed name."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dbs_exporter.facts.counters import Counted
from dbs_exporter.facts.tallies import Tally

F = TypeVar("F")
S = TypeVar("S", bound="Subject")


class Group(Generic[F]):
    """A kind of facts that is read together: its name, and the type of the facts.

    The name is the label `facts` of the exporter's metrics.
    """

    __slots__ = ("facts_type", "name")

    def __init__(self, name: str, facts_type: object) -> None:
        self.name = name
        self.facts_type = facts_type

    def __repr__(self) -> str:
        return f"Group({self.name!r})"


class Known(Struct, frozen=True, kw_only=True):
    """What is known of one group of one subject."""

    facts: object
    """None while it was never read."""
    read_at: float | None = None
    """When it was last read whole, in Unix seconds."""
    tally: Tally = Tally()
    """What is published of `counted`, which may be ahead of it."""
    counted: Counted | None = None
    """What was seen to end; None where nothing was ever counted."""
    unchanged: int = 0
    """Readings in a row that brought what was known already."""


NOTHING = Known(facts=None)


class Subject(Struct, frozen=True, kw_only=True):
    """Something facts are about: an account, a region of an account, or a plan."""

    groups: dict[str, Known] = {}

    def get(self, group: Group[F]) -> F | None:
        """Return the facts of a group, None if it was never read."""
        # Called too often for a cast.
        return self.groups.get(group.name, NOTHING).facts  # type: ignore[return-value]

    def known(self, group: Group[F]) -> Known:
        """Return the facts of a group with their age and tally."""
        return self.groups.get(group.name, NOTHING)

    def tally(self, group: Group[F]) -> Tally:
        """Return what was seen to end of a group; zeros if nothing was."""
        return self.groups.get(group.name, NOTHING).tally


def with_facts(
    subject: S,
    group: Group[F],
    facts: F | None,
    at: float | None = None,
    tally: Tally | None = None,
    counted: Counted | None = None,
) -> S:
    """Return the subject with one group replaced: its facts, when they were read, and its counters (None: as before).

    What is equal stays the same object, by which others see that it did not change.
    """
    before = subject.known(group)
    same = facts == before.facts
    known = Known(
        facts=before.facts if same else facts,
        read_at=at,
        tally=before.tally if tally is None or tally == before.tally else tally,
        counted=before.counted if counted is None else counted,
        unchanged=before.unchanged + 1 if same else 0,
    )
    return replace(subject, groups={**subject.groups, group.name: known})
