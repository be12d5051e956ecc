"""Attempts of one call and the pages of a list; time passes only when the test says so."""

from __future__ import annotations

from datetime import datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.api_caller import FULL_LIST, PLAN, SCOPE, SECRET, MakeCaller, Serve
from support.fake_clock import FakeClock
from support.scripted_server import OK, THROTTLED, ListScript, Seen, http, in_turn

from dbs_exporter import errors
from dbs_exporter.api.client import MAX_ATTEMPTS, Call, OnPage
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.server_time import ServerTime


def test_a_call_is_sent_as_the_official_sdk_sends_it(serve: Serve, make_caller: MakeCaller) -> None:
    """POST with everything in the query, action and version as headers, the region added, signed; the answer comes back."""
    server = serve(in_turn(OK))
    caller = make_caller(server.url)
    answer = caller.client.call("DescribeBackupGatewayList", {"PageNum": 0})
    (seen,) = server.seen

    assert answer["RequestId"] == "R1"
    assert (seen.method, urlsplit(seen.target).path) == ("POST", "/")
    assert seen.query == {"PageNum": "0", "Region": "cn-hangzhou", "RegionId": "cn-hangzhou"}
    assert seen.headers["x-acs-action"] == "DescribeBackupGatewayList"
    assert seen.headers["x-acs-version"] == "2019-03-06"
    assert seen.headers["host"] == server.url.removeprefix("http://")
    assert seen.headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=testak,SignedHeaders=host;")
    assert caller.calls == [
        Call(
            scope=SCOPE,
            operation="DescribeBackupGatewayList",
            outcome="success",
            duration_seconds=0.0,
            attempt=1,
            http_status=200,
            request_id="R1",
        )
    ]


def test_a_region_that_is_given_is_left_alone(serve: Serve, make_caller: MakeCaller) -> None:
    """Whoever names a region means it."""
    server = serve(in_turn(OK))
    make_caller(server.url).client.call(
        "DescribeNodeCidrList", {"Region": "cn-beijing", "RegionId": "cn-shanghai"}
    )

    assert server.seen[0].query == {"Region": "cn-beijing", "RegionId": "cn-shanghai"}


def test_a_signed_call_is_what_would_be_sent(serve: Serve, make_caller: MakeCaller) -> None:
    """It has the query and the headers of a call, and nothing is sent or counted."""
    server = serve(in_turn(OK))
    caller = make_caller(server.url)
    signed = caller.client.signed("DescribeNodeCidrList", {})
    before = (list(server.seen), list(caller.calls))
    caller.client.call("DescribeNodeCidrList", {})
    (seen,) = server.seen

    assert before == ([], [])
    assert (signed.method, urlsplit(str(signed.url)).query) == ("POST", urlsplit(seen.target).query)
    assert {name.lower() for name in signed.headers} == seen.headers.keys()


def test_a_wrong_request_is_not_sent(serve: Serve, make_caller: MakeCaller) -> None:
    """A missing parameter and an unknown operation fail before anything is sent or counted."""
    server = serve(in_turn(OK))
    caller = make_caller(server.url)
    with pytest.raises(errors.Invalid, match="BackupPlanId is required"):
        caller.client.call(FULL_LIST, {})
    with pytest.raises(errors.Invalid, match="no operation"):
        caller.client.call("DescribeEverything", {})

    assert (server.seen, caller.calls) == ([], [])


def test_throttling_is_tried_again_and_signed_anew(serve: Serve, make_caller: MakeCaller) -> None:
    """Throttling that comes as HTTP 400 is tried again, later, with another nonce and date; each attempt is told."""
    server = serve(in_turn(THROTTLED, THROTTLED, OK))
    caller = make_caller(server.url)
    rate = caller.pacer.rate
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["throttled", "throttled", "success"]
    assert [call.attempt for call in caller.calls] == [1, 2, 3]
    assert (caller.calls[0].code, caller.calls[0].request_id, caller.calls[0].http_status) == (
        "Throttling.User",
        "R0",
        400,
    )
    assert [seconds for seconds in caller.clock.sleeps if seconds > 0.1] == [0.5, 1.0]
    assert len({seen.headers["x-acs-signature-nonce"] for seen in server.seen}) == 3
    assert len({seen.headers["authorization"] for seen in server.seen}) == 3
    assert caller.pacer.rate < rate


def test_what_the_server_asks_for_is_waited(serve: Serve, make_caller: MakeCaller) -> None:
    """x-acs-retry-after, in milliseconds, is the least that is waited; jitter comes on top."""
    refusal = http({"Code": "Throttling", "Message": "x"}, 429, x_acs_retry_after="3000")
    caller = make_caller(serve(in_turn(refusal, OK)).url, random=lambda: 0.5)
    caller.client.call("DescribeRegions", {})

    assert caller.clock.sleeps == [3.25]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_api_is_tried_four_times(serve: Serve, make_caller: MakeCaller, status: int) -> None:
    """A page of a gateway that is no JSON counts as the API's failure; after four attempts it is told."""
    caller = make_caller(serve(in_turn(http(b"<html>bad gateway", status))).url)
    with pytest.raises(errors.ServerError) as caught:
        caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["server_error"] * MAX_ATTEMPTS
    assert caught.value.http_status == status
    assert caught.value.operation == "DescribeRegions"


def test_attempts_end_with_the_time_they_have(serve: Serve, make_caller: MakeCaller) -> None:
    """No pause is begun that would end after `within`."""
    caller = make_caller(serve(in_turn(THROTTLED)).url)
    began = caller.clock.now()
    with pytest.raises(errors.Throttled):
        caller.client.call("DescribeRegions", {}, within=1.0)

    assert len(caller.calls) == 2
    assert caller.clock.now() < began + 1.0


def test_no_time_for_a_slot_is_told_once(serve: Serve, make_caller: MakeCaller) -> None:
    """A call that the rate limit leaves no time for fails at once, unsent; after a failure that failure is told."""
    server = serve(in_turn(OK, THROTTLED))
    clock = FakeClock()
    caller = make_caller(server.url, clock=clock, pacer=Pacer(0.01, 1, clock))
    caller.client.call("DescribeRegions", {})
    with pytest.raises(errors.Timeout, match="DescribeRegions: the rate limit") as caught:
        caller.client.call("DescribeRegions", {}, within=50.0)
    assert caught.value.operation == "DescribeRegions"
    assert len(server.seen) == 1

    with pytest.raises(errors.Throttled):
        caller.client.call("DescribeRegions", {}, within=150.0)
    assert caller.outcomes == ["success", "throttled"]


def test_shutdown_ends_the_pauses(serve: Serve, make_caller: MakeCaller) -> None:
    """A stopped clock ends a pause, and no further attempt is made."""
    caller = make_caller(serve(in_turn(THROTTLED)).url)
    caller.clock.stopped = True
    with pytest.raises(errors.Throttled):
        caller.client.call("DescribeRegions", {})

    assert len(caller.calls) == 1


@pytest.mark.parametrize(
    ("status", "answer", "raised"),
    [
        (403, {"Code": "Request.Forbidden", "Message": "Have no Permissions"}, errors.NotPermitted),
        (403, {"Code": "Forbidden.RAM", "Message": "x"}, errors.NotPermitted),
        (404, {"Code": "InvalidAccessKeyId.NotFound", "Message": "x"}, errors.BadCredentials),
        (400, {"Code": "SignatureDoesNotMatch", "Message": "x"}, errors.BadCredentials),
        (400, {"Code": "InvalidTimeStamp.Expired", "Message": "x"}, errors.BadCredentials),
        (400, {"Code": "InvalidJobId", "Message": "x"}, errors.Invalid),
        (404, {"Code": "InvalidAction.NotFound", "Message": "x"}, errors.Invalid),
        (200, {"Success": False, "ErrCode": "InvalidParameterValid", "HttpStatusCode": 400}, errors.Invalid),
        (200, {"Success": "false", "ErrCode": "Param.NotFound"}, errors.Invalid),
        (200, {"Success": False, "ErrCode": "Request.Forbidden", "HttpStatusCode": 403}, errors.NotPermitted),
        (200, {"ErrCode": "InvalidParameter"}, errors.Invalid),
        (200, {"Success": "perhaps"}, errors.BadAnswer),
        (400, {"Error": {"Code": "InvalidParameter", "Message": "x"}}, errors.Invalid),
    ],
)
def test_what_a_retry_cannot_mend_is_told_at_once(
    serve: Serve, make_caller: MakeCaller, status: int, answer: dict[str, Any], raised: type[errors.ApiError]
) -> None:
    """Both shapes of refusal are judged by their code, and not tried again."""
    caller = make_caller(serve(in_turn(http(answer, status))).url)
    with pytest.raises(errors.ApiError) as caught:
        caller.client.call(FULL_LIST, PLAN)

    assert type(caught.value) is raised
    assert caller.outcomes == [raised.kind]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        ({"Success": False, "ErrCode": "Throttling.Api", "HttpStatusCode": 429}, errors.Throttled),
        ({"Success": False, "ErrCode": "InternalError", "HttpStatusCode": 500}, errors.ServerError),
        ({"Success": False}, errors.ServerError),
    ],
)
def test_a_refusal_as_http_200_is_tried_again_where_that_helps(
    serve: Serve, make_caller: MakeCaller, answer: dict[str, Any], raised: type[errors.ApiError]
) -> None:
    """Success false with a throttling or internal code is as mendable as the same code with an HTTP error."""
    caller = make_caller(serve(in_turn(http(answer))).url)
    with pytest.raises(raised):
        caller.client.call(FULL_LIST, PLAN)

    assert len(caller.calls) == MAX_ATTEMPTS


def test_a_client_that_reads_refuses_to_write(serve: Serve, make_caller: MakeCaller) -> None:
    """The exporter's client cannot change anything, whoever asks."""
    server = serve(in_turn(OK))
    with pytest.raises(errors.Invalid, match="only reads"):
        make_caller(server.url).client.call("ReleaseBackupPlan", PLAN)

    assert server.seen == []


@pytest.mark.parametrize("reply", [http(b"", 503), THROTTLED])
def test_a_write_is_never_repeated(serve: Serve, make_caller: MakeCaller, reply: bytes) -> None:
    """A write that failed may have been carried out: it is told, not tried again."""
    caller = make_caller(serve(in_turn(reply)).url, allow_writes=True)
    with pytest.raises(errors.ApiError):
        caller.client.call("StartRestoreTask", {"RestoreTaskId": "s1"})

    assert len(caller.calls) == 1


def test_no_error_shows_a_secret(serve: Serve, make_caller: MakeCaller) -> None:
    """A server that quotes the secret, or the password of a database, gets it blacked out."""
    refusal = http(
        {"Code": "InvalidParameter", "Message": f"{SECRET} and hunter2\nserver string to sign is:x"}, 400
    )
    caller = make_caller(serve(in_turn(refusal)).url, allow_writes=True)
    given = {
        "BackupPlanId": "a",
        "SourceEndpointInstanceType": "dg",
        "SourceEndpointPassword": "hunter2",
    }
    with pytest.raises(errors.Invalid) as caught:
        caller.client.call("ModifyBackupSourceEndpoint", given)

    assert str(caught.value) == "ModifyBackupSourceEndpoint: InvalidParameter: *** and ***"


class Rotating:
    """Credentials that change when they are refused."""

    def __init__(self) -> None:
        self.number = 1
        self.newest = 2

    def get(self) -> Credentials:
        return Credentials(access_key_id=f"ak{self.number}", access_key_secret=SECRET)

    def renew(self, refused: Credentials) -> bool:
        changed = self.number < self.newest
        self.number = self.newest
        return changed


def test_a_key_rotated_in_between_is_tried_once(serve: Serve, make_caller: MakeCaller) -> None:
    """A refused key is replaced where there is a newer one, once; else the refusal is told."""
    refusal = http({"Code": "InvalidAccessKeyId.NotFound", "Message": "x"}, 404)
    server = serve(in_turn(refusal, OK, refusal))
    caller = make_caller(server.url, credentials=Rotating())
    caller.client.call("DescribeRegions", {})
    with pytest.raises(errors.BadCredentials):
        caller.client.call("DescribeRegions", {})

    assert ["Credential=ak1," in seen.headers["authorization"] for seen in server.seen] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (250, 3)]
)
def test_a_list_is_read_to_its_end(serve: Serve, make_caller: MakeCaller, count: int, requests: int) -> None:
    """Pages start at 0 and are as large as allowed; none is asked for in vain."""
    listed = ListScript(count)
    server = serve(listed)

    assert make_caller(server.url).client.pages(FULL_LIST, PLAN) == listed.items
    assert [seen.query["PageNum"] for seen in server.seen] == [str(number) for number in range(requests)]
    assert {seen.query["PageSize"] for seen in server.seen} == {"100"}


def test_a_page_size_of_nonsense_is_refused(serve: Serve, make_caller: MakeCaller) -> None:
    """A page size that is no number is told like any other wrong parameter; one of one's own is used."""
    listed = ListScript(40)
    server = serve(listed)
    with pytest.raises(errors.Invalid, match="PageSize must be a whole number"):
        make_caller(server.url).client.pages(FULL_LIST, {**PLAN, "PageSize": "many"})

    assert len(make_caller(server.url).client.pages(FULL_LIST, {**PLAN, "PageSize": 30})) == 40
    assert {seen.query["PageSize"] for seen in server.seen} == {"30"}


def test_a_server_that_gives_smaller_pages_is_followed(serve: Serve, make_caller: MakeCaller) -> None:
    """Pages of thirty where a hundred were asked for are read to the end all the same."""
    listed = ListScript(75)
    listed.largest_page = 30

    assert make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN) == listed.items
    assert listed.requests == 3


def test_counts_may_be_strings(serve: Serve, make_caller: MakeCaller) -> None:
    """TotalElements and PageSize come as strings in some samples."""
    listed = ListScript(2)
    listed.extra = {"TotalElements": "2", "PageSize": "100"}

    assert len(make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN)) == 2


def test_pages_share_their_time(serve: Serve, make_caller: MakeCaller) -> None:
    """`within` is for all pages together."""
    clock = FakeClock()
    listed = ListScript(500, lambda listed, request: clock.advance(3.0))
    caller = make_caller(serve(listed).url, clock=clock)
    with pytest.raises(errors.Timeout):
        caller.client.pages(FULL_LIST, PLAN, within=7.0)

    assert listed.requests <= 3


def test_a_list_without_pages_is_read_in_one_call(serve: Serve, make_caller: MakeCaller) -> None:
    """Restorable ranges and pre-checks are lists that are not paged."""
    item = {"Item": "CHECK", "State": "init"}
    server = serve(in_turn(http({"Success": True, "Items": {"PreCheckProgressDetail": item}})))

    assert make_caller(server.url).client.pages("DescribePreCheckProgressList", PLAN) == [item]
    assert "PageNum" not in server.seen[0].query
    with pytest.raises(errors.Invalid, match="no list"):
        make_caller(server.url).client.pages("DescribeRegions", {})


def test_a_list_in_nonsense_names_the_operation(serve: Serve, make_caller: MakeCaller) -> None:
    """What is no list at all fails, with operation and place."""
    server = serve(in_turn(http({"Success": True, "TotalElements": 1, "Items": ["x", "y"]})))
    with pytest.raises(errors.BadAnswer) as caught:
        make_caller(server.url).client.pages(FULL_LIST, PLAN)

    assert (caught.value.operation, caught.value.field) == (FULL_LIST, "Items")


def test_an_item_that_is_no_object_is_a_record_of_nothing(serve: Serve, make_caller: MakeCaller) -> None:
    """It counts as an item, and whoever reads it finds no field."""
    server = serve(
        in_turn(http({"Success": True, "TotalElements": 2, "Items": {"FullBackupFile": ["x", {}]}}))
    )

    assert make_caller(server.url).client.pages(FULL_LIST, PLAN) == [{}, {}]


# ── pages as they come ──


def take_into(taken: list[tuple[list[dict[str, Any]], int]]) -> OnPage:
    """What notes each page, and how many items all pages are said to have."""
    return lambda page, total: taken.append((page, total))


def test_each_page_is_handed_on_as_it_comes(serve: Serve, make_caller: MakeCaller) -> None:
    """Before the next one is asked for, with how many items are to come in all; together they are the list."""
    taken: list[tuple[list[dict[str, Any]], int]] = []
    seen_before: list[int] = []
    listed = ListScript(250, lambda _listed, _request: seen_before.append(len(taken)))
    found = make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN, on_page=take_into(taken))

    assert [(len(page), total) for page, total in taken] == [(100, 250), (100, 250), (50, 250)]
    assert [item for page, _ in taken for item in page] == found == listed.items
    assert seen_before == [0, 1, 2]


def test_pages_of_a_list_that_comes_to_no_end_were_handed_on(serve: Serve, make_caller: MakeCaller) -> None:
    """What they hold is a fact, though the list as a whole is none."""
    taken: list[tuple[list[dict[str, Any]], int]] = []
    server = serve(in_turn(list_page(0, total=250), list_page(1, total=250), http(b"", 404)))
    with pytest.raises(errors.BadAnswer):
        make_caller(server.url).client.pages(FULL_LIST, PLAN, on_page=take_into(taken))

    assert [page[0]["BackupSetId"] for page, _ in taken] == ["set0", "set100"]


def list_page(number: int, *, total: int, first: int | None = None) -> bytes:
    """A page of a hundred sets, which begins with that of its number unless another is given."""
    begin = 100 * number if first is None else first
    page = [{"BackupSetId": f"set{begin + at}"} for at in range(100)]
    return http({"Success": True, "TotalElements": total, "PageSize": 100, "Items": {"FullBackupFile": page}})


def test_a_page_that_repeats_the_one_before_is_not_handed_on(serve: Serve, make_caller: MakeCaller) -> None:
    """A server that ignores the page number gives one page, not a thousand; the second pass gives it again."""
    taken: list[tuple[list[dict[str, Any]], int]] = []
    with pytest.raises(errors.BadAnswer, match="twice"):
        make_caller(serve(in_turn(list_page(0, total=1000))).url).client.pages(
            FULL_LIST, PLAN, on_page=take_into(taken)
        )

    assert len(taken) == 2


def test_a_second_pass_hands_its_pages_on_too(serve: Serve, make_caller: MakeCaller) -> None:
    """They are newer than those of the first."""
    taken: list[tuple[list[dict[str, Any]], int]] = []

    def grow(listed: ListScript, request: int) -> None:
        if request == 1:
            listed.items.insert(0, {"BackupSetId": "new"})

    listed = ListScript(150, grow)
    make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN, on_page=take_into(taken))

    assert [(len(page), total) for page, total in taken] == [(100, 150), (51, 151), (100, 151), (51, 151)]


def test_a_list_without_pages_is_one_page(serve: Serve, make_caller: MakeCaller) -> None:
    """Whoever takes pages need not know which lists have them."""
    taken: list[tuple[list[dict[str, Any]], int]] = []
    item = {"Item": "CHECK", "State": "init"}
    server = serve(in_turn(http({"Success": True, "Items": {"PreCheckProgressDetail": item}})))
    make_caller(server.url).client.pages("DescribePreCheckProgressList", PLAN, on_page=take_into(taken))

    assert taken == [([item], 1)]


# ── whose time it is ──

TRUE_TIME = 1_790_007_200.0
"""The API's time, two hours ahead of the machine's."""


def dated(body: dict[str, Any], status: int = 200, *, at: float = TRUE_TIME) -> bytes:
    return http(body, status, Date=formatdate(at, usegmt=True))


LATE = dated({"Code": "InvalidTimeStamp.Expired", "Message": "x", "RequestId": "R0"}, 400)
GOOD = dated({"Success": True, "RequestId": "R1"})


def signed_at(seen: Seen) -> float:
    return datetime.fromisoformat(seen.headers["x-acs-date"]).timestamp()


def test_a_request_that_is_refused_for_its_time_is_repeated_with_that_of_the_answer(
    serve: Serve, make_caller: MakeCaller
) -> None:
    """At once, and every later request is signed by the time that was learned; nobody need set a clock."""
    server = serve(in_turn(LATE, GOOD, GOOD))
    caller = make_caller(server.url)
    caller.client.call("DescribeRegions", {})
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["denied", "success", "success"]
    assert [round(signed_at(seen) - TRUE_TIME) for seen in server.seen] == [-7200, 0, 0]
    assert [seconds for seconds in caller.clock.sleeps if seconds > 0.1] == []
    assert caller.client.time.offset_seconds == pytest.approx(7200.0, abs=1.0)


def test_a_time_that_is_refused_twice_is_told(serve: Serve, make_caller: MakeCaller) -> None:
    """Something else is wrong then; what was learned before stays."""
    caller = make_caller(serve(in_turn(GOOD, LATE)).url)
    caller.client.call("DescribeRegions", {})
    learned = caller.client.time.offset_seconds
    with pytest.raises(errors.BadCredentials) as caught:
        caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["success", "denied", "denied"]
    assert "the API's clock says" in str(caught.value)
    assert caller.client.time.offset_seconds == learned


@pytest.mark.parametrize("date", ["", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_refusal_that_tells_no_time_is_told_at_once(
    serve: Serve, make_caller: MakeCaller, date: str
) -> None:
    """There is nothing to try again with."""
    refusal = http({"Code": "InvalidTimeStamp.Expired", "Message": "x"}, 400, Date=date)
    caller = make_caller(serve(in_turn(refusal)).url)
    with pytest.raises(errors.BadCredentials):
        caller.client.call("DescribeRegions", {})

    assert len(caller.calls) == 1


def test_after_the_machine_slept_the_first_answer_sets_the_clock_right(
    serve: Serve, make_caller: MakeCaller
) -> None:
    """What was learned before the sleep is behind by as long as it lasted, and one answer is enough to know it."""
    slept = 8 * 3600.0
    late = dated({"Code": "InvalidTimeStamp.Expired"}, 400, at=TRUE_TIME + slept)
    awake = dated({"Success": True, "RequestId": "R1"}, at=TRUE_TIME + slept)
    server = serve(in_turn(*[GOOD] * 9, late, awake))
    caller = make_caller(server.url)
    for _ in range(11):
        caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["success"] * 9 + ["denied"] + ["success"] * 2
    assert signed_at(server.seen[-1]) == pytest.approx(TRUE_TIME + slept, abs=1.0)


def test_a_write_that_was_refused_for_its_time_is_repeated_too(serve: Serve, make_caller: MakeCaller) -> None:
    """The API did not carry it out."""
    caller = make_caller(serve(in_turn(LATE, GOOD)).url, allow_writes=True)
    caller.client.call("StartRestoreTask", {"RestoreTaskId": "s1"})

    assert caller.outcomes == ["denied", "success"]


def test_only_answers_that_succeed_teach_the_time(serve: Serve, make_caller: MakeCaller) -> None:
    """Anybody on the way could write another Date into a refusal."""
    refusal = dated({"Code": "InvalidParameter", "Message": "x"}, 400)
    caller = make_caller(serve(in_turn(refusal)).url)
    with pytest.raises(errors.Invalid):
        caller.client.call("DescribeRegions", {})

    assert caller.client.time.offset_seconds is None


def test_clients_of_one_region_may_share_what_they_learned(serve: Serve, make_caller: MakeCaller) -> None:
    """A second one need not be refused first."""
    clock = FakeClock()
    shared = ServerTime(clock)
    server = serve(in_turn(LATE, GOOD))
    make_caller(server.url, clock=clock, time=shared).client.call("DescribeRegions", {})
    second = make_caller(server.url, clock=clock, time=shared)
    second.client.call("DescribeRegions", {})

    assert second.outcomes == ["success"]
