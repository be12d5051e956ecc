"""What stands before the routes: users, a rate, and headers; probes pass."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator

import bcrypt
import pytest
from support.web import StoppedClock, Web

from dbs_exporter.web.guard import OPEN, Access, Guard
from dbs_exporter.web.routes import create_app
from dbs_exporter.web.server import WebServer, bind
from dbs_exporter.web.users import Users

ALICE = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
RIGHT = "Basic " + base64.b64encode(b"alice:secret").decode()
CLOSED = ("/", "/metrics", "/-/reload", "/nope")
PROBED = ("/-/healthy", "/-/ready")


@contextlib.contextmanager
def guarded(access: Access) -> Iterator[tuple[Web, Guard, StoppedClock]]:
    """A server behind a guard."""
    web = Web()
    clock = StoppedClock()
    app = create_app(exposition=web.exposition, snapshot=web.snapshot, missing=list, clock=web.clock)
    guard = Guard(app, access, clock=clock, open_paths=frozenset(PROBED))
    web.server = WebServer(guard, bind(["127.0.0.1:0"]))
    web.server.start()
    try:
        yield web, guard, clock
    finally:
        web.server.stop()


@pytest.fixture
def users() -> Access:
    """An access for Alice alone."""
    return Access(users=Users({"alice": ALICE}))


def test_without_the_password_only_probes_are_answered(users: Access) -> None:
    """Whatever the method; a browser is asked for it."""
    with guarded(users) as (web, _, _):
        refused = [web.ask(path) for path in CLOSED] + [web.ask("/metrics", "POST")]
        open_to_all = [web.ask(path)[0] for path in PROBED]
        admitted = [web.ask(path, Authorization=RIGHT)[0] for path in CLOSED]

    assert [answer[0] for answer in refused] == [401] * 5
    assert {answer[1]["www-authenticate"] for answer in refused} == {'Basic realm="dbs-exporter"'}
    assert open_to_all == [200, 200]
    assert admitted == [200, 200, 405, 404]


def test_paths_that_only_look_like_a_probe_are_not_open(users: Access) -> None:
    """The path is compared as it is."""
    with guarded(users) as (web, _, _):
        found = [
            web.ask(path)[0]
            for path in ("/-/healthy/", "/-/healthy/../../metrics", "//-/ready", "/-/%72eload")
        ]

    assert found == [401] * 4


def test_headers_are_added_and_take_the_place_of_the_exporters_own() -> None:
    """To refusals and probes too."""
    access = Access(headers={"X-Frame-Options": "SAMEORIGIN", "Strict-Transport-Security": "max-age=600"})
    with guarded(access) as (web, _, _):
        found = [web.ask(path)[1] for path in (*CLOSED, *PROBED)]

    for headers in found:
        assert headers.get_all("x-frame-options") == ["SAMEORIGIN"]
        assert headers.get_all("strict-transport-security") == ["max-age=600"]


def test_more_requests_than_the_rate_are_429_until_time_has_passed() -> None:
    """A burst is allowed; probes are not counted."""
    with guarded(Access(interval=10.0, burst=3)) as (web, _, clock):
        first = [web.ask("/metrics")[0] for _ in range(5)]
        probes = [web.ask("/-/healthy")[0] for _ in range(5)]
        clock.at += 10.0
        second = [web.ask("/metrics")[0] for _ in range(2)]
        clock.at += 1_000.0
        third = [web.ask("/metrics")[0] for _ in range(4)]

    assert first == [200, 200, 200, 429, 429]
    assert probes == [200] * 5
    assert second == [200, 429]
    assert third == [200, 200, 200, 429]


def test_another_access_counts_from_the_next_request_on(users: Access) -> None:
    """Without a restart, in both directions."""
    with guarded(OPEN) as (web, guard, _):
        before = web.ask("/metrics")[0]
        guard.access = users
        closed = web.ask("/metrics")[0]
        guard.access = OPEN
        after = web.ask("/metrics")[0]

    assert (before, closed, after) == (200, 401, 200)


def test_too_many_passwords_at_once_are_503(users: Access) -> None:
    """Not a refusal: the password may be right."""
    assert users.users is not None
    users.users.close()
    with guarded(users) as (web, _, _):
        assert web.ask("/metrics", Authorization=RIGHT)[0] == 503
