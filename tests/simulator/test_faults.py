"""Faults on demand: what each does to an answer or a connection, whom it is aimed at, and when it is used up."""

from __future__ import annotations

import http.client
import socket
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.signed_query import signed
from support.simulated_cloud import NOW, plan_list, regions, steer

from dbs_exporter.simulator import Simulator
from dbs_exporter.simulator.faults import KINDS, Fault, Faults, parse_faults


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
    status, said = steer(faulty, "/-/faults", "POST", wrong)

    assert status == 400
    assert said["error"]
    assert regions(faulty)[0] == 403


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
        parse_faults([Fault(kind="deny"), {"kind": "deny", **wrong}])


def test_a_fault_can_last_a_while() -> None:
    """It holds from when it was set, by the simulator's clock."""
    clock = FakeClock(NOW)
    faults = Faults([{"kind": "deny", "for_seconds": 60, "region": "cn-shanghai"}], clock=clock.now)

    assert len(faults.active()) == 1
    assert not faults.take_matching("X", "demo", "", "cn-hangzhou")
    assert faults.take_matching("X", "demo", "", "cn-shanghai")
    clock.advance(61)
    assert not faults.take_matching("X", "demo", "", "cn-shanghai")
    assert faults.active() == []


def test_pages_that_repeat_and_lists_that_are_words(two_accounts: Simulator) -> None:
    """A page says its own number and holds the one before it; a list of one string may be that string."""
    given = {"PageSize": "10", "PageNum": "1"}
    first = two_accounts.answer("one", "DescribeBackupPlanList", {**given, "PageNum": "0"}, [])
    again = two_accounts.answer("one", "DescribeBackupPlanList", given, [Fault(kind="repeated_page")])
    words = two_accounts.answer("one", "DescribeRegions", {}, [Fault(kind="scalars")])

    assert again["PageNum"] == 1
    first_ids, again_ids = (
        [plan["BackupPlanId"] for plan in page["Items"]["BackupPlanDetail"]] for page in (first, again)
    )
    assert again_ids == first_ids
    assert words["Regions"]["RegionCode"] == "cn-hangzhou"


def test_every_fault_says_what_it_does() -> None:
    """The table is what the document and /-/faults are made from."""
    assert all(len(text) > 8 for text in KINDS.values())
