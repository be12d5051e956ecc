"""Tasks, gateways, networks and checks: filters choose, and each says what an operator would ask."""

from __future__ import annotations

import pytest
from support.simulated_cloud import DAY, HOUR, NOW, Cloud, ask, standing_world

from dbs_exporter.simulator import World
from dbs_exporter.simulator.reads_tasks import CHECKS, FAILED_CHECK
from dbs_exporter.simulator.replies import Refused


def test_tasks_and_gateways_are_chosen_by_time_and_name(cloud: Cloud) -> None:
    """A gateway by its identifier, restores by when they were made."""
    plan = {"BackupPlanId": cloud.plan_id}
    both = cloud.world.gateways("demo", "cn-hangzhou")
    answer = cloud.ask("DescribeBackupGatewayList", Region="cn-hangzhou", Identifier=both[0].identifier)
    assert answer["TotalElements"] == 1 < len(both)
    recent = cloud.ask("DescribeRestoreTaskList", **plan, StartTimestamp=int((NOW - 31 * DAY) * 1000))
    assert 0 < recent["TotalElements"] < cloud.ask("DescribeRestoreTaskList", **plan)["TotalElements"]


def test_a_gateway_that_went_offline_stands_at_its_last_heartbeat() -> None:
    """The others reported within seconds."""
    world = standing_world()
    gateways = ask(world, "DescribeBackupGatewayList", Region="cn-hangzhou")["Items"]["BackupGateway"]
    ages = {gateway["BackupGatewayStatus"]: NOW - gateway["LastHeartbeatTime"] / 1000 for gateway in gateways}

    assert ages["OFFLINE"] == 2 * HOUR
    assert 0 <= ages["ONLINE"] <= 10


def test_a_check_that_fails_holds_up_those_behind_it() -> None:
    """What stood before it is done, it says why, and the rest never begins."""
    world = standing_world()
    (plan_id,) = world.incident_plans["failed_precheck"]
    answer = ask(world, "DescribePreCheckProgressList", BackupPlanId=plan_id)
    items = answer["Items"]["PreCheckProgressDetail"]
    failed = CHECKS.index(FAILED_CHECK)

    assert answer["Status"] == "failed"
    assert [item["State"] for item in items] == [
        *["finish"] * failed, "failed", *["init"] * (len(CHECKS) - failed - 1),
    ]  # fmt: skip
    assert [bool(item.get("ErrMsg")) for item in items].index(True) == failed


def test_a_job_that_did_not_fail_has_no_error() -> None:
    """Restores and backups are asked by the same operation; only what failed has a code."""
    world = standing_world()
    (failed,) = world.incident_plans["failed_restore"]
    (stuck,) = world.incident_plans["stuck_restore"]
    error = ask(world, "DescribeJobErrorCode", TaskId=world.restores(failed)[-1].task_id)["Item"]
    none = ask(world, "DescribeJobErrorCode", TaskId=world.restores(stuck)[-1].task_id)["Item"]

    assert (error["JobState"], error["JobType"]) == ("stop", "cbs_restore")
    assert error["ErrorCode"] == "DBS.RestoreObjectConflict"
    assert none["JobState"] == "running"
    assert "ErrorCode" not in none


def test_what_belongs_to_another_account_is_not_there() -> None:
    """A gateway and a task are their account's alone."""
    world = World.healthy(plans=40, accounts=("one", "two"), clock=lambda: NOW)
    theirs = world.gateways("two", "cn-hangzhou")[0]
    task = next(task for plan_id in world.plan_ids("two") for task in world.restores(plan_id))
    with pytest.raises(Refused):
        ask(world, "GetDBListFromAgent", TaskId=1, BackupGatewayId=theirs.gateway_id)

    assert ask(world, "DescribeRestoreTaskList", RestoreTaskId=task.task_id)["TotalElements"] == 0
