"""What the file holds, and what is to be written because something differs from it: rows of parts that changed. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.learned import Learned
from dbs_exporter.facts.groups import Known, Subject
from dbs_exporter.facts.subjects import GonePlan, PlanSubject, RegionSubject, Scope, SubjectKey
from dbs_exporter.facts.tallies import Tally
from dbs_exporter.state.bodies import (
    GONE,
    OWN,
    READS,
    Bodies,
    Reads,
    Times,
    Unreadable,
    gone_part,
    group_part,
    own_part,
    region_part,
)
from dbs_exporter.state.database import Batch

TIMES_REST_FACTOR = 200.0
"""Times of readings are put together so seldom that it takes a two-hundredth of a CPU at most."""

Place = tuple[str, str]
"""(account, region); the region is "" for an account's own."""


@dataclass(slots=True)
class Changes:
    """One transaction: what it writes, and what holds once it is over."""

    subjects: Mapping[SubjectKey, Subject | None] = field(default_factory=dict)
    batch: Batch = field(default_factory=Batch)
    tallies: list[tuple[SubjectKey, Mapping[str, Tally]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What no row can hold, a sentence each."""


class Contents:
    """The subjects as the file holds them. Not thread-safe."""

    def __init__(self, bodies: Bodies, clock: Clock) -> None:
        self._bodies = bodies
        self._clock = clock
        self._written: dict[Place, dict[str, Subject]] = {}
        """By place and plan; a subject's parts are compared as objects."""
        self._late: set[Place] = set()
        """Whose times of readings are still to be written."""
        self._times_from: dict[Place, float] = {}
        """From when on they may be, in monotonic seconds."""

    def take_over(self, place: Place, subjects: Mapping[str, Subject]) -> None:
        """Take what was read from the file."""
        self._written[place] = dict(subjects)

    def forget_all(self) -> dict[SubjectKey, Subject]:
        """Take the file to hold nothing; return what it was taken to hold."""
        known = {
            (*place, plan): subject
            for place, plans in self._written.items()
            for plan, subject in plans.items()
        }
        self._written.clear()
        self._late.update(place[:2] for place in known)
        return known

    def holds(self, place: Place) -> bool:
        """Return whether anything of a place is known here."""
        return bool(self._written.get(place))

    def hurry(self) -> None:
        """Have all times of readings written with the next transaction."""
        self._times_from.clear()

    def on_written(self, changes: Changes) -> None:
        """Take the file to hold what a transaction wrote."""
        for key, subject in changes.subjects.items():
            plans = self._written.setdefault(key[:2], {})
            if subject is None:
                plans.pop(key[2], None)
            else:
                plans[key[2]] = subject
        self._late -= {row[:2] for row in changes.batch.reads}
        self._late = {place for place in self._late if self._written.get(place)}

    def differ(
        self,
        changes: Changes,
        learned: Mapping[Scope, Learned],
        gone_plan: Callable[[SubjectKey], GonePlan | None],
        lineage: int,
    ) -> None:
        """Add to the changes what the file does not hold of their subjects."""
        for key, subject in changes.subjects.items():
            before = self._written.get(key[:2], {}).get(key[2])
            if subject is None or (before is None and key[2]):
                # A plan that is new here may have been gone, or be one that was not taken over.
                changes.batch.deleted.append(key)
            if subject is None:
                self._put_gone(changes, key, gone_plan, lineage)
                self._late.add(key[:2])
            else:
                self._put(changes, key, subject, before, lineage)
                if before is None or times_of(before) != times_of(subject):
                    self._late.add(key[:2])
        now = self._clock.monotonic()
        for place in self._late:
            if self._times_from.get(place, now) <= now:
                self._put_times(changes, place, learned)

    def _put_gone(
        self,
        changes: Changes,
        key: SubjectKey,
        gone_plan: Callable[[SubjectKey], GonePlan | None],
        lineage: int,
    ) -> None:
        gone = gone_plan(key) if key[2] else None
        if gone is not None:
            body = self._bodies.gone.sealed(gone_part(gone, lineage), *key, GONE)
            changes.batch.facts.append((*key, GONE, body))

    def _put(
        self, changes: Changes, key: SubjectKey, subject: Subject, before: Subject | None, lineage: int
    ) -> None:
        tallies = unpublished(subject)
        for part, seal in self._changed_parts(key, subject, before, lineage):
            try:
                changes.batch.facts.append((*key, part, seal()))
            except Unreadable as error:
                changes.problems.append(f"{' '.join(key)} {part} cannot be saved: {error}")
                tallies.pop(part, None)
        if tallies:
            changes.tallies.append((key, tallies))

    def _changed_parts(
        self, key: SubjectKey, subject: Subject, before: Subject | None, lineage: int
    ) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Yield each part that is not the same object as before, and what makes its body."""
        bodies = self._bodies
        if isinstance(subject, PlanSubject) and not (
            isinstance(before, PlanSubject) and _is_same_own(subject, before)
        ):
            yield OWN, partial(bodies.own.sealed, own_part(subject), *key, OWN)
        if isinstance(subject, RegionSubject) and not _is_same_region(subject, before):
            yield OWN, partial(bodies.region.sealed, region_part(subject), *key, OWN)
        for name, known in subject.groups.items():
            if name in bodies.groups and not _is_same(known, before.groups.get(name) if before else None):
                yield name, partial(bodies.groups[name].sealed, group_part(known, lineage), *key, name)

    def _put_times(self, changes: Changes, place: Place, learned: Mapping[Scope, Learned]) -> None:
        began = self._clock.monotonic()
        noted = {key[2]: subject for key, subject in changes.subjects.items() if key[:2] == place}
        present: dict[str, Subject | None] = {**self._written.get(place, {}), **noted}
        account, region = place
        reads = Reads(
            at=self._clock.now(),
            learned=learned.get(Scope(account=account, region=region), Learned()),
            subjects={plan: times_of(subject) for plan, subject in present.items() if subject is not None},
        )
        if reads.subjects:
            changes.batch.reads.append((*place, self._bodies.reads.sealed(reads, *place, READS)))
        took = self._clock.monotonic() - began
        self._times_from[place] = began + took * TIMES_REST_FACTOR


def times_of(subject: Subject) -> Times:
    """Return when a subject was listed and its groups were read."""
    return Times(
        listed_at=subject.listed_at if isinstance(subject, PlanSubject) else None,
        groups={
            name: (known.read_at, known.unchanged)
            for name, known in subject.groups.items()
            if known.read_at is not None
        },
    )


def unpublished(subject: Subject) -> dict[str, Tally]:
    """Return the counters that are ahead of what is published."""
    return {
        name: known.counted.tally
        for name, known in subject.groups.items()
        if known.counted is not None and known.counted.tally != known.tally
    }


def _is_same_own(subject: PlanSubject, before: PlanSubject) -> bool:
    return (
        subject.plan is before.plan
        and subject.window is before.window
        and subject.first_listed_at == before.first_listed_at
        and subject.changed_at == before.changed_at
        and subject.noticed is before.noticed
        and subject.weakened is before.weakened
        and subject.outage is before.outage
        and subject.proofs is before.proofs
    )


def _is_same_region(subject: RegionSubject, before: Subject | None) -> bool:
    if not isinstance(before, RegionSubject):
        return not subject.noticed and not subject.gone
    return subject.noticed is before.noticed and subject.gone is before.gone


def _is_same(known: Known, before: Known | None) -> bool:
    if before is None:
        return known.facts is None and known.counted is None
    return known.facts is before.facts and known.counted is before.counted
