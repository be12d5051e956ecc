"""The answers of the operations that change something; what they change is seen by the reads."""

from __future__ import annotations

from collections.abc import Callable

from .answers import Answer, Params, Refused, flag, integer, required
from .fleet import PlanSpec
from .tasks import Download, Restore
from .world import World

Write = Callable[[World, str, Params], Answer]


def _plan(world: World, account: str, params: Params) -> PlanSpec:
    spec = world.spec(required(params, "BackupPlanId"), account)
    if spec is None:
        raise Refused(
            400, "InvalidParameterValid", "The specified parameter BackupPlanId value is not valid."
        )
    return spec


def create_restore_task(world: World, account: str, params: Params) -> Answer:
    """CreateRestoreTask: to an instant or to a full backup set."""
    spec = _plan(world, account, params)
    name, kind = required(params, "RestoreTaskName"), required(params, "DestinationEndpointInstanceType")
    if params.get("RestoreTime") and params.get("BackupSetId"):
        raise Refused(400, "InvalidParameter", "RestoreTime and BackupSetId exclude each other.")
    target = integer(params, "RestoreTime", 0) / 1000 or None
    window = world.history(spec.plan_id).window()
    if target is not None and (window is None or not window[0] <= target <= window[1] + 60):
        raise Refused(400, "InvalidParameterValid", "The specified parameter RestoreTime value is not valid.")
    newest = world.history(spec.plan_id).newest_finished()
    task = Restore(
        task_id=world.new_id("s"),
        plan_id=spec.plan_id,
        name=name,
        created_at=world.clock(),
        size_bytes=newest.size_bytes if newest else spec.base_bytes,
        physical=spec.engine.method == "physical",
        continuous=target is not None and spec.has_log,
        target_at=target,
        set_id=params.get("BackupSetId") or (newest.set_id if newest else ""),
        destination_type=kind.lower(),
        destination_instance_id=params.get("DestinationEndpointInstanceID", ""),
        destination_region=params.get("DestinationEndpointRegion", ""),
        destination_ip_port=f"{params.get('DestinationEndpointIP', '')}:{params.get('DestinationEndpointPort', '')}".strip(
            ":"
        ),
        destination_user=params.get("DestinationEndpointUserName", ""),
        destination_database=params.get("DestinationEndpointDatabaseName", ""),
        restore_dir=params.get("RestoreDir", ""),
        objects=params.get("RestoreObjects") or '[{"DBName":"app_1"}]',
    )
    world.add_restore(task)
    return {"RestoreTaskId": task.task_id}


def start_restore_task(world: World, account: str, params: Params) -> Answer:
    """StartRestoreTask: its stages then follow the clock."""
    task = world.restore(required(params, "RestoreTaskId"), account)
    if task is None:
        raise Refused(
            400, "InvalidParameterValid", "The specified parameter RestoreTaskId value is not valid."
        )
    if task.started_at is None:
        task.started_at = world.clock()
    return {"RestoreTaskId": task.task_id}


def _download(
    world: World, spec: PlanSpec, params: Params, set_id: str, code: str, kind: str, default: str
) -> Answer:
    task = Download(
        task_id=world.new_id("dbstoo"),
        plan_id=spec.plan_id,
        name=f"download-{set_id}",
        set_id=set_id,
        code=code,
        created_at=world.clock(),
        size_bytes=spec.base_bytes,
        data_format=params.get("BackupSetDataFormat") or default,
        job_type=kind,
        database_type=spec.engine.database_type,
    )
    world.add_download(task)
    return {"BackupSetDownloadTaskId": task.task_id}


def create_full_download(world: World, account: str, params: Params) -> Answer:
    """CreateFullBackupSetDownload."""
    set_id = required(params, "BackupSetId")
    for plan_id in world.plan_ids(account):
        # A set's id begins with letters of its plan's, so only few plans are looked through.
        if plan_id[3:9] == set_id[:6]:
            history = world.history(plan_id)
            if any(history.full(number).set_id == set_id for number in history.full_numbers()):
                return _download(world, history.spec, params, set_id, set_id, "cbs_backup_sub_full", "CSV")
    raise Refused(400, "InvalidParameterValid", "The specified parameter BackupSetId value is not valid.")


def create_increment_download(world: World, account: str, params: Params) -> Answer:
    """CreateIncrementBackupSetDownload: the set's id is the log job's, the name is the file's."""
    set_id, name = required(params, "BackupSetId"), required(params, "BackupSetName")
    for plan_id in world.plan_ids(account):
        if set_id in (plan_id, f"{plan_id[3:]}log"):
            history = world.history(plan_id)
            if any(history.log(at).file_id == name for at in range(history.log_count())):
                return _download(world, history.spec, params, set_id, name, "cbs_backup_sub_cont", "Native")
    raise Refused(400, "InvalidParameterValid", "The specified parameter BackupSetId value is not valid.")


def modify_download_rules(world: World, account: str, params: Params) -> Answer:
    """ModifyBackupSetDownloadRules."""
    spec = _plan(world, account, params)
    if flag(params, "OpenAutoDownload", False) and not params.get("BackupSetDownloadTargetTypeLocation"):
        raise Refused(
            400, "MissingBackupSetDownloadTargetTypeLocation", "The target's location is mandatory."
        )
    return {"BackupPlanId": spec.plan_id}


def create_database_list_task(world: World, account: str, params: Params) -> Answer:
    """CreateGetDBListFromAgentTask."""
    gateway = integer(params, "BackupGatewayId", 0)
    if gateway and world.gateway(gateway) is None:
        raise Refused(400, "InvalidParameter", "This backup gateway is not found")
    return {"TaskId": 123_456}


def release(world: World, account: str, params: Params) -> Answer:
    """ReleaseBackupPlan."""
    spec = world.spec(required(params, "BackupPlanId"), account)
    if spec is None:
        raise Refused(400, "InvalidJobId", "The specified job is not found.")
    world.delete_plan(spec.plan_id)
    return {"BackupPlanId": spec.plan_id}


def rename(world: World, account: str, params: Params) -> Answer:
    """ModifyBackupPlanName."""
    spec = _plan(world, account, params)
    world.rename(spec.plan_id, required(params, "BackupPlanName"))
    return {"BackupPlanId": spec.plan_id}


def _status(status: str) -> Write:
    def change(world: World, account: str, params: Params) -> Answer:
        spec = _plan(world, account, params)
        world.set_status(spec.plan_id, status)
        return {"BackupPlanId": spec.plan_id}

    return change


def _log(enabled: bool) -> Write:
    def change(world: World, account: str, params: Params) -> Answer:
        spec = _plan(world, account, params)
        world.set_log_enabled(spec.plan_id, enabled)
        return {"BackupPlanId": spec.plan_id}

    return change


def _taken(world: World, account: str, params: Params) -> Answer:
    return {"BackupPlanId": _plan(world, account, params).plan_id}


def _bought(world: World, account: str, params: Params) -> Answer:
    return {"BackupPlanId": f"dbs1{world.new_id('n')}"[:13], "OrderId": "2056193500001"}


WRITES: dict[str, Write] = {
    "ConfigureBackupPlan": _taken,
    "CreateAndStartBackupPlan": _bought,
    "CreateBackupPlan": _bought,
    "CreateFullBackupSetDownload": create_full_download,
    "CreateGetDBListFromAgentTask": create_database_list_task,
    "CreateIncrementBackupSetDownload": create_increment_download,
    "CreateRestoreTask": create_restore_task,
    "DisableBackupLog": _log(False),
    "EnableBackupLog": _log(True),
    "ModifyBackupObjects": _taken,
    "ModifyBackupPlanName": rename,
    "ModifyBackupSetDownloadRules": modify_download_rules,
    "ModifyBackupSourceEndpoint": _taken,
    "ModifyBackupStrategy": _taken,
    "ModifyStorageStrategy": _taken,
    "ReleaseBackupPlan": release,
    "RenewBackupPlan": _taken,
    "StartBackupPlan": _status("running"),
    "StartRestoreTask": start_restore_task,
    "StopBackupPlan": _status("pause"),
    "UpgradeBackupPlan": _taken,
}
