"""The answers of the operations that read plans and what can be restored.

They follow the vendor's reference and the models of its SDK. Nothing here changes the world.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import ceil
from typing import Any

from dbs_exporter.simulator.drills import has_automatic_download
from dbs_exporter.simulator.fleet import DAY, PlanSpec
from dbs_exporter.simulator.past import PlanHistory, Stretch
from dbs_exporter.simulator.replies import (
    Answer,
    Params,
    Refused,
    flag,
    integer,
    invalid,
    ms,
    page,
    record,
    required,
)
from dbs_exporter.simulator.world import World

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
CLASSES = ("micro", "small", "medium", "large", "xlarge")
ANY_SIZE = range(1, 101)
SIZES = (30, 50, 100)
FREE_STEP_BYTES = 100 * 2**30


def list_page(
    world: World,
    params: Params,
    sizes: tuple[int, ...] | range,
    count: int,
    make: Callable[[int], Answer],
    name: str,
) -> Answer:
    """Return a page of a list in the world's order, and count the records that are made for it."""

    def counted(place: int) -> Answer:
        world.rendered_records += 1
        return make(place)

    return page(params, sizes, count, counted, name, order=world.order, empty=world.empty)


def plan_of(world: World, account: str, params: Params, name: str = "BackupPlanId") -> PlanSpec:
    """Return the plan that a parameter names. Raises Refused if the account has no such plan."""
    spec = world.spec(required(params, name), account)
    if spec is None:
        raise invalid(name)
    return spec


def is_within(params: Params, moment: float) -> bool:
    """Return whether a time in Unix seconds is between StartTimestamp and EndTimestamp.

    Both are optional, and in seconds or milliseconds.
    """
    begin, end = integer(params, "StartTimestamp", 0), integer(params, "EndTimestamp", 0)
    unit = 1000 if max(begin, end) > 10**11 else 1
    return (not begin or moment * unit >= begin) and (not end or moment * unit <= end)


def backup_plan_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeBackupPlanList."""
    region = params.get("Region") or params.get("RegionId")
    ids = world.plan_ids(account, region)
    named_ids = [plan_id for plan_id in params.get("BackupPlanId", "").split(",") if plan_id]
    if named_ids:
        known = {
            spec.plan_id: spec for plan_id in named_ids if (spec := world.spec(plan_id, account)) is not None
        }
        if not known:
            raise invalid("BackupPlanId")
        ids = [plan_id for plan_id, spec in known.items() if region in (None, "", spec.region)]
    filters: dict[str, Callable[[PlanSpec], str]] = {
        "BackupPlanName": world.name_of,
        "BackupPlanStatus": world.status_of,
        "BackupMethod": lambda spec: spec.engine.method,
        "ResourceGroupId": resource_group,
    }
    for name, value_of in filters.items():
        if value := params.get(name):
            ids = [
                plan_id
                for plan_id in ids
                if (spec := world.spec(plan_id)) is not None and value_of(spec) == value
            ]
            if name == "BackupPlanName" and not ids:
                raise invalid(name)
    return list_page(
        world, params, ANY_SIZE, len(ids), lambda at: _plan_record(world, ids[at]), "BackupPlanDetail"
    )


def resource_group(spec: PlanSpec) -> str:
    """Return the resource group of a plan."""
    return f"rg-acfm{spec.index % 3}"


def backup_objects(spec: PlanSpec, *, lacking: bool = False) -> str:
    """Return the databases that a plan backs up, or all but the last."""
    count = 1 + spec.index % 4 - lacking
    return json.dumps([{"DBName": f"app_{number}"} for number in range(count)])


def prepaid_end(world: World, history: PlanHistory) -> float | None:
    """Return when a prepaid plan ends, after its renewals; None for other plans."""
    spec = history.spec
    if not spec.prepaid:
        return None
    if "expiring_prepaid_plan" in spec.incidents:
        return history.anchor + 2 * DAY
    renewed = world.fields_of(spec.plan_id).get("InstanceExpiredTimestamp")
    return renewed / 1000 if renewed is not None else spec.prepaid_until(history.now)


def source(spec: PlanSpec, spelling: str) -> dict[str, Any]:
    """Return the fields of a plan's database; `spelling` is the operation's name of the instance's id."""
    return {
        "SourceEndpointHost": spec.host,
        spelling: spec.instance_id if spec.source_type in ("rds", "ecs", "express", "dds") else None,
        "SourceEndpointInstanceType": spec.source_type,
        "SourceEndpointIpPort": f"{spec.host}:{spec.engine.port}",
        "SourceEndpointPort": str(spec.engine.port),
        "SourceEndpointRegion": spec.region,
    }


def owner(spec: PlanSpec) -> dict[str, Any]:
    """Return the fields of the owner of another account's database; none for the account's own."""
    if not spec.cross_account_id:
        return {}
    return {"CrossAliyunId": spec.cross_account_id, "CrossRoleName": "dbs-cross-account"}


def _window(world: World, history: PlanHistory) -> Stretch | None:
    """Return what the plan list shows of what can be restored."""
    window = history.window()
    assumptions = world.assumptions
    if window is None or assumptions.window == "absent":
        return None
    begin, end = window
    if assumptions.window == "full_backups":
        newest = history.newest_finished()
        end = newest.ended_at if newest is not None and newest.ended_at is not None else begin
    return begin, max(begin, end - assumptions.window_lag_seconds)


def in_zone(minute: int, zone_hours: float) -> tuple[int, int]:
    """Return the minute of the day in another time zone, and by how many days it is a later day there."""
    days, minute_there = divmod(int(minute + 60 * zone_hours), 1440)
    return minute_there, days


def _plan_record(world: World, plan_id: str) -> Answer:
    history = world.history(plan_id)
    spec = history.spec
    window = _window(world, history)
    start_minute, days_later = in_zone(spec.start_minute, world.assumptions.schedule_zone_hours)
    gateway = world.gateway(spec.gateway_id) if spec.gateway_id else None
    downloads = has_automatic_download(spec)
    engine = spec.engine.database_type
    log_days = str(spec.log_retention_days)
    has_schedule = "no_objective" not in spec.incidents
    fields = record(
        BackupGatewayId=spec.gateway_id,
        BackupGatewayIdentifier=gateway.identifier if gateway else None,
        BackupMethod=spec.engine.method,
        BackupObjects=backup_objects(spec),
        BackupPeriod=",".join(WEEKDAYS[(day + days_later) % 7] for day in spec.weekdays)
        if has_schedule
        else None,
        BackupPlanCreateTime=ms(history.created_at),
        BackupPlanId=spec.plan_id,
        BackupPlanName=spec.name,
        BackupPlanRegion=spec.region,
        BackupPlanStatus=world.status_of(spec),
        BackupRetentionPeriod=history.retention_days,
        BackupSetDownloadDir="/var/dbs/download" if downloads else None,
        BackupSetDownloadFullDataFormat="Native" if downloads else None,
        BackupSetDownloadGatewayId=world.download_gateway(spec) if downloads else None,
        BackupSetDownloadIncrementDataFormat="Native" if downloads else None,
        BackupSetDownloadTargetType="agent" if downloads else None,
        BackupStartTime=f"{start_minute // 60:02d}:{start_minute % 60:02d}" if has_schedule else None,
        BackupStorageType="system" if spec.index % 3 else None,
        BeginTimestampForRestore=ms(window[0]) if window else None,
        EndTimestampForRestore=ms(window[1]) if window else None,
        DatabaseType=engine,
        DuplicationArchivePeriod=spec.archive_after_days,
        DuplicationInfrequentAccessPeriod=spec.rare_access_after_days,
        EnableBackupLog=world.log_enabled(spec),
        EnableMysqlPhysicalBackupBinLog=world.log_enabled(spec)
        if (engine, spec.engine.method) == ("MySQL", "physical")
        else None,
        ErrMessage="Pre-check failed: the account lacks privileges"
        if "failed_precheck" in spec.incidents
        else None,
        IncrementBackupRetentionPeriod=log_days,
        IncrementDuplicationArchivePeriod="365",
        IncrementDuplicationInfrequentAccessPeriod="180",
        InstanceChargeType="PREPAY" if spec.prepaid else "POSTPAY",
        InstanceClass=CLASSES[spec.index % 5],
        InstanceExpiredTimestamp=ms(prepaid_end(world, history)),
        LogBackupRetentionPeriod=log_days,
        LogDuplicationArchivePeriod="365",
        LogDuplicationInfrequentAccessPeriod="180",
        # Without built-in storage (`system`) the backups are in a bucket of the user.
        OSSBucketName=None if spec.index % 3 else f"dbs-{spec.region}",
        OSSBucketRegion=spec.region,
        OpenBackupSetAutoDownload=downloads,
        ResourceGroupId=resource_group(spec),
        SourceEndpointDatabaseName="app" if engine in ("PostgreSQL", "MongoDB") else None,
        SourceEndpointEnableSsl="true" if spec.index % 5 == 1 else "false",
        SourceEndpointOracleSID="ORCL" if engine == "Oracle" else None,
        SourceEndpointUserName=None if engine == "Redis" else "backup",
        StorageEncryptMethod="encrypted" if spec.index % 4 == 1 else "disabled",
        **source(spec, "SourceEndpointInstanceID"),
        **owner(spec),
    )
    fields.update(world.fields_of(plan_id))
    return fields


def restore_range_info(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeRestoreRangeInfo: ranges that log covers, and points of full backups."""
    spec = plan_of(world, account, params)
    for name in ("BeginTimestampForRestore", "EndTimestampForRestore"):
        required(params, name)
    begin = integer(params, "BeginTimestampForRestore", 0)
    end = integer(params, "EndTimestampForRestore", 0)
    history = world.history(spec.plan_id)
    records = [
        _range_record(spec, "range", since, until)
        for since, until in history.ranges()
        if until * 1000 >= begin and since * 1000 <= end
    ]
    for backup in history.points():
        ended_at = backup.ended_at or 0.0
        if begin <= int(ended_at * 1000) <= end:
            detail = {
                "BackupSetId": backup.set_id,
                "StartTime": ms(backup.started_at),
                "EndTime": ms(ended_at),
            }
            full = {"FullBackupList": {"FullBackupDetail": [detail]}}
            records.append(_range_record(spec, "point", ended_at, ended_at) | full)
    if flag(params, "RecentlyRestore", False):
        records = records[-1:]
    world.rendered_records += len(records)
    return {"Items": {"DBSRecoverRange": records} if records else ""}


def _range_record(spec: PlanSpec, kind: str, begin: float, end: float) -> Answer:
    return {
        "BackupSourceHost": spec.host,
        "BackupSourceInstanceId": spec.instance_id,
        "BackupSourceInstanceType": spec.source_type,
        "BackupSourcePort": str(spec.engine.port),
        "BeginTimestampForRestore": ms(begin),
        "EndTimestampForRestore": ms(end),
        "RangeType": kind,
        "SourceEndpointInstanceID": spec.instance_id,
        "SourceEndpointInstanceType": spec.source_type,
    }


def backup_plan_billing(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeBackupPlanBilling."""
    spec = world.spec(required(params, "BackupPlanId"), account)
    if spec is None:
        raise Refused(400, "InvalidJobId", "The specified job is not found.")
    history = world.history(spec.plan_id)
    newest = history.newest_finished()
    full = (newest.size_bytes if newest else 0) * len(history.full_numbers())
    log = history.log_count() * 60_000_000
    # A plan is bought large enough for twice what its backups take.
    free = FREE_STEP_BYTES * ceil(2 * (full + log) / FREE_STEP_BYTES)
    ends = prepaid_end(world, history)
    # Used bytes are counted per month.
    month = (history.now - history.created_at) // (30 * DAY)
    return {
        "Item": record(
            BuyChargeType="PREPAY" if spec.prepaid else "POSTPAY",
            BuyCreateTimestamp=ms(history.created_at),
            BuyExpiredTimestamp=ms(ends),
            BuySpec=world.fields_of(spec.plan_id).get("InstanceClass", CLASSES[spec.index % 5]),
            ContStorageSize=log,
            FullStorageSize=full,
            IsExpired=None if ends is None else ends <= history.now,
            IsFreeBytesUnlimited=spec.index % 5 == 4,
            PaiedBytes=0 if spec.prepaid else full + log,
            QuotaStartTimestamp=ms(history.created_at + month * 30 * DAY),
            QuotaEndTimestamp=ms(history.created_at + (month + 1) * 30 * DAY),
            TotalFreeBytes=free if spec.prepaid and spec.index % 5 != 4 else None,
            UsedFullBytes=full,
            UsedIncrementBytes=log,
        )
    }
