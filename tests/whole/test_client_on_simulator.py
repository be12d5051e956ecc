"""The client against the simulated cloud, whose signature check and answers share no code with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from dbs_exporter import errors
from dbs_exporter.api.client import MAX_ATTEMPTS, Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.facts.billing import read_billing
from dbs_exporter.facts.downloads import read_download_task
from dbs_exporter.facts.full_backups import FULL_BACKUP_ENDED, FullBackup, read_full_backup
from dbs_exporter.facts.gateways import read_gateway
from dbs_exporter.facts.job_errors import read_job_error
from dbs_exporter.facts.log_backups import read_log_file
from dbs_exporter.facts.networks import read_database_names, read_node_networks, read_regions
from dbs_exporter.facts.plans import read_plan
from dbs_exporter.facts.prechecks import read_precheck
from dbs_exporter.facts.records import Reader
from dbs_exporter.facts.restore_ranges import read_restore_ranges
from dbs_exporter.facts.restores import read_restore_task
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.simulator import Simulator, World, start_simulator

FULL_LIST = "DescribeFullBackupList"


class QuickClock:
    """The real time of day, which signatures need, with sleeps that only count."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> bool:
        self.slept += seconds
        return False


class Source:
    """The simulator's own key."""

    def __init__(self, secret: str = "testsk") -> None:
        self.secret = secret

    def get(self) -> Credentials:
        return Credentials(access_key_id="testak", access_key_secret=self.secret)


@pytest.fixture(scope="module")
def world() -> World:
    """Make a fleet with every incident, its lists in the worst order."""
    return World(plans=40, order="shuffled")


@pytest.fixture
def simulator(world: World) -> Iterator[Simulator]:
    """Serve the fleet."""
    with start_simulator(world) as running:
        yield running


class Caller:
    """A client of one region of the simulator, and what it told of its calls."""

    def __init__(self, simulator: Simulator, region: str, **options: Any) -> None:
        self.calls: list[Call] = []
        clock = QuickClock()
        self.client = Client(
            Scope(account="demo", region=region),
            simulator.url,
            options.pop("credentials", Source()),
            Pacer(1e6, 4, clock),
            clock,
            options.pop("timeout", 10.0),
            self.calls.append,
            **options,
        )

    @property
    def outcomes(self) -> list[str]:
        return [call.outcome for call in self.calls]


@pytest.fixture
def caller(simulator: Simulator, world: World) -> Iterator[Caller]:
    """Call the region with the most plans."""
    caller = Caller(simulator, busiest_region(world))
    yield caller
    caller.client.close()


def busiest_region(world: World) -> str:
    """Give the region that most plans of the fleet are in."""
    regions = [spec.region for plan_id in world.plan_ids("demo") if (spec := world.spec(plan_id)) is not None]
    return max(set(regions), key=regions.count)


def silent(field: str) -> None:
    """Fail the test: the simulator shows nothing unknown unless asked."""
    raise AssertionError(f"{field} was told as unknown")


LOUD = Reader(time.time(), silent)


def plan_ids(caller: Caller) -> list[str]:
    """Give the ids of the region's plans."""
    return [record["BackupPlanId"] for record in caller.client.pages("DescribeBackupPlanList", {})]


def test_every_read_operation_becomes_facts(caller: Caller, world: World) -> None:
    """Each read is asked for every plan of the busiest region, and each answer is understood without surprises."""
    client = caller.client
    plans = [
        read_plan(LOUD.fields(record))
        for record in client.pages("DescribeBackupPlanList", {"ShowRecoverTimeRange": True})
    ]
    assert {plan.plan_id for plan in plans} == set(world.plan_ids("demo", client.scope.region))

    backups = logs = tasks = downloads = checks = ranges = 0
    for plan in plans:
        of_plan = {"BackupPlanId": plan.plan_id}
        sets = [read_full_backup(LOUD.fields(record)) for record in client.pages(FULL_LIST, of_plan)]
        backups += len(sets)
        logs += len(
            [
                read_log_file(LOUD.fields(record))
                for record in client.pages("DescribeIncrementBackupList", of_plan)
            ]
        )
        restores = [
            read_restore_task(LOUD.fields(record))
            for record in client.pages("DescribeRestoreTaskList", of_plan)
        ]
        tasks += len(restores)
        listed = client.pages("DescribeBackupSetDownloadTaskList", of_plan)
        downloads += len([read_download_task(LOUD.fields(record)) for record in listed])
        answer = client.call("DescribePreCheckProgressList", of_plan)
        checks += read_precheck(answer, "plan", plan.plan_id, LOUD) is not None
        read_billing(client.call("DescribeBackupPlanBilling", of_plan), LOUD)
        if plan.restore_begin_at is not None and plan.restore_end_at is not None:
            window = {
                "BeginTimestampForRestore": int(plan.restore_begin_at * 1000),
                "EndTimestampForRestore": int(plan.restore_end_at * 1000),
            }
            answer = client.call("DescribeRestoreRangeInfo", {**of_plan, **window})
            ranges += len(read_restore_ranges(answer, LOUD))
        for failed in [backup for backup in sets if backup.status == "stop"][:1]:
            answer = client.call("DescribeJobErrorCode", {"TaskId": failed.backup_set_id})
            assert read_job_error(answer, "full_backup", failed.backup_set_id, LOUD) is not None
    assert min(backups, logs, tasks, downloads, checks, ranges) > 0

    gateways = [read_gateway(LOUD.fields(record)) for record in client.pages("DescribeBackupGatewayList", {})]
    assert client.scope.region in read_regions(client.call("DescribeRegions", {}))
    assert read_node_networks(client.call("DescribeNodeCidrList", {})).internet
    assert {plan.gateway_id for plan in plans} - {""} <= {gateway.gateway_id for gateway in gateways}
    assert set(caller.outcomes) == {"success"}
    asked = {call.operation for call in caller.calls}
    assert asked >= {name for name, operation in OPERATIONS.items() if not operation.writes} - {
        "GetDBListFromAgent",
        "DescribeDLAService",
    }


def test_a_gateways_databases(simulator: Simulator, world: World) -> None:
    """The one pair of operations that needs a write to read from."""
    gateway = world.gateways("demo", busiest_region(world)) or world.gateways("demo", "cn-hangzhou")
    caller = Caller(simulator, gateway[0].region, allow_writes=True)
    given = {"BackupGatewayId": gateway[0].gateway_id, "SourceEndpointRegion": gateway[0].region}
    task = caller.client.call("CreateGetDBListFromAgentTask", given | {"DatabaseType": "MySQL"})["TaskId"]

    # It has not answered yet.
    assert read_database_names(caller.client.call("GetDBListFromAgent", given | {"TaskId": task})) == ()
    caller.client.close()


def test_a_restore_is_created_and_started(simulator: Simulator, world: World) -> None:
    """A write goes through, signed, and its task is in the list."""
    region = busiest_region(world)
    caller = Caller(simulator, region, allow_writes=True)
    plan_id = world.plan_ids("demo", region)[0]
    given = {
        "BackupPlanId": plan_id,
        "RestoreTaskName": "probe & <test>",
        "DestinationEndpointInstanceType": "rds",
        "DestinationEndpointRegion": region,
        "DestinationEndpointInstanceID": "rm-1",
        "RestoreObjects": '[{"DBName":"app_1"}]',
        "RestoreTime": int((time.time() - 86400) * 1000),
    }
    task = caller.client.call("CreateRestoreTask", given)["RestoreTaskId"]
    caller.client.call("StartRestoreTask", {"RestoreTaskId": task})
    listed = [
        read_restore_task(LOUD.fields(record))
        for record in caller.client.pages("DescribeRestoreTaskList", {"RestoreTaskId": task})
    ]
    caller.client.close()

    assert [(found.task_id, found.name) for found in listed] == [(task, "probe & <test>")]


@pytest.mark.parametrize(
    ("fault", "outcomes"),
    [
        ({"kind": "throttle", "times": 2, "retry_after_ms": 100}, ["throttled", "throttled", "success"]),
        ({"kind": "unavailable", "times": 1}, ["server_error", "success"]),
        ({"kind": "torn", "times": 1}, ["unreachable", "success"]),
        ({"kind": "reset", "times": 1}, ["unreachable", "success"]),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_what_a_retry_mends(
    simulator: Simulator, caller: Caller, fault: dict[str, Any], outcomes: list[str]
) -> None:
    """Faults that pass are survived, and every attempt is told."""
    simulator.set_faults([fault])
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == outcomes


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"kind": "throttle"}, errors.Throttled),
        ({"kind": "unavailable"}, errors.ServerError),
        ({"kind": "deny"}, errors.NotPermitted),
        ({"kind": "bad_key"}, errors.BadCredentials),
        ({"kind": "refuse"}, errors.Invalid),
        ({"kind": "refuse", "status": 200}, errors.Invalid),
        ({"kind": "html"}, errors.ApiError),
        ({"kind": "not_json"}, errors.BadAnswer),
        ({"kind": "redirect"}, errors.BadAnswer),
        ({"kind": "huge"}, errors.BadAnswer),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_what_a_retry_does_not_mend(
    simulator: Simulator, caller: Caller, fault: dict[str, Any], raised: type[errors.ApiError]
) -> None:
    """Faults that stay become the one error that names them; only the mendable ones were tried again."""
    simulator.set_faults([fault])
    with pytest.raises(raised) as caught:
        caller.client.call("DescribeRegions", {})

    assert len(caller.calls) == (MAX_ATTEMPTS if caught.value.retryable else 1)


def test_a_drip_does_not_hold_a_worker(simulator: Simulator, world: World) -> None:
    """A byte now and then keeps every socket's timeout from ending; the call ends all the same."""
    simulator.set_faults([{"kind": "drip", "seconds": 60.0}])
    caller = Caller(simulator, busiest_region(world), timeout=0.1)
    with pytest.raises(errors.Timeout):
        caller.client.call("DescribeRegions", {}, within=0.1)
    caller.client.close()


def test_a_wrong_secret_is_refused(simulator: Simulator, world: World) -> None:
    """The simulator checks signatures, and a wrong one is told as such."""
    caller = Caller(simulator, busiest_region(world), credentials=Source("wrong"))
    with pytest.raises(errors.BadCredentials):
        caller.client.call("DescribeRegions", {})
    caller.client.close()


@pytest.mark.parametrize(
    "kind",
    ["strings", "wrapped", "one_object", "error_beside_success", "null_items", "empty_items", "no_items"],
)
def test_forms_that_are_understood(simulator: Simulator, caller: Caller, kind: str) -> None:
    """Every form of the documents' samples is read; a list that lost its items is not a list without items."""
    plan_id = plan_ids(caller)[0]
    expected = caller.client.pages(FULL_LIST, {"BackupPlanId": plan_id})
    simulator.set_faults([{"kind": kind, "operation": FULL_LIST}])
    if kind.endswith("_items"):
        with pytest.raises(errors.BadAnswer) as caught:
            caller.client.pages(FULL_LIST, {"BackupPlanId": plan_id})
        assert caught.value.field == "TotalElements"
        return
    found = caller.client.pages(FULL_LIST, {"BackupPlanId": plan_id})

    assert {backup.backup_set_id for backup in found_backups(found)} >= {
        backup.backup_set_id for backup in found_backups(expected)
    }
    # What runs grows between the two lists.
    ended = {backup for backup in found_backups(expected) if backup.status in FULL_BACKUP_ENDED}
    assert ended <= found_backups(found)


def found_backups(records: list[Any]) -> set[FullBackup]:
    """Records of a list as facts."""
    return {read_full_backup(LOUD.fields(record)) for record in records}


def test_one_object_is_a_list_of_one(simulator: Simulator, caller: Caller) -> None:
    """A list of one item comes without its brackets, and is read as before."""
    plan_id = plan_ids(caller)[0]
    simulator.set_faults([{"kind": "one_object"}])
    answer = caller.client.call("DescribeBackupPlanList", {"BackupPlanId": plan_id})

    assert isinstance(answer["Items"]["BackupPlanDetail"], dict)
    (record,) = caller.client.pages("DescribeBackupPlanList", {"BackupPlanId": plan_id})
    assert read_plan(LOUD.fields(record)).plan_id == plan_id


@pytest.fixture
def longest_log(caller: Caller) -> str:
    """Give the plan with the most log files, which are more than a page."""
    lengths = {
        plan_id: len(caller.client.pages("DescribeIncrementBackupList", {"BackupPlanId": plan_id}))
        for plan_id in plan_ids(caller)
    }
    longest = max(lengths, key=lambda plan_id: lengths[plan_id])
    assert lengths[longest] > 100
    return longest


@pytest.mark.parametrize("kind", ["wrong_total", "ignore_page", "shifting"])
def test_lists_that_cannot_be_trusted(
    simulator: Simulator, caller: Caller, longest_log: str, kind: str
) -> None:
    """A list that does not add up is read twice and then fails; it never comes back half."""
    simulator.set_faults([{"kind": kind, "operation": "DescribeIncrementBackupList"}])
    with pytest.raises(errors.BadAnswer) as caught:
        caller.client.pages("DescribeIncrementBackupList", {"BackupPlanId": longest_log})

    assert caught.value.field == "TotalElements"


def test_unknown_values_are_kept(simulator: Simulator, caller: Caller) -> None:
    """A status from the future is kept under its own name and told."""
    told: set[str] = set()
    plan_id = plan_ids(caller)[0]
    simulator.set_faults([{"kind": "unknown_values"}])
    for record in caller.client.pages(FULL_LIST, {"BackupPlanId": plan_id}):
        read_full_backup(Reader(time.time(), told.add).fields(record))

    assert told
