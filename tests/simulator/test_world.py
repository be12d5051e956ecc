"""The simulated fleet in time: healthy for months, each incident as an operator would see it, and work that follows the page."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.fake_clock import FakeClock

from dbs_exporter.simulator import INCIDENTS, World, fleet
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.past import PlanHistory
from dbs_exporter.simulator.signatures import NONCE_SECONDS, Keys

NOW = 1_790_000_000.0
DAY = 86_400.0
HOUR = 3_600.0
LOG_LAG_SECONDS = 60.0
LONGEST_BACKUP_SECONDS = 9 * HOUR

Records = list[dict[str, Any]]


def fleet_at(clock: FakeClock, **more: Any) -> World:
    return World(clock=clock.now, anchor=NOW, **more)


def records(world: World, operation: str, **params: Any) -> Records:
    """Every record of a list, page by page."""
    found: Records = []
    for number in range(1000):
        given = {
            "PageSize": "100",
            "PageNum": str(number),
            **{key: str(value) for key, value in params.items()},
        }
        items = READS[operation](world, world.accounts[0], given)["Items"]
        if not items:
            return found
        (page,) = items.values()
        found += page
        if len(page) < 100:
            return found
    raise AssertionError("a list without end")


def schedule_gap(plan: dict[str, Any]) -> float:
    """The longest time between two scheduled full backups, from what the API says."""
    names = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
    days = sorted(names.index(one) for one in plan["BackupPeriod"].split(","))
    return DAY * max((later - day) % 7 or 7 for day, later in zip(days, [*days[1:], days[0]], strict=True))


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
        good = [one for one in sets if one["BackupStatus"] == "finish"]
        assert {one["BackupStatus"] for one in sets} <= {"finish", "running", "schedule"}
        newest = max(good, key=lambda one: int(one["FinishTime"]))
        assert now - newest["CreateTime"] / 1000 <= schedule_gap(plan) + LONGEST_BACKUP_SECONDS
        assert newest["BackupSetExpiredTime"] / 1000 - now > 30 * DAY
        assert plan["BackupPlanStatus"] == "running"
        assert plan.get("InstanceExpiredTimestamp", 2**50) / 1000 - now > 45 * DAY
        logs = records(world, "DescribeIncrementBackupList", BackupPlanId=plan_id)
        assert bool(logs) is plan["EnableBackupLog"]
        ranges = records_of_ranges(world, plan)
        if logs:
            received = max(one["EndTime"] for one in logs) / 1000
            assert now - LOG_LAG_SECONDS < received <= now
            assert [one["RangeType"] for one in ranges] == ["range"]
            assert ranges[0]["EndTimestampForRestore"] / 1000 == pytest.approx(received, abs=1)
        else:
            assert len(ranges) == len(good)
        tasks = records(world, "DescribeRestoreTaskList", BackupPlanId=plan_id)
        assert {one["RestoreStatus"] for one in tasks} <= {"finish", "running", "init", "check_pass"}
        proven += any(now - one.get("RestoreTaskFinishTime", 0) / 1000 < 60 * DAY for one in tasks)
        downloads = records(world, "DescribeBackupSetDownloadTaskList", BackupPlanId=plan_id)
        assert {one["BackupSetDownloadStatus"] for one in downloads} <= {"finish", "running", "init"}
        check = READS["DescribePreCheckProgressList"](world, "demo", {"BackupPlanId": plan_id})
        assert (check["Status"], check["Progress"]) == ("finish", 100)
    assert proven >= 0.9 * len(plans)
    for region in fleet.REGIONS:
        for gateway in records(world, "DescribeBackupGatewayList", Region=region):
            assert gateway["BackupGatewayStatus"] == "ONLINE"
            assert 0 <= now - gateway["LastHeartbeatTime"] / 1000 <= 10.1


def records_of_ranges(world: World, plan: dict[str, Any]) -> Records:
    """What DescribeRestoreRangeInfo says for the window that the plan list tells."""
    window: dict[str, str] = {
        name: str(plan[name])
        for name in ("BeginTimestampForRestore", "EndTimestampForRestore")
        if name in plan
    }
    if not window:
        return []
    given = {"BackupPlanId": str(plan["BackupPlanId"]), **window}
    items = READS["DescribeRestoreRangeInfo"](world, "demo", given)["Items"]
    return list(items["DBSRecoverRange"]) if items else []


def test_healthy_worlds_agree_whenever_they_were_made() -> None:
    """Without incidents a fleet depends on the seed and the present alone, so it does not age with the process."""
    early, late = FakeClock(NOW), FakeClock(NOW + 200 * DAY)
    one, other = World.healthy(clock=early.now), World.healthy(clock=late.now)
    early.advance(200 * DAY)

    assert records(one, "DescribeBackupPlanList") == records(other, "DescribeBackupPlanList")
    for plan_id in one.plan_ids("demo"):
        for operation in ("DescribeFullBackupList", "DescribeRestoreTaskList", "DescribeIncrementBackupList"):
            assert records(one, operation, BackupPlanId=plan_id) == records(
                other, operation, BackupPlanId=plan_id
            )


def test_the_past_does_not_change() -> None:
    """What has ended stays as it was, second after second; the log only grows and jobs only advance."""
    clock = FakeClock(NOW)
    world = fleet_at(clock)
    rank = {"schedule": 0, "running": 1, "finish": 2, "stop": 2}
    ended: dict[tuple[str, str], dict[str, Any]] = {}
    reached: dict[tuple[str, str], int] = {}
    received: dict[str, int] = {}
    for _ in range(40):
        for plan_id in world.plan_ids("demo")[:12]:
            for one in records(world, "DescribeFullBackupList", BackupPlanId=plan_id):
                key = (plan_id, one["BackupSetId"])
                one = {name: value for name, value in one.items() if name != "StorageMethod"}
                assert rank[one["BackupStatus"]] >= reached.get(key, 0)
                reached[key] = rank[one["BackupStatus"]]
                if "FinishTime" in one:
                    assert ended.setdefault(key, one) == one
            until = max(
                (
                    one["EndTime"]
                    for one in records(world, "DescribeIncrementBackupList", BackupPlanId=plan_id)
                ),
                default=0,
            )
            assert until >= received.get(plan_id, 0)
            received[plan_id] = until
        clock.advance(1237)


def sizes(history: PlanHistory) -> list[int]:
    return [one.size_bytes for one in map(history.full, history.full_numbers()) if one.status == "finish"]


def statuses(history: PlanHistory) -> list[str]:
    return [history.full(number).status for number in history.full_numbers()]


@pytest.fixture(params=[0.0, 0.3, 0.6, 0.9])
def begun(request: pytest.FixtureRequest) -> tuple[World, FakeClock]:
    """Begin all incidents at different hours of a day."""
    clock = FakeClock(NOW + request.param * DAY)
    return World(clock=clock.now), clock


def test_each_incident_is_what_it_says(begun: tuple[World, FakeClock]) -> None:
    """Every incident shows on the plans it names, at whatever hour it began."""
    world, clock = begun
    now = clock.now()
    hit = {name: [world.history(one) for one in plans] for name, plans in world.incident_plans.items()}

    def first(name: str) -> PlanHistory:
        return hit[name][0]

    def lag(name: str) -> float:
        return now - first(name).log_stretches()[-1][1]

    assert lag("log_backup_paused") == pytest.approx(3 * HOUR, abs=60)
    clock.advance(600)
    single, repeated = (
        statuses(world.history(first(name).spec.plan_id))
        for name in ("failed_full_backup", "repeatedly_failing_full_backup")
    )
    assert single.count("stop") == 1
    assert "stop" in single[-2:]
    assert repeated.count("stop") in (4, 5)
    assert repeated[-4:].count("stop") >= 3
    missed = first("missed_schedule")
    assert missed.number_at(now) - missed.full_numbers()[-1] == 2
    shrunken = sizes(first("shrunken_backup"))
    assert min(shrunken) < 0.2 * max(shrunken)
    assert not world.log_enabled(first("log_backup_paused").spec)
    assert len(first("log_hole").ranges()) == 2
    (_, hole_begins), (hole_ends, _) = first("log_hole").ranges()
    assert 2 * HOUR <= hole_ends - hole_begins < 12 * HOUR
    assert lag("offline_gateway") == pytest.approx(2 * HOUR, abs=60)
    offline = world.gateway(first("offline_gateway").spec.gateway_id)
    assert offline is not None
    assert world.gateway_offline_since(offline) == now - 2 * HOUR
    stuck = world.restores(first("stuck_restore").spec.plan_id)[-1].at(now)
    assert stuck[0] == "running"
    assert 43 in stuck[2].values()
    assert world.status_of(first("failed_precheck").spec) == "init"
    assert world.status_of(first("locked_plan").spec) == "locked"
    expiring = first("last_good_expiring").newest_finished()
    assert expiring is not None
    assert 5 * HOUR < expiring.expires_at - now < 31 * HOUR
    assert set(statuses(first("never_succeeded"))) <= {"stop", "running", "schedule"}
    assert first("never_succeeded").window() is None
    assert "stop" in [one.at(now)[0] for one in world.restores(first("failed_restore").spec.plan_id)]
    assert "stop" in [one.at(now)[0] for one in world.downloads(first("failed_download").spec.plan_id)]
    prepaid = next(
        one
        for one in records(world, "DescribeBackupPlanList")
        if one["BackupPlanId"] == first("expiring_prepaid_plan").spec.plan_id
    )
    assert prepaid["InstanceExpiredTimestamp"] / 1000 - now == pytest.approx(2 * DAY)


def test_a_failed_backup_is_followed_by_a_good_one() -> None:
    """A single failure mends itself with the next run; its error code is told while it stands."""
    clock = FakeClock(NOW)
    world = fleet_at(clock, incidents=("failed_full_backup",))
    (plan_id,) = world.incident_plans["failed_full_backup"]
    clock.advance(1000)
    history = world.history(plan_id)
    failed = history.set_id(history.full_numbers()[-1])
    answer = READS["DescribeJobErrorCode"](world, "demo", {"TaskId": failed})["Item"]
    clock.advance(DAY)

    assert (answer["JobState"], answer["ErrorCode"]) == ("stop", "DBS.SourceAccessDenied")
    assert statuses(world.history(plan_id))[-2:] == ["stop", "finish"]
    good = world.history(plan_id).set_id(history.full_numbers()[-1] + 1)
    assert "ErrorCode" not in READS["DescribeJobErrorCode"](world, "demo", {"TaskId": good})["Item"]


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


def test_incidents_name_what_an_operator_sees() -> None:
    """Each has a sentence, and hits other plans than the others."""
    world = World(clock=lambda: NOW)
    plans = [one for name in INCIDENTS for one in world.incident_plans[name]]

    assert len(plans) == len(set(plans))
    assert all(len(text) > 20 for text in INCIDENTS.values())


MODELS = {
    "DescribeBackupPlanList": "DescribeBackupPlanListResponseBodyItemsBackupPlanDetail",
    "DescribeFullBackupList": "DescribeFullBackupListResponseBodyItemsFullBackupFile",
    "DescribeIncrementBackupList": "DescribeIncrementBackupListResponseBodyItemsIncrementBackupFile",
    "DescribeRestoreTaskList": "DescribeRestoreTaskListResponseBodyItemsRestoreTaskDetail",
    "DescribeRestoreRangeInfo": "DescribeRestoreRangeInfoResponseBodyItemsDBSRecoverRange",
    "DescribeBackupPlanBilling": "DescribeBackupPlanBillingResponseBodyItem",
    "DescribeBackupGatewayList": "DescribeBackupGatewayListResponseBodyItemsBackupGateway",
    "DescribeBackupSetDownloadTaskList": "DescribeBackupSetDownloadTaskListResponseBodyItemsBackupSetDownloadTaskDetail",
    "DescribePreCheckProgressList": "DescribePreCheckProgressListResponseBodyItemsPreCheckProgressDetail",
    "DescribeJobErrorCode": "DescribeJobErrorCodeResponseBodyItem",
}


def every_record(world: World, operation: str) -> Iterator[dict[str, Any]]:
    """The records of an operation over the whole fleet."""
    if operation == "DescribeBackupPlanList":
        yield from records(world, operation)
    elif operation == "DescribeBackupGatewayList":
        for region in fleet.REGIONS:
            yield from records(world, operation, Region=region)
    elif operation == "DescribeRestoreRangeInfo":
        for plan in records(world, "DescribeBackupPlanList"):
            yield from records_of_ranges(world, plan)
    elif operation == "DescribeJobErrorCode":
        history = world.history(world.incident_plans["repeatedly_failing_full_backup"][0])
        yield READS[operation](world, "demo", {"TaskId": history.set_id(history.full_numbers()[-3])})["Item"]
    else:
        for plan_id in world.plan_ids("demo"):
            answer = READS[operation](world, "demo", {"BackupPlanId": plan_id, "PageSize": "100"})
            items = answer.get("Items") or {}
            yield from [answer["Item"]] if "Item" in answer else items.get(next(iter(items), ""), ())


@pytest.mark.parametrize("operation", sorted(MODELS))
def test_answers_hold_every_field_that_the_sdk_knows(operation: str) -> None:
    """Over the fleet each field of the official SDK's model occurs, with its type, and no field that it does not know."""
    models = importlib.import_module("alibabacloud_dbs20190306.models")
    model = getattr(models, MODELS[operation])
    source = inspect.getsource(model.to_map)
    known = set(re.findall(r"result\['(\w+)'\]", source))
    attributes = dict(re.findall(r"self\.(\w+) is not None:\s+result\['(\w+)'\]", source))
    types = {
        attributes[name]: str(parameter.annotation)
        for name, parameter in inspect.signature(model.__init__).parameters.items()
        if name in attributes
    }
    seen: set[str] = set()
    for record in every_record(World(clock=lambda: NOW), operation):
        seen |= record.keys()
        for name, value in record.items():
            expected = types.get(name, "")
            if expected in ("<class 'int'>", "<class 'str'>", "<class 'bool'>", "int", "str", "bool"):
                assert type(value).__name__ in expected, (name, value)

    assert known
    assert seen == known


@pytest.mark.parametrize(
    "operation", ["DescribeBackupPlanList", "DescribeFullBackupList", "DescribeIncrementBackupList"]
)
def test_a_page_of_a_large_fleet_is_no_more_work(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in draws, schedule look-ups and plans touched, a page of 10,000 plans costs what a page of 40 costs."""
    work = {"count": 0}

    def counted(holder: Any, name: str) -> None:
        real = getattr(holder, name)

        def call(*arguments: Any, **named: Any) -> Any:
            work["count"] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(holder, name, call)

    worlds = [World.healthy(plans=plans, clock=lambda: NOW) for plans in (40, 10_000)]
    plan_id = worlds[0].plan_ids("demo")[3]
    assert worlds[1].spec(plan_id) == worlds[0].spec(plan_id)
    counted(importlib.import_module("dbs_exporter.simulator.past"), "draw")
    counted(PlanHistory, "due")
    counted(World, "spec")
    counted(World, "history")
    costs = []
    for world in worlds:
        work["count"] = 0
        given = {"BackupPlanId": plan_id, "PageSize": "30"} | (
            {"BackupPlanId": ""} if operation == "DescribeBackupPlanList" else {}
        )
        assert READS[operation](world, "demo", given)["TotalElements"] > 30
        costs.append(work["count"])

    assert 0 < costs[1] <= 1.2 * costs[0]


@pytest.mark.parametrize(
    ("form", "items"),
    [("string", ""), ("null", None), ("object", {}), ("list", {"BackupGateway": []}), ("missing", "absent")],
)
def test_an_empty_list_comes_in_the_form_that_was_chosen(form: str, items: Any) -> None:
    """The documents' form is the default; the others can be chosen for a world."""
    answer = READS["DescribeBackupGatewayList"](World(empty=form), "demo", {"Region": "cn-qingdao"})

    assert answer.get("Items", "absent") == items
    assert answer["TotalElements"] == 0


@pytest.mark.parametrize("wrong", [{"order": "random"}, {"empty": "nothing"}, {"incidents": ["fire"]}])
def test_a_world_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """The message names what there is."""
    with pytest.raises(ValueError, match=r"newest|locked_plan"):
        World(**wrong)


def test_nonces_are_forgotten_when_they_are_too_old_to_come_again() -> None:
    """A simulator that runs for weeks keeps half an hour of them."""
    keys = Keys()
    for number in range(1000):
        keys.once(f"n{number}", NOW + 10.0 * number)

    assert keys.nonces_kept == NONCE_SECONDS // 10 + 1
