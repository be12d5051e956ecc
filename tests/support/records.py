"""Records as the API's reference shows them in its samples, and how they are read in tests."""

from __future__ import annotations

from typing import Any

from support.unknown_values import fail_on_unknown

from dbs_exporter.facts.enums import UnknownValue
from dbs_exporter.facts.fields import Record
from dbs_exporter.facts.records import Fields, Reader

NOW = 1_790_000_000.0
"""When the answers came, in Unix seconds."""

PLAN: dict[str, Any] = {"BackupPlanId": "dbs1", "BackupPlanName": "orders", "BackupPlanStatus": "running"}
FULL_BACKUP: dict[str, Any] = {
    "SourceEndpointIpPort": "100.1.2.10:33204",
    "StorageMethod": "Standard",
    "BackupObjects": '[{"DBName":"test_y"}]',
    "EndTime": 1583741465000,
    "FinishTime": 1583741466000,
    "BackupSize": 151,
    "CreateTime": 1583740896000,
    "StartTime": 1583741439000,
    "BackupSetExpiredTime": 1646813439000,
    "BackupSetId": "1ibh2",
    "BackupStatus": "finish",
}
LOG_FILE: dict[str, Any] = {
    "SourceEndpointIpPort": "100.1.2.10:33204",
    "StorageMethod": "Standard",
    "EndTime": 1583742490000,
    "BackupSize": 4908210,
    "StartTime": 1583721876000,
    "BackupSetExpiredTime": 1646814495000,
    "BackupSetId": "mysql-bin.000003",
    "BackupStatus": "FILLING",
}
RESTORE_TASK: dict[str, Any] = {
    "FullStruAfterRestoreProgress": 0,
    "FullStruforeRestoreProgress": 100,
    "BackupSetId": "1ib",
    "RestoreStatus": "check_pass",
    "DestinationEndpointInstanceType": "rds",
    "RestoreTime": 1583741465000,
    "DestinationEndpointRegion": "cn-hangzhou",
    "FullDataRestoreProgress": 20,
    "RestoreTaskId": "s10",
    "RestoreTaskName": "test",
    "BackupPlanId": "dbs1",
    "RestoreTaskCreateTime": 1583743872000,
    "DestinationEndpointInstanceId": "rm-bp1",
}
GATEWAY: dict[str, Any] = {
    "BackupGatewayId": "23",
    "BackupGatewayStatus": "ONLINE",
    "LastHeartbeatTime": 1554560477000,
}
DOWNLOAD_TASK: dict[str, Any] = {
    "BackupSetDownloadTaskId": "t1",
    "BackupSetDownloadStatus": "running",
    "BackupPlanId": "dbs1",
}


def reader_of(unknown: UnknownValue = fail_on_unknown) -> Reader:
    """What reads answers that came at NOW."""
    return Reader(NOW, unknown)


def fields_of(record: Record, unknown: UnknownValue = fail_on_unknown) -> Fields:
    """The fields of a record that came at NOW."""
    return reader_of(unknown).fields(record)
