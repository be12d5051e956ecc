"""The answers of the operations that read tasks, gateways, networks and checks.

They follow the vendor's reference and the models of its SDK. Nothing here changes the world.
"""

from __future__ import annotations

from dbs_exporter.simulator.fleet import SUPPORTED_REGIONS, draw
from dbs_exporter.simulator.gateway_databases import ANSWER_SECONDS, found
from dbs_exporter.simulator.incidents import FAILURES
from dbs_exporter.simulator.reads_plans import (
    ANY_SIZE,
    SIZES,
    backup_objects,
    is_within,
    list_page,
    owner,
    plan_of,
)
from dbs_exporter.simulator.replies import Answer, Params, Refused, integer, invalid, ms, record, required
from dbs_exporter.simulator.tasks import PRECHECK_SECONDS, Download, Restore
from dbs_exporter.simulator.world import World


def restore_task_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeRestoreTaskList, by plan or by task ids."""
    plan_id, task_ids = params.get("BackupPlanId"), params.get("RestoreTaskId")
    if bool(plan_id) == bool(task_ids):
        raise Refused(400, "InvalidParameter", "Specify either BackupPlanId or RestoreTaskId.")
    if plan_id:
        tasks = world.restores(plan_of(world, account, params).plan_id)
    else:
        tasks = [
            task
            for task_id in (task_ids or "").split(",")
            if (task := world.restore(task_id, account)) is not None
        ]
    tasks = sorted(
        (task for task in tasks if is_within(params, task.created_at)), key=lambda task: task.created_at
    )
    return list_page(
        world, params, ANY_SIZE, len(tasks), lambda at: _restore_record(world, tasks[at]), "RestoreTaskDetail"
    )


def _restore_record(world: World, task: Restore) -> Answer:
    status, finished, progress, error = task.at(world.clock())
    spec = world.spec(task.plan_id)
    gateway = world.gateway(task.gateway_id) if task.gateway_id else None
    host, _, port = task.destination_ip_port.partition(":")
    return record(
        BackupGatewayId=task.gateway_id,
        BackupGatewayIdentifier=gateway.identifier if gateway else None,
        BackupPlanId=task.plan_id,
        BackupSetId=task.set_id or None,
        BackupSourceOssRegion=spec.region if spec else None,
        DestinationEndpointDatabaseName=task.destination_database or None,
        DestinationEndpointEnableSsl="false",
        DestinationEndpointHost=host or None,
        DestinationEndpointInstanceID=task.destination_instance_id or None,
        DestinationEndpointInstanceType=task.destination_type,
        DestinationEndpointIpPort=task.destination_ip_port or None,
        DestinationEndpointOracleSID=task.destination_oracle_sid or None,
        DestinationEndpointPort=port or None,
        DestinationEndpointRegion=task.destination_region or None,
        DestinationEndpointUserName=task.destination_user or None,
        ErrMessage=error or None,
        RestoreDestinationMode="existing",
        RestoreDir=task.restore_dir or None,
        RestoreObjects=task.objects or (backup_objects(spec) if spec else None),
        RestoreStatus=status,
        RestoreTaskCreateTime=ms(task.created_at),
        RestoreTaskFinishTime=ms(finished),
        RestoreTaskId=task.task_id,
        RestoreTaskName=task.name,
        RestoreTime=ms(task.target_at),
        **(owner(spec) if spec else {}),
        **progress,
    )


def backup_gateway_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeBackupGatewayList."""
    gateways = world.gateways(account, required(params, "Region"))
    if identifiers := params.get("Identifier"):
        gateways = [gateway for gateway in gateways if gateway.identifier in identifiers.split(",")]
    now = world.clock()

    def gateway_record(position: int) -> Answer:
        gateway = gateways[position]
        offline_since = world.gateway_offline_since(gateway)
        # A heartbeat every ten seconds; it never goes back.
        heartbeat = now - (now - 10 * draw(world.seed, "heartbeat", gateway.gateway_id)) % 10
        return {
            "BackupGatewayCreateTime": ms(gateway.created_at),
            "BackupGatewayId": str(gateway.gateway_id),
            "BackupGatewayStatus": "ONLINE" if offline_since is None else "OFFLINE",
            "DisplayName": gateway.name,
            "Identifier": gateway.identifier,
            "LastHeartbeatTime": ms(heartbeat if offline_since is None else offline_since),
            "Region": gateway.region,
            "SourceEndpointHostname": gateway.hostname,
            "SourceEndpointInternetIP": gateway.internet_ip,
            "SourceEndpointIntranetIP": gateway.intranet_ip,
        }

    return list_page(world, params, SIZES, len(gateways), gateway_record, "BackupGateway")


def backup_set_download_task_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeBackupSetDownloadTaskList, by plan or by task."""
    plan_id, task_id = params.get("BackupPlanId"), params.get("BackupSetDownloadTaskId")
    if bool(plan_id) == bool(task_id):
        raise Refused(400, "InvalidParameter", "Specify either BackupPlanId or BackupSetDownloadTaskId.")
    if plan_id:
        tasks = world.downloads(plan_of(world, account, params).plan_id)
    else:
        task = world.download(task_id or "", account)
        tasks = [] if task is None else [task]
    tasks.sort(key=lambda task: task.created_at)
    return list_page(
        world,
        params,
        SIZES,
        len(tasks),
        lambda at: _download_record(world, tasks[at]),
        "BackupSetDownloadTaskDetail",
    )


def _download_record(world: World, task: Download) -> Answer:
    status, finished, error = task.at(world.clock())
    # Only the file of a manual download has a URL.
    file_name = f"{task.task_id}.tar.gz" if status == "finish" and task.way == "manual" else ""
    return record(
        BackupGatewayId=task.gateway_id or None,
        BackupPlanId=task.plan_id,
        BackupSetCode=task.code,
        BackupSetDataFormat=task.data_format,
        BackupSetDataSize=task.size_bytes,
        BackupSetDbType=task.database_type,
        BackupSetDownloadCreateTime=ms(task.created_at),
        BackupSetDownloadDir=task.directory or None,
        BackupSetDownloadFinishTime=ms(finished),
        BackupSetDownloadInternetUrl=f"https://downloads.example.com/{file_name}" if file_name else None,
        BackupSetDownloadIntranetUrl=f"https://downloads.internal.example.com/{file_name}"
        if file_name
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
FAILED_CHECK = "CHECK_ACCOUNT_PRIVILEGE"


def precheck_progress_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribePreCheckProgressList, of a plan or a restore task."""
    now = world.clock()
    has_failed = False
    if task_id := params.get("RestoreTaskId"):
        task = world.restore(task_id, account)
        if task is None:
            raise invalid("RestoreTaskId")
        has_failed, began = task.fails_precheck, task.created_at
    else:
        spec = plan_of(world, account, params)
        has_failed, began = "failed_precheck" in spec.incidents, world.history(spec.plan_id).created_at
    seconds = PRECHECK_SECONDS / len(CHECKS)
    items = []
    done = 0
    for number, check in enumerate(CHECKS):
        starts, ends = began + number * seconds, began + (number + 1) * seconds
        fails = has_failed and check == FAILED_CHECK
        is_blocked = has_failed and number > CHECKS.index(FAILED_CHECK)
        has_ended = now >= ends and not is_blocked
        done += has_ended and not fails
        if has_ended:
            state = "failed" if fails else "finish"
        else:
            state = "init" if is_blocked or now < starts else "running"
        items.append(
            record(
                Names=f"{check}_DETAIL",
                Item=check,
                OrderNum=str(10 * (number + 1)),
                State=state,
                BootTime=ms(began if state == "init" else starts),
                FinishTime=ms(ends) if has_ended else None,
                JobId=f"chk{int(began) % 10**6:06d}",
                ErrMsg="The account lacks the privileges SELECT, RELOAD" if fails and has_ended else None,
            )
        )
    world.rendered_records += len(items)
    states = {item["State"] for item in items}
    return {
        "Status": "failed" if "failed" in states else "finish" if states == {"finish"} else "running",
        "Progress": 100 * done // len(CHECKS),
        "Items": {"PreCheckProgressDetail": items},
    }


def job_error_code(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeJobErrorCode, of a full backup or a restore; a job that did not fail has no error."""
    job = required(params, "TaskId")
    item: Answer = {"JobId": job, "Language": params.get("Language") or "en"}
    task = world.restore(job, account)
    history = None if task is not None else world.set_owner(job, account)
    failure = ""
    if task is not None:
        status, _, _, error = task.at(world.clock())
        item |= {"JobState": status, "JobType": "cbs_restore"}
        # Of a task that someone stopped there is no error.
        failure = "failed_restore" if error else ""
    elif history is not None:
        number = next(number for number in history.full_numbers() if history.set_id(number) == job)
        item |= {"JobState": history.full(number).status, "JobType": "cbs_backup_full"}
        failure = history.failure(number)
    else:
        raise Refused(400, "InvalidJobId", "The specified job is not found.")
    if item["JobState"] == "stop" and failure:
        code, message = FAILURES[failure]
        message = task.at(world.clock())[3] if task is not None else message
        item |= {"ErrorCode": code, "ErrorMessage": message}
    return {"Item": item}


def node_cidr_list(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeNodeCidrList."""
    number = sum(required(params, "Region").encode()) % 200
    added = ["192.0.2.0/28"] if world.clock() >= world.new_network_at else []
    return {
        "InternetIPs": {
            "InternetIP": [f"198.51.100.{number % 16 * 16}/28", f"203.0.113.{number % 8 * 32}/27", *added]
        },
        "IntranetIPs": {
            "IntranetIP": [f"100.104.{number}.0/26", f"100.104.{number + 1}.64/26", "11.193.0.0/16"]
        },
    }


def regions(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeRegions."""
    return {"Regions": {"RegionCode": list(SUPPORTED_REGIONS)}}


def dla_service(world: World, account: str, params: Params) -> Answer:
    """Answer DescribeDLAService."""
    plan_of(world, account, params)
    return {"State": "Closed", "AutoAdd": False, "HaveJobFailed": False}


def database_list(world: World, account: str, params: Params) -> Answer:
    """Answer GetDBListFromAgent."""
    gateway_id = integer(params, "BackupGatewayId", 0)
    if gateway_id:
        check_own_gateway(world, account, gateway_id)
    look = world.looks.get(integer(params, "TaskId", 0))
    if look is None:
        raise invalid("TaskId")
    began, request = look
    if world.clock() < began + ANSWER_SECONDS:
        return {"DbList": ""}
    names = found(world.specs(account), request, is_odd=bool(world.incidents))
    if names is None:
        raise Refused(
            400, "InvalidParameter", "The gateway cannot connect to the database: connect timed out"
        )
    return {"DbList": {"dbName": names}}


def check_own_gateway(world: World, account: str, gateway_id: int) -> None:
    """Raise Refused if the account has no such gateway."""
    gateway = world.gateway(gateway_id)
    if gateway is None or gateway.account != account:
        raise Refused(400, "InvalidParameter", "This backup gateway is not found")
