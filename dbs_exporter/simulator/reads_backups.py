"""The answers of the operations that read full backups and log files of a plan.

They follow the vendor's reference and the models of its SDK. Nothing here changes the world.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from dbs_exporter.simulator.past import FullSet, LogFile, PlanHistory, Stretch
from dbs_exporter.simulator.reads_plans import (
    SIZES,
    backup_objects,
    is_within,
    list_page,
    owner,
    plan_of,
    source,
)
from dbs_exporter.simulator.replies import Answer, Params, flag, integer, ms, record
from dbs_exporter.simulator.world import World


def full_backup_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeFullBackupList."""
    spec = plan_of(world, account, params)
    history = world.history(spec.plan_id)
    numbers = history.full_numbers()
    set_id, status = params.get("BackupSetId"), params.get("BackupSetStatus")
    if set_id or status or params.get("StartTimestamp") or params.get("EndTimestamp"):
        matching = [
            backup.number
            for backup in map(history.full, numbers)
            if (not set_id or backup.set_id == set_id)
            and (not status or backup.status == status)
            and is_within(params, backup.ended_at or backup.created_at)
        ]
        numbers = matching
    gateway = world.gateway(spec.gateway_id) if spec.gateway_id else None
    objects = backup_objects(spec, lacking="missing_databases" in spec.incidents)
    shared = record(
        BackupGatewayIdentifier=gateway.identifier if gateway else None,
        BackupObjects=world.fields_of(spec.plan_id).get("BackupObjects", objects),
        SourceEndpointEnableSsl="true" if spec.index % 5 == 1 else "false",
        SourceEndpointUserName=None if spec.engine.database_type == "Redis" else "backup",
        StorageEncryptMethod="encrypted" if spec.index % 4 == 1 else "disabled",
        **source(spec, "SourceEndpointInstanceId"),
        **owner(spec),
    )
    show_storage = flag(params, "ShowStorageType", True)
    return list_page(
        world,
        params,
        SIZES,
        len(numbers),
        lambda at: _full_record(history, history.full(numbers[at]), show_storage) | shared,
        "FullBackupFile",
    )


def _full_record(history: PlanHistory, backup: FullSet, show_storage: bool) -> Answer:
    fields: Answer = {
        "BackupSetExpiredTime": ms(backup.expires_at),
        "BackupSetId": backup.set_id,
        "BackupSize": backup.size_bytes,
        "BackupStatus": backup.status,
        "CreateTime": ms(backup.created_at),
    }
    if backup.started_at is not None:
        fields["StartTime"] = ms(backup.started_at)
    if backup.ended_at is not None:
        fields |= {"EndTime": ms(backup.ended_at), "FinishTime": ms(backup.finished_at)}
    if backup.error:
        fields["ErrMessage"] = backup.error
    # Only a running logical backup reports its progress.
    if backup.status == "running" and history.spec.engine.method == "logical":
        progress = int(100 * backup.progress)
        fields["LogicalStructureBackupProgress"] = min(100, progress * 20)
        fields["LogicalFullBackupProgress"] = progress
    if show_storage:
        age = history.now - backup.created_at
        fields["StorageMethod"] = history.spec.storage_class(age) if backup.status == "finish" else "UNKNOWN"
    return fields


def increment_backup_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeIncrementBackupList."""
    spec = plan_of(world, account, params)
    history = world.history(spec.plan_id)
    stretches = history.log_stretches()
    positions = _filtered_log(world, params, history, stretches)
    shared = {"BackupSetJobId": f"{spec.plan_id[3:]}log"} | record(**source(spec, "SourceEndpointInstanceId"))
    show_storage = flag(params, "ShowStorageType", True)
    return list_page(
        world,
        params,
        SIZES,
        len(positions),
        lambda at: _log_record(history.log(positions[at], stretches), show_storage) | shared,
        "IncrementBackupFile",
    )


def _filtered_log(
    world: World, params: Params, history: PlanHistory, stretches: Sequence[Stretch]
) -> Sequence[int]:
    """Return the positions of the log files that StartTimestamp and EndTimestamp let through, as the world assumes."""
    positions: Sequence[int] = range(history.log_count())
    begin, end = integer(params, "StartTimestamp", 0), integer(params, "EndTimestamp", 0)
    assumptions = world.assumptions
    if not (begin or end) or assumptions.log_filter == "ignored":
        return positions
    unit = {"ms": 1000, "s": 1}.get(assumptions.log_filter) or (1000 if max(begin, end) > 10**11 else 1)

    def moment(position: int) -> int:
        log_file = history.log(position, stretches)
        return int(
            unit * (log_file.ended_at if assumptions.log_filter_field == "end" else log_file.started_at)
        )

    # Files are in the order of both their times.
    cut = bisect_left if assumptions.log_filter_includes_begin else bisect_right
    first = cut(positions, begin, key=moment) if begin else 0
    last = bisect_right(positions, end, key=moment) if end else len(positions)
    found = positions[first:last]
    if found and not assumptions.log_filter_includes_filling:
        newest = history.log(found[-1], stretches)
        found = found[:-1] if newest.status == "FILLING" else found
    return found


def _log_record(file: LogFile, show_storage: bool) -> Answer:
    fields: Answer = {
        "BackupSetExpiredTime": ms(file.expires_at),
        "BackupSetId": file.file_id,
        "BackupSize": file.size_bytes,
        "BackupStatus": file.status,
        "StartTime": ms(file.started_at),
        "EndTime": ms(file.ended_at),
    }
    if show_storage:
        fields["StorageMethod"] = "Standard" if file.status == "COMPLETED" else "UNKNOWN"
    return fields
