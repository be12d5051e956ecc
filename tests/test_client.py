"""The client against a server that does what servers must not do; time passes only when the test says so."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter import errors
from dbs_exporter.api import deadlines as connections
from dbs_exporter.api import transport
from dbs_exporter.api.answers import error_class, presentable, retry_after_seconds, understand
from dbs_exporter.api.client import MAX_ATTEMPTS, Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.facts.subjects import Scope

SCOPE = Scope(account="prod", region="cn-hangzhou")
SECRET = "s3cr3t-never-to-be-seen"
FULL_LIST = "DescribeFullBackupList"
PLAN = {"BackupPlanId": "dbs1"}


class FakeClock:
    """Time that passes by sleeping, and when a server lets it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.time = 1_700_000_000.0
        self.sleeps: list[float] = []
        self.stopped = False

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.time += seconds

    def sleep(self, seconds: float) -> bool:
        self.sleeps.append(seconds)
        if not self.stopped:
            self.advance(seconds)
        return self.stopped


class Source:
    """Credentials that do not change."""

    def get(self) -> Credentials:
        return Credentials(access_key_id="testak", access_key_secret=SECRET)


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


Reply = bytes | Callable[[socket.socket], None]


class Server:
    """Reads requests and answers each by `script`, with bytes or by doing something to the connection."""

    def __init__(self, script: Callable[[Seen], Reply], tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.seen: list[Seen] = []
        self.connections = 0
        port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.connections))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection.makefile("rb") as reader:
                while line := reader.readline():
                    method, target, _ = line.decode().split(" ", 2)
                    headers = {}
                    while (header := reader.readline().decode().strip()) != "":
                        name, _, value = header.partition(":")
                        headers[name.lower()] = value.strip()
                    seen = Seen(method, target, headers, number)
                    self.seen.append(seen)
                    reply = self._script(seen)
                    if isinstance(reply, bytes):
                        connection.sendall(reply)
                    else:
                        reply(connection)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's proxies and certificates out of every test."""
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def start(script: Callable[[Seen], Reply], tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Caller:
    """A client with everything around it, as tests need it."""

    def __init__(self, url: str, clock: FakeClock | None = None, **options: Any) -> None:
        self.clock = clock or FakeClock()
        self.calls: list[Call] = []
        self.pacer = Pacer(1e6, 8, self.clock)
        self.client = Client(
            SCOPE,
            url,
            options.pop("credentials", Source()),
            self.pacer,
            self.clock,
            options.pop("timeout", 10.0),
            self.calls.append,
            random=options.pop("random", lambda: 1.0),
            **options,
        )

    @property
    def outcomes(self) -> list[str]:
        return [call.outcome for call in self.calls]


@pytest.fixture
def caller() -> Iterator[Callable[..., Caller]]:
    """Make clients whose connections end with the test."""
    made: list[Caller] = []

    def make(url: str, **options: Any) -> Caller:
        made.append(Caller(url, **options))
        return made[-1]

    yield make
    for one in made:
        one.client.close()


def http(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> bytes:
    """Make a whole HTTP answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{head}\r\n".encode() + content


OK = http({"Success": True, "RequestId": "R1", "Regions": {"RegionCode": ["cn-hangzhou"]}})
THROTTLED = http({"Code": "Throttling.User", "Message": "slow down", "RequestId": "R0"}, 400)


def in_turn(*replies: Reply) -> Callable[[Seen], Reply]:
    """Give these answers one after the other, the last one for ever."""
    left = list(replies)
    return lambda seen: left.pop(0) if len(left) > 1 else left[0]


Serve = Callable[..., Server]
Make = Callable[..., Caller]


def test_a_call_is_sent_as_the_official_sdk_sends_it(serve: Serve, caller: Make) -> None:
    """POST with everything in the query, action and version as headers, the region added, signed; the answer comes back."""
    server = serve(in_turn(OK))
    one = caller(server.url)
    answer = one.client.call("DescribeBackupGatewayList", {"PageNum": 0})
    (seen,) = server.seen

    assert answer["RequestId"] == "R1"
    assert (seen.method, urlsplit(seen.target).path) == ("POST", "/")
    assert seen.query == {"PageNum": "0", "Region": "cn-hangzhou", "RegionId": "cn-hangzhou"}
    assert seen.headers["x-acs-action"] == "DescribeBackupGatewayList"
    assert seen.headers["x-acs-version"] == "2019-03-06"
    assert seen.headers["host"] == server.url.removeprefix("http://")
    assert seen.headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=testak,SignedHeaders=host;")
    assert one.calls == [
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


def test_a_region_that_is_given_is_left_alone(serve: Serve, caller: Make) -> None:
    """Whoever names a region means it."""
    server = serve(in_turn(OK))
    caller(server.url).client.call(
        "DescribeNodeCidrList", {"Region": "cn-beijing", "RegionId": "cn-shanghai"}
    )

    assert server.seen[0].query == {"Region": "cn-beijing", "RegionId": "cn-shanghai"}


def test_a_wrong_request_is_not_sent(serve: Serve, caller: Make) -> None:
    """A missing parameter and an unknown operation fail before anything is sent or counted."""
    server = serve(in_turn(OK))
    one = caller(server.url)
    with pytest.raises(errors.Invalid, match="BackupPlanId is required"):
        one.client.call(FULL_LIST, {})
    with pytest.raises(errors.Invalid, match="no operation"):
        one.client.call("DescribeEverything", {})

    assert (server.seen, one.calls) == ([], [])


def test_throttling_is_tried_again_and_signed_anew(serve: Serve, caller: Make) -> None:
    """Throttling that comes as HTTP 400 is tried again, later, with another nonce and date; each attempt is told."""
    server = serve(in_turn(THROTTLED, THROTTLED, OK))
    one = caller(server.url)
    rate = one.pacer.rate
    one.client.call("DescribeRegions", {})

    assert one.outcomes == ["throttled", "throttled", "success"]
    assert [call.attempt for call in one.calls] == [1, 2, 3]
    assert (one.calls[0].code, one.calls[0].request_id, one.calls[0].http_status) == (
        "Throttling.User",
        "R0",
        400,
    )
    assert [seconds for seconds in one.clock.sleeps if seconds > 0.1] == [0.5, 1.0]
    assert len({seen.headers["x-acs-signature-nonce"] for seen in server.seen}) == 3
    assert len({seen.headers["authorization"] for seen in server.seen}) == 3
    assert one.pacer.rate < rate


def test_what_the_server_asks_for_is_waited(serve: Serve, caller: Make) -> None:
    """x-acs-retry-after, in milliseconds, is the least that is waited; jitter comes on top."""
    refusal = http({"Code": "Throttling", "Message": "x"}, 429, x_acs_retry_after="3000")
    one = caller(serve(in_turn(refusal, OK)).url, random=lambda: 0.5)
    one.client.call("DescribeRegions", {})

    assert one.clock.sleeps == [3.25]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_api_is_tried_four_times(serve: Serve, caller: Make, status: int) -> None:
    """A page of a gateway that is no JSON counts as the API's failure; after four attempts it is told."""
    one = caller(serve(in_turn(http(b"<html>bad gateway", status))).url)
    with pytest.raises(errors.ServerError) as caught:
        one.client.call("DescribeRegions", {})

    assert one.outcomes == ["server_error"] * MAX_ATTEMPTS
    assert caught.value.http_status == status
    assert caught.value.operation == "DescribeRegions"


def test_attempts_end_with_the_time_they_have(serve: Serve, caller: Make) -> None:
    """No pause is begun that would end after `within`."""
    one = caller(serve(in_turn(THROTTLED)).url)
    with pytest.raises(errors.Throttled):
        one.client.call("DescribeRegions", {}, within=1.0)

    assert len(one.calls) == 2
    assert one.clock.time < 1_700_000_001.0


def test_no_time_for_a_slot_is_told_once(serve: Serve, caller: Make) -> None:
    """A call that the rate limit leaves no time for fails at once, unsent; after a failure that failure is told."""
    server = serve(in_turn(OK, THROTTLED))
    one = caller(server.url)
    one.pacer = one.client._pacer = Pacer(0.01, 1, one.clock)
    one.client.call("DescribeRegions", {})
    with pytest.raises(errors.Timeout, match="DescribeRegions: the rate limit") as caught:
        one.client.call("DescribeRegions", {}, within=50.0)
    assert caught.value.operation == "DescribeRegions"
    assert len(server.seen) == 1

    with pytest.raises(errors.Throttled):
        one.client.call("DescribeRegions", {}, within=150.0)
    assert one.outcomes == ["success", "throttled"]


def test_a_page_size_of_nonsense_is_refused(serve: Serve, caller: Make) -> None:
    """A page size that is no number is told like any other wrong parameter; one of one's own is used."""
    listed = Listed(40)
    server = serve(listed)
    with pytest.raises(errors.Invalid, match="PageSize must be a whole number"):
        caller(server.url).client.pages(FULL_LIST, {**PLAN, "PageSize": "many"})

    assert len(caller(server.url).client.pages(FULL_LIST, {**PLAN, "PageSize": 30})) == 40
    assert {seen.query["PageSize"] for seen in server.seen} == {"30"}


def test_shutdown_ends_the_pauses(serve: Serve, caller: Make) -> None:
    """A stopped clock ends a pause, and no further attempt is made."""
    one = caller(serve(in_turn(THROTTLED)).url)
    one.clock.stopped = True
    with pytest.raises(errors.Throttled):
        one.client.call("DescribeRegions", {})

    assert len(one.calls) == 1


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
    serve: Serve, caller: Make, status: int, answer: dict[str, Any], raised: type[errors.ApiError]
) -> None:
    """Both shapes of refusal are judged by their code, and not tried again."""
    one = caller(serve(in_turn(http(answer, status))).url)
    with pytest.raises(errors.ApiError) as caught:
        one.client.call(FULL_LIST, PLAN)

    assert type(caught.value) is raised
    assert one.outcomes == [raised.kind]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        ({"Success": False, "ErrCode": "Throttling.Api", "HttpStatusCode": 429}, errors.Throttled),
        ({"Success": False, "ErrCode": "InternalError", "HttpStatusCode": 500}, errors.ServerError),
        ({"Success": False}, errors.ServerError),
    ],
)
def test_a_refusal_as_http_200_is_tried_again_where_that_helps(
    serve: Serve, caller: Make, answer: dict[str, Any], raised: type[errors.ApiError]
) -> None:
    """Success false with a throttling or internal code is as mendable as the same code with an HTTP error."""
    one = caller(serve(in_turn(http(answer))).url)
    with pytest.raises(raised):
        one.client.call(FULL_LIST, PLAN)

    assert len(one.calls) == MAX_ATTEMPTS


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
        understand(json.dumps(answer).encode(), http_status=200, headers={})


def test_success_beside_a_code_is_success(serve: Serve, caller: Make) -> None:
    """The vendor's samples show Success true with ErrCode and HttpStatusCode 400: Success decides."""
    answer = {"Success": "true", "ErrCode": "InvalidParameter", "HttpStatusCode": "400", "TaskId": "123456"}

    assert caller(serve(in_turn(http(answer))).url).client.call("DescribeRegions", {}) == answer


@pytest.mark.parametrize("wrapper", ["DescribeRegionsResponse", "GetDBListFromAgentReponse"])
def test_an_answer_is_taken_out_of_its_wrapper(serve: Serve, caller: Make, wrapper: str) -> None:
    """Some samples wrap the answer in its name, one of them misspelt."""
    inner = {"Success": True, "Regions": {"RegionCode": ""}}

    assert caller(serve(in_turn(http({wrapper: inner}))).url).client.call("DescribeRegions", {}) == inner


def test_an_error_in_xml_is_understood(serve: Serve, caller: Make) -> None:
    """The gateway's older form of an error is judged by its code as well."""
    body = b"<?xml version='1.0'?><Error><Code>Throttling</Code><Message>m</Message><RequestId>R</RequestId></Error>"
    one = caller(serve(in_turn(http(body, 400), OK)).url)
    one.client.call("DescribeRegions", {})

    assert one.outcomes == ["throttled", "success"]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"1", b"null", b'{"a":', b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b"1" * 5000],
)
def test_what_is_no_json_object_is_a_bad_answer(serve: Serve, caller: Make, body: bytes) -> None:
    """Anything but a JSON object is told as such, and is no reason to try again."""
    one = caller(serve(in_turn(http(body))).url)
    with pytest.raises(errors.BadAnswer):
        one.client.call("DescribeRegions", {})

    assert one.outcomes == ["bad_answer"]


def test_a_page_of_a_proxy_is_not_a_denial(serve: Serve, caller: Make) -> None:
    """A 403 that is no JSON did not come from DBS, and says nothing about RAM."""
    with pytest.raises(errors.BadAnswer, match="proxy"):
        caller(serve(in_turn(http(b"<html>blocked", 403))).url).client.call("DescribeRegions", {})


@given(st.binary(max_size=60), st.sampled_from([200, 204, 302, 400, 403, 429, 500, 599]))
def test_no_bytes_raise_anything_but_an_api_error(body: bytes, status: int) -> None:
    """Whatever comes, it is an answer or one of our errors."""
    with suppress(errors.ApiError):
        assert isinstance(understand(body, http_status=status, headers={}), dict)


def test_no_redirect_is_followed(serve: Serve, caller: Make) -> None:
    """A redirect would carry the signature elsewhere."""
    elsewhere = serve(in_turn(OK))
    one = caller(serve(in_turn(http(b"", 307, Location=elsewhere.url))).url)
    with pytest.raises(errors.BadAnswer, match="never followed"):
        one.client.call("DescribeRegions", {})

    assert elsewhere.seen == []


# ── what a server can do to a connection ──


def chunked_without_end(connection: socket.socket) -> None:
    """Send chunks until the other side gives up."""
    connection.sendall(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    while True:
        connection.sendall(chunk)


def without_length(connection: socket.socket) -> None:
    """Send a body that only the end of the connection would end."""
    connection.sendall(b"HTTP/1.1 200 X\r\n\r\n")
    while True:
        connection.sendall(b" " * 0x100000)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n{",
        chunked_without_end,
        without_length,
        http(gzip.compress(b" " * (transport.MAX_ANSWER_BYTES + 1)), Content_Encoding="gzip"),
    ],
    ids=["declared", "chunked", "endless", "gzip"],
)
def test_an_answer_is_bounded(serve: Serve, caller: Make, reply: Reply) -> None:
    """More than 16 MiB are refused, whether declared, sent or unpacked; the next call works."""
    one = caller(serve(in_turn(reply, OK)).url)
    with pytest.raises(errors.BadAnswer, match="above 16777216 bytes"):
        one.client.call("DescribeRegions", {})
    one.client.call("DescribeRegions", {})

    assert one.outcomes == ["bad_answer", "success"]


def test_gzip_is_asked_for_and_understood(serve: Serve, caller: Make) -> None:
    """A zipped answer is read, also one of two parts."""
    packed = gzip.compress(b'{"Success": true,') + gzip.compress(b' "a": 1}')
    server = serve(in_turn(http(packed, Content_Encoding="gzip")))

    assert caller(server.url).client.call("DescribeRegions", {}) == {"Success": True, "a": 1}
    assert server.seen[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"{}", "gzip"), (gzip.compress(b"{}")[:-4], "gzip"), (gzip.compress(b"") * 99, "gzip"), (b"{}", "br")],
    ids=["not gzip", "torn", "many parts", "other"],
)
def test_a_broken_encoding_is_a_bad_answer(serve: Serve, caller: Make, body: bytes, encoding: str) -> None:
    """What cannot be unpacked names the header that promised it."""
    with pytest.raises(errors.BadAnswer) as caught:
        caller(serve(in_turn(http(body, Content_Encoding=encoding))).url).client.call("DescribeRegions", {})

    assert caught.value.field == "Content-Encoding"


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n"], ids=["head", "body"]
)
def test_a_dripping_server_cannot_hold_a_call(serve: Serve, caller: Make, head: bytes) -> None:
    """A byte every second, in head or body, never lets a socket time out; the call ends after its ten seconds all the same."""
    clock = FakeClock()

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        for byte in (b"HTTP/1.1 200 X\r\n" + b"X-Pad: 1\r\n" * 500) if not head else b" " * 1000:
            clock.advance(1.0)
            connection.sendall(bytes([byte]))
            # The client's reads pull time forward no faster than bytes come, so both sides take turns.
            arrived.acquire(timeout=0.005)

    arrived = threading.Semaphore(0)
    one = caller(serve(in_turn(drip)).url, clock=clock)
    with pytest.raises(errors.Timeout, match="within 10 s"):
        one.client.call("DescribeRegions", {}, within=10.0)

    assert one.outcomes == ["timeout"]
    assert one.calls[0].duration_seconds >= 10.0


def test_a_silent_server_times_out_and_is_tried_again(serve: Serve, caller: Make) -> None:
    """An answer that does not come in time is tried again over a new connection."""
    release = threading.Event()

    def silence(connection: socket.socket) -> None:
        release.wait(30)

    server = serve(in_turn(silence, OK))
    one = caller(server.url, timeout=0.05)
    try:
        one.client.call("DescribeRegions", {})
    finally:
        release.set()

    assert one.outcomes == ["timeout", "success"]
    assert server.connections == 2


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{",
        b"SMTP hello\r\n\r\n",
    ],
    ids=["nothing", "status", "body", "chunk", "chunk size", "no http"],
)
def test_a_torn_answer_is_tried_again(serve: Serve, caller: Make, part: bytes) -> None:
    """A connection that ends too early is no answer, and a new one is tried."""

    def tear(connection: socket.socket) -> None:
        connection.sendall(part)
        connection.shutdown(socket.SHUT_RDWR)

    one = caller(serve(in_turn(tear, OK)).url)
    one.client.call("DescribeRegions", {})

    assert one.outcomes == ["unreachable", "success"]


@pytest.mark.parametrize(
    "head",
    [
        b"X" * 70_000 + b": 1\r\n",
        b"X: 1\r\n" * 101,
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length: -1\r\n",
        b"no colon\r\n\x00\xff\r\n",
    ],
    ids=["long line", "many lines", "long number", "no digit", "negative", "no colon"],
)
def test_a_head_of_nonsense(serve: Serve, caller: Make, head: bytes) -> None:
    """Whatever the head of an answer holds, the attempt ends in one of our errors and the next one works."""

    def nonsense(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\n" + head + b"\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    one = caller(serve(in_turn(nonsense, OK)).url)
    with suppress(errors.BadAnswer):
        one.client.call("DescribeRegions", {})
    one.client.call("DescribeRegions", {})

    assert one.outcomes[0] in ("unreachable", "bad_answer")
    assert one.outcomes[1] == "success"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        b'HTTP/1.1 200 X\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\n{"a":\r\n3\r\n 1}\r\n0\r\nTrailer: t\r\n\r\n',
        OK.replace(b"\r\nContent-Length", b"\nCONTENT-LENGTH"),
    ],
    ids=["continue", "1.0", "chunked", "bare newline"],
)
def test_heads_that_http_allows(serve: Serve, caller: Make, answer: bytes) -> None:
    """Interim answers, HTTP/1.0, chunks with extensions and trailers are read, twice over."""
    one = caller(serve(in_turn(answer)).url)
    for _ in range(2):
        one.client.call("DescribeRegions", {})

    assert one.outcomes == ["success", "success"]


def test_nobody_there(caller: Make) -> None:
    """A closed port is tried four times and told without the address' parameters."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    one = caller(f"http://127.0.0.1:{port}")
    with pytest.raises(errors.Unreachable, match="refused") as caught:
        one.client.call(FULL_LIST, PLAN)

    assert one.outcomes == ["unreachable"] * MAX_ATTEMPTS
    assert "dbs1" not in str(caught.value)


def test_a_connection_is_kept(serve: Serve, caller: Make) -> None:
    """Calls of one thread go over one connection; another thread has its own."""
    server = serve(in_turn(OK))
    one = caller(server.url)
    for _ in range(3):
        one.client.call("DescribeRegions", {})
    assert server.connections == 1

    thread = threading.Thread(target=one.client.call, args=("DescribeRegions", {}))
    thread.start()
    thread.join()
    assert server.connections == 2


def test_a_connection_closed_while_idle_costs_no_attempt(serve: Serve, caller: Make) -> None:
    """A server that hangs up between calls is called again, without a failure being counted."""

    def answer_and_hang_up(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        gone.set()

    gone = threading.Event()
    server = serve(in_turn(answer_and_hang_up, OK))
    one = caller(server.url)
    one.client.call("DescribeRegions", {})
    assert gone.wait(30)
    one.client.call("DescribeRegions", {})

    assert one.outcomes == ["success", "success"]


def test_an_answer_that_closes_its_connection(serve: Serve, caller: Make) -> None:
    """Connection: close is followed, and the next call opens a new one."""
    server = serve(in_turn(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)))
    one = caller(server.url)
    for _ in range(2):
        assert one.client.call("DescribeRegions", {})["RequestId"] == "R1"

    assert server.connections == 2


# ── writes and secrets ──


def test_a_client_that_reads_refuses_to_write(serve: Serve, caller: Make) -> None:
    """The exporter's client cannot change anything, whoever asks."""
    server = serve(in_turn(OK))
    with pytest.raises(errors.Invalid, match="only reads"):
        caller(server.url).client.call("ReleaseBackupPlan", PLAN)

    assert server.seen == []


@pytest.mark.parametrize("reply", [http(b"", 503), THROTTLED])
def test_a_write_is_never_repeated(serve: Serve, caller: Make, reply: bytes) -> None:
    """A write that failed may have been carried out: it is told, not tried again."""
    one = caller(serve(in_turn(reply)).url, allow_writes=True)
    with pytest.raises(errors.ApiError):
        one.client.call("StartRestoreTask", {"RestoreTaskId": "s1"})

    assert len(one.calls) == 1


def test_no_error_shows_a_secret(serve: Serve, caller: Make) -> None:
    """A server that quotes the secret, or the password of a database, gets it blacked out."""
    refusal = http(
        {"Code": "InvalidParameter", "Message": f"{SECRET} and hunter2\nserver string to sign is:x"}, 400
    )
    one = caller(serve(in_turn(refusal)).url, allow_writes=True)
    given = {
        "BackupPlanId": "a",
        "SourceEndpointInstanceType": "dg",
        "SourceEndpointPassword": "hunter2",
    }
    with pytest.raises(errors.Invalid) as caught:
        one.client.call("ModifyBackupSourceEndpoint", given)

    assert str(caught.value) == "ModifyBackupSourceEndpoint: InvalidParameter: *** and ***"


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


class Rotating:
    """Credentials that change when they are refused."""

    def __init__(self) -> None:
        self.number = 1
        self.newest = 2

    def get(self) -> Credentials:
        return Credentials(access_key_id=f"ak{self.number}", access_key_secret=SECRET)

    def refused(self, used: Credentials) -> bool:
        changed = self.number < self.newest
        self.number = self.newest
        return changed


def test_a_key_rotated_in_between_is_tried_once(serve: Serve, caller: Make) -> None:
    """A refused key is replaced where there is a newer one, once; else the refusal is told."""
    refusal = http({"Code": "InvalidAccessKeyId.NotFound", "Message": "x"}, 404)
    server = serve(in_turn(refusal, OK, refusal))
    one = caller(server.url, credentials=Rotating())
    one.client.call("DescribeRegions", {})
    with pytest.raises(errors.BadCredentials):
        one.client.call("DescribeRegions", {})

    assert ["Credential=ak1," in seen.headers["authorization"] for seen in server.seen] == [
        True,
        False,
        False,
    ]


def test_a_clock_that_is_wrong_is_named(serve: Serve, caller: Make) -> None:
    """The error of a wrong clock shows what the API's clock says."""
    refusal = http(
        {"Code": "InvalidTimeStamp.Expired", "Message": "x"}, 400, Date="Mon, 23 Nov 2026 04:00:00 GMT"
    )
    with pytest.raises(errors.BadCredentials, match=r"23 Nov 2026 04:00:00"):
        caller(serve(in_turn(refusal)).url).client.call("DescribeRegions", {})


def test_no_netrc_is_read(
    serve: Serve, caller: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .netrc for the host would replace the signature by a password."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(in_turn(OK))
    caller(server.url).client.call("DescribeRegions", {})

    assert server.seen[0].headers["authorization"].startswith("ACS3-HMAC-SHA256 ")


def test_a_proxy_of_the_environment_is_used(
    serve: Serve, caller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY is honoured, with the signature over the true host; NO_PROXY too."""
    proxy = serve(in_turn(OK))
    monkeypatch.setenv("http_proxy", proxy.url)
    caller("http://dbs.invalid:8080").client.call("DescribeRegions", {})
    (seen,) = proxy.seen

    assert seen.target.startswith("http://dbs.invalid:8080/?")
    assert seen.headers["host"] == "dbs.invalid:8080"

    straight = serve(in_turn(OK))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    caller(straight.url).client.call("DescribeRegions", {})
    assert (len(straight.seen), len(proxy.seen)) == (1, 1)


def test_a_proxy_is_held_to_the_same_bounds(
    serve: Serve, caller: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a proxy answers are bounded, torn ones noticed and dripping ones ended as well."""
    clock = FakeClock()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            clock.advance(1.0)
            connection.sendall(b" ")
            threading.Event().wait(0.001)

    def tear(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{")
        connection.shutdown(socket.SHUT_RDWR)

    proxy = serve(in_turn(drip, tear, chunked_without_end, http(b"<html>", 407), OK))
    monkeypatch.setenv("http_proxy", proxy.url)
    one = caller("http://dbs.invalid", clock=clock)
    with pytest.raises(errors.BadAnswer, match="above"):
        one.client.call("DescribeRegions", {})
    with pytest.raises(errors.BadAnswer, match="proxy"):
        one.client.call("DescribeRegions", {})
    one.client.call("DescribeRegions", {})

    assert one.outcomes == ["timeout", "unreachable", "bad_answer", "bad_answer", "success"]


# ── TLS ──


def test_tls_goes_through_a_proxy(
    serve: Serve, caller: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY is asked for a tunnel, in which TLS is verified as ever; a proxy that drips is not waited for."""
    clock = FakeClock()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 X\r\n" + b"X-Pad: 1\r\n" * 500:
            clock.advance(1.0)
            connection.sendall(bytes([byte]))
            threading.Event().wait(0.001)

    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inner:
            inner.recv(65_536)
            inner.sendall(OK)

    proxy = serve(in_turn(drip, tunnel))
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    one = caller("https://127.0.0.1:1", clock=clock)
    one.client.call("DescribeRegions", {})

    assert one.outcomes == ["timeout", "success"]
    assert [(seen.method, seen.target) for seen in proxy.seen] == [("CONNECT", "127.0.0.1:1")] * 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that nobody trusts yet, with its key in the same file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def tls_server(serve: Serve, certificate: Path) -> Server:
    """Serve over TLS with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return serve(in_turn(OK), context)


def test_a_certificate_nobody_vouches_for_is_refused(serve: Serve, caller: Make, certificate: Path) -> None:
    """TLS is verified: nothing is sent to a server that cannot prove its name."""
    server = tls_server(serve, certificate)
    with pytest.raises(errors.Unreachable, match="TLS: self-signed certificate"):
        caller(server.url).client.call("DescribeRegions", {})

    assert server.seen == []


def test_a_bundle_of_the_environment_is_trusted(
    serve: Serve, caller: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE names whom to trust; the host's name must still be right."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = tls_server(serve, certificate)
    one = caller(server.url)
    for _ in range(2):
        one.client.call("DescribeRegions", {})
    assert server.connections == 1

    other = caller(server.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(errors.Unreachable, match=r"TLS: .*mismatch"):
        other.client.call("DescribeRegions", {})


def test_a_context_is_made_once(certificate: Path) -> None:
    """Reading a bundle of certificates is slow, so it is read once for all threads."""
    assert connections.tls_context(str(certificate)) is connections.tls_context(str(certificate))
    assert connections.tls_context(str(certificate)).verify_mode == ssl.CERT_REQUIRED


def test_a_thread_that_ends_closes_its_connection(serve: Serve, caller: Make) -> None:
    """A worker that goes leaves no connection behind."""
    server = serve(in_turn(OK))
    sessions = transport.Sessions(FakeClock())
    one = caller(server.url, sessions=sessions)
    thread = threading.Thread(target=one.client.call, args=("DescribeRegions", {}))
    thread.start()
    thread.join()
    connection = server._open[0]
    connection.settimeout(30)

    # The server's thread reads the same end of the connection, so its own end is the proof.
    server._threads[1].join(30)
    assert not server._threads[1].is_alive()


# ── pages ──


class Listed:
    """A server with a list of full backups, which `change` may alter before a page is given."""

    def __init__(
        self, count: int, change: Callable[[Listed, int], None] = lambda server, request: None
    ) -> None:
        self.items: list[dict[str, Any]] = [{"BackupSetId": f"set{number:05d}"} for number in range(count)]
        self.change = change
        self.requests = 0
        self.extra: dict[str, Any] = {}
        self.cap = 10**9

    def __call__(self, seen: Seen) -> bytes:
        self.change(self, self.requests)
        self.requests += 1
        size = min(int(seen.query["PageSize"]), self.cap)
        number = int(seen.query["PageNum"])
        page = self.items[number * size : (number + 1) * size]
        answer = {
            "Success": True,
            "PageNum": number,
            "PageSize": size,
            "TotalElements": len(self.items),
            "Items": {"FullBackupFile": page} if page else "",
        }
        return http(answer | self.extra)


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (250, 3)]
)
def test_a_list_is_read_to_its_end(serve: Serve, caller: Make, count: int, requests: int) -> None:
    """Pages start at 0 and are as large as allowed; none is asked for in vain."""
    listed = Listed(count)
    server = serve(listed)

    assert caller(server.url).client.pages(FULL_LIST, PLAN) == listed.items
    assert [seen.query["PageNum"] for seen in server.seen] == [str(number) for number in range(requests)]
    assert {seen.query["PageSize"] for seen in server.seen} == {"100"}


def test_a_server_that_gives_smaller_pages_is_followed(serve: Serve, caller: Make) -> None:
    """Pages of thirty where a hundred were asked for are read to the end all the same."""
    listed = Listed(75)
    listed.cap = 30

    assert caller(serve(listed).url).client.pages(FULL_LIST, PLAN) == listed.items
    assert listed.requests == 3


def test_counts_may_be_strings(serve: Serve, caller: Make) -> None:
    """TotalElements and PageSize come as strings in some samples."""
    listed = Listed(2)
    listed.extra = {"TotalElements": "2", "PageSize": "100"}

    assert len(caller(serve(listed).url).client.pages(FULL_LIST, PLAN)) == 2


def test_a_list_that_changed_is_read_once_more(serve: Serve, caller: Make) -> None:
    """A set that appears between two pages moves all the others: the list is read again, and is whole then."""

    def grow(listed: Listed, request: int) -> None:
        if request == 1:
            listed.items.insert(0, {"BackupSetId": "new"})

    listed = Listed(150, grow)
    found = caller(serve(listed).url).client.pages(FULL_LIST, PLAN)

    assert found == listed.items
    assert listed.requests == 4


def test_one_gone_and_one_new_is_noticed(serve: Serve, caller: Make) -> None:
    """The count stays the same when one set goes as another comes; the set that came twice gives it away."""

    def swap(listed: Listed, request: int) -> None:
        if request == 1:
            listed.items.insert(0, {"BackupSetId": "new"})
            listed.items.pop()

    listed = Listed(150, swap)
    found = caller(serve(listed).url).client.pages(FULL_LIST, PLAN)

    assert found == listed.items
    assert listed.requests == 4


def test_a_list_that_keeps_changing_fails(serve: Serve, caller: Make) -> None:
    """After two readings that do not add up the read has failed; nothing half is given."""

    def grow(listed: Listed, request: int) -> None:
        listed.items.insert(0, {"BackupSetId": f"new{request}"})

    with pytest.raises(errors.BadAnswer, match="cannot be trusted") as caught:
        caller(serve(Listed(150, grow)).url).client.pages(FULL_LIST, PLAN)

    assert (caught.value.field, caught.value.operation) == ("TotalElements", FULL_LIST)


@pytest.mark.parametrize("total", [2, 4, 250, 0, -1, None, "many", {}])
def test_a_count_that_is_wrong_fails_the_read(serve: Serve, caller: Make, total: object) -> None:
    """Three items where the API counts anything else are not three items; the list is read twice, then fails."""
    listed = Listed(3)
    listed.extra = {"TotalElements": total}
    with pytest.raises(errors.BadAnswer) as caught:
        caller(serve(listed).url).client.pages(FULL_LIST, PLAN)

    assert caught.value.field == "TotalElements"
    assert listed.requests <= 2


def test_a_server_that_ignores_the_page_number_ends(serve: Serve, caller: Make) -> None:
    """The same page again and again is noticed at the second."""
    page = [{"BackupSetId": f"set{number}"} for number in range(100)]
    answer = {"Success": True, "TotalElements": 1000, "Items": {"FullBackupFile": page}}
    server = serve(in_turn(http(answer)))
    with pytest.raises(errors.BadAnswer, match="twice"):
        caller(server.url).client.pages(FULL_LIST, PLAN)

    assert len(server.seen) == 4


def test_items_that_are_the_apis_own_twins_are_accepted(serve: Serve, caller: Make) -> None:
    """Where two readings agree in full, a repeated item is no change under the reader."""
    listed = Listed(150)
    listed.items[120] = listed.items[10]

    assert caller(serve(listed).url).client.pages(FULL_LIST, PLAN) == listed.items


def test_pages_share_their_time(serve: Serve, caller: Make) -> None:
    """`within` is for all pages together."""
    clock = FakeClock()
    listed = Listed(500, lambda listed, request: clock.advance(3.0))
    one = caller(serve(listed).url, clock=clock)
    with pytest.raises(errors.Timeout):
        one.client.pages(FULL_LIST, PLAN, within=7.0)

    assert listed.requests <= 3


def test_a_list_without_pages_is_read_in_one_call(serve: Serve, caller: Make) -> None:
    """Restorable ranges and pre-checks are lists that are not paged."""
    item = {"Item": "CHECK", "State": "init"}
    server = serve(in_turn(http({"Success": True, "Items": {"PreCheckProgressDetail": item}})))

    assert caller(server.url).client.pages("DescribePreCheckProgressList", PLAN) == [item]
    assert "PageNum" not in server.seen[0].query
    with pytest.raises(errors.Invalid, match="no list"):
        caller(server.url).client.pages("DescribeRegions", {})


def test_a_list_in_nonsense_names_the_operation(serve: Serve, caller: Make) -> None:
    """An item that is no object fails the whole list, with operation and place."""
    server = serve(in_turn(http({"Success": True, "TotalElements": 1, "Items": {"FullBackupFile": ["x"]}})))
    with pytest.raises(errors.BadAnswer) as caught:
        caller(server.url).client.pages(FULL_LIST, PLAN)

    assert (caught.value.operation, caught.value.field) == (FULL_LIST, "Items.FullBackupFile")


@given(
    st.integers(0, 260),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 259), st.booleans()), max_size=4),
)
def test_what_pages_gives_adds_up(count: int, changes: list[tuple[int, int, bool]]) -> None:
    """However the list changes under the reader, nothing comes twice, nothing is made up, and the count is the API's; or BadAnswer.

    That an item went as another came behind it cannot be seen in one reading; the next one mends it.
    """
    states: list[list[dict[str, Any]]] = []

    def change(listed: Listed, request: int) -> None:
        for number, (when, where, insert) in enumerate(changes):
            if when == request:
                if insert:
                    listed.items.insert(min(where, len(listed.items)), {"BackupSetId": f"new{number}"})
                elif listed.items:
                    listed.items.pop(min(where, len(listed.items) - 1))
        states.append(list(listed.items))

    with closing(Server(Listed(count, change))) as server:
        one = Caller(server.url)
        try:
            found = one.client.pages(FULL_LIST, PLAN)
        except errors.BadAnswer:
            assert changes
        else:
            ids = [item["BackupSetId"] for item in found]
            assert len(ids) == len(set(ids)) == len(states[-1])
            assert set(ids) <= {item["BackupSetId"] for state in states for item in state}
            assert changes or found == states[-1]
        finally:
            one.client.close()
