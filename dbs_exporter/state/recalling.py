"""From rows to subjects: what of a saved account or region is wanted and can be read.

A row that cannot be read is left out and counted; the others of its plan stay. A plan without its own row is not there. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern

from msgspec.structs import replace

from dbs_exporter.collectors.learned import Learned, Restored
from dbs_exporter.facts.groups import Known
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.sharing import Sharing
from dbs_exporter.facts.subjects import AccountSubject, GonePlan, PlanSubject, RegionSubject, Scope
from dbs_exporter.state.bodies import (
    GONE,
    OWN,
    READS,
    Bodies,
    OwnPart,
    Reads,
    RegionPart,
    Times,
    Unreadable,
    gone_from,
    known_from,
)
from dbs_exporter.state.database import Row


@dataclass(slots=True)
class Recalled:
    """What rows hold. Subjects are by the plan's id, "" for the account's or region's own."""

    groups: dict[str, dict[str, Known]] = field(default_factory=dict)
    own: dict[str, OwnPart] = field(default_factory=dict)
    region: RegionPart | None = None
    gone: dict[str, GonePlan] = field(default_factory=dict)
    reads: Reads | None = None
    present: set[str] = field(default_factory=set)
    """Subjects of which there is any row."""
    unreadable: list[str] = field(default_factory=list)
    """What could not be read, and why."""

    @property
    def newest_at(self) -> float | None:
        """When something of this was last written or read, in Unix seconds."""
        if self.reads is not None:
            return self.reads.at
        times = [known.read_at for groups in self.groups.values() for known in groups.values()]
        return max((at for at in times if at is not None), default=None)


def recalled(
    bodies: Bodies, account: str, region: str, rows: Iterable[Row], reads: bytes | None, lineage: int
) -> Recalled:
    """Read all rows of an account's region; the region of an account's own is ""."""
    found, sharing = Recalled(), Sharing()
    if reads is not None:
        try:
            found.reads = bodies.reads.opened(reads, account, region, READS)
        except Unreadable as error:
            found.unreadable.append(f"{account} {region} times of readings: {error}")
    times = found.reads.subjects if found.reads is not None else {}
    for plan, part, body in rows:
        found.present.add(plan)
        key = (account, region, plan, part)
        try:
            if part == OWN and not plan:
                found.region = bodies.region.opened(body, *key)
            elif part == OWN:
                own = found.own[plan] = bodies.own.opened(body, *key)
                sharing.share(own)
            elif part == GONE:
                found.gone[plan] = gone_from(bodies.gone.opened(body, *key), lineage)
            elif part in bodies.groups:
                facts, saved = bodies.groups[part].opened(body, *key)
                sharing.share(facts)
                known = _read_since(known_from(facts, saved, lineage), part, times.get(plan))
                found.groups.setdefault(plan, {})[intern(part)] = known
        except Unreadable as error:
            found.unreadable.append(f"{' '.join(filter(None, key))}: {error}")
    return found


def _read_since(known: Known, part: str, times: Times | None) -> Known:
    """Return a group with the time of the last reading that brought nothing new."""
    read_at, unchanged = times.groups.get(part, (None, 0)) if times is not None else (None, 0)
    if known.read_at is None or read_at is None or read_at <= known.read_at:
        return known
    return replace(known, read_at=read_at, unchanged=unchanged)


def account_from(found: Recalled, account: str, wanted: Container[str]) -> AccountSubject | None:
    """Return an account, these groups of it; None if nothing is known."""
    groups = _wanted(found.groups.get("", {}), wanted)
    return AccountSubject(account=account, groups=groups) if groups else None


def region_from(
    found: Recalled,
    scope: Scope,
    wanted: Container[str],
    selects: Callable[[Plan], bool],
    now: float,
) -> Restored | None:
    """Return an account's region, these groups of it, and of its plans those that are selected; None if nothing is known."""
    region_groups = _wanted(found.groups.get("", {}), wanted)
    plans: list[PlanSubject] = []
    for plan_id, own in found.own.items() if PLANS.name in wanted else ():
        if selects(own.plan):
            times = found.reads.subjects.get(plan_id) if found.reads is not None else None
            listed = [own.listed_at or 0.0, (times.listed_at if times is not None else None) or 0.0]
            plans.append(
                PlanSubject(
                    scope=scope,
                    plan=own.plan,
                    window=own.window,
                    first_listed_at=own.first_listed_at,
                    listed_at=max(listed),
                    changed_at=own.changed_at,
                    noticed=own.noticed,
                    weakened=own.weakened,
                    outage=own.outage,
                    proofs=own.proofs,
                    groups=_wanted(found.groups.get(plan_id, {}), wanted),
                )
            )
    if not region_groups and not plans and not found.gone and found.region is None:
        return None
    region = found.region or RegionPart()
    newest = found.newest_at
    return Restored(
        region=RegionSubject(scope=scope, groups=region_groups, noticed=region.noticed, gone=region.gone)
        if region_groups or found.region is not None
        else None,
        plans=tuple(plans),
        gone={plan_id: gone for plan_id, gone in found.gone.items() if plan_id not in found.own},
        learned=found.reads.learned if found.reads is not None else Learned(),
        away_seconds=max(0.0, now - newest) if newest is not None else 0.0,
    )


def _wanted(groups: Mapping[str, Known], wanted: Container[str]) -> dict[str, Known]:
    """Return groups; of those that are not wanted, the counters alone."""
    found = {}
    for name, known in groups.items():
        if name in wanted:
            found[name] = known
        elif known.counted is not None:
            found[name] = Known(facts=None, counted=known.counted, tally=known.tally)
    return found
