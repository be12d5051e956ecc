"""WRITES: the operations that change something, and their answers.

This module owns what each operation changes in the world; `reads_plans`, `reads_backups` and `reads_tasks` show the changes. A changed schedule (ModifyBackupStrategy) appears in the plan list, but the simulated backups keep their times, because
otherwise their past would change too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dbs_exporter.simulator.fleet import DAY, ENGINES, YEAR, Engine, PlanSpec
from dbs_exporter.simulator.past import HOUR
from dbs_exporter.simulator.reads_plans import WEEKDAYS, plan_of, prepaid_end
from dbs_exporter.simulator.reads_tasks import check_own_gateway
from dbs_exporter.simulator.replies import Answer, Params, Refused, flag, integer, invalid, ms, required
from dbs_exporter.simulator.tasks import STOPPED_AFTER_SECONDS, Download, Restore
from dbs_exporter.simulator.world import World

Write = Callable[[World, str, Params], Answer]


def create_restore_task(world: World, account: str, params: Params) -> Answer:
    """Carry out CreateRestoreTask, to a point in time or to a full backup set."""
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
    backup = history.newest_finished()
    if set_id:
        numbers = [number for number in history.full_numbers() if history.set_id(number) == set_id]
        backup = history.full(numbers[0]) if numbers else None
        if backup is None or backup.status != "finish":
            raise invalid("BackupSetId")
    gateway_id = integer(params, "BackupGatewayId", 0)
    if gateway_id:
        check_own_gateway(world, account, gateway_id)
    task = Restore(
        task_id=world.new_id("s"),
        plan_id=spec.plan_id,
        name=name,
        created_at=world.clock(),
        size_bytes=backup.size_bytes if backup else spec.base_bytes,
        kind=spec.engine.restore_kind,
        continuous=target is not None and spec.has_log,
        target_at=target,
        set_id=backup.set_id if backup else "",
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
        objects=params.get("RestoreObjects", ""),
        names_objects=bool(params.get("RestoreObjects")),
        stuck=world.restores_end == "stuck",
        failed=world.restores_end == "failed",
        fails_precheck=world.restores_end == "failed_precheck",
    )
    world.add_restore(task)
    return {"RestoreTaskId": task.task_id}


def start_restore_task(world: World, account: str, params: Params) -> Answer:
    """Carry out StartRestoreTask; from then on its progress is a function of the time."""
    task = world.restore(required(params, "RestoreTaskId"), account)
    if task is None:
        raise invalid("RestoreTaskId")
    if task.started_at is None:
        if task.fails_precheck:
            raise Refused(400, "InvalidParameter", "The pre-check of this restore task has not passed")
        there = {
            name
            for other in world.created_restores()
            if other.started_at is not None and not other.is_dropped and other.destination == task.destination
            for name in other.databases
        }
        task.conflict = next((name for name in task.databases if name in there), "")
        task.started_at = world.clock()
        if world.restores_end == "stopped":
            task.stopped_at = task.started_at + STOPPED_AFTER_SECONDS
    return {"RestoreTaskId": task.task_id}


def _download(
    world: World, spec: PlanSpec, params: Params, set_id: str, code: str, kind: str, default: str, size: int
) -> Answer:
    data_format = params.get("BackupSetDataFormat") or default
    if data_format not in ("Native", "SQL", "CSV", "JSON"):
        raise invalid("BackupSetDataFormat")
    task = Download(
        task_id=world.new_id("dbstoo"),
        plan_id=spec.plan_id,
        name=f"download-{set_id}",
        set_id=set_id,
        code=code,
        created_at=world.clock(),
        size_bytes=size,
        data_format=data_format,
        job_type=kind,
        database_type=spec.engine.database_type,
    )
    world.add_download(task)
    return {"BackupSetDownloadTaskId": task.task_id}


def create_full_download(world: World, account: str, params: Params) -> Answer:
    """Carry out CreateFullBackupSetDownload."""
    set_id = required(params, "BackupSetId")
    history = world.set_owner(set_id, account)
    for number in history.full_numbers() if history else ():
        if history is not None and history.set_id(number) == set_id:
            backup = history.full(number)
            if backup.status == "finish":
                kind = "cbs_backup_sub_full"
                return _download(world, history.spec, params, set_id, set_id, kind, "CSV", backup.size_bytes)
    raise invalid("BackupSetId")


def create_increment_download(world: World, account: str, params: Params) -> Answer:
    """Carry out CreateIncrementBackupSetDownload, with the id of the log job and the name of the file."""
    set_id, name = required(params, "BackupSetId"), required(params, "BackupSetName")
    spec = world.spec(set_id.removesuffix("log"), account)
    if spec is not None:
        history = world.history(spec.plan_id)
        for file in map(history.log, range(history.log_count())):
            if file.file_id == name:
                kind = "cbs_backup_sub_cont"
                return _download(world, spec, params, set_id, name, kind, "Native", file.size_bytes)
    raise invalid("BackupSetId")


def modify_download_rules(world: World, account: str, params: Params) -> Answer:
    """Carry out ModifyBackupSetDownloadRules."""
    spec = plan_of(world, account, params)
    is_automatic = flag(params, "OpenAutoDownload", False)
    if is_automatic and not params.get("BackupSetDownloadTargetTypeLocation"):
        raise Refused(
            400, "MissingBackupSetDownloadTargetTypeLocation", "The target's location is mandatory."
        )
    fields: dict[str, Any] = {"OpenBackupSetAutoDownload": is_automatic}
    for parameter, listed_field in (
        ("BackupSetDownloadDir", "BackupSetDownloadDir"),
        ("BackupSetDownloadTargetType", "BackupSetDownloadTargetType"),
        ("FullDataFormat", "BackupSetDownloadFullDataFormat"),
        ("IncrementDataFormat", "BackupSetDownloadIncrementDataFormat"),
    ):
        if params.get(parameter):
            fields[listed_field] = params[parameter]
    if gateway_id := integer(params, "BackupGatewayId", 0):
        check_own_gateway(world, account, gateway_id)
        fields["BackupSetDownloadGatewayId"] = gateway_id
    world.change_fields(spec.plan_id, fields)
    return {"BackupPlanId": spec.plan_id}


def create_database_list_task(world: World, account: str, params: Params) -> Answer:
    """Carry out CreateGetDBListFromAgentTask."""
    if gateway_id := integer(params, "BackupGatewayId", 0):
        check_own_gateway(world, account, gateway_id)
    return {"TaskId": world.looks.add(params)}


def release(world: World, account: str, params: Params) -> Answer:
    """Carry out ReleaseBackupPlan."""
    spec = world.spec(required(params, "BackupPlanId"), account)
    if spec is None:
        raise Refused(400, "InvalidJobId", "The specified job is not found.")
    world.delete_plan(spec.plan_id)
    return {"BackupPlanId": spec.plan_id}


def create_plan(world: World, account: str, params: Params) -> Answer:
    """Carry out CreateBackupPlan; the plan is listed at once and waits for its configuration."""
    database_type, method = required(params, "DatabaseType"), required(params, "BackupMethod")
    region = params.get("Region") or params.get("RegionId") or "cn-hangzhou"
    engine = next(
        (engine for engine in ENGINES if (engine.database_type, engine.method) == (database_type, method)),
        Engine(database_type, 3306, method, False, "log-{:08d}"),
    )
    prepaid = params.get("PayType", "prepay") == "prepay"
    fields = {"engine": engine, "has_log": engine.has_log, "prepaid": prepaid, "incidents": frozenset()}
    plan_id = world.add_plan(account, region, fields)
    if params.get("InstanceClass"):
        world.change_fields(plan_id, {"InstanceClass": params["InstanceClass"]})
    return {"BackupPlanId": plan_id, "OrderId": world.new_id("2056")}


def configure_plan(world: World, account: str, params: Params) -> Answer:
    """Carry out ConfigureBackupPlan; the plan list shows the settings, and the pre-check begins."""
    spec = plan_of(world, account, params)
    _change_settings(world, spec, params)
    if world.status_of(spec) == "wait":
        world.set_status(spec.plan_id, "check_pass")
    return {"BackupPlanId": spec.plan_id}


def create_and_start_plan(world: World, account: str, params: Params) -> Answer:
    """Carry out CreateAndStartBackupPlan."""
    answer = create_plan(world, account, params)
    configure_plan(world, account, {**params, "BackupPlanId": str(answer["BackupPlanId"])})
    world.set_status(answer["BackupPlanId"], "running")
    return answer | {"CreateBackupSet": False}


TEXT_SETTINGS = (
    "BackupObjects", "BackupPlanName", "BackupStartTime", "InstanceClass", "OSSBucketName", "SourceEndpointDatabaseName",
    "SourceEndpointInstanceID", "SourceEndpointInstanceType", "SourceEndpointOracleSID", "SourceEndpointRegion",
    "SourceEndpointUserName",
)  # fmt: skip
DAY_SETTINGS = ("BackupRetentionPeriod", "DuplicationArchivePeriod", "DuplicationInfrequentAccessPeriod")


def _change_settings(world: World, spec: PlanSpec, params: Params) -> None:
    """Change a plan's settings to those of a request, as the plan list shows them."""
    fields: dict[str, Any] = {name: params[name] for name in TEXT_SETTINGS if params.get(name)}
    fields |= {name: integer(params, name, 0, range(1, 1826)) for name in DAY_SETTINGS if params.get(name)}
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
    """Carry out any operation that changes settings of a plan, such as ModifyBackupStrategy."""
    spec = plan_of(world, account, params)
    _change_settings(world, spec, params)
    return {"BackupPlanId": spec.plan_id}


def rename(world: World, account: str, params: Params) -> Answer:
    """Carry out ModifyBackupPlanName."""
    required(params, "BackupPlanName")
    return change_plan(world, account, params)


def renew(world: World, account: str, params: Params) -> Answer:
    """Carry out RenewBackupPlan, for some months or years."""
    spec = plan_of(world, account, params)
    ends = prepaid_end(world, world.history(spec.plan_id))
    if ends is None:
        raise Refused(400, "InvalidParameter", "This backupPlan can't support this action")
    periods = integer(params, "UsedTime", 1, range(1, 12))
    ends += periods * (YEAR if params.get("Period") == "Year" else 30 * DAY)
    world.change_fields(spec.plan_id, {"InstanceExpiredTimestamp": ms(ends)})
    return {"BackupPlanId": spec.plan_id, "OrderId": world.new_id("2056")}


def _set_status(status: str) -> Write:
    def change(world: World, account: str, params: Params) -> Answer:
        spec = plan_of(world, account, params)
        if world.status_of(spec) in ("wait", "locked"):
            raise Refused(400, "InvalidParameter", "This backupPlan can't support this action")
        world.set_status(spec.plan_id, status)
        return {"BackupPlanId": spec.plan_id}

    return change


def _set_log_enabled(enabled: bool) -> Write:
    def change(world: World, account: str, params: Params) -> Answer:
        spec = plan_of(world, account, params)
        if enabled and "log_backup_paused" in spec.incidents:
            # Mended as in life: log comes again, and what was missed stays missing.
            paused_at = world.anchor_of(spec.plan_id) - 3 * HOUR
            world.end("log_backup_paused")
            world.set_log_enabled(spec.plan_id, False, paused_at)
        world.set_log_enabled(spec.plan_id, enabled)
        return {"BackupPlanId": spec.plan_id}

    return change


def _accept(world: World, account: str, params: Params) -> Answer:
    return {}


WRITES: dict[str, Write] = {
    "ConfigureBackupPlan": configure_plan,
    "CreateAndStartBackupPlan": create_and_start_plan,
    "CreateBackupPlan": create_plan,
    "CreateFullBackupSetDownload": create_full_download,
    "CreateGetDBListFromAgentTask": create_database_list_task,
    "CreateIncrementBackupSetDownload": create_increment_download,
    "CreateRestoreTask": create_restore_task,
    "DisableBackupLog": _set_log_enabled(False),
    "EnableBackupLog": _set_log_enabled(True),
    "InitializeDbsServiceLinkedRole": _accept,
    "ModifyBackupObjects": change_plan,
    "ModifyBackupPlanName": rename,
    "ModifyBackupSetDownloadRules": modify_download_rules,
    "ModifyBackupSourceEndpoint": change_plan,
    "ModifyBackupStrategy": change_plan,
    "ModifyStorageStrategy": change_plan,
    "ReleaseBackupPlan": release,
    "RenewBackupPlan": renew,
    "StartBackupPlan": _set_status("running"),
    "StartRestoreTask": start_restore_task,
    "StopBackupPlan": _set_status("pause"),
    "UpgradeBackupPlan": change_plan,
}
