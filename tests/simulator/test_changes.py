"""Writes change the simulated world: what a caller did is seen by every read after it."""

from __future__ import annotations

from typing import Any

import pytest
from support.simulated_cloud import DAY, HOUR, Cloud

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.simulator.changes import WRITES
from dbs_exporter.simulator.replies import Refused


def test_log_backup_switched_off_leaves_a_hole(cloud: Cloud) -> None:
    """Off, the log stands still; on again, it goes on, and only the next full backup opens a second range."""
    cloud.ask("DisableBackupLog", BackupPlanId=cloud.plan_id)
    off = cloud.plan()["EndTimestampForRestore"]
    cloud.clock.advance(2 * HOUR)

    assert cloud.plan()["EnableBackupLog"] is False
    assert cloud.world.history(cloud.plan_id).log_stretches()[-1][1] * 1000 == pytest.approx(off, abs=60_000)
    newest = cloud.world.history(cloud.plan_id)
    assert newest.log(newest.log_count() - 1).status == "UNCOMPLETED"
    cloud.ask("EnableBackupLog", BackupPlanId=cloud.plan_id)
    cloud.clock.advance(HOUR)
    assert cloud.plan()["EnableBackupLog"] is True
    assert len(cloud.world.history(cloud.plan_id).log_stretches()) == 2
    cloud.clock.advance(2 * DAY)
    first, second = [stretch for stretch in cloud.ranges() if stretch["RangeType"] == "range"]
    assert second["BeginTimestampForRestore"] - first["EndTimestampForRestore"] > 2 * HOUR * 1000
    cloud.clock.advance(8 * DAY)
    assert len(cloud.ranges()) == 1


def test_a_backup_after_the_log_stopped_is_a_point(cloud: Cloud) -> None:
    """Full backups that no log covers can be restored as such, and are the newest recovery point."""
    cloud.ask("DisableBackupLog", BackupPlanId=cloud.plan_id)
    cloud.clock.advance(3 * DAY)
    kinds = [stretch["RangeType"] for stretch in cloud.ranges()]

    assert kinds[0] == "range"
    assert set(kinds[1:]) == {"point"}
    assert cloud.ranges()[-1]["FullBackupList"]["FullBackupDetail"][0]["BackupSetId"]
    assert cloud.plan()["EndTimestampForRestore"] == cloud.ranges()[-1]["EndTimestampForRestore"]


def test_a_paused_plan_makes_no_backups(cloud: Cloud) -> None:
    """Stopped, nothing new comes; started, the schedule goes on without what was missed."""
    before = cloud.world.history(cloud.plan_id).full_numbers()[-1]
    cloud.ask("StopBackupPlan", BackupPlanId=cloud.plan_id)
    cloud.clock.advance(4 * DAY)

    assert cloud.plan()["BackupPlanStatus"] == "pause"
    assert cloud.world.history(cloud.plan_id).full_numbers()[-1] == before
    cloud.ask("StartBackupPlan", BackupPlanId=cloud.plan_id)
    cloud.clock.advance(DAY * 3)
    assert cloud.plan()["BackupPlanStatus"] == "running"
    numbers = cloud.world.history(cloud.plan_id).full_numbers()
    assert numbers[-1] > before + 1
    assert before + 1 not in numbers


def test_a_plan_is_bought_configured_and_started(cloud: Cloud) -> None:
    """It waits, is checked, runs, has its first backup as scheduled, and can be restored from there."""
    plan_id = cloud.ask(
        "CreateBackupPlan", DatabaseType="MySQL", BackupMethod="logical", Region="cn-shanghai", InstanceClass="xlarge"
    )["BackupPlanId"]  # fmt: skip

    assert plan_id in cloud.world.plan_ids("demo", "cn-shanghai")
    assert cloud.plan(plan_id)["BackupPlanStatus"] == "wait"
    assert cloud.plan(plan_id)["InstanceClass"] == "xlarge"
    with pytest.raises(Refused):
        cloud.ask("StartBackupPlan", BackupPlanId=plan_id)
    cloud.ask(
        "ConfigureBackupPlan",
        BackupPlanId=plan_id,
        BackupPlanName="new",
        BackupObjects="[]",
        SourceEndpointIP="10.0.0.9",
        BackupRetentionPeriod=30,
        BackupLogRetentionPeriod=5,
    )
    assert cloud.plan(plan_id)["BackupPlanStatus"] == "init"
    cloud.clock.advance(20)
    configured = cloud.plan(plan_id)
    assert configured["BackupPlanStatus"] == "check_pass"
    assert configured["SourceEndpointIpPort"] == "10.0.0.9:3306"
    assert (configured["BackupRetentionPeriod"], configured["LogBackupRetentionPeriod"]) == (30, "5")
    assert "EndTimestampForRestore" not in configured
    cloud.ask("StartBackupPlan", BackupPlanId=plan_id)
    cloud.clock.advance(3 * DAY)
    running = cloud.plan(plan_id)
    assert running["BackupPlanStatus"] == "running"
    assert cloud.clock.now() * 1000 - running["EndTimestampForRestore"] < 60_000
    cloud.ask("ReleaseBackupPlan", BackupPlanId=plan_id)
    with pytest.raises(Refused, match="BackupPlanId"):
        cloud.plan(plan_id)
    with pytest.raises(Refused) as gone:
        cloud.ask("ReleaseBackupPlan", BackupPlanId=plan_id)
    assert gone.value.code == "InvalidJobId"


def test_a_plan_of_an_unknown_kind_in_a_new_region(cloud: Cloud) -> None:
    """A region without gateways and an engine that the fleet lacks are no hindrance."""
    made = cloud.ask(
        "CreateAndStartBackupPlan", DatabaseType="DRDS", BackupMethod="logical", Region="cn-beijing", PayType="postpay"
    )  # fmt: skip

    assert cloud.plan(made["BackupPlanId"])["BackupPlanStatus"] == "running"
    assert cloud.plan(made["BackupPlanId"])["InstanceChargeType"] == "POSTPAY"
    assert cloud.ask("DescribeBackupPlanList", Region="cn-beijing")["TotalElements"] == 1


@pytest.mark.parametrize(
    ("operation", "params", "told"),
    [
        ("ModifyBackupPlanName", {"BackupPlanName": "other"}, {"BackupPlanName": "other"}),
        ("ModifyBackupObjects", {"BackupObjects": "[1]"}, {"BackupObjects": "[1]"}),
        (
            "ModifyBackupSourceEndpoint",
            {"SourceEndpointIP": "h", "SourceEndpointPort": 1},
            {"SourceEndpointIpPort": "h:1"},
        ),
        (
            "ModifyBackupStrategy",
            {"BackupPeriod": "Monday,Friday", "BackupStartTime": "01:30"},
            {"BackupPeriod": "MONDAY,FRIDAY", "BackupStartTime": "01:30"},
        ),
        ("ModifyStorageStrategy", {"DuplicationArchivePeriod": 200}, {"DuplicationArchivePeriod": 200}),
        ("ModifyStorageStrategy", {"BackupRetentionPeriod": 20}, {"BackupRetentionPeriod": 20}),
        ("UpgradeBackupPlan", {"InstanceClass": "large"}, {"InstanceClass": "large"}),
        (
            "ModifyBackupSetDownloadRules",
            {
                "OpenAutoDownload": True,
                "BackupSetDownloadTargetTypeLocation": "local",
                "FullDataFormat": "CSV",
            },
            {"OpenBackupSetAutoDownload": True, "BackupSetDownloadFullDataFormat": "CSV"},
        ),
    ],
)
def test_what_is_modified_is_listed(
    cloud: Cloud, operation: str, params: dict[str, Any], told: dict[str, Any]
) -> None:
    """The plan list says the new value at once."""
    cloud.ask(operation, BackupPlanId=cloud.plan_id, **params)

    assert told.items() <= cloud.plan().items()


def test_a_shorter_retention_drops_old_sets(cloud: Cloud) -> None:
    """The list holds what the retention keeps."""
    before = cloud.sets()
    cloud.ask("ModifyStorageStrategy", BackupPlanId=cloud.plan_id, BackupRetentionPeriod=10)

    assert before > 30
    assert cloud.sets() <= 11


def test_a_prepaid_plan_is_renewed(cloud: Cloud) -> None:
    """It ends later by what was bought; a plan paid by use cannot be renewed."""
    plans = cloud.ask("DescribeBackupPlanList", PageSize=100)["Items"]["BackupPlanDetail"]
    prepaid = next(plan for plan in plans if plan["InstanceChargeType"] == "PREPAY")
    other = next(plan for plan in plans if plan["InstanceChargeType"] == "POSTPAY")
    cloud.ask("RenewBackupPlan", BackupPlanId=prepaid["BackupPlanId"], Period="Year", UsedTime=2)

    gained = (
        cloud.plan(prepaid["BackupPlanId"])["InstanceExpiredTimestamp"] - prepaid["InstanceExpiredTimestamp"]
    )
    assert gained == pytest.approx(2 * 365 * DAY * 1000)
    bill = cloud.ask("DescribeBackupPlanBilling", BackupPlanId=prepaid["BackupPlanId"])["Item"]
    assert bill["BuyExpiredTimestamp"] == cloud.plan(prepaid["BackupPlanId"])["InstanceExpiredTimestamp"]
    with pytest.raises(Refused):
        cloud.ask("RenewBackupPlan", BackupPlanId=other["BackupPlanId"])


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("CreateRestoreTask", {"RestoreTime": 1}),
        ("CreateRestoreTask", {"BackupSetId": "nobody"}),
        ("CreateRestoreTask", {"RestoreTime": 1, "BackupSetId": "x"}),
        ("CreateRestoreTask", {"BackupGatewayId": 5}),
        ("StartRestoreTask", {"RestoreTaskId": "s1-nobody-0"}),
        ("CreateFullBackupSetDownload", {"BackupSetId": "nobody"}),
        ("CreateIncrementBackupSetDownload", {"BackupSetId": "nobody", "BackupSetName": "x"}),
        ("ModifyBackupSetDownloadRules", {"OpenAutoDownload": "true"}),
        ("ModifyBackupStrategy", {"BackupPeriod": "Someday"}),
        ("ModifyStorageStrategy", {"BackupRetentionPeriod": 0}),
        ("CreateGetDBListFromAgentTask", {"BackupGatewayId": 5}),
        ("DescribeJobErrorCode", {"TaskId": "nobody"}),
        ("DescribeRestoreTaskList", {"RestoreTaskId": "s1-x-0"}),
        ("DescribeBackupPlanList", {"BackupPlanName": "nobody", "BackupPlanId": ""}),
    ],
)
def test_what_makes_no_sense_is_refused(cloud: Cloud, operation: str, params: dict[str, Any]) -> None:
    """Unknown ids and contradictions are told as the service tells them."""
    given = {
        "BackupPlanId": cloud.plan_id,
        "RestoreTaskName": "x",
        "DestinationEndpointInstanceType": "rds",
        **params,
    }
    with pytest.raises(Refused) as refused:
        cloud.ask(operation, **given)

    assert refused.value.code.startswith(("InvalidParameter", "InvalidJobId", "Missing"))


def test_every_operation_that_writes_is_answered() -> None:
    """The simulator carries out all that the client can ask to change."""
    assert set(WRITES) == {name for name, operation in OPERATIONS.items() if operation.writes}
