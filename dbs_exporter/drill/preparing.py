"""Everything that can be said of a restore before the first call that changes something: plan, point, destination, names, refusals.

This module changes nothing in the cloud. One reason against any of the restores refuses them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import operation_named
from dbs_exporter.config.drill_file import DestinationConfig, DrillConfig
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.earlier import NOT_STARTED, Earlier, may_go_on, restores_of
from dbs_exporter.drill.naming import (
    TaskName,
    day_of,
    is_mapped,
    objects_text,
    restored_names,
    too_long,
    unmarked,
)
from dbs_exporter.drill.places import Resolver, Source, refusals
from dbs_exporter.drill.points import Point, choose_point
from dbs_exporter.drill.survey import Survey, chosen, some_titles
from dbs_exporter.errors import DrillError, Invalid
from dbs_exporter.facts.objectives import matches
from dbs_exporter.facts.restores import restore_history, restore_succeeded

CREATE, START = "CreateRestoreTask", "StartRestoreTask"
RECENT_SECONDS = 20 * 3600.0
"""A restore that came back since then is the one that a killed run began; a daily drill is not that recent."""
KEPT = 2
"""Earlier restores that may stay on a destination, if the configuration does not say."""


class Prepared(Struct, frozen=True, kw_only=True):
    """A restore that may be made, or that an earlier run began."""

    source: Source
    destination: DestinationConfig
    point: Point
    name: TaskName
    parameters: dict[str, object]
    """Of CreateRestoreTask, the password among them."""
    restored: tuple[str, ...]
    """The databases, or the directory, that will be there."""
    standing: tuple[Earlier, ...] = ()
    """Earlier drills whose data may be there, oldest first."""
    begun: Earlier | None = None
    """The task of an earlier run, which is followed."""

    @property
    def keep(self) -> int:
        """How many earlier restores may stay."""
        if self.destination.keep is not None:
            return self.destination.keep
        return KEPT if is_mapped(self.source.plan, self.destination) else 0


def prepare(
    cloud: Cloud, config: DrillConfig, found: Survey, plan_id: str | None, resolve: Resolver
) -> tuple[list[Prepared], list[str]]:
    """Return the restores to make, and what else is to be said. Raises DrillError with every reason against them."""
    if not config.destinations:
        raise DrillError(
            "no destination is configured; add one under `destinations`, docs/proof.md shows how"
        )
    selected = chosen(cloud, found, None)
    restores = {source.plan.plan_id: restores_of(cloud, source) for source in selected}
    candidates = chosen(cloud, found, plan_id)
    without = [source for source in candidates if _destination(config, source) is None]
    candidates = [source for source in candidates if _destination(config, source) is not None]
    if not candidates:
        types = sorted({source.plan.database_type for source in without})
        raise DrillError(
            f"no destination fits a selected plan; give one with database_type {' or '.join(types)}"
        )
    candidates.sort(key=lambda source: (_proven_at(restores[source.plan.plan_id]), source.plan.plan_id))
    if plan_id is None and config.oldest is not None:
        candidates = candidates[: config.oldest]
    problems: list[str] = []
    if len(candidates) > config.limits.plans:
        problems.append(
            f"{len(candidates)} plans are selected, and limits.plans allows {config.limits.plans}; select fewer, or"
            f" add oldest: {config.limits.plans}"
        )
    prepared: list[Prepared] = []
    for destination in config.destinations:
        fitting = [source for source in candidates if _destination(config, source) is destination]
        if fitting:
            problems += [
                f"destination {destination.name}: {reason}"
                for reason in (
                    *refusals(destination, found.sources, found.gateways, resolve),
                    *_unknown_gateway(destination, found),
                )
            ]
    if not problems:
        for source in candidates:
            restore = _prepared(cloud, config, source, restores, prepared)
            if isinstance(restore, Prepared):
                prepared.append(restore)
            else:
                problems += [f"plan {source.title}: {reason}" for reason in restore]
        total = sum(restore.point.size_bytes for restore in prepared if restore.begun is None)
        if total > config.limits.bytes:
            problems.append(
                f"the backup sets have {total:,} bytes, and limits.bytes allows {config.limits.bytes:,}; select fewer plans,"
                " or allow more"
            )
    if problems:
        raise DrillError(*problems)
    return prepared, _notes(prepared, without)


def _destination(config: DrillConfig, source: Source) -> DestinationConfig | None:
    """Return the first destination that fits a plan."""
    plan = source.plan
    for destination in config.destinations:
        if destination.database_type == plan.database_type and matches(destination.plans, plan):
            return destination
    return None


def _proven_at(restores: Iterable[Earlier]) -> float:
    return restore_history(earlier.task for earlier in restores).last_success_at or 0.0


def _unknown_gateway(destination: DestinationConfig, found: Survey) -> list[str]:
    wanted = str(destination.gateway_id or "")
    known = {gateway.gateway_id for region, gateway in found.gateways if region == destination.region}
    if not wanted or wanted in known:
        return []
    return [
        f"no gateway {wanted} is listed in {destination.region}; there are {', '.join(sorted(known)) or 'none'}"
    ]


def _prepared(
    cloud: Cloud,
    config: DrillConfig,
    source: Source,
    restores: dict[str, list[Earlier]],
    before: Sequence[Prepared],
) -> Prepared | list[str]:
    """Return the restore of a plan, or why it must not be made."""
    destination = _destination(config, source)
    assert destination is not None
    plan = source.plan
    mapped = is_mapped(plan, destination)
    if not mapped and not destination.dedicated:
        return [
            f"its databases can only be restored under their own names, so destination {destination.name} must serve drills"
            " alone; if it does, add dedicated: true, else leave the plan out of its `plans`"
        ]
    names = destination.databases or source.databases
    if strange := sorted(set(destination.databases) - set(source.databases)) if source.databases else []:
        return [f"it does not back up {', '.join(strange)} (`databases` of {destination.name})"]
    if not names and destination.instance_type != "agent":
        return [
            f"its list does not say which databases it backs up; name them as `databases` of {destination.name}"
        ]
    problems: list[str] = []
    name, begun = _named(cloud, destination, source, restores[plan.plan_id])
    if begun is not None:
        problems += _strange(begun, destination, mapped)
    elsewhere = [earlier for found in restores.values() for earlier in found]
    problems += _occupied(cloud, destination, elsewhere, begun)
    point = choose_point(cloud, source, config.point)
    if isinstance(point, str):
        return [*problems, point]
    new_names = restored_names(names, destination.prefix, name.stamp)
    if mapped and (long := too_long(new_names, plan.database_type)):
        problems.append(f"{long[0]} is longer than a database's name may be; give a shorter prefix")
    directory = (
        f"{destination.restore_dir.rstrip('/')}/{destination.prefix}{name.stamp}"
        if destination.restore_dir
        else ""
    )
    objects = objects_text(new_names if mapped else names)
    if mapped and (wrong := unmarked(objects, destination.prefix)):
        problems.append(f"{wrong[0]} would be restored without the prefix {destination.prefix}")
    standing = _standing(destination, elsewhere, begun)
    prepared = Prepared(
        source=source,
        destination=destination,
        point=point,
        name=name,
        parameters=_parameters(source, destination, point, name, objects, directory),
        restored=(directory,) if directory else tuple(new_names.values()) if mapped else names,
        standing=standing,
        begun=begun,
    )
    in_this_run = [other for other in before if other.destination is destination and other.begun is None]
    if begun is None and not destination.cleanup and len(standing) + len(in_this_run) > prepared.keep:
        problems.append(_full(prepared, in_this_run))
    try:
        request_parameters(operation_named(CREATE), {"RegionId": source.region, **prepared.parameters})
    except Invalid as error:
        problems.append(str(error))
    return problems or prepared


def _named(
    cloud: Cloud, destination: DestinationConfig, source: Source, restores: Sequence[Earlier]
) -> tuple[TaskName, Earlier | None]:
    """Return the name of the drill, and its task if an earlier run created it."""
    today = day_of(cloud.now())
    own = sorted(
        ((name, earlier) for earlier in restores if (name := earlier.name_for(destination)) is not None),
        key=lambda pair: pair[0],
    )
    for name, earlier in reversed(own):
        if may_go_on(cloud, earlier):
            return name, earlier
    for name, earlier in own:
        is_recent = (earlier.task.created_at or 0.0) > cloud.now() - RECENT_SECONDS
        if (is_recent or name.day == today) and restore_succeeded(earlier.task):
            return name, earlier
    attempts = [name.attempt for name, _ in own if name.day == today]
    attempt = max(attempts, default=0) + 1
    return (
        TaskName(plan_id=source.plan.plan_id, destination=destination.name, day=today, attempt=attempt),
        None,
    )


def _strange(begun: Earlier, destination: DestinationConfig, mapped: bool) -> list[str]:
    """Return why a task that has the drill's name must not be followed: it is not what a drill would create."""
    what = f"task {begun.task.task_id} has the drill's name {begun.task.name}"
    if not begun.goes_to(destination):
        return [f"{what} and another destination; it is left alone, look at it in the console"]
    if mapped and begun.task.status in NOT_STARTED and (wrong := unmarked(begun.objects, destination.prefix)):
        return [
            f"{what} and would restore {wrong[0]} without the prefix {destination.prefix}; it is left alone"
        ]
    return []


def _occupied(
    cloud: Cloud, destination: DestinationConfig, restores: Iterable[Earlier], begun: Earlier | None
) -> list[str]:
    """Return which other restore goes to the destination now."""
    for earlier in restores:
        if (begun is not None and earlier.task.task_id == begun.task.task_id) or not earlier.goes_to(
            destination
        ):
            continue
        waits = earlier.task.status in NOT_STARTED
        if (not waits or earlier.name_for(destination) is not None) and may_go_on(cloud, earlier):
            return [
                f"restore {earlier.task.task_id} of plan {earlier.plan_id} ({earlier.task.status}) uses destination"
                f" {destination.name} now; one at a time"
            ]
    return []


def _standing(
    destination: DestinationConfig, restores: Iterable[Earlier], begun: Earlier | None
) -> tuple[Earlier, ...]:
    """Return the drills whose data may be on the destination, oldest first; a failed one may have left a part."""
    since = (destination.dropped_before or "").replace("-", "")
    found = [
        (name, earlier)
        for earlier in restores
        if (name := earlier.name_for(destination)) is not None
        and earlier.goes_to(destination)
        and earlier.task.status not in NOT_STARTED
        and name.day >= since
        and (begun is None or earlier.task.task_id != begun.task.task_id)
    ]
    return tuple(earlier for _, earlier in sorted(found, key=lambda pair: pair[0]))


def _full(prepared: Prepared, in_this_run: Sequence[Prepared]) -> str:
    destination = prepared.destination
    names = [", ".join(earlier.restored()) or earlier.task.name for earlier in prepared.standing] + [
        ", ".join(other.restored) for other in in_this_run
    ]
    return (
        f"{len(names)} earlier restores may be on destination {destination.name}, and keep is {prepared.keep}:"
        f" {'; '.join(names)}. Drop them, then set dropped_before to today's date, or give a command as cleanup"
    )


def _parameters(
    source: Source,
    destination: DestinationConfig,
    point: Point,
    name: TaskName,
    objects: str,
    directory: str,
) -> dict[str, object]:
    """Return the parameters of CreateRestoreTask, without those that are not given."""
    behind_gateway = destination.instance_type == "agent"
    parameters: dict[str, object] = {
        "BackupPlanId": source.plan.plan_id,
        "RestoreTaskName": name.text,
        **point.parameters,
        "RestoreObjects": None if behind_gateway else objects,
        "DuplicateConflict": "failure",
        "DestinationEndpointInstanceType": destination.instance_type,
        "DestinationEndpointRegion": destination.region,
        "DestinationEndpointInstanceID": destination.instance_id,
        "DestinationEndpointIP": destination.host,
        "DestinationEndpointPort": destination.port,
        "BackupGatewayId": destination.gateway_id,
        "DestinationEndpointDatabaseName": destination.database,
        "DestinationEndpointOracleSID": destination.oracle_sid,
        "DestinationEndpointUserName": destination.user,
        "DestinationEndpointPassword": destination.password.get_secret_value()
        if destination.password
        else None,
        "RestoreDir": directory or None,
        "RestoreHome": destination.restore_home,
        # Whether DBS honours it is not known; it is at most 64 characters of ASCII.
        "ClientToken": name.text[-64:],
    }
    return {key: value for key, value in parameters.items() if value is not None}


def _notes(prepared: Iterable[Prepared], without: Sequence[Source]) -> list[str]:
    notes = []
    for restore in prepared:
        if restore.begun is not None:
            continue
        size_bytes = restore.point.size_bytes
        size = f"{size_bytes / 2**30:,.1f} GiB" if size_bytes else "an unknown number of bytes"
        abroad = restore.destination.region not in (None, restore.source.region)
        notes.append(
            f"plan {restore.source.title}: {restore.point.title}, {size}, to {restore.destination.name}; may cost money: storage"
            f" there, and reading archived sets{', and traffic to another region' if abroad else ''}"
        )
    if without:
        notes.append(f"{len(without)} selected plans have no destination that fits: {some_titles(without)}")
    return notes
