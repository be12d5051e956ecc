"""Backup plans · DescribeBackupPlanList."""

from __future__ import annotations

import re

from msgspec import Struct

from dbs_exporter.facts.enums import ENDPOINT_TYPE, spellings
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.objects import Objects, databases, read_objects
from dbs_exporter.facts.records import Fields

PLAN_STATUSES = ("wait", "init", "check_pass", "running", "stop", "pause", "locked")
NOT_CONFIGURED = "wait"
"""The status of a plan that was bought and not yet configured."""
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
    objects: Objects | None = None
    """What BackupObjects names; None where it names nothing, or not all of it can be read."""
    error_message: str = ""
    unreadable: tuple[str, ...] = ()
    """API fields of this record that could not be read, and so are unknown here."""

    @property
    def objects_count(self) -> int | None:
        """Databases that the plan names; None where that is not known."""
        return None if self.objects is None else len(databases(self.objects))


class PlanList(Struct, frozen=True, kw_only=True):
    """All plans of a region, selected or not · DescribeBackupPlanList."""

    plans: tuple[Plan, ...] = ()
    whole: bool = True
    """Whether a plan that is not in it is gone; False if the id or region of a record could not be read."""
    total: int = 0
    """Records that the API counts, on all pages."""


PLANS: Group[PlanList] = Group("plans", PlanList)


def read_plan(fields: Fields) -> Plan:
    """Read one backup plan · DescribeBackupPlanList, Items.BackupPlanDetail. Raises BadAnswer without its id."""
    log_retention = fields.days("LogBackupRetentionPeriod")
    if log_retention is None:
        log_retention = fields.days("IncrementBackupRetentionPeriod")
    return Plan(
        plan_id=fields.identity("BackupPlanId"),
        name=fields.text("BackupPlanName"),
        status=fields.enum("BackupPlanStatus", PLAN_STATUS),
        database_type=fields.enum("DatabaseType", DATABASE_TYPE),
        backup_method=fields.enum("BackupMethod", BACKUP_METHOD),
        instance_class=fields.enum("InstanceClass", INSTANCE_CLASS),
        source_type=fields.enum("SourceEndpointInstanceType", ENDPOINT_TYPE),
        source_instance_id=fields.first_text("SourceEndpointInstanceID", "SourceEndpointInstanceId"),
        source_region=fields.text("SourceEndpointRegion"),
        gateway_id=fields.gateway_id("BackupGatewayId"),
        resource_group_id=fields.text("ResourceGroupId"),
        cross_account_id=fields.text("CrossAliyunId"),
        created_at=fields.instant("BackupPlanCreateTime"),
        expires_at=fields.expiry("InstanceExpiredTimestamp"),
        log_backup_enabled=fields.boolean("EnableBackupLog"),
        full_retention_seconds=fields.days("BackupRetentionPeriod"),
        log_retention_seconds=log_retention,
        schedule=_schedule(fields),
        restore_begin_at=fields.instant("BeginTimestampForRestore"),
        restore_end_at=fields.instant("EndTimestampForRestore"),
        objects=read_objects(fields, "BackupObjects"),
        error_message=fields.error_message(),
        unreadable=fields.unreadable,
    )


def _schedule(fields: Fields) -> Schedule | None:
    """Read the schedule, None for a manual plan; a day or time in an undocumented form is counted, not guessed."""
    period = ",".join(fields.texts("BackupPeriod"))
    weekdays = set()
    for word in _WORD.findall(period):
        day = word.lower()
        matches = [number for number, name in enumerate(_WEEKDAYS) if name == day or name[:3] == day]
        if not matches:
            fields.unknown("BackupPeriod")
            return None
        weekdays.add(matches[0])
    if not weekdays:
        return None
    start = fields.text("BackupStartTime")
    minute = None
    if start:
        clock_time = _CLOCK_TIME.fullmatch(start)
        if clock_time is not None:
            minute = int(clock_time[1]) * 60 + int(clock_time[2])
        elif "BackupStartTime" not in fields.unreadable:
            fields.unknown("BackupStartTime")
    return Schedule(weekdays=tuple(sorted(weekdays)), start_minute=minute)
