"""A fleet with its clock: healthy for months, the same whenever it was made, and changed by callers."""

from __future__ import annotations

from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.simulated_cloud import (
    DAY,
    HOUR,
    NOW,
    Cloud,
    all_plans,
    ask,
    fleet_at,
    records,
    records_of_ranges,
    standing_world,
)

from dbs_exporter.simulator import World, fleet

HEALTHY_LAG_SECONDS = 90
LOG_LAG_SECONDS = 60.0
LONGEST_BACKUP_SECONDS = 9 * HOUR


def schedule_gap(plan: dict[str, Any]) -> float:
    """The longest time between two scheduled full backups, from what the API says."""
    names = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
    days = sorted(names.index(day) for day in plan["BackupPeriod"].split(","))
    return DAY * max((later - day) % 7 or 7 for day, later in zip(days, [*days[1:], days[0]], strict=True))


def test_the_same_seed_and_moment_give_the_same_answers() -> None:
    """Two worlds of one seed agree in everything; another seed does not."""
    first, same, other = standing_world(), standing_world(), standing_world(seed=2)
    answers = [ask(world, "DescribeBackupPlanList", PageSize=100) for world in (first, same, other)]

    assert answers[0] == answers[1]
    assert answers[0] != answers[2]
    plan_id = all_plans(first)[0]
    assert ask(first, "DescribeFullBackupList", BackupPlanId=plan_id) == ask(
        same, "DescribeFullBackupList", BackupPlanId=plan_id
    )


def test_a_healthy_fleet_is_healthy() -> None:
    """Without incidents every plan runs, has its backups as scheduled, fresh log, no hole, and expiry far ahead."""
    world = standing_world(incidents=())
    for plan_id in all_plans(world):
        history = world.history(plan_id)
        spec = history.spec
        newest = history.newest_finished()
        window = history.window()
        assert newest is not None
        assert newest.finished_at is not None
        assert window is not None
        assert world.status_of(spec) == "running"
        assert NOW - newest.finished_at < 7 * 86_400 / len(spec.weekdays) + 2 * 86_400
        assert newest.expires_at - NOW > 30 * 86_400
        if spec.has_log:
            assert NOW - window[1] < HEALTHY_LAG_SECONDS
            assert len(history.ranges()) == 1
        assert not [task for task in world.restores(plan_id) if task.at(NOW)[0] != "finish"]
    proven = sum(bool(world.restores(plan_id)) for plan_id in all_plans(world))
    assert proven > 0.8 * len(all_plans(world))


@pytest.mark.parametrize("later", [0.0, 0.37 * DAY, 3.9 * DAY, 45 * DAY, 400 * DAY])
def test_a_healthy_fleet_stays_healthy(later: float) -> None:
    """At every hour of its life: log within a minute, backups as scheduled, a restore proven, nothing about to end."""
    clock = FakeClock(NOW)
    world = World.healthy(clock=clock.now)
    clock.advance(later)
    now = clock.now()
    plans = records(world, "DescribeBackupPlanList")
    proven = 0
    for plan in plans:
        plan_id = plan["BackupPlanId"]
        sets = records(world, "DescribeFullBackupList", BackupPlanId=plan_id)
        good = [backup for backup in sets if backup["BackupStatus"] == "finish"]
        assert {backup["BackupStatus"] for backup in sets} <= {"finish", "running", "schedule"}
        newest = max(good, key=lambda backup: int(backup["FinishTime"]))
        assert now - newest["CreateTime"] / 1000 <= schedule_gap(plan) + LONGEST_BACKUP_SECONDS
        assert newest["BackupSetExpiredTime"] / 1000 - now > 30 * DAY
        assert plan["BackupPlanStatus"] == "running"
        assert plan.get("InstanceExpiredTimestamp", 2**50) / 1000 - now > 45 * DAY
        logs = records(world, "DescribeIncrementBackupList", BackupPlanId=plan_id)
        assert bool(logs) is plan["EnableBackupLog"]
        ranges = records_of_ranges(world, plan)
        if logs:
            received = max(file["EndTime"] for file in logs) / 1000
            assert now - LOG_LAG_SECONDS < received <= now
            assert [stretch["RangeType"] for stretch in ranges] == ["range"]
            assert ranges[0]["EndTimestampForRestore"] / 1000 == pytest.approx(received, abs=1)
        else:
            assert len(ranges) == len(good)
        tasks = records(world, "DescribeRestoreTaskList", BackupPlanId=plan_id)
        assert {task["RestoreStatus"] for task in tasks} <= {"finish", "running", "init", "check_pass"}
        proven += any(now - task.get("RestoreTaskFinishTime", 0) / 1000 < 60 * DAY for task in tasks)
        downloads = records(world, "DescribeBackupSetDownloadTaskList", BackupPlanId=plan_id)
        assert {task["BackupSetDownloadStatus"] for task in downloads} <= {"finish", "running", "init"}
        check = ask(world, "DescribePreCheckProgressList", BackupPlanId=plan_id)
        assert (check["Status"], check["Progress"]) == ("finish", 100)
    assert proven >= 0.9 * len(plans)
    for region in fleet.REGIONS:
        for gateway in records(world, "DescribeBackupGatewayList", Region=region):
            assert gateway["BackupGatewayStatus"] == "ONLINE"
            assert 0 <= now - gateway["LastHeartbeatTime"] / 1000 <= 10.1


def test_healthy_worlds_agree_whenever_they_were_made() -> None:
    """Without incidents a fleet depends on the seed and the present alone, so it does not age with the process."""
    early, late = FakeClock(NOW), FakeClock(NOW + 200 * DAY)
    older, younger = World.healthy(clock=early.now), World.healthy(clock=late.now)
    early.advance(200 * DAY)

    assert records(older, "DescribeBackupPlanList") == records(younger, "DescribeBackupPlanList")
    for plan_id in older.plan_ids("demo"):
        for operation in ("DescribeFullBackupList", "DescribeRestoreTaskList", "DescribeIncrementBackupList"):
            assert records(older, operation, BackupPlanId=plan_id) == records(
                younger, operation, BackupPlanId=plan_id
            )


def test_a_plan_can_be_deleted_and_renamed() -> None:
    """What callers change is seen by the next list."""
    world = standing_world()
    deleted, renamed = world.plan_ids("demo", "cn-hangzhou")[:2]
    world.delete_plan(deleted)
    world.rename(renamed, "new-name")
    names = {
        plan["BackupPlanId"]: plan["BackupPlanName"]
        for plan in ask(world, "DescribeBackupPlanList", Region="cn-hangzhou", PageSize=100)["Items"][
            "BackupPlanDetail"
        ]
    }

    assert deleted not in names
    assert names[renamed] == "new-name"
    with pytest.raises(KeyError):
        world.delete_plan(deleted)


def test_an_unknown_incident_is_refused() -> None:
    """A misspelt incident names those there are."""
    with pytest.raises(ValueError, match="failed_full_backup"):
        standing_world().set_incidents(["burnt_down"])


def test_incidents_are_switched_one_by_one() -> None:
    """One begins without touching the others, and ends the same way; a plan that is gone is no hindrance."""
    clock = FakeClock(NOW)
    world = fleet_at(clock, incidents=("locked_plan",))
    clock.advance(HOUR)
    world.begin("offline_gateway", "locked_plan")

    assert list(world.incidents) == ["locked_plan", "offline_gateway"]
    plan_id = world.incident_plans["offline_gateway"][0]
    assert world.anchor_of(plan_id) == NOW + HOUR
    assert world.anchor_of(world.incident_plans["locked_plan"][0]) == NOW
    world.delete_plan(plan_id)
    world.end("locked_plan")
    assert list(world.incidents) == ["offline_gateway"]
    with pytest.raises(ValueError, match="no such incident: fire"):
        world.end("fire")


def test_the_same_client_token_makes_one_task(cloud: Cloud) -> None:
    """A request that is sent again because its answer was lost changes nothing more."""
    made: list[str] = []

    def make() -> str:
        made.append("x")
        return f"task{len(made)}"

    def once(token: str) -> Any:
        return cloud.world.answer_once("demo", "Create", token, make)

    assert once("a") == once("a") == "task1"
    assert once("b") == "task2"
    assert (once(""), once("")) == ("task3", "task4")


@pytest.mark.parametrize("wrong", [{"order": "random"}, {"empty": "nothing"}, {"incidents": ["fire"]}])
def test_a_world_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """The message names what there is."""
    with pytest.raises(ValueError, match=r"newest|locked_plan"):
        World(**wrong)
