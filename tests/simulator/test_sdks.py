"""Both official SDKs against the simulator, through their own signing; and every field that they know."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.simulated_cloud import NOW, records, records_of_ranges

from dbs_exporter.simulator import Simulator, World, fleet, start_simulator
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.gateway_databases import plans_behind

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def simulator(clock: FakeClock) -> Iterator[Simulator]:
    # The SDKs sign with the machine's time, so signatures are held against that, the world against the clock.
    with start_simulator(World(clock=clock.now, anchor=NOW), clock=time.time) as running:
        yield running


def method(client: Any, operation: str) -> Any:
    """The SDK's method of an operation; it splits abbreviations in its own way."""
    wanted = operation.lower()
    return next(getattr(client, name) for name in dir(client) if name.replace("_", "") == wanted)


def modern(simulator: Simulator, *, algorithm: str | None = None, secret: str = "testsk") -> Ask:
    """alibabacloud-dbs20190306: ACS3 signatures, or version 1 with `v2`."""
    models = importlib.import_module("alibabacloud_dbs20190306.models")
    client_module = importlib.import_module("alibabacloud_dbs20190306.client")
    config_module = importlib.import_module("alibabacloud_tea_openapi.models")
    config = config_module.Config(
        access_key_id="testak",
        access_key_secret=secret,
        endpoint=f"127.0.0.1:{simulator.port}",
        protocol="http",
    )
    if algorithm:
        config.signature_algorithm = algorithm
    client = client_module.Client(config)

    def ask(operation: str, **params: Any) -> dict[str, Any]:
        model = getattr(models, f"{operation}Request")()
        model.from_map(params)
        answer = method(client, operation)(model)
        return dict(answer.body.to_map())

    return ask


def classic(simulator: Simulator) -> Ask:
    """aliyun-python-sdk-dbs: version 1 signatures in the query."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        core = importlib.import_module("aliyunsdkcore.client")
        client = core.AcsClient("testak", "testsk", "cn-hangzhou")

        def ask(operation: str, **params: Any) -> dict[str, Any]:
            module = importlib.import_module(f"aliyunsdkdbs.request.v20190306.{operation}Request")
            request = getattr(module, f"{operation}Request")()
            request.set_endpoint(f"127.0.0.1:{simulator.port}")
            for name, value in params.items():
                request.add_query_param(name, value)
            return dict(json.loads(client.do_action_with_exception(request)))

    return ask


SDKS = ["modern", "modern-v1", "classic"]


@pytest.fixture(params=SDKS)
def ask(request: pytest.FixtureRequest, simulator: Simulator) -> Ask:
    if request.param == "classic":
        return classic(simulator)
    return modern(simulator, algorithm="v2" if request.param == "modern-v1" else None)


def plan_with_log(simulator: Simulator) -> str:
    world = simulator.world
    return next(
        plan_id
        for plan_id in world.plan_ids("demo", "cn-hangzhou")
        if (spec := world.spec(plan_id)) is not None
        and spec.has_log
        and not spec.incidents
        and world.downloads(plan_id)
    )


def failed_backup(simulator: Simulator) -> str:
    """The id of the full backup set that stands failed."""
    history = simulator.world.history(simulator.world.incident_plans["failed_full_backup"][0])
    return history.set_id(history.full_numbers()[-1])


def looked_for(simulator: Simulator) -> int:
    """The id of a task by which a gateway looked for databases a minute ago."""
    spec = plans_behind(simulator.world.specs("demo"))[0]
    address = {
        "BackupGatewayId": str(spec.gateway_id),
        "SourceEndpointIP": spec.host,
        "SourceEndpointPort": str(spec.engine.port),
    }
    return simulator.world.looks.add(address, simulator.world.clock() - 60)


def parameters(operation: str, simulator: Simulator) -> dict[str, Any]:
    """What each read operation needs."""
    plan = plan_with_log(simulator)
    window = simulator.world.history(plan).window()
    assert window is not None
    needs: dict[str, dict[str, Any]] = {
        "DescribeBackupGatewayList": {"Region": "cn-hangzhou"},
        "DescribeBackupPlanList": {"Region": "cn-hangzhou", "PageSize": 100},
        "DescribeJobErrorCode": {"TaskId": failed_backup(simulator)},
        "DescribeNodeCidrList": {"Region": "cn-hangzhou"},
        "DescribeRegions": {},
        "DescribeRestoreRangeInfo": {
            "BackupPlanId": plan,
            "BeginTimestampForRestore": int(window[0] * 1000),
            "EndTimestampForRestore": int(window[1] * 1000),
        },
        "GetDBListFromAgent": {"TaskId": looked_for(simulator)},
    }
    return needs.get(operation, {"BackupPlanId": plan})


def holds_something(answer: dict[str, Any]) -> bool:
    """True if the part that an operation is for is not empty."""
    part = next(
        (
            answer[name]
            for name in ("Items", "Item", "Regions", "DbList", "InternetIPs", "State")
            if answer.get(name)
        ),
        None,
    )
    return bool(part)


@pytest.mark.parametrize("operation", sorted(READS))
def test_every_read_operation_is_read(operation: str, ask: Ask, simulator: Simulator) -> None:
    """The SDK signs, the simulator verifies, and the SDK's own model holds what was answered."""
    answer = ask(operation, **parameters(operation, simulator))

    assert answer["Success"] is True
    assert holds_something(answer)
    assert simulator.requests[operation] == 1
    assert not simulator.refused


def test_a_restore_runs_through_its_stages(ask: Ask, simulator: Simulator, clock: FakeClock) -> None:
    """Created, checked, started, advanced by the clock, and finished with every stage at 100."""
    plan = plan_with_log(simulator)
    window = simulator.world.history(plan).window()
    assert window is not None
    task = ask(
        "CreateRestoreTask",
        BackupPlanId=plan,
        RestoreTaskName="drill",
        DestinationEndpointInstanceType="rds",
        RestoreTime=int(window[1] * 1000) - 60_000,
    )["RestoreTaskId"]

    def state() -> dict[str, Any]:
        return dict(ask("DescribeRestoreTaskList", RestoreTaskId=task)["Items"]["RestoreTaskDetail"][0])

    def progress(found: dict[str, Any]) -> list[int]:
        return [value for name, value in found.items() if name.endswith("Progress")]

    assert state()["RestoreStatus"] == "init"
    clock.advance(30)
    assert state()["RestoreStatus"] == "check_pass"
    assert "RestoreTaskFinishTime" not in state()
    ask("StartRestoreTask", RestoreTaskId=task)
    clock.advance(60)
    half = state()
    assert half["RestoreStatus"] == "running"
    assert 0 < sum(progress(half)) < 100 * len(progress(half))
    clock.advance(86_400)
    done = state()
    assert done["RestoreStatus"] == "finish"
    assert set(progress(done)) == {100}
    assert done["RestoreTaskFinishTime"] < clock.now() * 1000


def test_a_download_comes_to_its_end(ask: Ask, simulator: Simulator, clock: FakeClock) -> None:
    """Created for a full set, running, and finished with an address."""
    plan = plan_with_log(simulator)
    chosen = ask("DescribeFullBackupList", BackupPlanId=plan)["Items"]["FullBackupFile"]
    finished = next(backup for backup in chosen if backup["BackupStatus"] == "finish")
    task = ask("CreateFullBackupSetDownload", BackupSetId=finished["BackupSetId"], BackupSetDataFormat="SQL")[
        "BackupSetDownloadTaskId"
    ]

    def state() -> dict[str, Any]:
        found = ask("DescribeBackupSetDownloadTaskList", BackupSetDownloadTaskId=task)
        return dict(found["Items"]["BackupSetDownloadTaskDetail"][0])

    clock.advance(60)
    assert state()["BackupSetDownloadStatus"] == "running"
    clock.advance(3600)
    assert state()["BackupSetDownloadStatus"] == "finish"
    assert state()["BackupSetDownloadInternetUrl"]


def test_a_log_file_can_be_downloaded_by_its_name(simulator: Simulator) -> None:
    """The incremental download takes the log job's id and the file's name."""
    ask = modern(simulator)
    plan = plan_with_log(simulator)
    file = ask("DescribeIncrementBackupList", BackupPlanId=plan)["Items"]["IncrementBackupFile"][0]
    answer = ask(
        "CreateIncrementBackupSetDownload",
        BackupSetId=file["BackupSetJobId"],
        BackupSetName=file["BackupSetId"],
    )

    assert answer["BackupSetDownloadTaskId"]


def test_a_wrong_secret_is_refused(simulator: Simulator) -> None:
    """The SDK is told that its signature does not match."""
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        modern(simulator, secret="wrong")("DescribeRegions")


def test_an_unknown_plan_is_refused(ask: Ask) -> None:
    """The code is the one that the service gives."""
    with pytest.raises(Exception, match="InvalidParameterValid"):
        ask("DescribeFullBackupList", BackupPlanId="dbsnobody")


def test_many_threads_are_served(simulator: Simulator) -> None:
    """Eight SDK clients at once all get their answers."""
    ask = modern(simulator)
    plan = plan_with_log(simulator)
    answers: list[int] = []

    def work() -> None:
        for _ in range(3):
            answers.append(ask("DescribeFullBackupList", BackupPlanId=plan)["TotalElements"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(answers) == 24
    assert len(set(answers)) == 1


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
