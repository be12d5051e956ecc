"""The simulated cloud itself: pure, paged, faulty on demand, and never lenient with signatures."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.signed_query import signed

from dbs_exporter.simulator import INCIDENTS, Simulator, World, start_simulator
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.faults import KINDS
from dbs_exporter.simulator.replies import position

NOW = 1_790_000_000.0
HEALTHY_LAG_SECONDS = 90


def world(plans: int = 40, **more: Any) -> World:
    clock = FakeClock(NOW)
    return World(plans=plans, clock=clock.now, **more)


def ask(made: World, operation: str, **params: Any) -> dict[str, Any]:
    return READS[operation](made, made.accounts[0], {name: str(value) for name, value in params.items()})


def all_plans(made: World) -> list[str]:
    return [one for account in made.accounts for one in made.plan_ids(account)]


def test_the_same_seed_and_moment_give_the_same_answers() -> None:
    """Two worlds of one seed agree in everything; another seed does not."""
    one, same, other = world(), world(), world(seed=2)
    answers = [ask(made, "DescribeBackupPlanList", PageSize=100) for made in (one, same, other)]

    assert answers[0] == answers[1]
    assert answers[0] != answers[2]
    plan = all_plans(one)[0]
    assert ask(one, "DescribeFullBackupList", BackupPlanId=plan) == ask(
        same, "DescribeFullBackupList", BackupPlanId=plan
    )


def test_a_healthy_fleet_is_healthy() -> None:
    """Without incidents every plan runs, has its backups as scheduled, fresh log, no hole, and expiry far ahead."""
    made = world(incidents=())
    for plan in all_plans(made):
        history = made.history(plan)
        spec = history.spec
        newest = history.newest_finished()
        window = history.window()
        assert newest is not None
        assert newest.finished_at is not None
        assert window is not None
        assert made.status_of(spec) == "running"
        assert NOW - newest.finished_at < 7 * 86_400 / len(spec.weekdays) + 2 * 86_400
        assert newest.expires_at - NOW > 30 * 86_400
        if spec.has_log:
            assert NOW - window[1] < HEALTHY_LAG_SECONDS
            assert len(history.ranges()) == 1
        assert not [task for task in made.restores(plan) if task.at(NOW)[0] != "finish"]
    proven = sum(bool(made.restores(plan)) for plan in all_plans(made))
    assert proven > 0.8 * len(all_plans(made))


def test_every_incident_has_its_plans_and_can_be_mended() -> None:
    """Each incident hits a plan or two of the default fleet; switched off, those plans are as healthy as the rest."""
    made = world()

    assert set(made.incident_plans) == set(INCIDENTS)
    assert len(made.incident_plans["offline_gateway"]) == 2
    hit = {one for plans in made.incident_plans.values() for one in plans}
    assert len(hit) < len(all_plans(made)) / 2
    made.set_incidents([])
    assert made.incidents == ()
    for plan in hit:
        assert made.history(plan).window() is not None


def test_an_unknown_incident_is_refused() -> None:
    """A misspelt incident names those there are."""
    with pytest.raises(ValueError, match="failed_full_backup"):
        world().set_incidents(["burnt_down"])


def test_a_page_costs_the_page() -> None:
    """Of ten thousand plans with 90 days each, a page makes its own records and no more."""
    made = world(plans=10_000)
    before = made.rendered_records
    ask(made, "DescribeBackupPlanList", PageSize=100, PageNum=50)
    assert made.rendered_records - before == 100
    before = made.rendered_records
    ask(made, "DescribeIncrementBackupList", BackupPlanId=all_plans(made)[4], PageSize=30, PageNum=2)
    assert made.rendered_records - before == 30


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_pages_together_are_the_list(order: str) -> None:
    """In every order each record comes once, and the totals say how many."""
    made = world(order=order)
    plan = next(one for one in all_plans(made) if made.history(one).log_count() > 60)
    seen: list[tuple[str, int]] = []
    for number in range(20):
        answer = ask(made, "DescribeIncrementBackupList", BackupPlanId=plan, PageSize=30, PageNum=number)
        items = answer["Items"]
        seen += (
            [(one["BackupSetId"], one["StartTime"]) for one in items["IncrementBackupFile"]] if items else []
        )
        if number >= answer["TotalPages"]:
            assert items == ""

    assert len(seen) == len(set(seen)) == answer["TotalElements"]
    times = [start for _, start in seen]
    assert (times == sorted(times, reverse=True)) is (order == "newest")
    assert (times == sorted(times)) is (order == "oldest")


@pytest.mark.parametrize("count", [1, 2, 3, 10, 97, 168, 1000])
def test_shuffling_loses_nothing(count: int) -> None:
    """The shuffled order is a permutation for every length."""
    assert sorted(position("shuffled", place, count) for place in range(count)) == list(range(count))


def test_filters_choose() -> None:
    """Plan ids, status, name and region, as the documents say."""
    made = world()
    here = made.plan_ids("demo", "cn-hangzhou")
    two = ask(made, "DescribeBackupPlanList", BackupPlanId=",".join(here[:2]))
    locked = ask(made, "DescribeBackupPlanList", BackupPlanStatus="locked")

    assert two["TotalElements"] == 2
    assert locked["TotalElements"] == 1
    assert ask(made, "DescribeBackupPlanList", Region="cn-hangzhou")["TotalElements"] == len(here)


def test_a_plan_can_be_deleted_and_renamed() -> None:
    """What callers change is seen by the next list."""
    made = world()
    victim, other = made.plan_ids("demo", "cn-hangzhou")[:2]
    made.delete_plan(victim)
    made.rename(other, "new-name")
    names = {
        one["BackupPlanId"]: one["BackupPlanName"]
        for one in ask(made, "DescribeBackupPlanList", Region="cn-hangzhou", PageSize=100)["Items"][
            "BackupPlanDetail"
        ]
    }

    assert victim not in names
    assert names[other] == "new-name"
    with pytest.raises(KeyError):
        made.delete_plan(victim)


# ── over HTTP ──


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with start_simulator(World()) as running:
        yield running


def fetch(
    simulator: Simulator, query: str, *, body: bytes | None = None
) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(f"{simulator.url}/?{query}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def control(simulator: Simulator, path: str, method: str = "GET", content: Any = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{simulator.url}{path}",
        method=method,
        data=None if content is None else json.dumps(content).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_without_a_format_the_answer_is_xml(simulator: Simulator) -> None:
    """Version 1 answers XML by contract, JSON if asked for; both say the same."""
    params = {"Action": "DescribeRegions"}
    status, content, headers = fetch(simulator, signed(params))
    as_json = json.loads(fetch(simulator, signed({**params, "Format": "JSON"}))[1])
    root = ET.fromstring(content)

    assert status == 200
    assert headers["Content-Type"].startswith("text/xml")
    assert root.tag == "DescribeRegionsResponse"
    assert [one.text for one in root.iter("RegionCode")] == as_json["Regions"]["RegionCode"]


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


def test_a_nonce_is_good_once(simulator: Simulator) -> None:
    """The same request again is refused."""
    query = signed({"Action": "DescribeRegions", "Format": "JSON"})

    assert fetch(simulator, query)[0] == 200
    assert json.loads(fetch(simulator, query)[1])["Code"] == "SignatureNonceUsed"


def test_a_signed_request_cannot_be_changed(simulator: Simulator) -> None:
    """Another parameter after signing is noticed."""
    query = signed({"Action": "DescribeRegions", "Format": "JSON"}) + "&RegionId=cn-beijing"

    assert json.loads(fetch(simulator, query)[1])["Code"] == "SignatureDoesNotMatch"


@pytest.fixture
def faulty(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.set_faults([])


def regions(simulator: Simulator, **params: str) -> tuple[int, bytes, dict[str, str]]:
    return fetch(simulator, signed({"Action": "DescribeRegions", "Format": "JSON", **params}))


def plan_list(simulator: Simulator) -> dict[str, Any]:
    return dict(
        json.loads(
            fetch(simulator, signed({"Action": "DescribeBackupPlanList", "Format": "JSON", "PageSize": "5"}))[
                1
            ]
        )
    )


@pytest.mark.parametrize(
    ("fault", "status", "holds"),
    [
        ({"kind": "throttle", "retry_after_ms": 700}, 400, b"Throttling.User"),
        ({"kind": "deny"}, 403, b"Request.Forbidden"),
        ({"kind": "bad_key"}, 400, b"InvalidAccessKeyId.Inactive"),
        ({"kind": "refuse", "status": 200}, 200, b'"Success":false'),
        ({"kind": "refuse", "status": 400, "code": "InvalidJobId"}, 400, b"InvalidJobId"),
        ({"kind": "unavailable"}, 503, b"ServiceUnavailable"),
        ({"kind": "html"}, 502, b"<html>"),
        ({"kind": "not_json"}, 200, b"{not json"),
        ({"kind": "redirect"}, 302, b""),
        ({"kind": "wrapped"}, 200, b'{"DescribeRegionsResponse"'),
        ({"kind": "strings"}, 200, b'"Success":"true"'),
        ({"kind": "error_beside_success"}, 200, b"InvalidParameter"),
        ({"kind": "huge", "bytes": 100_000}, 200, b"x" * 100_000),
        ({"kind": "drip", "seconds": 0.01}, 200, b"cn-hangzhou"),
        ({"kind": "latency", "seconds": 0.01}, 200, b"cn-hangzhou"),
    ],
)
def test_a_fault_answers_as_the_cloud_would(
    faulty: Simulator, fault: dict[str, Any], status: int, holds: bytes
) -> None:
    """Each fault has its status and body."""
    faulty.set_faults([fault])
    if fault["kind"] == "redirect":
        connection = http.client.HTTPConnection("127.0.0.1", faulty.port, timeout=20)
        connection.request("GET", "/?" + signed({"Action": "DescribeRegions", "Format": "JSON"}))
        answer = connection.getresponse()
        got, content, headers = answer.status, answer.read(), dict(answer.headers)
        connection.close()
    else:
        got, content, headers = regions(faulty)

    assert got == status
    assert holds in content
    if fault["kind"] == "throttle":
        assert headers["x-acs-retry-after"] == "700"


@pytest.mark.parametrize("kind", ["torn", "reset"])
def test_a_connection_can_break(faulty: Simulator, kind: str) -> None:
    """Half an answer, or none."""
    faulty.set_faults([{"kind": kind}])
    with pytest.raises((http.client.IncompleteRead, ConnectionError, socket.error)):
        regions(faulty)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("no_items", lambda answer: "Items" not in answer),
        ("null_items", lambda answer: answer["Items"] is None),
        ("empty_items", lambda answer: answer["Items"] == ""),
        ("wrong_total", lambda answer: answer["TotalElements"] == 41),
        (
            "unknown_values",
            lambda answer: answer["Items"]["BackupPlanDetail"][0]["BackupPlanStatus"] == "brand_new",
        ),
        ("ignore_page", lambda answer: answer["PageNum"] == 0),
    ],
)
def test_an_answer_can_have_another_shape(faulty: Simulator, kind: str, seen: Any) -> None:
    """Lists in every form that the documents show, and totals that do not add up."""
    faulty.set_faults([{"kind": kind}])

    assert seen(plan_list(faulty))


def test_a_fault_can_be_aimed_and_used_up(faulty: Simulator) -> None:
    """Operation, account and a number of times."""
    faulty.set_faults([{"kind": "deny", "operation": "DescribeRegions", "account": "demo", "times": 1}])

    assert plan_list(faulty)["Success"] is True
    assert [regions(faulty)[0] for _ in range(2)] == [403, 200]


def test_a_fault_by_probability_comes_now_and_then(faulty: Simulator) -> None:
    """Neither never nor always."""
    faulty.set_faults([{"kind": "deny", "probability": 0.5}])
    answers = {regions(faulty)[0] for _ in range(40)}

    assert answers == {200, 403}


@pytest.mark.parametrize(
    "wrong", [{"kind": "throttle"}, [{"kind": "meteor"}], [{"kind": "deny", "plam": "x"}], ["deny"]]
)
def test_a_wrong_fault_is_refused_and_changes_nothing(faulty: Simulator, wrong: Any) -> None:
    """The answer says which entry is wrong, and the faults in force stay."""
    faulty.set_faults([{"kind": "deny"}])
    status, said = control(faulty, "/-/faults", "POST", wrong)

    assert status == 400
    assert said["error"]
    assert regions(faulty)[0] == 403


def test_the_simulator_is_steered_over_http() -> None:
    """Faults, incidents, plans, counts and tokens have addresses of their own."""
    with start_simulator(World()) as made:
        victim = made.world.plan_ids("demo")[0]

        assert control(made, "/-/healthy") == (200, {"healthy": True})
        assert control(made, "/-/faults")[1]["kinds"] == list(KINDS)
        assert set(control(made, "/-/incidents")[1]["holding"]) == set(INCIDENTS)
        assert control(made, "/-/incidents", "POST", ["locked_plan"])[1]["holding"] == ["locked_plan"]
        assert control(made, "/-/incidents", "POST", ["meteor"])[0] == 400
        assert control(made, f"/-/plans/{victim}", "DELETE")[0] == 200
        assert control(made, f"/-/plans/{victim}", "DELETE")[0] == 404
        assert control(made, "/-/nothing")[0] == 404
        assert victim not in made.world.plan_ids("demo")
        token = control(made, "/-/credentials")[1]
        assert token["SecurityToken"]
        regions(made)
        assert control(made, "/-/requests")[1] == {"DescribeRegions": 1}


def test_a_token_is_asked_for() -> None:
    """A short-lived key works with its token only."""
    with start_simulator(World()) as made:
        token = control(made, "/-/credentials")[1]
        params = {"Action": "DescribeRegions", "Format": "JSON", "AccessKeyId": token["AccessKeyId"]}
        without = fetch(made, signed(params, secret=token["AccessKeySecret"]))
        with_it = fetch(
            made, signed({**params, "SecurityToken": token["SecurityToken"]}, secret=token["AccessKeySecret"])
        )

        assert without[0] == 400
        assert with_it[0] == 200


def test_a_rate_can_be_set() -> None:
    """Above the limit each further call within the second is throttled."""
    with start_simulator(World(), requests_per_second=3) as made:
        answers = [regions(made)[0] for _ in range(6)]

    assert answers[:3] == [200] * 3
    assert 400 in answers


def test_accounts_have_their_own_keys() -> None:
    """The second account's key shows the second account's plans."""
    with start_simulator(World(plans=7, accounts=("one", "two"))) as made:
        params = {"Action": "DescribeBackupPlanList", "Format": "JSON", "PageSize": "100"}
        first = json.loads(fetch(made, signed(params))[1])
        second = json.loads(fetch(made, signed({**params, "AccessKeyId": "testak2"}))[1])

        names = [
            {one["BackupPlanId"] for one in answer["Items"]["BackupPlanDetail"]} for answer in (first, second)
        ]
        assert len(names[0]) == len(names[1]) == 7
        assert not names[0] & names[1]


def test_a_body_too_large_is_refused(simulator: Simulator) -> None:
    """Nobody can make it read without end."""
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=20)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()

    assert connection.getresponse().status == 413
    connection.close()
