"""The answers of the operations that read tasks, gateways, networks and checks."""

from __future__ import annotations

from .answers import Answer, Params, Refused, integer, ms, page, record, required
from .fleet import SUPPORTED_REGIONS
from .reads_plans import ANY_SIZE, SIZES, between, plan_of
from .tasks import Download, Restore
from .world import World


def restore_task_list(world: World, account: str, params: Params) -> Answer:
    """DescribeRestoreTaskList: by plan or by task ids, not both."""
    plan_id, task_ids = params.get("BackupPlanId"), params.get("RestoreTaskId")
    if bool(plan_id) == bool(task_ids):
        raise Refused(400, "InvalidParameter", "Specify either BackupPlanId or RestoreTaskId.")
    if plan_id:
        tasks = world.restores(plan_of(world, account, params).plan_id)
    else:
        tasks = [
            task for one in (task_ids or "").split(",") if (task := world.restore(one, account)) is not None
        ]
    tasks = sorted(
        (task for task in tasks if between(params, task.created_at)), key=lambda task: task.created_at
    )
    return page(
        params,
        ANY_SIZE,
        len(tasks),
        lambda at: _restore_record(world, tasks[at]),
        "RestoreTaskDetail",
        order=world.order,
    )


def _restore_record(world: World, task: Restore) -> Answer:
    world.rendered_records += 1
    status, finished, progress, error = task.at(world.clock())
    return record(
        BackupGatewayId=0,
        BackupPlanId=task.plan_id,
        BackupSetId=task.set_id or None,
        DestinationEndpointDatabaseName=task.destination_database or None,
        DestinationEndpointInstanceID=task.destination_instance_id or None,
        DestinationEndpointInstanceType=task.destination_type,
        DestinationEndpointIpPort=task.destination_ip_port or None,
        DestinationEndpointRegion=task.destination_region or None,
        DestinationEndpointUserName=task.destination_user,
        ErrMessage=error or None,
        RestoreDir=task.restore_dir or None,
        RestoreObjects=task.objects,
        RestoreStatus=status,
        RestoreTaskCreateTime=ms(task.created_at),
        RestoreTaskFinishTime=ms(finished),
        RestoreTaskId=task.task_id,
        RestoreTaskName=task.name,
        RestoreTime=ms(task.target_at),
        **progress,
    )


def backup_gateway_list(world: World, account: str, params: Params) -> Answer:
    """DescribeBackupGatewayList."""
    found = world.gateways(account, required(params, "Region"))
    if wanted := params.get("Identifier"):
        found = [one for one in found if one.identifier in wanted.split(",")]
    now = world.clock()

    def made(at: int) -> Answer:
        one = found[at]
        world.rendered_records += 1
        offline = world.gateway_offline_since(one)
        return {
            "BackupGatewayCreateTime": ms(one.created_at),
            "BackupGatewayId": str(one.gateway_id),
            "BackupGatewayStatus": "ONLINE" if offline is None else "OFFLINE",
            "DisplayName": one.name,
            "Identifier": one.identifier,
            "LastHeartbeatTime": ms(now - 8 if offline is None else offline),
            "Region": one.region,
            "SourceEndpointHostname": one.hostname,
            "SourceEndpointInternetIP": one.internet_ip,
            "SourceEndpointIntranetIP": one.intranet_ip,
        }

    return page(params, SIZES, len(found), made, "BackupGateway", order=world.order)


def backup_set_download_task_list(world: World, account: str, params: Params) -> Answer:
    """DescribeBackupSetDownloadTaskList: by plan or by task."""
    if not params.get("BackupPlanId") and not params.get("BackupSetDownloadTaskId"):
        raise Refused(400, "InvalidParameter", "Specify either BackupPlanId or BackupSetDownloadTaskId.")
    if params.get("BackupPlanId"):
        tasks = world.downloads(plan_of(world, account, params).plan_id)
    else:
        one = world.download(params["BackupSetDownloadTaskId"], account)
        tasks = [one] if one else []
    return page(
        params,
        SIZES,
        len(tasks),
        lambda at: _download_record(world, tasks[at]),
        "BackupSetDownloadTaskDetail",
        order=world.order,
    )


def _download_record(world: World, task: Download) -> Answer:
    world.rendered_records += 1
    status, finished, error = task.at(world.clock())
    return record(
        BackupGatewayId=task.gateway_id,
        BackupPlanId=task.plan_id,
        BackupSetCode=task.code,
        BackupSetDataFormat=task.data_format,
        BackupSetDataSize=task.size_bytes,
        BackupSetDbType=task.database_type,
        BackupSetDownloadCreateTime=ms(task.created_at),
        BackupSetDownloadDir=task.directory or None,
        BackupSetDownloadFinishTime=ms(finished),
        BackupSetDownloadInternetUrl="https://downloads.example.com/set" if status == "finish" else None,
        BackupSetDownloadIntranetUrl="https://downloads.internal.example.com/set"
        if status == "finish"
        else None,
        BackupSetDownloadStatus=status,
        BackupSetDownloadTargetType=task.target_type or None,
        BackupSetDownloadTaskId=task.task_id,
        BackupSetDownloadTaskName=task.name,
        BackupSetDownloadWay=task.way,
        BackupSetId=task.set_id,
        BackupSetJobType=task.job_type,
        ErrMessage=error or None,
    )


CHECKS = (
    "CHECK_NETWORK",
    "CHECK_ACCOUNT_PRIVILEGE",
    "CHECK_DATABASE_VERSION",
    "CHECK_LOG_ENABLED",
    "CHECK_STORAGE",
)


def precheck_progress_list(world: World, account: str, params: Params) -> Answer:
    """DescribePreCheckProgressList, of a plan or a restore task."""
    now = world.clock()
    failed = running = False
    if task_id := params.get("RestoreTaskId"):
        task = world.restore(task_id, account)
        if task is None:
            raise Refused(
                400, "InvalidParameterValid", "The specified parameter RestoreTaskId value is not valid."
            )
        running, began = now < task.created_at + 10, task.created_at
    else:
        spec = plan_of(world, account, params)
        failed, began = "failed_precheck" in spec.incidents, world.history(spec.plan_id).created_at
    items = []
    for number, check in enumerate(CHECKS):
        bad = failed and check == "CHECK_ACCOUNT_PRIVILEGE"
        waiting = (failed and number > 1) or (running and number > 2)
        items.append(
            record(
                Names=f"{check}_DETAIL",
                Item=check,
                OrderNum=str(10 * (number + 1)),
                State="init" if waiting else "failed" if bad else "finish",
                BootTime=ms(began),
                FinishTime=None if waiting else ms(began + number),
                JobId=f"chk{int(began) % 10**6:06d}",
                ErrMsg="The account lacks the privileges SELECT, RELOAD" if bad else None,
            )
        )
    world.rendered_records += len(items)
    return {
        "Status": "failed" if failed else "running" if running else "finish",
        "Progress": 40 if failed else 60 if running else 100,
        "Items": {"PreCheckProgressDetail": items},
    }


def job_error_code(world: World, account: str, params: Params) -> Answer:
    """DescribeJobErrorCode, of a full backup set or a restore task."""
    job = required(params, "TaskId")
    item: Answer = {"JobId": job, "Language": params.get("Language") or "en"}
    task = world.restore(job, account)
    if task is not None:
        status, _, _, error = task.at(world.clock())
        item |= {"JobState": status, "JobType": "cbs_restore"}
        if status == "stop":
            item |= {"ErrorCode": "DBS.RestoreObjectConflict", "ErrorMessage": error}
    else:
        item |= {"JobState": "stop", "JobType": "cbs_backup_full"}
        item |= {
            "ErrorCode": "DBS.SourceAccessDenied",
            "ErrorMessage": "The backup account cannot read the database.",
        }
    return {"Item": item}


def node_cidr_list(world: World, account: str, params: Params) -> Answer:
    """DescribeNodeCidrList."""
    place = sum(required(params, "Region").encode()) % 200
    return {
        "InternetIPs": {"InternetIP": [f"198.51.100.{place % 16 * 16}/28", f"203.0.113.{place % 8 * 32}/27"]},
        "IntranetIPs": {
            "IntranetIP": [f"100.104.{place}.0/26", f"100.104.{place + 1}.64/26", "11.193.0.0/16"]
        },
    }


def regions(world: World, account: str, params: Params) -> Answer:
    """DescribeRegions."""
    return {"Regions": {"RegionCode": list(SUPPORTED_REGIONS)}}


def dla_service(world: World, account: str, params: Params) -> Answer:
    """DescribeDLAService."""
    plan_of(world, account, params)
    return {"State": "Closed", "AutoAdd": False, "HaveJobFailed": False}


def database_list(world: World, account: str, params: Params) -> Answer:
    """GetDBListFromAgent."""
    gateway = integer(params, "BackupGatewayId", 0)
    if gateway and world.gateway(gateway) is None:
        raise Refused(400, "InvalidParameter", "This backup gateway is not found")
    return {"DbList": {"dbName": ["app_1", "app_2", "app_3"]}}
