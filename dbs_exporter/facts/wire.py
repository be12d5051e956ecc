"""DBS records to facts: lenient in form, strict in meaning.

It owns what the documents leave open (a list that is "", a number that is a string, three spellings of an error message)
and turns it into `model`'s facts, in seconds, bytes and ratios. What it cannot understand raises `BadAnswer` with the
field's name; a value of an enum that no document lists is kept and told to `unknown`. It never calls, logs or keeps state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Literal

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts import spellings
from dbs_exporter.facts.fields import (
    Record,
    boolean,
    days,
    enum,
    error_message,
    first_text,
    instant,
    items,
    progress,
    required_text,
    size,
    text,
    texts,
)
from dbs_exporter.facts.model import (
    Billing,
    DownloadTask,
    FullBackup,
    Gateway,
    JobError,
    LogFile,
    NodeNetworks,
    Plan,
    Precheck,
    PrecheckItem,
    RestoreRange,
    RestoreTask,
    Schedule,
)
from dbs_exporter.facts.thawing import thawed

__all__ = [
    "Record", "Unknown", "billing", "database_names", "download_task", "full_backup", "gateway", "items", "job_error",
    "log_file", "node_networks", "plan", "precheck", "regions", "restore_ranges", "restore_task",
]  # fmt: skip

Unknown = Callable[[str], None]
"""Told the name of a field whose value no document lists."""


_FullBackup = thawed(FullBackup)
_LogFile = thawed(LogFile)


def _unheard(_field: str) -> None:
    """Listen to nothing: for callers that do not count unknown values."""


_WEEKDAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_WORD = re.compile(r"[^\W_]+")
_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?\s*Z?", re.ASCII)


def plan(record: Record, unknown: Unknown) -> Plan:
    """Read one backup plan · DescribeBackupPlanList, Items.BackupPlanDetail. Raises BadAnswer."""
    log_retention = days(record, "LogBackupRetentionPeriod")
    if log_retention is None:
        log_retention = days(record, "IncrementBackupRetentionPeriod")
    return Plan(
        plan_id=required_text(record, "BackupPlanId"),
        name=text(record, "BackupPlanName"),
        status=enum(record, "BackupPlanStatus", spellings.PLAN_STATUS, unknown),
        database_type=enum(record, "DatabaseType", spellings.DATABASE, unknown),
        backup_method=enum(record, "BackupMethod", spellings.METHOD, unknown),
        instance_class=enum(record, "InstanceClass", spellings.CLASS, unknown),
        source_type=enum(record, "SourceEndpointInstanceType", spellings.ENDPOINT, unknown),
        source_instance_id=first_text(record, "SourceEndpointInstanceID", "SourceEndpointInstanceId"),
        source_region=text(record, "SourceEndpointRegion"),
        gateway_id=_gateway_id(record, "BackupGatewayId"),
        resource_group_id=text(record, "ResourceGroupId"),
        cross_account_id=text(record, "CrossAliyunId"),
        created_at=instant(record, "BackupPlanCreateTime"),
        expires_at=instant(record, "InstanceExpiredTimestamp"),
        log_backup_enabled=boolean(record, "EnableBackupLog"),
        full_retention_seconds=days(record, "BackupRetentionPeriod"),
        log_retention_seconds=log_retention,
        schedule=_schedule(record, unknown),
        restore_begin_at=instant(record, "BeginTimestampForRestore"),
        restore_end_at=instant(record, "EndTimestampForRestore"),
        objects_count=_objects_count(record),
        error_message=error_message(record),
    )


def full_backup(record: Record, unknown: Unknown) -> FullBackup:
    """Read one full backup set or job · DescribeFullBackupList, Items.FullBackupFile. Raises BadAnswer."""
    # Field by field: naming them all in one call costs a third of what reading the record does.
    made: Any = _FullBackup.__new__(_FullBackup)
    made.backup_set_id = required_text(record, "BackupSetId")
    made.status = enum(record, "BackupStatus", spellings.FULL_STATUS, unknown, required=True)
    made.created_at = instant(record, "CreateTime")
    made.started_at = instant(record, "StartTime")
    made.ended_at = instant(record, "EndTime")
    made.finished_at = instant(record, "FinishTime")
    made.expires_at = instant(record, "BackupSetExpiredTime")
    made.size_bytes = size(record, "BackupSize")
    made.storage_class = enum(record, "StorageMethod", spellings.STORAGE, unknown)
    made.structure_progress = progress(record, "LogicalStructureBackupProgress")
    made.data_progress = progress(record, "LogicalFullBackupProgress")
    made.error_message = error_message(record)
    made.__class__ = FullBackup
    done: FullBackup = made
    return done


def log_file(record: Record, unknown: Unknown) -> LogFile:
    """Read one log backup file · DescribeIncrementBackupList, Items.IncrementBackupFile. Raises BadAnswer."""
    made: Any = _LogFile.__new__(_LogFile)
    made.file_id = required_text(record, "BackupSetId")
    made.job_id = text(record, "BackupSetJobId")
    made.source_id = first_text(
        record,
        "SourceEndpointInstanceId",
        "SourceEndpointInstanceID",
        "SourceEndpointIpPort",
    )
    made.status = enum(record, "BackupStatus", spellings.LOG_STATUS, unknown, required=True)
    made.started_at = instant(record, "StartTime")
    made.ended_at = instant(record, "EndTime")
    made.expires_at = instant(record, "BackupSetExpiredTime")
    made.size_bytes = size(record, "BackupSize")
    made.storage_class = enum(record, "StorageMethod", spellings.STORAGE, unknown)
    made.__class__ = LogFile
    done: LogFile = made
    return done


def restore_task(record: Record, unknown: Unknown) -> RestoreTask:
    """Read one restore task · DescribeRestoreTaskList, Items.RestoreTaskDetail. Raises BadAnswer.

    `finish` counts as known although no document lists it: tasks must end somehow, and other lists call it that.
    """
    stages = []
    for stage, field in spellings.STAGES:
        reached = progress(record, field)
        if reached is not None:
            stages.append((stage, reached))
    return RestoreTask(
        task_id=required_text(record, "RestoreTaskId"),
        plan_id=text(record, "BackupPlanId"),
        status=enum(record, "RestoreStatus", spellings.RESTORE_STATUS, unknown, required=True),
        name=text(record, "RestoreTaskName"),
        created_at=instant(record, "RestoreTaskCreateTime"),
        finished_at=instant(record, "RestoreTaskFinishTime"),
        target_at=instant(record, "RestoreTime"),
        progress=tuple(stages),
        destination_type=enum(record, "DestinationEndpointInstanceType", spellings.ENDPOINT, unknown),
        destination_instance_id=first_text(
            record, "DestinationEndpointInstanceID", "DestinationEndpointInstanceId"
        ),
        destination_region=text(record, "DestinationEndpointRegion"),
        backup_set_id=text(record, "BackupSetId"),
        error_message=error_message(record),
    )


def restore_ranges(answer: Record, unknown: Unknown = _unheard) -> tuple[RestoreRange, ...]:
    """Read every restorable point and range · DescribeRestoreRangeInfo, Items.DBSRecoverRange. Raises BadAnswer.

    A `point` entry that names its full backups gives one point for each of them, at its EndTime.
    """
    ranges: list[RestoreRange] = []
    for record in items(answer, ("Items", "DBSRecoverRange")):
        range_type = enum(record, "RangeType", spellings.RANGE_TYPE, unknown, required=True)
        begin, end = (
            instant(record, "BeginTimestampForRestore"),
            instant(record, "EndTimestampForRestore"),
        )
        if begin is not None and end is not None and begin > end:
            raise BadAnswer(
                "a restorable range ends before it begins",
                field="EndTimestampForRestore",
            )
        backups = items(record, ("FullBackupList", "FullBackupDetail")) if range_type == "point" else []
        points = [instant(backup, "EndTime") for backup in backups]
        if points:
            ranges += [RestoreRange(range_type=range_type, begin_at=at, end_at=at) for at in points]
        else:
            ranges.append(RestoreRange(range_type=range_type, begin_at=begin, end_at=end))
    return tuple(ranges)


def precheck(
    answer: Record,
    subject: Literal["plan", "restore_task"],
    subject_id: str,
    unknown: Unknown = _unheard,
) -> Precheck | None:
    """Read the pre-check of a plan or restore task, None if none has run · DescribePreCheckProgressList.

    Raises BadAnswer.
    """
    checks = tuple(
        PrecheckItem(
            item=required_text(record, "Item"),
            state=enum(record, "State", spellings.PRECHECK_STATE, unknown, required=True),
            error_message=error_message(record),
        )
        for record in items(answer, ("Items", "PreCheckProgressDetail"))
    )
    status = enum(answer, "Status", spellings.PRECHECK_STATUS, unknown)
    if not status:
        if checks:
            raise BadAnswer("items of a pre-check without its status", field="Status")
        return None
    return Precheck(
        subject=subject,
        subject_id=subject_id,
        status=status,
        progress=progress(answer, "Progress"),
        items=checks,
    )


def download_task(record: Record, unknown: Unknown) -> DownloadTask:
    """Read one download · DescribeBackupSetDownloadTaskList, Items.BackupSetDownloadTaskDetail. Raises BadAnswer."""
    return DownloadTask(
        task_id=required_text(record, "BackupSetDownloadTaskId"),
        plan_id=text(record, "BackupPlanId"),
        status=enum(
            record,
            "BackupSetDownloadStatus",
            spellings.DOWNLOAD_STATUS,
            unknown,
            required=True,
        ),
        backup_set_id=text(record, "BackupSetId"),
        data_format=enum(record, "BackupSetDataFormat", spellings.FORMAT, unknown),
        way=enum(record, "BackupSetDownloadWay", spellings.WAY, unknown),
        target_type=enum(record, "BackupSetDownloadTargetType", spellings.TARGET, unknown),
        gateway_id=_gateway_id(record, "BackupGatewayId"),
        job_type=text(record, "BackupSetJobType"),
        size_bytes=size(record, "BackupSetDataSize"),
        created_at=instant(record, "BackupSetDownloadCreateTime"),
        finished_at=instant(record, "BackupSetDownloadFinishTime"),
        error_message=error_message(record),
    )


def job_error(answer: Record, job: Literal["full_backup", "restore"], job_id: str) -> JobError | None:
    """Read why a job failed, None where the API names no code · DescribeJobErrorCode, Item. Raises BadAnswer."""
    item = _item(answer)
    code = "" if item is None else text(item, "ErrorCode")
    if item is None or not code:
        return None
    return JobError(job=job, job_id=job_id, error_code=code, error_message=error_message(item))


def billing(answer: Record) -> Billing:
    """Read what a plan stores and has used, in bytes · DescribeBackupPlanBilling, Item. Raises BadAnswer."""
    item = _item(answer)
    if item is None:
        raise BadAnswer("no billing in the answer", field="Item")
    unlimited = boolean(item, "IsFreeBytesUnlimited")
    return Billing(
        charge_type=text(item, "BuyChargeType").upper(),
        spec=text(item, "BuySpec"),
        expires_at=instant(item, "BuyExpiredTimestamp"),
        full_storage_bytes=size(item, "FullStorageSize"),
        log_storage_bytes=size(item, "ContStorageSize"),
        full_used_bytes=size(item, "UsedFullBytes"),
        log_used_bytes=size(item, "UsedIncrementBytes"),
        # Documented to mean something only where the free volume is limited.
        free_bytes=None if unlimited else size(item, "TotalFreeBytes"),
        paid_bytes=size(item, "PaiedBytes"),
    )


def gateway(record: Record, unknown: Unknown) -> Gateway:
    """Read one backup gateway · DescribeBackupGatewayList, Items.BackupGateway. Raises BadAnswer."""
    return Gateway(
        gateway_id=required_text(record, "BackupGatewayId"),
        status=enum(
            record,
            "BackupGatewayStatus",
            spellings.GATEWAY_STATUS,
            unknown,
            required=True,
        ),
        identifier=text(record, "Identifier"),
        display_name=text(record, "DisplayName"),
        hostname=text(record, "SourceEndpointHostname"),
        internet_ip=text(record, "SourceEndpointInternetIP"),
        intranet_ip=text(record, "SourceEndpointIntranetIP"),
        created_at=instant(record, "BackupGatewayCreateTime"),
        last_heartbeat_at=instant(record, "LastHeartbeatTime"),
    )


def node_networks(answer: Record) -> NodeNetworks:
    """Read the networks that DBS connects from · DescribeNodeCidrList. Raises BadAnswer."""
    return NodeNetworks(
        internet=texts(answer, ("InternetIPs", "InternetIP")),
        intranet=texts(answer, ("IntranetIPs", "IntranetIP")),
    )


def regions(answer: Record) -> tuple[str, ...]:
    """Read the regions that DBS supports for the account · DescribeRegions, Regions.RegionCode. Raises BadAnswer."""
    return texts(answer, ("Regions", "RegionCode"))


def database_names(answer: Record) -> tuple[str, ...]:
    """Read the databases a gateway sees · GetDBListFromAgent, DbList.dbName. Raises BadAnswer."""
    return texts(answer, ("DbList", "dbName"))


def _item(answer: Record) -> dict[str, Any] | None:
    found = items(answer, ("Item",))
    if len(found) > 1:
        raise BadAnswer(f"one object expected, {len(found)} found", field="Item")
    return found[0] if found else None


def _gateway_id(record: Record, field: str) -> str:
    """Give the gateway's id, or "": the API writes 0, as number or string, where there is none."""
    found = text(record, field)
    return "" if found == "0" else found


def _schedule(record: Record, unknown: Unknown) -> Schedule | None:
    """Give the schedule, None for a manual plan; what days the form names beyond the documented is told, not guessed."""
    said = record.get("BackupPeriod")
    listed = isinstance(said, list)
    period = ",".join(texts(record, ("BackupPeriod",))) if listed else text(record, "BackupPeriod")
    weekdays = set()
    for word in _WORD.findall(period):
        day = word.lower()
        matches = [number for number, name in enumerate(_WEEKDAYS) if name == day or name[:3] == day]
        if not matches:
            unknown("BackupPeriod")
            return None
        weekdays.add(matches[0])
    if not weekdays:
        return None
    start = text(record, "BackupStartTime")
    minute = None
    if start:
        clock_time = _CLOCK_TIME.fullmatch(start)
        if clock_time is None:
            unknown("BackupStartTime")
        else:
            minute = int(clock_time[1]) * 60 + int(clock_time[2])
    return Schedule(weekdays=tuple(sorted(weekdays)), start_minute=minute)


def _objects_count(record: Record) -> int | None:
    """Count the databases in BackupObjects, a JSON list in a string; None for any other form."""
    said = record.get("BackupObjects")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return None
    if not isinstance(said, list):
        return None
    names = {
        entry.get("DBName")
        for entry in said
        if isinstance(entry, dict) and isinstance(entry.get("DBName"), str)
    }
    return len(names) or None
