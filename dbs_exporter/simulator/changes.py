"""The answers of the operations that change something; what they change is seen by the reads.

A changed schedule (ModifyBackupStrategy) is told by the plan list, but the simulated backups keep their hours: their past would
change with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dbs_exporter.simulator.fleet import DAY, ENGINES, YEAR, Engine, PlanSpec
from dbs_exporter.simulator.reads_plans import WEEKDAYS, plan_of, prepaid_end
from dbs_exporter.simulator.reads_tasks import own_gateway
from dbs_exporter.simulator.replies import Answer, Params, Refused, flag, integer, invalid, ms, required
from dbs_exporter.simulator.tasks import Download, Restore
from dbs_exporter.simulator.world import World

Write = Callable[[World, str, Params], Answer]

# ── restores and downloads ──


def create_restore_task(world: World, account: str, params: Params) -> Answer:
    """CreateRestoreTask: to an instant or to a full backup set."""
    spec = plan_of(world, account, params)
    name, kind = required(params, "RestoreTaskName"), required(params, "DestinationEndpointInstanceType")
    set_id = params.get("BackupSetId", "")
    if params.get("RestoreTime") and set_id:
        raise Refused(400, "InvalidParameter", "RestoreTime and BackupSetId exclude each other.")
    history = world.history(spec.plan_id)
    target = integer(params, "RestoreTime", 0) / 1000 or None
    window = history.window()
    if target is not None and (window is None or not window[0] <= target <= window[1] + 60):
        raise invalid("RestoreTime")
    chosen = history.newest_finished()
    if set_id:
        found = [number for number in history.full_numbers() if history.set_id(number) == set_id]
        chosen = history.full(found[0]) if found else None
        if chosen is None or chosen.status != "finish":
            raise invalid("BackupSetId")
    gateway_id = integer(params, "BackupGatewayId", 0)
    if gateway_id:
        own_gateway(world, account, gateway_id)
    task = Restore(
        task_id=world.new_id("s"),
        plan_id=spec.plan_id,
        name=name,
        created_at=world.clock(),
        size_bytes=chosen.size_bytes if chosen else spec.base_bytes,
        kind=spec.engine.restore_kind,
        continuous=target is not None and spec.has_log,
        target_at=target,
        set_id=chosen.set_id if chosen else "",
        destination_type=kind.lower(),
        destination_instance_id=params.get("DestinationEndpointInstanceID", ""),
        destination_region=params.get("DestinationEndpointRegion", ""),
        destination_ip_port=":".join(
            part for key in ("IP", "Port") if (part := params.get(f"DestinationEndpoint{key}"))
        ),
        destination_user=params.get("DestinationEndpointUserName", ""),
        destination_database=params.get("DestinationEndpointDatabaseName", ""),
        destination_oracle_sid=params.get("DestinationEndpointOracleSID", ""),
        gateway_id=gateway_id,
        restore_dir=params.get("RestoreDir", ""),
        objects=params.get("RestoreObjects") or '[{"DBName":"app_1"}]',
    )
    world.add_restore(task)
    return {"RestoreTaskId": task.task_id}


def start_restore_task(world: World, account: str, params: Params) -> Answer:
    """StartRestoreTask: its stages then follow the clock."""
    task = world.restore(required(params, "RestoreTaskId"), account)
    if task is None:
        raise invalid("RestoreTaskId")
    if task.started_at is None:
        task.started_at = world.clock()
    return {"RestoreTaskId": task.task_id}


def _download(
    world: World, spec: PlanSpec, params: Params, set_id: str, code: str, kind: str, default: str, size: int
) -> Answer:
    wanted = params.get("BackupSetDataFormat") or default
    if wanted not in ("Native", "SQL", "CSV", "JSON"):
        raise invalid("BackupSetDataFormat")
    task = Download(
        task_id=world.new_id("dbstoo"),
        plan_id=spec.plan_id,
        name=f"download-{set_id}",
        set_id=set_id,
        code=code,
        created_at=world.clock(),
        size_bytes=size,
        data_format=wanted,
        job_type=kind,
        database_type=spec.engine.database_type,
    )
    world.add_download(task)
    return {"BackupSetDownloadTaskId": task.task_id}


def create_full_download(world: World, account: str, params: Params) -> Answer:
    """CreateFullBackupSetDownload."""
    set_id = required(params, "BackupSetId")
    history = world.set_owner(set_id, account)
    for number in history.full_numbers() if history else ():
        if history is not None and history.set_id(number) == set_id:
            one = history.full(number)
            if one.status == "finish":
                return _download(
                    world, history.spec, params, set_id, set_id, "cbs_backup_sub_full", "CSV", one.size_bytes
                )
    raise invalid("BackupSetId")


def create_increment_download(world: World, account: str, params: Params) -> Answer:
    """CreateIncrementBackupSetDownload: the set's id is the log job's, the name is the file's."""
    set_id, name = required(params, "BackupSetId"), required(params, "BackupSetName")
    spec = world.spec(set_id.removesuffix("log"), account)
    if spec is not None:
        history = world.history(spec.plan_id)
        for one in map(history.log, range(history.log_count())):
            if one.file_id == name:
                kind = "cbs_backup_sub_cont"
                return _download(world, spec, params, set_id, name, kind, "Native", one.size_bytes)
    raise invalid("BackupSetId")


def modify_download_rules(world: World, account: str, params: Params) -> Answer:
    """ModifyBackupSetDownloadRules."""
    spec = plan_of(world, account, params)
    opened = flag(params, "OpenAutoDownload", False)
    if opened and not params.get("BackupSetDownloadTargetTypeLocation"):
        raise Refused(
            400, "MissingBackupSetDownloadTargetTypeLocation", "The target's location is mandatory."
        )
    fields: dict[str, Any] = {"OpenBackupSetAutoDownload": opened}
    for given, told in (
        ("BackupSetDownloadDir", "BackupSetDownloadDir"),
        ("BackupSetDownloadTargetType", "BackupSetDownloadTargetType"),
        ("FullDataFormat", "BackupSetDownloadFullDataFormat"),
        ("IncrementDataFormat", "BackupSetDownloadIncrementDataFormat"),
    ):
        if params.get(given):
            fields[told] = params[given]
    if gateway_id := integer(params, "BackupGatewayId", 0):
        own_gateway(world, account, gateway_id)
        fields["BackupSetDownloadGatewayId"] = gateway_id
    world.change_fields(spec.plan_id, fields)
    return {"BackupPlanId": spec.plan_id}


def create_database_list_task(world: World, account: str, params: Params) -> Answer:
    """CreateGetDBListFromAgentTask."""
    if gateway_id := integer(params, "BackupGatewayId", 0):
        own_gateway(world, account, gateway_id)
    return {"TaskId": 123_456}


# ── plans ──


def release(world: World, account: str, params: Params) -> Answer:
    """ReleaseBackupPlan."""
    spec = world.spec(required(params, "BackupPlanId"), account)
    if spec is None:
        raise Refused(400, "InvalidJobId", "The specified job is not found.")
    world.delete_plan(spec.plan_id)
    return {"BackupPlanId": spec.plan_id}


def create_plan(world: World, account: str, params: Params) -> Answer:
    """CreateBackupPlan: the plan is in the list at once, and waits for its configuration."""
    wanted, method = required(params, "DatabaseType"), required(params, "BackupMethod")
    region = params.get("Region") or params.get("RegionId") or "cn-hangzhou"
    engine = next(
        (one for one in ENGINES if (one.database_type, one.method) == (wanted, method)),
        Engine(wanted, 3306, method, False, "log-{:08d}"),
    )
    prepaid = params.get("PayType", "prepay") == "prepay"
    spec = {"engine": engine, "has_log": engine.has_log, "prepaid": prepaid, "incidents": frozenset()}
    plan_id = world.add_plan(account, region, spec)
    if params.get("InstanceClass"):
        world.change_fields(plan_id, {"InstanceClass": params["InstanceClass"]})
    return {"BackupPlanId": plan_id, "OrderId": world.new_id("2056")}


def configure_plan(world: World, account: str, params: Params) -> Answer:
    """ConfigureBackupPlan: what is told is listed, and the pre-check begins."""
    spec = plan_of(world, account, params)
    _told(world, spec, params)
    if world.status_of(spec) == "wait":
        world.set_status(spec.plan_id, "check_pass")
    return {"BackupPlanId": spec.plan_id}


def create_and_start_plan(world: World, account: str, params: Params) -> Answer:
    """CreateAndStartBackupPlan."""
    made = create_plan(world, account, params)
    told = {**params, "BackupPlanId": str(made["BackupPlanId"])}
    configure_plan(world, account, told)
    world.set_status(made["BackupPlanId"], "running")
    return made | {"CreateBackupSet": False}


TOLD = (
    "BackupObjects", "BackupPlanName", "BackupStartTime", "InstanceClass", "OSSBucketName", "SourceEndpointDatabaseName",
    "SourceEndpointInstanceID", "SourceEndpointInstanceType", "SourceEndpointOracleSID", "SourceEndpointRegion",
    "SourceEndpointUserName",
)  # fmt: skip
DAYS = ("BackupRetentionPeriod", "DuplicationArchivePeriod", "DuplicationInfrequentAccessPeriod")


def _told(world: World, spec: PlanSpec, params: Params) -> None:
    """Let the plan list say what a request said."""
    fields: dict[str, Any] = {name: params[name] for name in TOLD if params.get(name)}
    fields |= {name: integer(params, name, 0, range(1, 1826)) for name in DAYS if params.get(name)}
    if period := params.get("BackupPeriod"):
        days = period.upper().split(",")
        if not set(days) <= set(WEEKDAYS):
            raise invalid("BackupPeriod")
        fields["BackupPeriod"] = ",".join(days)
    if host := params.get("SourceEndpointIP"):
        port = params.get("SourceEndpointPort") or str(spec.engine.port)
        fields |= {
            "SourceEndpointHost": host,
            "SourceEndpointPort": port,
            "SourceEndpointIpPort": f"{host}:{port}",
        }
    if "BackupRetentionPeriod" in fields:
        world.change_spec(spec.plan_id, retention_days=fields["BackupRetentionPeriod"])
    if params.get("BackupLogRetentionPeriod"):
        days_kept = integer(params, "BackupLogRetentionPeriod", 0, range(1, 1826))
        world.change_spec(spec.plan_id, log_retention_days=days_kept)
    world.change_fields(spec.plan_id, fields)


def change_plan(world: World, account: str, params: Params) -> Answer:
    """ModifyBackupPlanName, ...Objects, ...SourceEndpoint, ...Strategy, ModifyStorageStrategy, UpgradeBackupPlan."""
    spec = plan_of(world, account, params)
    _told(world, spec, params)
    return {"BackupPlanId": spec.plan_id}


def rename(world: World, account: str, params: Params) -> Answer:
    """ModifyBackupPlanName."""
    required(params, "BackupPlanName")
    return change_plan(world, account, params)


def renew(world: World, account: str, params: Params) -> Answer:
    """RenewBackupPlan: a prepaid plan lasts some months or years more."""
    spec = plan_of(world, account, params)
    ends = prepaid_end(world, world.history(spec.plan_id))
    if ends is None:
        raise Refused(400, "InvalidParameter", "This backupPlan can't support this action")
    used = integer(params, "UsedTime", 1, range(1, 12))
    ends += used * (YEAR if params.get("Period") == "Year" else 30 * DAY)
    world.change_fields(spec.plan_id, {"InstanceExpiredTimestamp": ms(ends)})
    return {"BackupPlanId": spec.plan_id, "OrderId": world.new_id("2056")}


def _status(status: str) -> Write:
    def change(world: World, account: str, params: Params) -> Answer:
        spec = plan_of(world, account, params)
        if world.status_of(spec) in ("wait", "locked"):
            raise Refused(400, "InvalidParameter", "This backupPlan can't support this action")
        world.set_status(spec.plan_id, status)
        return {"BackupPlanId": spec.plan_id}

    return change


def _log(enabled: bool) -> Write:
    def change(world: World, account: str, params: Params) -> Answer:
        spec = plan_of(world, account, params)
        world.set_log_enabled(spec.plan_id, enabled)
        return {"BackupPlanId": spec.plan_id}

    return change


def _taken(world: World, account: str, params: Params) -> Answer:
    return {}


WRITES: dict[str, Write] = {
    "ConfigureBackupPlan": configure_plan,
    "CreateAndStartBackupPlan": create_and_start_plan,
    "CreateBackupPlan": create_plan,
    "CreateFullBackupSetDownload": create_full_download,
    "CreateGetDBListFromAgentTask": create_database_list_task,
    "CreateIncrementBackupSetDownload": create_increment_download,
    "CreateRestoreTask": create_restore_task,
    "DisableBackupLog": _log(False),
    "EnableBackupLog": _log(True),
    "InitializeDbsServiceLinkedRole": _taken,
    "ModifyBackupObjects": change_plan,
    "ModifyBackupPlanName": rename,
    "ModifyBackupSetDownloadRules": modify_download_rules,
    "ModifyBackupSourceEndpoint": change_plan,
    "ModifyBackupStrategy": change_plan,
    "ModifyStorageStrategy": change_plan,
    "ReleaseBackupPlan": release,
    "RenewBackupPlan": renew,
    "StartBackupPlan": _status("running"),
    "StartRestoreTask": start_restore_task,
    "StopBackupPlan": _status("pause"),
    "UpgradeBackupPlan": change_plan,
}
