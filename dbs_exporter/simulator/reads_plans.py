"""The answers of the operations that read plans, their backups and what can be restored."""

from __future__ import annotations

import json

from .answers import Answer, Params, Refused, flag, integer, ms, page, record, required
from .fleet import DAY, PlanSpec
from .history import FullSet, LogFile
from .world import World

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
ANY_SIZE = range(1, 101)
SIZES = (30, 50, 100)


def plan_of(world: World, account: str, params: Params, name: str = "BackupPlanId") -> PlanSpec:
    """The plan that a parameter names; Refused if the account has none."""
    spec = world.spec(required(params, name), account)
    if spec is None:
        raise Refused(400, "InvalidParameterValid", f"The specified parameter {name} value is not valid.")
    return spec


def between(params: Params, moment: float) -> bool:
    """True if a moment (Unix seconds) is within StartTimestamp and EndTimestamp, which may be seconds or milliseconds."""
    begin, end = integer(params, "StartTimestamp", 0), integer(params, "EndTimestamp", 0)
    unit = 1000 if max(begin, end) > 10**11 else 1
    return (not begin or moment * unit >= begin) and (not end or moment * unit <= end)


def backup_plan_list(world: World, account: str, params: Params) -> Answer:
    """DescribeBackupPlanList."""
    region = params.get("Region") or params.get("RegionId")
    ids = world.plan_ids(account, region)
    wanted = [one for one in params.get("BackupPlanId", "").split(",") if one]
    if wanted:
        known = {spec.plan_id for one in wanted if (spec := world.spec(one, account)) is not None}
        if not known:
            raise Refused(
                400, "InvalidParameterValid", "The specified parameter BackupPlanId value is not valid."
            )
        ids = [one for one in ids if one in known]
    for name, said in (("BackupPlanName", world.name_of), ("BackupPlanStatus", world.status_of)):
        if value := params.get(name):
            ids = [one for one in ids if (spec := world.spec(one)) is not None and said(spec) == value]
    return page(
        params,
        ANY_SIZE,
        len(ids),
        lambda at: _plan_record(world, ids[at]),
        "BackupPlanDetail",
        order=world.order,
    )


def _plan_record(world: World, plan_id: str) -> Answer:
    history = world.history(plan_id)
    spec = history.spec
    world.rendered_records += 1
    window = history.window()
    gateway = world.gateway(spec.gateway_id) if spec.gateway_id else None
    ends = world.anchor + (
        2 * DAY if "expiring_prepaid_plan" in spec.incidents else (60 + spec.index % 300) * DAY
    )
    databases = [{"DBName": f"app_{number}"} for number in range(1 + spec.index % 4)]
    return record(
        BackupGatewayId=spec.gateway_id,
        BackupGatewayIdentifier=gateway.identifier if gateway else None,
        BackupMethod=spec.engine.method,
        BackupObjects=json.dumps(databases),
        BackupPeriod=",".join(WEEKDAYS[day] for day in spec.weekdays),
        BackupPlanCreateTime=ms(history.created_at),
        BackupPlanId=spec.plan_id,
        BackupPlanName=world.name_of(spec),
        BackupPlanRegion=spec.region,
        BackupPlanStatus=world.status_of(spec),
        BackupRetentionPeriod=spec.retention_days,
        BackupStartTime=f"{spec.start_minute // 60:02d}:{spec.start_minute % 60:02d}",
        BackupStorageType="system",
        BeginTimestampForRestore=ms(window[0]) if window else None,
        EndTimestampForRestore=ms(window[1]) if window else None,
        DatabaseType=spec.engine.database_type,
        EnableBackupLog=world.log_enabled(spec),
        ErrMessage="Pre-check failed: the account lacks privileges"
        if "failed_precheck" in spec.incidents
        else None,
        InstanceChargeType="PREPAY" if spec.prepaid else "POSTPAY",
        InstanceClass=("micro", "small", "medium", "large", "xlarge")[spec.index % 5],
        InstanceExpiredTimestamp=ms(ends) if spec.prepaid else None,
        LogBackupRetentionPeriod=str(spec.log_retention_days),
        IncrementBackupRetentionPeriod=str(spec.log_retention_days),
        DuplicationArchivePeriod=365,
        DuplicationInfrequentAccessPeriod=180,
        OSSBucketRegion=spec.region,
        OpenBackupSetAutoDownload=False,
        ResourceGroupId=f"rg-acfm{spec.index % 3}",
        SourceEndpointDatabaseName="app",
        SourceEndpointHost=spec.host,
        SourceEndpointPort=str(spec.engine.port),
        SourceEndpointIpPort=f"{spec.host}:{spec.engine.port}",
        SourceEndpointInstanceID=spec.instance_id,
        SourceEndpointInstanceType=spec.source_type,
        SourceEndpointRegion=spec.region,
        SourceEndpointUserName="backup",
    )


def full_backup_list(world: World, account: str, params: Params) -> Answer:
    """DescribeFullBackupList."""
    spec = plan_of(world, account, params)
    history = world.history(spec.plan_id)
    numbers = history.full_numbers()
    wanted = params.get("BackupSetId")
    status = params.get("BackupSetStatus")
    if wanted or status or params.get("StartTimestamp") or params.get("EndTimestamp"):
        kept = [
            one
            for one in (history.full(number) for number in numbers)
            if (not wanted or one.set_id == wanted)
            and (not status or one.status == status)
            and between(params, one.ended_at or one.created_at)
        ]
        return page(
            params,
            SIZES,
            len(kept),
            lambda at: _full_record(world, spec, params, kept[at]),
            "FullBackupFile",
            order=world.order,
        )
    return page(
        params,
        SIZES,
        len(numbers),
        lambda at: _full_record(world, spec, params, history.full(numbers[at])),
        "FullBackupFile",
        order=world.order,
    )


def _full_record(world: World, spec: PlanSpec, params: Params, one: FullSet) -> Answer:
    world.rendered_records += 1
    gateway = world.gateway(spec.gateway_id) if spec.gateway_id else None
    running = one.status in ("schedule", "running")
    progress = int(100 * one.progress)
    return record(
        BackupGatewayIdentifier=gateway.identifier if gateway else None,
        BackupObjects='[{"DBName":"app_1"}]',
        BackupSetExpiredTime=ms(one.expires_at),
        BackupSetId=one.set_id,
        BackupSize=one.size_bytes,
        BackupStatus=one.status,
        CreateTime=ms(one.created_at),
        StartTime=ms(one.started_at),
        EndTime=ms(one.ended_at),
        FinishTime=ms(one.finished_at),
        ErrMessage=one.error or None,
        LogicalStructureBackupProgress=(100 if progress > 5 else progress * 20) if running else None,
        LogicalFullBackupProgress=progress if running else None,
        SourceEndpointInstanceId=spec.instance_id,
        SourceEndpointInstanceType=spec.source_type,
        SourceEndpointIpPort=f"{spec.host}:{spec.engine.port}",
        SourceEndpointRegion=spec.region,
        SourceEndpointUserName="backup",
        StorageMethod=("UNKNOWN" if one.status != "finish" else "Standard")
        if flag(params, "ShowStorageType", True)
        else None,
    )


def increment_backup_list(world: World, account: str, params: Params) -> Answer:
    """DescribeIncrementBackupList."""
    spec = plan_of(world, account, params)
    history = world.history(spec.plan_id)
    count = history.log_count()
    if params.get("StartTimestamp") or params.get("EndTimestamp"):
        kept = [one for one in (history.log(at) for at in range(count)) if between(params, one.ended_at)]
        return page(
            params,
            SIZES,
            len(kept),
            lambda at: _log_record(world, spec, kept[at]),
            "IncrementBackupFile",
            order=world.order,
        )
    return page(
        params,
        SIZES,
        count,
        lambda at: _log_record(world, spec, history.log(at)),
        "IncrementBackupFile",
        order=world.order,
    )


def _log_record(world: World, spec: PlanSpec, one: LogFile) -> Answer:
    world.rendered_records += 1
    return record(
        BackupSetExpiredTime=ms(one.expires_at),
        BackupSetId=one.file_id,
        BackupSetJobId=f"{spec.plan_id[3:]}log",
        BackupSize=one.size_bytes,
        BackupStatus=one.status,
        StartTime=ms(one.started_at),
        EndTime=ms(one.ended_at),
        SourceEndpointInstanceId=spec.instance_id,
        SourceEndpointInstanceType=spec.source_type,
        SourceEndpointIpPort=f"{spec.host}:{spec.engine.port}",
        SourceEndpointRegion=spec.region,
        StorageMethod="UNKNOWN" if one.status == "FILLING" else "Standard",
    )


def restore_range_info(world: World, account: str, params: Params) -> Answer:
    """DescribeRestoreRangeInfo: continuous ranges by log, points by full backups."""
    spec = plan_of(world, account, params)
    begin = integer(params, "BeginTimestampForRestore", -1)
    end = integer(params, "EndTimestampForRestore", -1)
    if begin < 0 or end < 0:
        raise Refused(
            400, "InvalidParameterValid", "BeginTimestampForRestore and EndTimestampForRestore are mandatory."
        )
    history = world.history(spec.plan_id)
    found = []
    for from_, until in history.ranges():
        if until * 1000 >= begin and from_ * 1000 <= end:
            found.append(_range_record(spec, "range", from_, until))
    if not found:
        for number in history.full_numbers():
            one = history.full(number)
            if (
                one.status == "finish"
                and one.ended_at is not None
                and begin <= one.ended_at * 1000 <= end + 60_000
            ):
                point = _range_record(spec, "point", one.ended_at, one.ended_at)
                point["FullBackupList"] = {
                    "FullBackupDetail": [
                        {
                            "BackupSetId": one.set_id,
                            "StartTime": ms(one.started_at),
                            "EndTime": ms(one.ended_at),
                        }
                    ]
                }
                found.append(point)
    world.rendered_records += len(found)
    return {"Items": {"DBSRecoverRange": found} if found else ""}


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
    """DescribeBackupPlanBilling."""
    plan_id = required(params, "BackupPlanId")
    spec = world.spec(plan_id, account)
    if spec is None:
        raise Refused(400, "InvalidJobId", "The specified job is not found.")
    history = world.history(spec.plan_id)
    full = int(spec.base_bytes * len(history.full_numbers()))
    log = history.log_count() * 60_000_000
    ends = world.anchor + (
        2 * DAY if "expiring_prepaid_plan" in spec.incidents else (60 + spec.index % 300) * DAY
    )
    return {
        "Item": record(
            BuyChargeType="PREPAY" if spec.prepaid else "POSTPAY",
            BuyCreateTimestamp=ms(history.created_at),
            BuyExpiredTimestamp=ms(ends) if spec.prepaid else None,
            BuySpec=("micro", "small", "medium", "large", "xlarge")[spec.index % 5],
            ContStorageSize=log,
            FullStorageSize=full,
            IsExpired=False if spec.prepaid else None,
            IsFreeBytesUnlimited=False,
            PaiedBytes=max(0, full + log - 500 * 2**30),
            QuotaStartTimestamp=ms(world.anchor - 20 * DAY),
            QuotaEndTimestamp=ms(world.anchor + 10 * DAY),
            TotalFreeBytes=500 * 2**30 if spec.prepaid else None,
            UsedFullBytes=full,
            UsedIncrementBytes=log,
        )
    }
