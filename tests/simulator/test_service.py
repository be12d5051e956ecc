"""The HTTP side: what is wrong is refused as the service does, limits throttle, and the end waits for nobody."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import urllib.request
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.signed_query import signed
from support.simulated_cloud import NOW, fetch, regions, steer

from dbs_exporter.simulator import Simulator, World, start_simulator
from dbs_exporter.simulator.replies import Refused


def test_without_a_format_the_answer_is_xml(simulator: Simulator) -> None:
    """Version 1 answers XML by contract, JSON if asked for; both say the same."""
    params = {"Action": "DescribeRegions"}
    status, content, headers = fetch(simulator, signed(params))
    as_json = json.loads(fetch(simulator, signed({**params, "Format": "JSON"}))[1])
    root = ET.fromstring(content)

    assert status == 200
    assert headers["Content-Type"].startswith("text/xml")
    assert root.tag == "DescribeRegionsResponse"
    assert [element.text for element in root.iter("RegionCode")] == as_json["Regions"]["RegionCode"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"secret": "wrong"}, 400, "SignatureDoesNotMatch"),
        ({"when": 1_000_000.0}, 400, "InvalidTimeStamp.Expired"),
        ({"params": {"Timestamp": "yesterday"}}, 400, "InvalidTimeStamp.Format"),
        ({"params": {"AccessKeyId": "nobody"}}, 404, "InvalidAccessKeyId.NotFound"),
        ({"params": {"Action": "DescribeNothing"}}, 404, "InvalidAction.NotFound"),
        ({"params": {"Version": "2000-01-01"}}, 404, "InvalidVersion"),
        ({"params": {"Action": "DescribeFullBackupList"}}, 400, "MissingBackupPlanId"),
        ({"params": {"Action": "DescribeBackupPlanList", "PageSize": "1000"}}, 400, "InvalidParameterValid"),
        ({"params": {"Action": "DescribeBackupPlanList", "PageNum": "-1"}}, 400, "InvalidParameterValid"),
    ],
)
def test_what_is_wrong_is_refused_as_the_service_does(
    simulator: Simulator, change: dict[str, Any], status: int, code: str
) -> None:
    """Each mistake has the status and the code that the documents give."""
    params = {"Action": "DescribeRegions", "Format": "JSON", **change.pop("params", {})}
    got, content, _ = fetch(simulator, signed(params, **change))

    assert (got, json.loads(content)["Code"]) == (status, code)


def test_a_rate_can_be_set() -> None:
    """Above the limit each further call within the second is throttled."""
    with start_simulator(World(), requests_per_second=3) as running:
        answers = [regions(running)[0] for _ in range(6)]

    assert answers[:3] == [200] * 3
    assert 400 in answers


def test_limits_by_operation_say_when_to_come_again() -> None:
    """Only the operation that is named is held back, and the header tells for how long."""
    with start_simulator(
        World.healthy(), requests_per_second={"DescribeRegions": 1}, retry_after=True
    ) as running:
        running.answer("demo", "DescribeRegions", {}, [])
        with pytest.raises(Refused) as refused:
            running.answer("demo", "DescribeRegions", {}, [])
        for _ in range(5):
            running.answer("demo", "DescribeNodeCidrList", {"Region": "cn-hangzhou"}, [])
        running.set_limits(None)
        running.answer("demo", "DescribeRegions", {}, [])

    assert refused.value.code == "Throttling.User"
    assert 0 < refused.value.retry_after_ms <= 1001


def test_accounts_have_their_own_keys() -> None:
    """The second account's key shows the second account's plans."""
    with start_simulator(World(plans=7, accounts=("one", "two"))) as running:
        params = {"Action": "DescribeBackupPlanList", "Format": "JSON", "PageSize": "100"}
        first = json.loads(fetch(running, signed(params))[1])
        second = json.loads(fetch(running, signed({**params, "AccessKeyId": "testak2"}))[1])

        ids = [
            {plan["BackupPlanId"] for plan in answer["Items"]["BackupPlanDetail"]}
            for answer in (first, second)
        ]
        assert len(ids[0]) == len(ids[1]) == 7
        assert not ids[0] & ids[1]


def test_a_body_too_large_is_refused(simulator: Simulator) -> None:
    """Nobody can make it read without end."""
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=20)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()

    assert connection.getresponse().status == 413
    connection.close()


def test_a_write_sent_again_is_done_once() -> None:
    """The same ClientToken gives the same task, and the list holds one."""
    clock = FakeClock(NOW)
    with start_simulator(World.healthy(clock=clock.now)) as simulator:
        plan_id = simulator.world.plan_ids("demo")[0]
        before = len(simulator.world.restores(plan_id))
        given = {
            "BackupPlanId": plan_id,
            "RestoreTaskName": "x",
            "DestinationEndpointInstanceType": "rds",
            "ClientToken": "t1",
        }
        tasks = {simulator.answer("demo", "CreateRestoreTask", given, [])["RestoreTaskId"] for _ in range(3)}

        assert len(tasks) == 1
        assert len(simulator.world.restores(plan_id)) == before + 1


def test_a_fault_finds_its_region_by_the_plan(two_accounts: Simulator) -> None:
    """Requests that name only a plan belong to the plan's region."""
    plan_id = two_accounts.world.plan_ids("one", "cn-shanghai")[0]

    assert two_accounts.region_of({"BackupPlanId": plan_id}) == "cn-shanghai"
    assert two_accounts.region_of({"BackupPlanId": plan_id, "RegionId": "cn-hangzhou"}) == "cn-hangzhou"
    assert two_accounts.region_of({}) == ""


def test_only_the_api_is_at_the_root(two_accounts: Simulator) -> None:
    """Other paths and methods are refused in the gateway's form."""
    assert steer(two_accounts, "/elsewhere?Action=DescribeRegions&Format=JSON")[0] == 404
    status, answer = steer(two_accounts, "/?Format=JSON", "DELETE")
    assert (status, answer["Code"]) == (400, "UnsupportedHTTPMethod")


def test_closing_does_not_wait_for_slow_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that would sleep for an hour ends with the simulator."""
    simulator = start_simulator(World.healthy(), faults=[{"kind": "latency", "seconds": 3600}])
    token = steer(simulator, "/-/credentials")[1]
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
