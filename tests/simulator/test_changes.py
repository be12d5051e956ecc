"""Writes change the simulated world: what a caller did is seen by every read after it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.fake_clock import FakeClock
from support.signed_query import signed

from dbs_exporter.cli.simulate import simulated
from dbs_exporter.simulator import INCIDENTS, Simulator, World, start_simulator
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.changes import WRITES
from dbs_exporter.simulator.faults import KINDS, Fault, Faults, parse
from dbs_exporter.simulator.replies import Refused
from dbs_exporter.simulator.signatures import Keys

NOW = 1_790_000_000.0
HOUR = 3_600.0
DAY = 86_400.0


class Cloud:
    """A healthy fleet whose operations are asked directly."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.world = World.healthy(clock=self.clock.now)
        self.plan_id = next(
            one for one in self.world.plan_ids("demo") if self.world.history(one).spec.has_log
        )

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        call = READS.get(operation) or WRITES[operation]
        return call(self.world, "demo", {name: str(value) for name, value in params.items()})

    def plan(self, plan_id: str = "") -> dict[str, Any]:
        found = self.ask("DescribeBackupPlanList", BackupPlanId=plan_id or self.plan_id)
        return dict(found["Items"]["BackupPlanDetail"][0])

    def ranges(self) -> list[dict[str, Any]]:
        plan = self.plan()
        window = {name: plan[name] for name in ("BeginTimestampForRestore", "EndTimestampForRestore")}
        items = self.ask("DescribeRestoreRangeInfo", BackupPlanId=self.plan_id, **window)["Items"]
        return list(items["DBSRecoverRange"])

    def sets(self) -> int:
        return int(self.ask("DescribeFullBackupList", BackupPlanId=self.plan_id)["TotalElements"])


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


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
    first, second = [one for one in cloud.ranges() if one["RangeType"] == "range"]
    assert second["BeginTimestampForRestore"] - first["EndTimestampForRestore"] > 2 * HOUR * 1000
    cloud.clock.advance(8 * DAY)
    assert len(cloud.ranges()) == 1


def test_a_backup_after_the_log_stopped_is_a_point(cloud: Cloud) -> None:
    """Full backups that no log covers can be restored as such, and are the newest recovery point."""
    cloud.ask("DisableBackupLog", BackupPlanId=cloud.plan_id)
    cloud.clock.advance(3 * DAY)
    kinds = [one["RangeType"] for one in cloud.ranges()]

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
    prepaid = next(one for one in plans if one["InstanceChargeType"] == "PREPAY")
    other = next(one for one in plans if one["InstanceChargeType"] == "POSTPAY")
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


def test_a_restore_of_a_set_goes_through_the_stages_of_its_engine(cloud: Cloud) -> None:
    """Logical, physical and combined restores report their own stages, and end with all of them at 100."""
    seen = set()
    for plan_id in cloud.world.plan_ids("demo"):
        newest = cloud.world.history(plan_id).newest_finished()
        assert newest is not None
        task = cloud.ask(
            "CreateRestoreTask",
            BackupPlanId=plan_id,
            RestoreTaskName="x",
            DestinationEndpointInstanceType="agent",
            DestinationEndpointIP="10.1.1.1",
            DestinationEndpointPort=3306,
            BackupSetId=newest.set_id,
        )["RestoreTaskId"]
        cloud.ask("StartRestoreTask", RestoreTaskId=task)
        cloud.clock.advance(DAY)
        (found,) = cloud.ask("DescribeRestoreTaskList", RestoreTaskId=task)["Items"]["RestoreTaskDetail"]
        stages = {name: value for name, value in found.items() if name.endswith("Progress")}
        assert found["RestoreStatus"] == "finish"
        assert found["DestinationEndpointIpPort"] == "10.1.1.1:3306"
        assert set(stages.values()) == {100}
        assert "ContinuousRestoreProgress" not in stages
        seen.add(frozenset(stages))

    assert len(seen) == 3


def test_the_filters_of_the_lists(cloud: Cloud) -> None:
    """Time in seconds or milliseconds, status, set, gateway, resource group and method choose."""
    plan = {"BackupPlanId": cloud.plan_id}
    week = int((NOW - 7 * DAY) * 1000)
    recent = cloud.ask("DescribeFullBackupList", **plan, StartTimestamp=week)["TotalElements"]

    assert 0 < recent < cloud.sets()
    assert cloud.ask("DescribeFullBackupList", **plan, StartTimestamp=week // 1000)["TotalElements"] == recent
    older = cloud.ask("DescribeFullBackupList", **plan, EndTimestamp=week)["TotalElements"]
    assert older + recent == cloud.sets()
    assert cloud.ask("DescribeFullBackupList", **plan, BackupSetStatus="stop")["TotalElements"] == 0
    logs = cloud.ask("DescribeIncrementBackupList", **plan, StartTimestamp=int((NOW - DAY) * 1000))
    assert 23 <= logs["TotalElements"] <= 26
    hidden = cloud.ask("DescribeIncrementBackupList", **plan, ShowStorageType="false")
    assert "StorageMethod" not in hidden["Items"]["IncrementBackupFile"][0]
    both = cloud.world.gateways("demo", "cn-hangzhou")
    names = ",".join(one.identifier for one in both[:1])
    answer = cloud.ask("DescribeBackupGatewayList", Region="cn-hangzhou", Identifier=names)
    assert answer["TotalElements"] == 1 < len(both)
    everything = cloud.ask("DescribeBackupPlanList")["TotalElements"]
    physical = cloud.ask("DescribeBackupPlanList", BackupMethod="physical")["TotalElements"]
    grouped = cloud.ask("DescribeBackupPlanList", ResourceGroupId="rg-acfm1")["TotalElements"]
    assert 0 < physical < everything
    assert 0 < grouped < everything
    only = cloud.ask("DescribeRestoreTaskList", **plan, StartTimestamp=int((NOW - 31 * DAY) * 1000))
    assert 0 < only["TotalElements"] < cloud.ask("DescribeRestoreTaskList", **plan)["TotalElements"]
    plan_record = cloud.plan()
    recently = cloud.ask(
        "DescribeRestoreRangeInfo",
        **plan,
        RecentlyRestore="true",
        BeginTimestampForRestore=plan_record["BeginTimestampForRestore"],
        EndTimestampForRestore=plan_record["EndTimestampForRestore"],
    )
    assert len(recently["Items"]["DBSRecoverRange"]) == 1


def test_the_same_client_token_makes_one_task(cloud: Cloud) -> None:
    """A request that is sent again because its answer was lost changes nothing more."""
    made: list[str] = []

    def make() -> str:
        made.append("x")
        return f"task{len(made)}"

    ask: Callable[[str], Any] = lambda token: cloud.world.once("demo", "Create", token, make)  # noqa: E731

    assert ask("a") == ask("a") == "task1"
    assert ask("b") == "task2"
    assert (ask(""), ask("")) == ("task3", "task4")


# ── faults and steering ──


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"times": "3"}, "times must be a whole number, not '3'"),
        ({"probability": "often"}, "probability must be a number"),
        ({"plan": 7}, "plan must be a text"),
        ({"times": True}, "times must be a whole number"),
    ],
)
def test_a_fault_of_the_wrong_type_is_refused(wrong: dict[str, Any], said: str) -> None:
    """The message says which entry, which key and what it must be."""
    with pytest.raises(ValueError, match=f"fault 2: {said}"):
        parse([Fault(kind="deny"), {"kind": "deny", **wrong}])


def test_a_fault_can_last_a_while() -> None:
    """It holds from when it was set, by the simulator's clock."""
    clock = FakeClock(NOW)
    faults = Faults([{"kind": "deny", "for_seconds": 60, "region": "cn-shanghai"}], clock=clock.now)

    assert len(faults.holding()) == 1
    assert not faults.matching("X", "demo", "", "cn-hangzhou")
    assert faults.matching("X", "demo", "", "cn-shanghai")
    clock.advance(61)
    assert not faults.matching("X", "demo", "", "cn-shanghai")
    assert faults.holding() == []


def test_a_token_ends() -> None:
    """After its time the key is refused as expired, which a client answers by asking for another."""
    keys = Keys()
    keys.add("STS.x", "secret", "demo", "token", NOW + 100)

    assert keys.secret("STS.x", "token", NOW) == ("secret", "demo")
    with pytest.raises(Refused) as refused:
        keys.secret("STS.x", "token", NOW + 100)
    assert refused.value.code == "InvalidSecurityToken.Expired"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with start_simulator(World.healthy(plans=45, accounts=("one", "two"))) as running:
        yield running


def steer(simulator: Simulator, method: str, path: str, content: Any = None) -> tuple[int, Any]:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(f"{simulator.url}{path}", method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_incidents_begin_and_end_over_http(simulator: Simulator) -> None:
    """One at a time, beside replacing them all; what is wrong is told."""
    path = "/-/incidents"
    begun = steer(simulator, "POST", path, {"begin": ["locked_plan", "log_hole"]})[1]

    assert set(begun["holding"]) == {"locked_plan", "log_hole"}
    assert len(begun["plans"]["locked_plan"]) == 2
    assert begun["incidents"]["log_hole"]
    assert steer(simulator, "POST", path, {"end": ["log_hole"]})[1]["holding"] == ["locked_plan"]
    assert steer(simulator, "POST", path, {"stop": []})[0] == 400
    assert steer(simulator, "POST", path, "locked_plan")[0] == 400
    assert steer(simulator, "POST", path, {"begin": ["fire"]})[0] == 400


def test_what_holds_is_told(simulator: Simulator) -> None:
    """Faults in force, counts and their reset, limits, tokens of an account."""
    steer(simulator, "POST", "/-/faults", [{"kind": "deny", "times": 2}])
    holding = steer(simulator, "GET", "/-/faults")[1]["holding"]

    assert [(one["kind"], one["times"]) for one in holding] == [("deny", 2)]
    assert steer(simulator, "POST", "/-/limits", {"DescribeRegions": 1})[0] == 200
    assert steer(simulator, "POST", "/-/limits", "fast")[0] == 400
    simulator.counted("DescribeRegions")
    assert steer(simulator, "GET", "/-/requests")[1] == {"DescribeRegions": 1}
    assert steer(simulator, "DELETE", "/-/requests")[1] == {}
    assert steer(simulator, "GET", "/-/refused")[1] == {}
    token = steer(simulator, "GET", "/-/credentials?account=two&seconds=60")[1]
    now = simulator.clock()
    assert simulator.keys.secret(token["AccessKeyId"], token["SecurityToken"], now)[1] == "two"
    assert steer(simulator, "GET", "/-/credentials?account=three")[0] == 400


def test_limits_by_operation_say_when_to_come_again() -> None:
    """Only the operation that is named is held back, and the header tells for how long."""
    with start_simulator(
        World.healthy(), requests_per_second={"DescribeRegions": 1}, retry_after=True
    ) as made:
        made.answer("demo", "DescribeRegions", {}, [])
        with pytest.raises(Refused) as refused:
            made.answer("demo", "DescribeRegions", {}, [])
        for _ in range(5):
            made.answer("demo", "DescribeNodeCidrList", {"Region": "cn-hangzhou"}, [])
        made.set_limits(None)
        made.answer("demo", "DescribeRegions", {}, [])

    assert refused.value.code == "Throttling.User"
    assert 0 < refused.value.retry_after_ms <= 1001


def test_pages_that_repeat_and_lists_that_are_words(simulator: Simulator) -> None:
    """A page says its own number and holds the one before it; a list of one string may be that string."""
    given = {"PageSize": "10", "PageNum": "1"}
    first = simulator.answer("one", "DescribeBackupPlanList", {**given, "PageNum": "0"}, [])
    again = simulator.answer("one", "DescribeBackupPlanList", given, [Fault(kind="repeated_page")])
    words = simulator.answer("one", "DescribeRegions", {}, [Fault(kind="scalars")])

    assert again["PageNum"] == 1
    first_ids, again_ids = (
        [one["BackupPlanId"] for one in page["Items"]["BackupPlanDetail"]] for page in (first, again)
    )
    assert again_ids == first_ids
    assert words["Regions"]["RegionCode"] == "cn-hangzhou"


def test_a_fault_finds_its_region_by_the_plan(simulator: Simulator) -> None:
    """Requests that name only a plan belong to the plan's region."""
    plan_id = simulator.world.plan_ids("one", "cn-shanghai")[0]

    assert simulator.region_of({"BackupPlanId": plan_id}) == "cn-shanghai"
    assert simulator.region_of({"BackupPlanId": plan_id, "RegionId": "cn-hangzhou"}) == "cn-hangzhou"
    assert simulator.region_of({}) == ""


def test_only_the_api_is_at_the_root(simulator: Simulator) -> None:
    """Other paths and methods are refused in the gateway's form."""
    assert steer(simulator, "GET", "/elsewhere?Action=DescribeRegions&Format=JSON")[0] == 404
    status, answer = steer(simulator, "DELETE", "/?Format=JSON")
    assert (status, answer["Code"]) == (400, "UnsupportedHTTPMethod")


def test_every_fault_says_what_it_does() -> None:
    """The table is what the document and /-/faults are made from."""
    assert all(len(text) > 8 for text in KINDS.values())


def test_closing_does_not_wait_for_slow_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that would sleep for an hour ends with the simulator."""
    simulator = start_simulator(World.healthy(), faults=[{"kind": "latency", "seconds": 3600}])
    token = steer(simulator, "GET", "/-/credentials")[1]
    asleep, awake, real = threading.Event(), threading.Event(), simulator.closing.wait

    def wait(seconds: float) -> bool:
        asleep.set()
        ended = real(seconds)
        awake.set()
        return ended

    monkeypatch.setattr(simulator.closing, "wait", wait)
    query = signed(
        {
            "Action": "DescribeRegions",
            "AccessKeyId": token["AccessKeyId"],
            "SecurityToken": token["SecurityToken"],
        },
        secret=token["AccessKeySecret"],
    )

    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            urllib.request.urlopen(f"{simulator.url}/?{query}", timeout=60).close()

    asking = threading.Thread(target=ask)
    asking.start()
    assert asleep.wait(30)
    simulator.close()

    assert awake.wait(30)
    asking.join(30)
    assert not asking.is_alive()


# ── the command and its document ──


def test_a_cloud_in_another_time_takes_requests_of_today() -> None:
    """Clients sign with the real time, however far the simulated clock is from it."""
    with simulated(
        listen_address="127.0.0.1:0",
        plans=3,
        accounts=1,
        seed=1,
        clock=lambda: NOW + 1000 * DAY,
        signature_clock=time.time,
    ) as made:
        query = signed({"Action": "DescribeBackupPlanList", "Format": "JSON"})
        with urllib.request.urlopen(f"{made.url}/?{query}", timeout=20) as answer:
            plans = json.load(answer)["Items"]["BackupPlanDetail"]

    assert all(one.get("EndTimestampForRestore", 2**60) > (NOW + 900 * DAY) * 1000 for one in plans)


DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "simulator.md"


@pytest.mark.parametrize("table", [INCIDENTS, KINDS], ids=["incidents", "faults"])
def test_the_document_tells_every_row(table: dict[str, str]) -> None:
    """What can be switched is told in the words of the code."""
    text = DOCUMENT.read_text(encoding="utf-8")

    assert [
        f"| `{name}` | {said} |" for name, said in table.items() if f"| `{name}` | {said} |" not in text
    ] == []


def test_the_documents_faults_are_good_ones() -> None:
    """The example of a file of faults can be used as it stands."""
    (example,) = re.findall(r"(?:^    - \{kind.*\n)+", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert [one.kind for one in parse(yaml.safe_load(example))] == ["throttle", "deny", "latency", "refuse"]
