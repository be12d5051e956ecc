"""Clients that are slow, hostile or gone."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import replace

import pytest
from support.web import LARGE, PATIENCE_SECONDS, Web, everything, large_page

from dbs_exporter.web.connections import Limits

SOON = Limits(request_seconds=0.05, answer_seconds=0.05, stop_seconds=0.05)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /metrics HT",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n",
        b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGET /metr",
    ],
)
def test_a_request_that_never_ends_is_cut_off(said: bytes) -> None:
    """Silence, half a line, half a head, and half a second request."""
    with Web(limits=SOON).serving() as web, web.connect(said) as connection:
        assert b"text/plain; version" not in everything(connection)


def test_a_dripping_client_gets_no_more_time_with_each_byte() -> None:
    """The deadline is of the whole head, not of a pause."""
    limits = replace(SOON, request_bytes=1 << 40)
    with Web(limits=limits).serving() as web, web.connect(b"GET / HTTP/1.1\r\n") as connection:
        with contextlib.suppress(OSError):
            for _ in range(10_000_000):
                connection.sendall(b"X-Drip: 1\r\n")
            pytest.fail("it took everything")

        assert web.ask("/-/healthy")[0] == 200


@pytest.mark.parametrize(
    "said",
    [
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Big: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(5000)),
        b"POST /-/reload HTTP/1.1\r\nContent-Length: 99999999\r\n" + b"X: " + b"a" * 40_000,
    ],
)
def test_a_request_too_long_is_refused_before_it_is_read_to_its_end(web: Web, said: bytes) -> None:
    """Long addresses, long and many headers: 431, and the connection ends."""
    with web.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(said)
        answer = everything(connection)

    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    assert web.ask("/-/healthy")[0] == 200


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a client that speaks TLS",
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET * HTTP/1.1\r\n\r\n",
        b"CONNECT evil:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::bad/ HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_nonsense_gets_an_error_or_nothing_and_the_server_lives(web: Web, said: bytes) -> None:
    """No traceback, no hanging, no metrics."""
    with web.connect(said) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = everything(connection)

    assert b"Traceback" not in answer
    assert web.ask("/-/healthy")[0] == 200


def until_gone(web: Web) -> None:
    """Wait until the server holds no connection."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.01)):
        if not web.server.connections:
            return
        pause.wait(0.01)
    raise AssertionError("the server still holds connections")


@pytest.mark.parametrize("coding", [b"identity", b"gzip"])
@pytest.mark.parametrize("closing", [b"keep-alive", b"close"])
def test_a_reader_that_stops_reading_is_cut_off(coding: bytes, closing: bytes) -> None:
    """Also when the whole answer is one chunk that waits in the transport, and when the connection is to be closed."""
    with Web(exposition=large_page(), limits=SOON).serving() as web:
        said = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %b\r\nConnection: %b\r\n\r\n" % (
            coding,
            closing,
        )
        with web.connect(said, receive_buffer=4096) as connection:
            begun = connection.recv(1)
            until_gone(web)

            assert len(begun + everything(connection)) < LARGE


def test_a_scraper_gets_in_however_many_connections_idle() -> None:
    """The connection that has waited longest makes room; the number kept is bounded."""
    limits = Limits(connections=8)
    with Web(limits=limits).serving() as web, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(web.connect(b"GET / HT")) for _ in range(30)]
        scraped = [web.ask("/metrics")[0] for _ in range(5)]
        first = everything(idle[0])
        held = web.server.connections

    assert scraped == [200] * 5
    assert first == b""
    assert held <= 8


def test_an_idle_connection_makes_room_before_one_that_is_being_answered() -> None:
    """A slow honest reader keeps its answer while others merely wait."""
    said = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    limits = Limits(connections=2)
    with Web(exposition=large_page(), limits=limits).serving() as web, web.connect(said) as reader:
        head = reader.recv(4096)
        with web.connect(b"GET /") as waiting:
            assert web.ask("/-/healthy")[0] == 200
            assert everything(waiting) == b""
        body = everything(reader)

    assert len(head + body) > LARGE


def test_a_rested_connection_is_used_again_past_the_deadline_of_a_request() -> None:
    """Scrapers keep theirs between scrapes; one that asks nothing is cut off meanwhile."""
    ask = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
    with Web(limits=SOON).serving() as web, web.connect(ask) as connection:
        first = connection.recv(4096)
        with web.connect(b"GET / HT") as younger:
            assert everything(younger) == b""
        connection.sendall(ask)
        second = connection.recv(4096)

    assert first.endswith(b"healthy\n")
    assert second.endswith(b"healthy\n")


def test_a_connection_that_rests_too_long_is_closed() -> None:
    """After its answer, without another request."""
    limits = Limits(idle_seconds=0.05)
    with (
        Web(limits=limits).serving() as web,
        web.connect(b"GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n") as connection,
    ):
        assert everything(connection).endswith(b"ready\n")
