"""Backup plans · DescribeBackupPlanList."""

from __future__ import annotations

import json
import re

from msgspec import Struct

from dbs_exporter.facts.enums import ENDPOINT_TYPE, UnknownValue, spellings
from dbs_exporter.facts.fields import (
    Record,
    boolean,
    days,
    enum,
    error_message,
    first_text,
    gateway_id,
    instant,
    required_text,
    text,
    texts,
)
from dbs_exporter.facts.groups import Group

PLAN_STATUSES = ("wait", "init", "check_pass", "running", "stop", "pause", "locked")
NOT_RUNNING = frozenset(PLAN_STATUSES) - {"running"}

PLAN_STATUS = spellings(*PLAN_STATUSES)
BACKUP_METHOD = spellings("logical", "physical", "duplication")
INSTANCE_CLASS = spellings("micro", "small", "medium", "large", "xlarge")
DATABASE_TYPE = spellings(
    "MySQL", "MSSQL", "Oracle", "MongoDB", "Redis", "PostgreSQL", "DRDS", "MariaDB", "PPAS", file="FIle"
)

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WORD = re.compile(r"[^\W_]+")
_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?\s*Z?", re.ASCII)


class Schedule(Struct, frozen=True, kw_only=True):
    """When full backups start: weekdays (Monday is 0) and minutes after midnight (time zone not documented)."""

    weekdays: tuple[int, ...]
    start_minute: int | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """One backup plan · DescribeBackupPlanList, Items.BackupPlanDetail."""

    plan_id: str
    name: str = ""
    status: str = ""
    database_type: str = ""
    backup_method: str = ""
    instance_class: str = ""
    source_type: str = ""
    source_instance_id: str = ""
    source_region: str = ""
    gateway_id: str = ""
    """"" if the plan uses no gateway (the wire says 0)."""
    resource_group_id: str = ""
    cross_account_id: str = ""
    created_at: float | None = None
    expires_at: float | None = None
    """End of a prepaid plan (InstanceExpiredTimestamp)."""
    log_backup_enabled: bool | None = None
    full_retention_seconds: float | None = None
    log_retention_seconds: float | None = None
    schedule: Schedule | None = None
    restore_begin_at: float | None = None
    restore_end_at: float | None = None
    objects_count: int | None = None
    """Databases named in BackupObjects; None where that is not a list."""
    error_message: str = ""


PLANS: Group[tuple[Plan, ...]] = Group("plans", tuple[Plan, ...])
"""All plans of a region, selected or not."""


def read_plan(record: Record, unknown: UnknownValue) -> Plan:
    """Read one backup plan · DescribeBackupPlanList, Items.BackupPlanDetail. Raises BadAnswer."""
    log_retention = days(record, "LogBackupRetentionPeriod")
    if log_retention is None:
        log_retention = days(record, "IncrementBackupRetentionPeriod")
    return Plan(
        plan_id=required_text(record, "BackupPlanId"),
        name=text(record, "BackupPlanName"),
        status=enum(record, "BackupPlanStatus", PLAN_STATUS, unknown),
        database_type=enum(record, "DatabaseType", DATABASE_TYPE, unknown),
        backup_method=enum(record, "BackupMethod", BACKUP_METHOD, unknown),
        instance_class=enum(record, "InstanceClass", INSTANCE_CLASS, unknown),
        source_type=enum(record, "SourceEndpointInstanceType", ENDPOINT_TYPE, unknown),
        source_instance_id=first_text(record, "SourceEndpointInstanceID", "SourceEndpointInstanceId"),
        source_region=text(record, "SourceEndpointRegion"),
        gateway_id=gateway_id(record, "BackupGatewayId"),
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


def _schedule(record: Record, unknown: UnknownValue) -> Schedule | None:
    """Read the schedule, None for a manual plan; a day or time in an undocumented form is reported, not guessed."""
    listed = isinstance(record.get("BackupPeriod"), list)
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
    objects = record.get("BackupObjects")
    if isinstance(objects, str):
        try:
            objects = json.loads(objects)
        except (ValueError, RecursionError):
            return None
    if not isinstance(objects, list):
        return None
    names = {
        entry.get("DBName")
        for entry in objects
        if isinstance(entry, dict) and isinstance(entry.get("DBName"), str)
    }
    return len(names) or None
