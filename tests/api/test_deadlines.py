"""Connections: kept while they are good, and held to the time of a whole answer whatever a server does to them."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from support.api_caller import MakeCaller, Serve
from support.fake_clock import FakeClock
from support.scripted_server import OK, chunked_without_end, http, in_turn

from dbs_exporter import errors
from dbs_exporter.api import deadlines


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n"], ids=["head", "body"]
)
def test_a_dripping_server_cannot_hold_a_call(serve: Serve, make_caller: MakeCaller, head: bytes) -> None:
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
    caller = make_caller(serve(in_turn(drip)).url, clock=clock)
    with pytest.raises(errors.Timeout, match="within 10 s"):
        caller.client.call("DescribeRegions", {}, within=10.0)

    assert caller.outcomes == ["timeout"]
    assert caller.calls[0].duration_seconds >= 10.0


def test_a_silent_server_times_out_and_is_tried_again(serve: Serve, make_caller: MakeCaller) -> None:
    """An answer that does not come in time is tried again over a new connection."""
    release = threading.Event()

    def silence(connection: socket.socket) -> None:
        release.wait(30)

    server = serve(in_turn(silence, OK))
    caller = make_caller(server.url, timeout=0.2)
    try:
        caller.client.call("DescribeRegions", {})
    finally:
        release.set()

    # On a machine that is busy the second answer may come too late as well.
    assert set(caller.outcomes[:-1]) == {"timeout"}
    assert caller.outcomes[-1] == "success"
    assert server.connections == len(caller.outcomes)


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
def test_a_torn_answer_is_tried_again(serve: Serve, make_caller: MakeCaller, part: bytes) -> None:
    """A connection that ends too early is no answer, and a new one is tried."""

    def tear(connection: socket.socket) -> None:
        connection.sendall(part)
        connection.shutdown(socket.SHUT_RDWR)

    caller = make_caller(serve(in_turn(tear, OK)).url)
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["unreachable", "success"]


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
def test_a_head_of_nonsense(serve: Serve, make_caller: MakeCaller, head: bytes) -> None:
    """Whatever the head of an answer holds, the attempt ends in one of our errors and the next one works."""

    def nonsense(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\n" + head + b"\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    caller = make_caller(serve(in_turn(nonsense, OK)).url)
    with suppress(errors.BadAnswer):
        caller.client.call("DescribeRegions", {})
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes[0] in ("unreachable", "bad_answer")
    assert caller.outcomes[1] == "success"


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
def test_heads_that_http_allows(serve: Serve, make_caller: MakeCaller, answer: bytes) -> None:
    """Interim answers, HTTP/1.0, chunks with extensions and trailers are read, twice over."""
    caller = make_caller(serve(in_turn(answer)).url)
    for _ in range(2):
        caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["success", "success"]


def test_a_connection_is_kept(serve: Serve, make_caller: MakeCaller) -> None:
    """Calls of one thread go over one connection; another thread has its own."""
    server = serve(in_turn(OK))
    caller = make_caller(server.url)
    for _ in range(3):
        caller.client.call("DescribeRegions", {})
    assert server.connections == 1

    thread = threading.Thread(target=caller.client.call, args=("DescribeRegions", {}))
    thread.start()
    thread.join()
    assert server.connections == 2


def test_a_connection_closed_while_idle_costs_no_attempt(serve: Serve, make_caller: MakeCaller) -> None:
    """A server that hangs up between calls is called again, without a failure being counted."""

    def answer_and_hang_up(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        gone.set()

    gone = threading.Event()
    server = serve(in_turn(answer_and_hang_up, OK))
    caller = make_caller(server.url)
    caller.client.call("DescribeRegions", {})
    assert gone.wait(30)
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["success", "success"]


def test_an_answer_that_closes_its_connection(serve: Serve, make_caller: MakeCaller) -> None:
    """Connection: close is followed, and the next call opens a new caller."""
    server = serve(in_turn(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)))
    caller = make_caller(server.url)
    for _ in range(2):
        assert caller.client.call("DescribeRegions", {})["RequestId"] == "R1"

    assert server.connections == 2


def test_a_proxy_is_held_to_the_same_bounds(
    serve: Serve, make_caller: MakeCaller, monkeypatch: pytest.MonkeyPatch
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
    caller = make_caller("http://dbs.invalid", clock=clock)
    with pytest.raises(errors.BadAnswer, match="above"):
        caller.client.call("DescribeRegions", {})
    with pytest.raises(errors.BadAnswer, match="proxy"):
        caller.client.call("DescribeRegions", {})
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["timeout", "unreachable", "bad_answer", "bad_answer", "success"]


def test_tls_goes_through_a_proxy(
    serve: Serve,
    make_caller: MakeCaller,
    certificate: Path,
    tls_context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTPS_PROXY is asked for a tunnel, in which TLS is verified as ever; a proxy that drips is not waited for."""
    clock = FakeClock()

    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 X\r\n" + b"X-Pad: 1\r\n" * 500:
            clock.advance(1.0)
            connection.sendall(bytes([byte]))
            threading.Event().wait(0.001)

    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls_context.wrap_socket(connection, server_side=True) as inner:
            inner.recv(65_536)
            inner.sendall(OK)

    proxy = serve(in_turn(drip, tunnel))
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    caller = make_caller("https://127.0.0.1:1", clock=clock)
    caller.client.call("DescribeRegions", {})

    assert caller.outcomes == ["timeout", "success"]
    assert [(seen.method, seen.target) for seen in proxy.seen] == [("CONNECT", "127.0.0.1:1")] * 2


def test_a_context_is_made_once(certificate: Path) -> None:
    """Reading a bundle of certificates is slow, so it is read once for all threads."""
    assert deadlines.tls_context(str(certificate)) is deadlines.tls_context(str(certificate))
    assert deadlines.tls_context(str(certificate)).verify_mode == ssl.CERT_REQUIRED
