"""READS: the operations that read, as data.

Sources: the vendor's API reference of 2020-09-27 and the request models of its official SDK.
"""

from __future__ import annotations

from dbs_exporter.api.operations.grammar import (
    ANY_PAGE_SIZE,
    PAGE_SIZES,
    Operation,
    Parameter,
    boolean,
    integer,
    one_of,
    string,
)

_PAGING = (Parameter(name="PageNum", type="integer", minimum=0), *integer("PageSize"))

READS: tuple[Operation, ...] = (
    Operation(
        name="DescribeBackupPlanList",
        summary="The backup plans of a region, and what each is set to do.",
        parameters=(
            *string("Region", "BackupPlanId+", "BackupPlanName", "ResourceGroupId"),
            *one_of(
                "BackupPlanStatus",
                "wait",
                "init",
                "check_pass",
                "running",
                "stop",
                "pause",
                "locked",
            ),
            *one_of("BackupMethod", "logical", "physical", "duplication"),
            *boolean(
                "ShowBackupStrategyInfo",
                "ShowRecoverTimeRange",
                "ShowStorageStrategyInfo",
            ),
            *_PAGING,
        ),
        list_path=("Items", "BackupPlanDetail"),
        page_sizes=ANY_PAGE_SIZE,
        identity=("BackupPlanId",),
    ),
    Operation(
        name="DescribeFullBackupList",
        summary="The full backup sets of a plan, running and failed jobs among them.",
        parameters=(
            *string("BackupPlanId*", "BackupSetId", "ShowProgress"),
            *one_of("BackupSetStatus", "schedule", "running", "finish", "stop", "pause"),
            *boolean("ShowStorageType"),
            *integer("StartTimestamp", "EndTimestamp"),
            *_PAGING,
        ),
        list_path=("Items", "FullBackupFile"),
        page_sizes=PAGE_SIZES,
        identity=("BackupSetId",),
    ),
    Operation(
        name="DescribeIncrementBackupList",
        summary="The log backup files of a plan.",
        parameters=(
            *string("BackupPlanId*"),
            *boolean("ShowStorageType"),
            *integer("StartTimestamp", "EndTimestamp"),
            *_PAGING,
        ),
        list_path=("Items", "IncrementBackupFile"),
        page_sizes=PAGE_SIZES,
        # File names repeat across source instances and after a failover.
        identity=(
            "BackupSetJobId",
            "BackupSetId",
            "SourceEndpointInstanceId",
            "SourceEndpointIpPort",
            "StartTime",
        ),
    ),
    Operation(
        name="DescribeRestoreTaskList",
        summary="The restore tasks of a plan with their progress by stage.",
        parameters=(
            *string("BackupPlanId", "RestoreTaskId+"),
            *integer("StartTimestamp", "EndTimestamp"),
            *_PAGING,
        ),
        list_path=("Items", "RestoreTaskDetail"),
        page_sizes=ANY_PAGE_SIZE,
        identity=("RestoreTaskId",),
        exactly_one_of=("BackupPlanId", "RestoreTaskId"),
    ),
    Operation(
        name="DescribeRestoreRangeInfo",
        summary="The points and ranges in time to which a plan can restore.",
        parameters=(
            *string("BackupPlanId*"),
            *integer("BeginTimestampForRestore*", "EndTimestampForRestore*"),
            *boolean("RecentlyRestore"),
        ),
        list_path=("Items", "DBSRecoverRange"),
    ),
    Operation(
        name="DescribeBackupPlanBilling",
        summary="What a plan stores, has used and is paid for.",
        parameters=(*string("BackupPlanId*"), *boolean("ShowStorageType")),
    ),
    Operation(
        name="DescribeBackupGatewayList",
        summary="The backup gateways of a region with their last heartbeat.",
        parameters=(*string("Region*", "Identifier+"), *_PAGING),
        list_path=("Items", "BackupGateway"),
        page_sizes=PAGE_SIZES,
        identity=("BackupGatewayId",),
    ),
    Operation(
        name="DescribeBackupSetDownloadTaskList",
        summary="The backup set downloads of a plan.",
        parameters=(*string("BackupPlanId", "BackupSetDownloadTaskId"), *_PAGING),
        list_path=("Items", "BackupSetDownloadTaskDetail"),
        page_sizes=PAGE_SIZES,
        identity=("BackupSetDownloadTaskId",),
        exactly_one_of=("BackupPlanId", "BackupSetDownloadTaskId"),
    ),
    Operation(
        name="DescribePreCheckProgressList",
        summary="How far the pre-check of a plan or of a restore task has come.",
        parameters=string("BackupPlanId", "RestoreTaskId"),
        list_path=("Items", "PreCheckProgressDetail"),
        exactly_one_of=("BackupPlanId", "RestoreTaskId"),
    ),
    Operation(
        name="DescribeJobErrorCode",
        summary="The standard error code of a failed full backup or restore.",
        parameters=(*string("TaskId*"), *one_of("Language", "en", "cn")),
    ),
    Operation(
        name="DescribeNodeCidrList",
        summary="The networks from which DBS connects to databases.",
        parameters=string("Region*"),
    ),
    Operation(
        name="DescribeRegions",
        summary="The regions in which DBS serves this account.",
    ),
    Operation(
        name="DescribeDLAService",
        summary="The data lake service of a plan, where one was opened.",
        parameters=string("BackupPlanId*"),
    ),
    Operation(
        name="GetDBListFromAgent",
        summary="The databases that a gateway found, by the task that looked for them.",
        parameters=(
            *integer("BackupGatewayId", "TaskId"),
            *string("SourceEndpointRegion"),
        ),
        list_path=None,
    ),
)
