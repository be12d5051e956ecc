"""Listening and stopping."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import socket
import threading

import pytest
from support.web import LARGE, Web, everything, large_page

from dbs_exporter.errors import ConfigError
from dbs_exporter.web.connections import Limits
from dbs_exporter.web.routes import create_app
from dbs_exporter.web.server import WebServer, bind


def test_several_addresses_serve_the_same_and_say_where_they_are() -> None:
    """Free ports are told; all interfaces are reached on this machine's name."""
    with Web(addresses=("127.0.0.1:0", "127.0.0.1:0", ":0")).serving() as web:
        urls = web.server.urls
        ports = [listener.port for listener in web.server.listeners]
        answered = []
        for port in ports:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
                connection.request("GET", "/-/healthy")
                answered.append(connection.getresponse().status)

    assert answered == [200, 200, 200]
    assert len(set(ports)) == 3
    assert urls == (
        f"http://127.0.0.1:{ports[0]}",
        f"http://127.0.0.1:{ports[1]}",
        f"http://localhost:{ports[2]}",
    )


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_ipv6_addresses_are_served_and_written_with_brackets() -> None:
    """`[::1]:0` is an address like any other."""
    with Web(addresses=("[::1]:0",)).serving() as web:
        with contextlib.closing(http.client.HTTPConnection("::1", web.port)) as connection:
            connection.request("GET", "/-/healthy")

            assert connection.getresponse().status == 200
        assert web.server.urls == (f"http://[::1]:{web.port}",)


def test_an_address_that_cannot_be_had_is_named_and_the_others_are_let_go() -> None:
    """A taken port, a foreign address, a name that is nowhere, nonsense."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
        probe.close()
        port = taken.getsockname()[1]
        for wrong in (f"127.0.0.1:{port}", "192.0.2.1:0", "nowhere.invalid:0"):
            with pytest.raises(
                ConfigError, match=rf"^{re.escape(wrong)}: cannot be served on: .+; choose another"
            ):
                bind([f"127.0.0.1:{free}", wrong])
        with pytest.raises(ConfigError, match="is not a listen address"):
            bind(["nonsense"])
        for listener in bind([f"127.0.0.1:{free}"]):
            listener.socket.close()


@pytest.mark.parametrize("broken", ["thread", "loop", "server"])
def test_a_server_that_cannot_start_says_why_and_can_still_be_stopped(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Nobody waits for a thread that is not there, and no process goes on that serves nothing."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    targets = {
        "thread": "threading.Thread.start",
        "loop": "dbs_exporter.web.server.uvloop.new_event_loop",
        "server": "dbs_exporter.web.server._Server.startup",
    }
    web = Web()
    app = create_app(exposition=web.exposition, snapshot=web.snapshot, missing=list, clock=web.clock)
    server = WebServer(app, bind(["127.0.0.1:0"]))
    monkeypatch.setattr(targets[broken], fail)
    with pytest.raises(MemoryError):
        server.start()
    monkeypatch.undo()
    server.stop()


def test_stopping_ends_idle_connections_and_those_that_will_not_end() -> None:
    """Idle ones at once, a reader that stopped reading after stop_seconds; then the port is free."""
    web = Web(exposition=large_page(), limits=Limits(stop_seconds=0.05))
    with contextlib.ExitStack() as stack:
        with web.serving():
            idle = stack.enter_context(web.connect())
            stuck = stack.enter_context(
                web.connect(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", receive_buffer=4096)
            )
            stuck.recv(10)

        assert everything(idle) == b""
        assert len(everything(stuck)) < LARGE
        bind([f"127.0.0.1:{web.port}"])[0].socket.close()


def test_it_runs_in_the_callers_thread_until_it_is_stopped_and_leaves_signals_alone() -> None:
    """`run` returns after `stop`; handlers that others have set stay."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    web = Web()
    app = create_app(exposition=web.exposition, snapshot=web.snapshot, missing=list, clock=web.clock)
    server = WebServer(app, bind(["127.0.0.1:0"]))
    seen: list[object] = []

    def visit() -> None:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", server.listeners[0].port)
        ) as connection:
            connection.request("GET", "/-/healthy")
            seen.append(connection.getresponse().status)
        seen.append({number: signal.getsignal(number) for number in before})
        server.stop()

    visitor = threading.Thread(target=visit)
    visitor.start()
    server.run()
    visitor.join()

    assert seen == [200, before]
