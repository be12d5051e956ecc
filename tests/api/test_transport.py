"""One request and its whole answer: bounded, unpacked, never sent elsewhere, and over TLS and proxies as the machine says."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from pathlib import Path

import pytest
from support.api_caller import FULL_LIST, PLAN, SECRET, Caller, MakeCaller, Serve
from support.fake_clock import FakeClock
from support.scripted_server import OK, Reply, chunked_without_end, http, in_turn, without_length

from dbs_exporter import errors
from dbs_exporter.api import transport
from dbs_exporter.api.client import MAX_ATTEMPTS


def test_no_redirect_is_followed(serve: Serve, make_caller: MakeCaller) -> None:
    """A redirect would carry the signature elsewhere."""
    elsewhere = serve(in_turn(OK))
    caller = make_caller(serve(in_turn(http(b"", 307, Location=elsewhere.url))).url)
    with pytest.raises(errors.BadAnswer, match="never followed"):
        caller.client.call("DescribeRegions", {})

    assert elsewhere.seen == []


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
def test_an_answer_is_bounded(serve: Serve, make_caller: MakeCaller, reply: Reply) -> None:
    """More than 16 MiB are refused, whether declared, sent or unpacked; the next call works."""
    caller = make_caller(serve(in_turn(reply, OK)).url)
    with pytest.raises(errors.BadAnswer, match="above 16777216 bytes"):
        caller.client.call("DescribeRegions", {})
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["bad_answer", "success"]


def test_gzip_is_asked_for_and_understood(serve: Serve, make_caller: MakeCaller) -> None:
    """A zipped answer is read, also one of two parts."""
    packed = gzip.compress(b'{"Success": true,') + gzip.compress(b' "a": 1}')
    server = serve(in_turn(http(packed, Content_Encoding="gzip")))

    assert make_caller(server.url).client.call("DescribeRegions", {}) == {"Success": True, "a": 1}
    assert server.seen[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"{}", "gzip"), (gzip.compress(b"{}")[:-4], "gzip"), (gzip.compress(b"") * 99, "gzip"), (b"{}", "br")],
    ids=["not gzip", "torn", "many parts", "other"],
)
def test_a_broken_encoding_is_a_bad_answer(
    serve: Serve, make_caller: MakeCaller, body: bytes, encoding: str
) -> None:
    """What cannot be unpacked names the header that promised it."""
    with pytest.raises(errors.BadAnswer) as caught:
        make_caller(serve(in_turn(http(body, Content_Encoding=encoding))).url).client.call(
            "DescribeRegions", {}
        )

    assert caught.value.field == "Content-Encoding"


def test_nobody_there(make_caller: MakeCaller) -> None:
    """A closed port is tried four times and told without the address' parameters."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    caller = make_caller(f"http://127.0.0.1:{port}")
    with pytest.raises(errors.Unreachable, match="refused") as caught:
        caller.client.call(FULL_LIST, PLAN)

    assert caller.outcomes == ["unreachable"] * MAX_ATTEMPTS
    assert "dbs1" not in str(caught.value)


def test_no_netrc_is_read(
    serve: Serve, make_caller: MakeCaller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .netrc for the host would replace the signature by a password."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(in_turn(OK))
    make_caller(server.url).client.call("DescribeRegions", {})

    assert server.seen[0].headers["authorization"].startswith("ACS3-HMAC-SHA256 ")


def test_a_proxy_of_the_environment_is_used(
    serve: Serve, make_caller: MakeCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY is honoured, with the signature over the true host; NO_PROXY too."""
    proxy = serve(in_turn(OK))
    monkeypatch.setenv("http_proxy", proxy.url)
    make_caller("http://dbs.invalid:8080").client.call("DescribeRegions", {})
    (seen,) = proxy.seen

    assert seen.target.startswith("http://dbs.invalid:8080/?")
    assert seen.headers["host"] == "dbs.invalid:8080"

    straight = serve(in_turn(OK))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    make_caller(straight.url).client.call("DescribeRegions", {})
    assert (len(straight.seen), len(proxy.seen)) == (1, 1)


def test_a_certificate_nobody_vouches_for_is_refused(
    serve: Serve, make_caller: MakeCaller, tls_context: ssl.SSLContext
) -> None:
    """TLS is verified: nothing is sent to a server that cannot prove its name."""
    server = serve(in_turn(OK), tls_context)
    with pytest.raises(errors.Unreachable, match="TLS: self-signed certificate"):
        make_caller(server.url).client.call("DescribeRegions", {})

    assert server.seen == []


def test_a_bundle_of_the_environment_is_trusted(
    serve: Serve,
    make_caller: MakeCaller,
    certificate: Path,
    tls_context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """REQUESTS_CA_BUNDLE names whom to trust; the host's name must still be right."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = serve(in_turn(OK), tls_context)
    caller = make_caller(server.url)
    for _ in range(2):
        caller.client.call("DescribeRegions", {})
    assert server.connections == 1

    stranger = make_caller(server.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(errors.Unreachable, match=r"TLS: .*mismatch"):
        stranger.client.call("DescribeRegions", {})


def test_what_is_cut_ends_at_once_and_begins_no_more(serve: Serve, make_caller: MakeCaller) -> None:
    """An answer that would last for minutes is broken off; a later exchange too, once it is connected."""
    asked = threading.Event()

    def silent(connection: socket.socket) -> None:
        asked.set()
        connection.recv(1)

    server = serve(lambda _: silent)
    sessions = transport.Sessions(FakeClock())
    caller = make_caller(server.url, sessions=sessions, timeout=600.0)
    later = make_caller(server.url, sessions=sessions, timeout=600.0)
    errors_seen: list[errors.ApiError] = []

    def ask(caller: Caller) -> None:
        try:
            caller.client.call("DescribeRegions", {})
        except errors.ApiError as error:
            errors_seen.append(error)

    thread = threading.Thread(target=ask, args=(caller,), daemon=True)
    thread.start()
    assert asked.wait(60)
    caller.clock.stopped = True
    sessions.cut()
    thread.join(60)
    ask(later)

    assert [type(error) for error in errors_seen] == [errors.Unreachable] * 2


def test_a_thread_that_ends_closes_its_connection(serve: Serve, make_caller: MakeCaller) -> None:
    """A worker that goes leaves no connection behind."""
    server = serve(in_turn(OK))
    sessions = transport.Sessions(FakeClock())
    caller = make_caller(server.url, sessions=sessions)
    thread = threading.Thread(target=caller.client.call, args=("DescribeRegions", {}))
    thread.start()
    thread.join()

    assert server.first_connection_ended(30)


@pytest.mark.parametrize(
    ("proxy", "sentence"),
    [
        (
            "http://user:{secret}@127.0.0.1:1",
            "the proxy http://127.0.0.1:1, on the way to dbs.invalid: Connection refused",
        ),
        ("127.0.0.1:1", "the proxy 127.0.0.1:1, on the way to dbs.invalid: Connection refused"),
        (
            "http://user:{secret}@proxy.invalid:3128",
            "the name of the proxy http://proxy.invalid:3128 cannot be resolved",
        ),
        (
            "socks5://user:{secret}@127.0.0.1:1",
            "the proxy socks5://127.0.0.1:1 is of a kind that cannot be used",
        ),
        ("http://user:{secret}@[::1", "the proxy http://[::1 is no address; http://HOST:PORT would be right"),
        ("http://host:port", "the proxy http://host:port is no address; http://HOST:PORT would be right"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_used_is_named(
    make_caller: MakeCaller, monkeypatch: pytest.MonkeyPatch, scheme: str, proxy: str, sentence: str
) -> None:
    """The words name the proxy without its password and the host that was tried, and the outcome is `unreachable`."""
    monkeypatch.setenv(f"{scheme}_proxy", proxy.format(secret=SECRET))
    caller = make_caller(f"{scheme}://dbs.invalid")
    with pytest.raises(errors.Unreachable) as raised:
        caller.client.call("DescribeRegions", {})

    assert sentence in str(raised.value)
    assert SECRET not in str(raised.value)
    assert set(caller.outcomes) == {"unreachable"}


@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [
        ("http://127.0.0.1:1", "127.0.0.1:1: Connection refused"),
        ("https://127.0.0.1:1", "127.0.0.1:1: Connection refused"),
        ("http://dbs.invalid", "the name of dbs.invalid cannot be resolved"),
    ],
)
def test_a_host_that_cannot_be_reached_is_named(
    make_caller: MakeCaller, endpoint: str, sentence: str
) -> None:
    """Refused, unknown: the host is named, and the outcome is `unreachable`."""
    caller = make_caller(endpoint)
    with pytest.raises(errors.Unreachable, match=sentence):
        caller.client.call("DescribeRegions", {})

    assert set(caller.outcomes) == {"unreachable"}
