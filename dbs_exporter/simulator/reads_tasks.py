"""The answers of the operations that read tasks, gateways, networks and checks."""

from __future__ import annotations

from dbs_exporter.simulator.fleet import SUPPORTED_REGIONS, draw
from dbs_exporter.simulator.incidents import FAILURES
from dbs_exporter.simulator.reads_plans import ANY_SIZE, SIZES, between, listed, owner, plan_of
from dbs_exporter.simulator.replies import Answer, Params, Refused, integer, invalid, ms, record, required
from dbs_exporter.simulator.tasks import PRECHECK_SECONDS, Download, Restore
from dbs_exporter.simulator.world import World


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
    return listed(
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
        RestoreObjects=task.objects,
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
    """DescribeBackupGatewayList."""
    found = world.gateways(account, required(params, "Region"))
    if wanted := params.get("Identifier"):
        found = [one for one in found if one.identifier in wanted.split(",")]
    now = world.clock()

    def made(at: int) -> Answer:
        one = found[at]
        offline = world.gateway_offline_since(one)
        # A heartbeat every ten seconds; it never goes back.
        heartbeat = now - (now - 10 * draw(world.seed, "heartbeat", one.gateway_id)) % 10
        return {
            "BackupGatewayCreateTime": ms(one.created_at),
            "BackupGatewayId": str(one.gateway_id),
            "BackupGatewayStatus": "ONLINE" if offline is None else "OFFLINE",
            "DisplayName": one.name,
            "Identifier": one.identifier,
            "LastHeartbeatTime": ms(heartbeat if offline is None else offline),
            "Region": one.region,
            "SourceEndpointHostname": one.hostname,
            "SourceEndpointInternetIP": one.internet_ip,
            "SourceEndpointIntranetIP": one.intranet_ip,
        }

    return listed(world, params, SIZES, len(found), made, "BackupGateway")


def backup_set_download_task_list(world: World, account: str, params: Params) -> Answer:
    """DescribeBackupSetDownloadTaskList: by plan or by task."""
    task_id = params.get("BackupSetDownloadTaskId")
    if params.get("BackupPlanId"):
        tasks = world.downloads(plan_of(world, account, params).plan_id)
        tasks = [one for one in tasks if task_id in (None, "", one.task_id)]
    elif task_id:
        tasks = [one for one in (world.download(task_id, account),) if one is not None]
    else:
        raise Refused(400, "InvalidParameter", "Specify either BackupPlanId or BackupSetDownloadTaskId.")
    tasks.sort(key=lambda task: task.created_at)
    return listed(
        world,
        params,
        SIZES,
        len(tasks),
        lambda at: _download_record(world, tasks[at]),
        "BackupSetDownloadTaskDetail",
    )


def _download_record(world: World, task: Download) -> Answer:
    status, finished, error = task.at(world.clock())
    # Only what was converted for a manual download has an address.
    place = f"{task.task_id}.tar.gz" if status == "finish" and task.way == "manual" else ""
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
        BackupSetDownloadInternetUrl=f"https://downloads.example.com/{place}" if place else None,
        BackupSetDownloadIntranetUrl=f"https://downloads.internal.example.com/{place}" if place else None,
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
    """DescribePreCheckProgressList, of a plan or a restore task."""
    now = world.clock()
    failed = False
    if task_id := params.get("RestoreTaskId"):
        task = world.restore(task_id, account)
        if task is None:
            raise invalid("RestoreTaskId")
        began = task.created_at
    else:
        spec = plan_of(world, account, params)
        failed, began = "failed_precheck" in spec.incidents, world.history(spec.plan_id).created_at
    each = PRECHECK_SECONDS / len(CHECKS)
    items = []
    done = 0
    for number, check in enumerate(CHECKS):
        boots, ends = began + number * each, began + (number + 1) * each
        bad = failed and check == FAILED_CHECK
        held = failed and number > CHECKS.index(FAILED_CHECK)
        over = now >= ends and not held
        done += over and not bad
        state = (
            "failed" if bad and over else "finish" if over else "init" if held or now < boots else "running"
        )
        items.append(
            record(
                Names=f"{check}_DETAIL",
                Item=check,
                OrderNum=str(10 * (number + 1)),
                State=state,
                BootTime=ms(began if state == "init" else boots),
                FinishTime=ms(ends) if over else None,
                JobId=f"chk{int(began) % 10**6:06d}",
                ErrMsg="The account lacks the privileges SELECT, RELOAD" if bad and over else None,
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
    """DescribeJobErrorCode, of a full backup set or a restore task; a job that did not fail has no error."""
    job = required(params, "TaskId")
    item: Answer = {"JobId": job, "Language": params.get("Language") or "en"}
    task = world.restore(job, account)
    history = None if task is not None else world.set_owner(job, account)
    failure = ""
    if task is not None:
        item |= {"JobState": task.at(world.clock())[0], "JobType": "cbs_restore"}
        failure = "failed_restore"
    elif history is not None:
        number = next(one for one in history.full_numbers() if history.set_id(one) == job)
        item |= {"JobState": history.full(number).status, "JobType": "cbs_backup_full"}
        failure = history.failure(number)
    else:
        raise Refused(400, "InvalidJobId", "The specified job is not found.")
    if item["JobState"] == "stop" and failure:
        code, message = FAILURES[failure]
        item |= {"ErrorCode": code, "ErrorMessage": message}
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
    if gateway:
        own_gateway(world, account, gateway)
    return {"DbList": {"dbName": ["app_1", "app_2", "app_3"]}}


def own_gateway(world: World, account: str, gateway_id: int) -> None:
    """Refused if the account has no such gateway."""
    one = world.gateway(gateway_id)
    if one is None or one.account != account:
        raise Refused(400, "InvalidParameter", "This backup gateway is not found")
