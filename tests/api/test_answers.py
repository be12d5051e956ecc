"""What an answer means: success in every form that the documents show, and the one error that says what went wrong."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.api_caller import SECRET, MakeCaller, Serve
from support.scripted_server import OK, http, in_turn

from dbs_exporter import errors
from dbs_exporter.api.answers import error_class, parse_answer, presentable, retry_after_seconds


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        ("Throttling", 400, errors.Throttled),
        ("Throttling.User", 400, errors.Throttled),
        ("Rejected.Throttling", 503, errors.Throttled),
        ("ServiceUnavailable", 503, errors.ServerError),
        ("InternalError", 500, errors.ServerError),
        ("SignatureNonceUsed", 400, errors.ServerError),
        ("IncompleteSignature", 400, errors.BadCredentials),
        ("InvalidSecurityToken.Expired", 403, errors.BadCredentials),
        ("InvalidAccessKeyId.Inactive", 400, errors.BadCredentials),
        ("NoPermission", 403, errors.NotPermitted),
        ("Forbidden", 403, errors.NotPermitted),
        ("MissingBackupPlanId", 400, errors.Invalid),
        ("UnsupportedHTTPMethod", 400, errors.Invalid),
        ("InvalidVersion", 400, errors.Invalid),
        ("New.Code", 401, errors.BadCredentials),
        ("New.Code", 403, errors.NotPermitted),
        ("New.Code", 408, errors.ServerError),
        ("New.Code", 418, errors.Invalid),
        ("New.Code", 429, errors.Throttled),
        ("New.Code", 503, errors.ServerError),
        ("", 200, errors.ServerError),
    ],
)
def test_the_meaning_of_codes(code: str, status: int, raised: type[errors.ApiError]) -> None:
    """Every code of the vendor's documents, and what an unknown one means by its status."""
    assert error_class(code, status) is raised


def test_a_malformed_refusal_is_still_a_refusal() -> None:
    """An error whose own fields are nonsense is told by what is left of it."""
    answer = {"Success": False, "ErrCode": ["x"], "ErrMessage": {"a": 1}, "HttpStatusCode": "many"}
    with pytest.raises(errors.ServerError, match="HTTP 200"):
        parse_answer(json.dumps(answer).encode(), http_status=200, headers={})


def test_success_beside_a_code_is_success(serve: Serve, make_caller: MakeCaller) -> None:
    """The vendor's samples show Success true with ErrCode and HttpStatusCode 400: Success decides."""
    answer = {"Success": "true", "ErrCode": "InvalidParameter", "HttpStatusCode": "400", "TaskId": "123456"}

    assert make_caller(serve(in_turn(http(answer))).url).client.call("DescribeRegions", {}) == answer


@pytest.mark.parametrize("wrapper", ["DescribeRegionsResponse", "GetDBListFromAgentReponse"])
def test_an_answer_is_taken_out_of_its_wrapper(serve: Serve, make_caller: MakeCaller, wrapper: str) -> None:
    """Some samples wrap the answer in its name, one of them misspelt."""
    inner = {"Success": True, "Regions": {"RegionCode": ""}}

    assert make_caller(serve(in_turn(http({wrapper: inner}))).url).client.call("DescribeRegions", {}) == inner


def test_an_error_in_xml_is_understood(serve: Serve, make_caller: MakeCaller) -> None:
    """The gateway's older form of an error is judged by its code as well."""
    body = b"<?xml version='1.0'?><Error><Code>Throttling</Code><Message>m</Message><RequestId>R</RequestId></Error>"
    caller = make_caller(serve(in_turn(http(body, 400), OK)).url)
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["throttled", "success"]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"1", b"null", b'{"a":', b"\xff\xfe", b"[" * 100_000, b"1" * 5000],
)
def test_what_is_no_json_object_is_a_bad_answer(serve: Serve, make_caller: MakeCaller, body: bytes) -> None:
    """Anything but a JSON object is told as such, and is no reason to try again."""
    caller = make_caller(serve(in_turn(http(body))).url)
    with pytest.raises(errors.BadAnswer):
        caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["bad_answer"]


def test_a_key_given_twice_makes_an_answer_bad(serve: Serve, make_caller: MakeCaller) -> None:
    """Whichever value were taken, an empty list could stand for one that is not, at any depth."""
    body = b'{"Success": true, "Items": {"TotalElements": 1, "TotalElements": 0}}'
    caller = make_caller(serve(in_turn(http(body))).url)
    with pytest.raises(errors.BadAnswer, match="the answer names TotalElements twice"):
        caller.client.call("DescribeRegions", {})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"PageSize": NaN, "a": -Infinity, "b": 1e400}', {"a": float("-inf"), "b": float("inf")}),
        ('{"a": "备份"}'.encode()[:-3] + b'"}', {"a": "备\ufffd"}),
    ],
)
def test_what_is_odd_in_a_field_does_not_cost_the_answer(
    serve: Serve, make_caller: MakeCaller, body: bytes, expected: dict[str, object]
) -> None:
    """Numbers that JSON does not have, and a text that is cut within a character, are for whoever reads the field."""
    answer = make_caller(serve(in_turn(http(body))).url).client.call("DescribeRegions", {})

    assert {name: answer[name] for name in expected} == expected


def test_a_page_of_a_proxy_is_not_a_denial(serve: Serve, make_caller: MakeCaller) -> None:
    """A 403 that is no JSON did not come from DBS, and says nothing about RAM."""
    with pytest.raises(errors.BadAnswer, match="proxy"):
        make_caller(serve(in_turn(http(b"<html>blocked", 403))).url).client.call("DescribeRegions", {})


@given(st.binary(max_size=60), st.sampled_from([200, 204, 302, 400, 403, 429, 500, 599]))
def test_no_bytes_raise_anything_but_an_api_error(body: bytes, status: int) -> None:
    """Whatever comes, it is an answer or one of our errors."""
    with suppress(errors.ApiError):
        assert isinstance(parse_answer(body, http_status=status, headers={}), dict)


@given(st.text(max_size=700))
def test_a_servers_words_fit_one_line(message: str) -> None:
    """Whatever a server says becomes one line of printable characters, bounded."""
    shown = presentable(message, (SECRET, ""))

    assert len(shown) <= 500
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-acs-retry-after": "1500"}, 1.5),
        ({"retry-after": "2"}, 2.0),
        ({"x-acs-retry-after": "1500", "retry-after": "2"}, 1.5),
        ({"x-acs-retry-after": "0"}, None),
        ({"x-acs-retry-after": "-5"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"x-acs-retry-after": "9" * 400}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds in the vendor's header, seconds in the standard one; nonsense is nothing."""
    assert retry_after_seconds(headers) == seconds


def test_a_clock_that_is_wrong_is_named(serve: Serve, make_caller: MakeCaller) -> None:
    """The error of a wrong clock shows what the API's clock says."""
    refusal = http(
        {"Code": "InvalidTimeStamp.Expired", "Message": "x"}, 400, Date="Mon, 23 Nov 2026 04:00:00 GMT"
    )
    with pytest.raises(errors.BadCredentials, match=r"23 Nov 2026 04:00:00"):
        make_caller(serve(in_turn(refusal)).url).client.call("DescribeRegions", {})
