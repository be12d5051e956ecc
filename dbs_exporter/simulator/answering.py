"""READS: the function that answers each read operation.

The functions themselves are in `reads_plans`, `reads_backups` and `reads_tasks`; operations that change something are in `changes`.
"""

from __future__ import annotations

from collections.abc import Callable

from dbs_exporter.simulator.reads_backups import full_backup_list, increment_backup_list
from dbs_exporter.simulator.reads_plans import backup_plan_billing, backup_plan_list, restore_range_info
from dbs_exporter.simulator.reads_tasks import (
    backup_gateway_list,
    backup_set_download_task_list,
    database_list,
    dla_service,
    job_error_code,
    node_cidr_list,
    precheck_progress_list,
    regions,
    restore_task_list,
)
from dbs_exporter.simulator.replies import Answer, Params
from dbs_exporter.simulator.world import World

Read = Callable[[World, str, Params], Answer]

READS: dict[str, Read] = {
    "DescribeBackupGatewayList": backup_gateway_list,
    "DescribeBackupPlanBilling": backup_plan_billing,
    "DescribeBackupPlanList": backup_plan_list,
    "DescribeBackupSetDownloadTaskList": backup_set_download_task_list,
    "DescribeDLAService": dla_service,
    "DescribeFullBackupList": full_backup_list,
    "DescribeIncrementBackupList": increment_backup_list,
    "DescribeJobErrorCode": job_error_code,
    "DescribeNodeCidrList": node_cidr_list,
    "DescribePreCheckProgressList": precheck_progress_list,
    "DescribeRegions": regions,
    "DescribeRestoreRangeInfo": restore_range_info,
    "DescribeRestoreTaskList": restore_task_list,
    "GetDBListFromAgent": database_list,
}
