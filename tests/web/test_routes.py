"""The routes over real sockets: bytes as they were published, negotiation, headers, readiness and reload."""

from __future__ import annotations

import contextlib
import gzip
import html
import http.client
import re
from dataclasses import dataclass
from urllib.parse import urljoin

import pytest
from support.web import Web, everything

from dbs_exporter.errors import ConfigError

PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


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


@pytest.mark.parametrize("prefix", ["/dbs", "/ops/dbs"])
def test_everything_is_served_below_a_prefix_and_nothing_else(prefix: str) -> None:
    """Whoever asks without it, or without the last slash, is sent to the page."""
    with Web(route_prefix=prefix, telemetry_path="/m").serving() as web:
        inside = [web.ask(f"{prefix}{path}")[0] for path in ("/", "/m", "/-/healthy", "/-/ready", "/nope")]
        outside = [web.ask(path)[0] for path in ("/m", "/-/healthy", f"{prefix}x/m", f"/{prefix}/m")]
        sent = [
            (status, urljoin(f"http://x{path}", headers["location"]))
            for path in ("/", prefix)
            for status, headers, _ in [web.ask(path)]
        ]

    assert inside == [200, 200, 200, 200, 404]
    assert outside == [404] * 4
    assert sent == [(302, f"http://x{prefix}/")] * 2


@pytest.mark.parametrize("seen_as", ["http://x/", "https://ops.example/dbs/"])
def test_all_links_of_the_page_work_wherever_a_proxy_puts_it(web: Web, seen_as: str) -> None:
    """A proxy that takes a path away leaves every link of the exporter's own below that path."""
    page = web.ask("/?q=1")[2].decode()
    links = [html.unescape(link) for link in re.findall(r'(?:href|action|src)="([^"]*)"', page)]
    own = [link for link in links if not re.match("[a-z]+:", link)]
    targets = [urljoin(seen_as, link) for link in own]

    assert {"./metrics", "./-/healthy", "./-/ready"} <= set(own)
    assert [target for target in targets if not target.startswith(seen_as)] == []
    for target in targets:
        assert web.ask(target.removeprefix(seen_as.removesuffix("/")).partition("#")[0])[0] == 200, target


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
        assert b'href="./deep/m"' in web.ask("/")[2]


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


def test_several_header_lines_count_as_one(web: Web) -> None:
    """Accept may come in pieces."""
    with web.connect(
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain;q=0.1\r\n"
        b"Accept: application/openmetrics-text\r\nConnection: close\r\n\r\n"
    ) as connection:
        assert b"content-type: application/openmetrics-text" in everything(connection)
