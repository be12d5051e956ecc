"""The web side over real sockets: routes, negotiation, headers, and clients that are slow, hostile or gone."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import pytest
from support.known_subjects import PLAN, REGION, SCOPE

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.web.limits import Limits
from dbs_exporter.web.negotiation import wants_gzip, wants_openmetrics
from dbs_exporter.web.page.overview import Snapshot, overview
from dbs_exporter.web.page.rendering import Renderer
from dbs_exporter.web.page.view import Query
from dbs_exporter.web.routes import create_app
from dbs_exporter.web.server import WebServer, bind

PATIENCE_SECONDS = 60.0
NASTY = "</td><script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>"
PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


class StoppedClock:
    """A time of its own that tests move."""

    def __init__(self) -> None:
        self.at = 5000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> bool:
        self.at += seconds
        return False


@dataclass
class Web:
    """A server with what stands behind it, and requests to it."""

    clock: StoppedClock = field(default_factory=StoppedClock)
    exposition: Exposition = field(default_factory=lambda: Exposition(TABLE.families))
    plans: list[PlanSubject] = field(default_factory=lambda: [PLAN])
    missing: list[str] = field(default_factory=list)
    snapshots: int = 0
    before_snapshot: Callable[[], object] = lambda: None
    reload: Callable[[], None] | None = None
    limits: Limits = field(default_factory=Limits)
    telemetry_path: str = "/metrics"
    addresses: Sequence[str] = ("127.0.0.1:0",)

    def snapshot(self) -> Snapshot:
        self.before_snapshot()
        self.snapshots += 1
        state = CollectorState(scope=SCOPE, collector="plans", interval_seconds=60.0, last_error=NASTY)
        return Snapshot(plans=self.plans, regions=[REGION], collectors=[state])

    @contextlib.contextmanager
    def serving(self) -> Iterator[Web]:
        """Serve while the block runs."""
        app = create_app(
            exposition=self.exposition,
            snapshot=self.snapshot,
            missing=lambda: self.missing,
            clock=self.clock,
            telemetry_path=self.telemetry_path,
            reload=self.reload,
            links=(("runbooks", "https://docs.example/runbooks"),),
        )
        self.server = WebServer(app, bind(self.addresses), limits=self.limits)
        self.server.start()
        try:
            yield self
        finally:
            self.server.stop()

    @property
    def port(self) -> int:
        return self.server.listeners[0].port

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            connection.request(
                method, path, headers={key.replace("_", "-"): value for key, value in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def connect(self, *said: bytes, receive_buffer: int = 0) -> socket.socket:
        """A raw connection on which something was said."""
        made = socket.socket()
        if receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.settimeout(PATIENCE_SECONDS)
        made.connect(("127.0.0.1", self.port))
        for one in said:
            made.sendall(one)
        return made


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side closes, or cuts off."""
    found = bytearray()
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while more := connection.recv(1 << 20):
            found += more
    return bytes(found)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """A server with one plan and one region published."""
    made = Web()
    for subject, plan_id in ((PLAN, "dbs1"), (REGION, "")):
        made.exposition.update((SCOPE.account, SCOPE.region, plan_id), subject)
    made.exposition.publish()
    with made.serving():
        yield made


# ── routes ──


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_metrics_are_the_published_bytes_in_the_format_and_coding_asked_for(
    web: Web, openmetrics: bool, compressed: bool
) -> None:
    """Content type, length and bytes are those of the page."""
    page = web.exposition.page(openmetrics=openmetrics)
    status, headers, body = web.ask(
        "/metrics",
        Accept=PROMETHEUS_ACCEPT if openmetrics else "text/plain",
        Accept_Encoding="gzip" if compressed else "identity",
    )

    assert status == 200
    assert headers["content-type"] == page.content_type
    assert int(headers["content-length"]) == len(body)
    assert headers["content-encoding"] == ("gzip" if compressed else None)
    assert (gzip.decompress(body) if compressed else body) == b"".join(page.identity)
    assert body.endswith(b"# EOF\n") or compressed or not openmetrics


def test_a_large_page_of_many_chunks_arrives_whole() -> None:
    """Chunks are sent in order, whatever their size, and several on one connection."""

    @dataclass
    class Page:
        content_type = "text/plain"
        identity = tuple(bytes([65 + number % 26]) * (number * 40_001) for number in range(40))
        gzip = (b"",)
        identity_length = sum(map(len, identity))
        gzip_length = 0

    @dataclass
    class Pages:
        def page(self, *, openmetrics: bool) -> Page:
            return Page()

    web = Web(exposition=Pages())  # type: ignore[arg-type]
    with web.serving(), contextlib.closing(http.client.HTTPConnection("127.0.0.1", web.port)) as connection:
        for _ in range(3):
            connection.request("GET", "/metrics")

            assert connection.getresponse().read() == b"".join(Page.identity)


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready"])
def test_head_answers_as_get_does_without_a_body(web: Web, path: str) -> None:
    """Same status and headers, and the connection stays usable."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", web.port)) as connection:
        connection.request("HEAD", path)
        head = connection.getresponse()
        nothing = head.read()
        connection.request("GET", path)
        got = connection.getresponse()
        body = got.read()

    assert nothing == b""
    assert head.status == got.status == 200
    assert head.headers["content-length"] == str(len(body))
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["/nope", "/metrics/", "//", "/-/", "/static/../metrics", "/%2e%2e/etc/passwd"]
)
def test_unknown_paths_are_404(web: Web, path: str) -> None:
    """Nothing is guessed and nothing redirected."""
    assert web.ask(path)[0] == 404


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/metrics", "POST", {"GET", "HEAD"}),
        ("/", "DELETE", {"GET", "HEAD"}),
        ("/-/ready", "PUT", {"GET", "HEAD"}),
        ("/-/reload", "GET", {"POST", "PUT"}),
        ("/", "TRACE", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_405_and_told_which_are_right(
    web: Web, path: str, method: str, allowed: set[str]
) -> None:
    """Allow names them all."""
    status, headers, _ = web.ask(path, method)

    assert status == 405
    assert set(headers["allow"].split(", ")) == allowed


def test_readiness_says_what_is_missing_and_health_does_not_care() -> None:
    """503 with a line for each thing waited for, then 200."""
    web = Web(missing=["prod cn-hangzhou: plans has not finished its first run"])
    with web.serving():
        early = web.ask("/-/ready")
        healthy = web.ask("/-/healthy")
        web.missing.clear()
        late = web.ask("/-/ready")

    assert early[0] == 503
    assert b"prod cn-hangzhou: plans has not finished its first run\n" in early[2]
    assert healthy[0] == 200
    assert (late[0], late[2]) == (200, b"ready\n")


def test_reload_is_refused_unless_it_was_allowed(web: Web) -> None:
    """The answer names the flag."""
    status, _, body = web.ask("/-/reload", "POST")

    assert status == 403
    assert b"--web.enable-lifecycle" in body


def test_reload_tells_success_and_every_problem() -> None:
    """A file that is refused is answered with its problems; a page of another site may not ask."""
    asked: list[str] = []

    def reload() -> None:
        asked.append("")
        if len(asked) == 2:
            raise ConfigError("a.yml:1: accounts: missing", "a.yml:9: log: wrong")

    with Web(reload=reload).serving() as web:
        foreign = web.ask("/-/reload", "POST", Sec_Fetch_Site="cross-site")
        good = web.ask("/-/reload", "POST", Sec_Fetch_Site="same-origin")
        bad = web.ask("/-/reload", "PUT")

    assert foreign[0] == 403
    assert good[0] == 200
    assert bad[0] == 500
    assert b"a.yml:1: accounts: missing\na.yml:9: log: wrong" in bad[2]
    assert len(asked) == 2


def test_the_telemetry_path_is_free_to_choose_and_linked_from_the_page() -> None:
    """The default one is gone then."""
    with Web(telemetry_path="/deep/m").serving() as web:
        assert web.ask("/deep/m")[0] == 200
        assert web.ask("/metrics")[0] == 404
        assert b'href="/deep/m"' in web.ask("/")[2]


# ── headers ──


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/nope"])
def test_every_answer_is_guarded_and_says_nothing_of_the_server(web: Web, path: str) -> None:
    """No sniffing, no framing, no referrer, a policy without any outside, no name or version of a server."""
    _, headers, _ = web.ask(path)

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["server"] is None
    policy = headers["content-security-policy"]
    assert len(headers.get_all("content-security-policy", [])) == 1
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0", True),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', True),
        ("Application/OpenMetrics-Text;version=0.0.1", True),
        ("application/openmetrics-text;version=7.0.0", False),
        (PROMETHEUS_ACCEPT, True),
        ("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.2", False),
        ("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nonsense", False),
        ("application/openmetrics-text;q=nan", False),
        ("application/openmetrics-text;q=5", False),
        (",;,;;q=,=,", False),
    ],
)
def test_openmetrics_goes_to_those_who_rank_it_highest(accept: str, openmetrics: bool) -> None:
    """Quality values and versions count; what cannot be understood is as if it were not there."""
    assert wants_openmetrics(accept.encode()) is openmetrics


@pytest.mark.parametrize(
    ("accept_encoding", "compressed"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("gzip;q=0.5, identity;q=0.9", False),
        ("gzip;q=0, *", False),
        ("deflate", False),
    ],
)
def test_gzip_goes_to_those_who_allow_it_and_do_not_prefer_it_plain(
    accept_encoding: str, compressed: bool
) -> None:
    """As RFC 9110 says."""
    assert wants_gzip(accept_encoding.encode()) is compressed


def test_several_header_lines_count_as_one(web: Web) -> None:
    """Accept may come in pieces."""
    with web.connect(
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain;q=0.1\r\n"
        b"Accept: application/openmetrics-text\r\nConnection: close\r\n\r\n"
    ) as connection:
        assert b"content-type: application/openmetrics-text" in everything(connection)


# ── the status page ──


def test_the_page_shows_the_plan_and_escapes_whatever_a_name_or_message_holds() -> None:
    """A plan's name, an id, an error message and a filter are text, never markup."""
    plan = replace(PLAN, plan=replace(PLAN.plan, name=NASTY, plan_id=NASTY, error_message=NASTY))
    with Web(plans=[plan]).serving() as web:
        status, headers, body = web.ask("/?account=%3Cscript%3E&q=%22%3E%3Cscript%3E")
        _, _, shown = web.ask("/")

    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    for html in (body, shown):
        assert html.count(b"<script") == 1
        assert b"<img" not in html
    assert b"&lt;script&gt;document.title" in shown


class Addresses(HTMLParser):
    """What a page names: (tag, attribute, address)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            (tag, name, value or "") for name, value in attrs if name in ("src", "href", "action", "style")
        ]


@pytest.mark.parametrize(
    ("success", "subjects", "said"),
    [(True, 0, "nothing to read"), (True, 3, "never read"), (False, 0, "never read")],
)
def test_a_collector_with_nothing_to_read_is_told_from_one_that_failed(
    success: bool, subjects: int, said: str
) -> None:
    """A region without plans leaves nothing to read; one whose plan list could not be read has read nothing."""
    state = CollectorState(
        scope=SCOPE,
        collector="restores",
        interval_seconds=60.0,
        finished_first_run=True,
        success=success,
        subjects=subjects,
    )
    page = Renderer().page(overview(Snapshot(plans=[], regions=[], collectors=[state]), 5000.0), Query())
    table = page.identity.decode().split('id="collectors"')[1].split("</table>")[0]

    assert [one for one in ("nothing to read", "never read") if one in table] == [said]


def test_the_page_is_for_one_who_has_no_network() -> None:
    """It loads nothing, from anywhere; the links given are links."""
    with Web().serving() as web:
        html = web.ask("/")[2].decode()

    found = Addresses(html).found
    loaded = [one for one in found if one[:2] != ("a", "href") and not one[2].startswith("data:")]
    assert loaded == []
    assert [address for tag, _, address in found if tag == "a" and ":" in address] == [
        "https://docs.example/runbooks"
    ]
    assert not re.search(r"url\(|@import", html)


def test_the_page_is_compressed_for_those_who_ask(web: Web) -> None:
    """The same page, smaller."""
    plain = web.ask("/")[2]
    _, headers, body = web.ask("/", Accept_Encoding="gzip")

    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == plain
    assert len(body) < len(plain) / 2


def test_many_looks_within_a_second_cost_one_snapshot() -> None:
    """However many views and clients; a second later the facts are looked at anew."""
    with Web().serving() as web:
        for path in ("/", "/?state=breached", "/?sort=plan", "/"):
            assert web.ask(path)[0] == 200
        once = web.snapshots
        web.clock.at += 1.5
        web.ask("/")

    assert (once, web.snapshots) == (1, 2)


def test_a_page_that_takes_long_rests_ten_times_as_long() -> None:
    """Looking at a large fleet takes at most a tenth of a CPU from everything else."""
    web = Web()

    def slow() -> None:
        web.clock.at += 3

    web.before_snapshot = slow
    with web.serving():
        web.ask("/")
        web.clock.at += 25
        web.ask("/")
        resting = web.snapshots
        web.clock.at += 10
        web.ask("/")

    assert (resting, web.snapshots) == (1, 2)


def test_scrapes_are_answered_while_the_page_is_being_made_and_too_many_views_are_refused() -> None:
    """The page is made in a thread of its own, one view after another, and only so many wait."""
    gate, begun = threading.Event(), threading.Event()

    def held() -> None:
        begun.set()
        gate.wait(PATIENCE_SECONDS)

    web = Web(before_snapshot=held)
    with web.serving(), contextlib.ExitStack() as stack:
        asked = [
            stack.enter_context(
                web.connect(f"GET /?q={number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            )
            for number in range(16)
        ]
        assert begun.wait(PATIENCE_SECONDS)
        scraped = web.ask("/metrics")[0]
        refused = web.ask("/?q=one-too-many")
        gate.set()
        answers = [everything(connection) for connection in asked]

    assert scraped == 200
    assert refused[0] == 503
    assert refused[1]["retry-after"] == "1"
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)


def test_a_page_that_cannot_be_made_is_a_500_without_its_reason_and_the_next_may_succeed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The reason goes to the log; nothing of it is remembered."""
    web = Web()

    def broken() -> None:
        raise RuntimeError("hush-hush")

    web.before_snapshot = broken
    with web.serving():
        first = web.ask("/")
        web.before_snapshot = lambda: None
        web.clock.at += 2
        second = web.ask("/")

    assert first[0] == 500
    assert b"hush" not in first[2]
    assert "hush-hush" in caplog.text
    assert second[0] == 200


def test_ten_thousand_plans_give_a_page_of_bounded_size() -> None:
    """Rows beyond a page are counted, not sent."""
    plans = [replace(PLAN, plan=replace(PLAN.plan, plan_id=f"dbs{number}")) for number in range(10_000)]
    with Web(plans=plans).serving() as web:
        body = web.ask("/")[2].decode()

    assert "1\u201350 of 10000" in body
    assert len(body) < 300_000


# ── slow and hostile clients ──


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


LARGE = 16_000_000


def large_page() -> Any:
    """An exposition whose one page does not fit any socket's buffers."""

    @dataclass
    class Page:
        content_type: str = "text/plain"
        identity: tuple[bytes, ...] = (b"x" * 1_000_000,) * 16
        gzip: tuple[bytes, ...] = (b"x" * LARGE,)
        identity_length: int = LARGE
        gzip_length: int = LARGE

    kept = Page()

    class Pages:
        def page(self, *, openmetrics: bool) -> Page:
            return kept

    return Pages()


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
            until_gone(web)

            assert len(everything(connection)) < LARGE


def until_gone(web: Web) -> None:
    """Wait until the server holds no connection."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.01)):
        if not web.server.connections:
            return
        pause.wait(0.01)
    raise AssertionError("the server still holds connections")


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


# ── listening and stopping ──


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
    import signal

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
