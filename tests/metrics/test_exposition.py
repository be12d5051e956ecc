"""The exposition: byte for byte what prometheus_client writes, published at once and at a bounded cost, and read by real readers."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.generated_fleet import (
    KEYS,
    Facts,
    check,
    facts,
    filled,
    fleets,
    identity,
    numbered,
    numbered_fleet,
    pages,
    subject_of,
)
from support.known_subjects import ACCOUNT, PLAN, REGION, SCOPE
from support.programs import tool

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.collection import BudgetState, CollectorState
from dbs_exporter.facts.subjects import SubjectKey, key_of
from dbs_exporter.metrics.exposition import Exposition, Page
from dbs_exporter.metrics.family import plan_family
from dbs_exporter.metrics.own import OwnMetrics, Watched
from dbs_exporter.metrics.shelves import Shelves


@settings(deadline=None)
@given(st.data())
def test_pages_are_what_prometheus_client_writes_after_any_changes(data: st.DataObject) -> None:
    """Any updates and removals in any portions leave exactly the oracle's bytes, in both formats and
    encodings."""
    fleet = data.draw(fleets())
    exposition = Exposition(fleet.families)
    check(exposition, fleet, {})
    now: dict[SubjectKey, Facts] = {}
    for _ in range(data.draw(st.integers(1, 4))):
        for key in data.draw(st.lists(KEYS, max_size=8)):
            if data.draw(st.booleans()) or key not in now:
                now[key] = fleet.rows[key] = data.draw(facts(fleet))
                exposition.update(key, subject_of(key))
            else:
                del now[key]
                exposition.update(key, None)
        exposition.publish()
        check(exposition, fleet, now)


def test_a_subject_whose_lines_are_as_they_were_changes_nothing() -> None:
    """A poll that found nothing new leaves the very same compressed body in place."""
    fleet = numbered_fleet()
    exposition, now = filled(3000, fleet)
    before, body = exposition.page(openmetrics=True), exposition._body
    for key in list(now)[:50]:
        exposition.update(key, subject_of(key))

    exposition.publish()

    assert exposition.page(openmetrics=True) == before
    assert exposition._body is body


def test_the_last_word_on_a_subject_holds() -> None:
    """Updates between two publishes are taken in order: a plan that came and went is not there."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    key = ("prod", "cn-hangzhou", "dbs1")
    fleet.rows[key] = numbered(fleet, 1)
    exposition.update(key, subject_of(key))
    exposition.update(key, None)
    exposition.publish()

    assert identity(exposition.page(openmetrics=False)) == b""
    assert identity(exposition.page(openmetrics=True)) == b"# EOF\n"


def test_an_update_is_seen_only_after_publish() -> None:
    """A page never changes under its reader; update only notes."""
    fleet = numbered_fleet()
    exposition, now = filled(3, fleet)
    before = exposition.page(openmetrics=False)

    exposition.update(next(iter(now)), None)

    assert exposition.page(openmetrics=False) is before


def test_a_family_that_fails_is_told_and_costs_only_itself() -> None:
    """One family raising for one plan leaves the page whole otherwise."""
    told: list[tuple[str, SubjectKey, str]] = []
    fleet = numbered_fleet()
    exposition = Exposition(
        fleet.families, on_refused=lambda family, key, reason, sentence: told.append((family, key, reason))
    )
    good, bad = ("prod", "cn-hangzhou", "dbs1"), ("prod", "cn-hangzhou", "dbs2")
    fleet.rows[good] = {"dbs_thing_one": [(("x",), 1)], "dbs_thing_two": [(("x",), 1)]}
    fleet.rows[bad] = {"dbs_thing_one": [(("x", "y"), 1)], "dbs_thing_two": [(("x",), 2)]}
    for key in (good, bad):
        exposition.update(key, subject_of(key))

    exposition.publish()

    check(exposition, fleet, {good: fleet.rows[good], bad: {"dbs_thing_two": [(("x",), 2)]}})
    assert told == [("dbs_thing_one", bad, "labels")]


def test_openmetrics_parses() -> None:
    """The strict parser of prometheus_client reads the OpenMetrics page."""
    fleet = numbered_fleet()
    exposition, _ = filled(20, fleet)

    families = list(
        text_string_to_metric_families(  # type: ignore[no-untyped-call]
            identity(exposition.page(openmetrics=True)).decode()
        )
    )

    assert {family.name for family in families} == {"dbs_thing_one", "dbs_thing_two", "dbs_things"}


def test_gzip_itself_accepts_the_body(tmp_path: Path) -> None:
    """The program reads the concatenated pieces as one sound file."""
    exposition, _ = filled(3000, numbered_fleet())
    body = tmp_path / "metrics.gz"
    body.write_bytes(b"".join(exposition.page(openmetrics=True).gzip))

    done = subprocess.run([tool("gzip"), "--test", str(body)], capture_output=True, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (0, b"")


# ── publishing: at once, together, at a bounded cost, and never the end of the page before ──


class Own:
    """The exporter's own metrics, told the size of the page before."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []
        self.broken = False
        self.meanwhile: Callable[[], None] = lambda: None

    def lines(self, series: int, identity_bytes: int) -> tuple[bytes, bytes]:
        self.meanwhile()
        if self.broken:
            raise RuntimeError("broken")
        self.told.append((series, identity_bytes))
        return b"# TYPE own_total counter\nown_total 1.0\n", b"# TYPE own counter\nown_total 1.0\n"


def test_own_metrics_close_each_page_in_its_own_format() -> None:
    """They stand after all families, before OpenMetrics' end, and count as series."""
    own = Own()
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, own=own.lines)
    exposition.publish()
    exposition.publish()

    text, open_text = (identity(page) for page in pages(exposition))
    assert text == b"# TYPE own_total counter\nown_total 1.0\n"
    assert open_text == b"# TYPE own counter\nown_total 1.0\n# EOF\n"
    assert own.told == [(0, 0), (1, len(text))]
    assert exposition.page(openmetrics=True).series == 1


def test_a_publish_that_fails_keeps_the_page_and_what_was_noted() -> None:
    """The old page stays; the next publish has everything, and newer words on a subject hold."""
    own = Own()
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, own=own.lines)
    key, gone = ("prod", "cn-hangzhou", "dbs1"), ("prod", "cn-hangzhou", "dbs2")
    fleet.rows[key] = fleet.rows[gone] = numbered(fleet, 1)
    before = exposition.page(openmetrics=False)
    exposition.update(key, subject_of(key))
    exposition.update(gone, subject_of(gone))
    own.broken = True
    own.meanwhile = lambda: exposition.update(gone, None)
    with pytest.raises(RuntimeError):
        exposition.publish()
    assert exposition.page(openmetrics=False) is before

    own.broken = False
    own.meanwhile = lambda: None
    exposition.publish()

    assert b'plan_id="dbs1"' in identity(exposition.page(openmetrics=False))
    assert b'plan_id="dbs2"' not in identity(exposition.page(openmetrics=False))


class SteppedClock:
    """A clock whose time passes only in publishes, and whose sleeps are noted and answered by the test."""

    def __init__(self, publish_seconds: float, sleeps: Callable[[float], bool]) -> None:
        self.readings = iter([step * publish_seconds for step in range(1000)])
        self.sleeps = sleeps

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return next(self.readings)

    def sleep(self, seconds: float) -> bool:
        return self.sleeps(seconds)


@pytest.mark.parametrize(("took", "rest"), [(0.0, 0.1), (0.05, 2.0), (0.5, 10.0), (2.0, 10.0), (5.0, 20.0)])
def test_the_loop_publishes_at_once_and_rests_in_proportion(took: float, rest: float) -> None:
    """A change is on the page before the loop rests: forty times as long as it took, ten seconds at most, a fifth of the time at worst."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    key = ("prod", "cn-hangzhou", "dbs1")
    fleet.rows[key] = numbered(fleet, 1)
    exposition.update(key, subject_of(key))
    seen: list[tuple[float, bool]] = []

    def sleeps(seconds: float) -> bool:
        seen.append((seconds, bool(identity(exposition.page(openmetrics=False)))))
        return True

    exposition.run(SteppedClock(took, sleeps))

    assert seen == [(rest, True)]


def test_changes_while_the_loop_rests_become_one_publish() -> None:
    """A hundred updates in one rest are published together; close ends the loop."""
    fleet = numbered_fleet()
    own = Own()
    exposition = Exposition(fleet.families, own=own.lines)
    rests = 0

    def sleeps(seconds: float) -> bool:
        nonlocal rests
        rests += 1
        if rests == 1:
            for number in range(100):
                key = ("prod", "cn-hangzhou", f"dbs{number}")
                fleet.rows[key] = numbered(fleet, 1)
                exposition.update(key, subject_of(key))
        else:
            exposition.close()
        return False

    exposition.update(("prod", "cn-hangzhou", "none"), None)
    exposition.run(SteppedClock(0.0, sleeps))

    assert rests == 2
    assert len(own.told) == 2
    assert exposition.page(openmetrics=False).series == 1 + 300


def test_the_loop_ticks_for_the_exporters_own_metrics_and_survives_a_failure() -> None:
    """Without any change a tick publishes; a publish that fails is not the end of the loop."""
    own = Own()
    own.broken = True
    exposition = Exposition((), own=own.lines, tick_seconds=0.0)
    rests = 0

    def sleeps(seconds: float) -> bool:
        nonlocal rests
        rests += 1
        own.broken = rests < 2
        return rests == 3

    exposition.run(SteppedClock(0.0, sleeps))

    assert own.told == [(0, 0)]


def test_updates_from_many_threads_all_arrive() -> None:
    """Writers and a publisher at the same time lose nothing."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    keys = [("prod", "cn-hangzhou", f"dbs{number:03d}") for number in range(200)]
    for key in keys:
        fleet.rows[key] = numbered(fleet, 2)

    def write(part: Sequence[SubjectKey]) -> None:
        for key in part:
            exposition.update(key, subject_of(key))

    writers = [threading.Thread(target=write, args=(keys[at::4],)) for at in range(4)]
    for writer in writers:
        writer.start()
    exposition.publish()
    for writer in writers:
        writer.join()
    exposition.publish()

    check(exposition, fleet, {key: fleet.rows[key] for key in keys})


def test_a_ticket_is_answered_by_a_publish_that_began_after_it() -> None:
    """A publish already under way does not count, since it may lack what was noted meanwhile; a failed one neither."""
    own = Own()
    exposition = Exposition(numbered_fleet().families, own=own.lines)
    taken: list[int] = []
    own.meanwhile = lambda: taken.append(exposition.request_publish()) if not taken else None
    exposition.publish()
    after_the_first = exposition.is_published(taken[0])
    own.broken = True
    with pytest.raises(RuntimeError):
        exposition.publish()
    after_the_failed = exposition.is_published(taken[0])
    own.broken = False
    exposition.publish()

    assert (after_the_first, after_the_failed) == (False, False)
    assert exposition.is_published(taken[0])


def test_memory_is_given_back_after_a_publish_but_not_after_each() -> None:
    """The first publish is followed by it, those within the next seconds are not."""
    tidied: list[float] = []
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, tick_seconds=0.0, tidy=lambda: tidied.append(rests[-1]))
    rests = [0.0]

    def sleeps(seconds: float) -> bool:
        rests.append(rests[-1] + 1)
        return len(rests) == 10

    exposition.run(SteppedClock(1.0, sleeps))

    # Each publish takes a second and the clock is read twice: the third reading after the first is TIDY_SECONDS later.
    assert tidied == [0.0, 3.0, 6.0]


def test_after_a_failure_nothing_is_taken_to_be_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a publish rendered before it failed is rendered again, although the facts are the same objects."""
    value = 1.0
    family = plan_family(
        "dbs_plan_things", "Things", "DescribeBackupPlanList Things", lambda _: [((), value)], reads=("plan",)
    )
    exposition = Exposition([family])
    key = ("prod", "cn-hangzhou", "dbs1")
    subject = subject_of(key)
    exposition.update(key, subject)
    exposition.publish()
    value = 2.0
    exposition.update(key, subject)
    exposition.publish()
    assert identity(exposition.page(openmetrics=False)).endswith(b" 1.0\n")

    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as broken:
        broken.setattr(Shelves, "apply", fails)
        exposition.update(key, subject)
        with pytest.raises(RuntimeError):
            exposition.publish()
    exposition.publish()

    assert identity(exposition.page(openmetrics=False)).endswith(b" 2.0\n")


# ── before its real readers: promtool's linter, and a Prometheus that scrapes both formats ──


@pytest.fixture(scope="module")
def full_exposition() -> Exposition:
    """An exposition with samples of every family of the table and of the exporter itself."""
    state = CollectorState(
        scope=SCOPE,
        collector="full_backups",
        facts="full_backups",
        tried=True,
        last_success_at=1.0,
        oldest_success_at=1.0,
    )
    budget = BudgetState(
        scope=SCOPE,
        allowed_per_second=5.0,
        stretch=1.05,
        wanted_per_second=(("full_backups", 5.2),),
        clock_offset_seconds=-0.25,
    )
    own = OwnMetrics(
        CollectorRegistry(), version="1", collector_states=lambda: [state], budgets=lambda: [budget]
    )
    own.watch([Watched(scope=SCOPE, operations=("DescribeRegions",), rate=lambda: 5.0)])
    own.on_unknown("BackupStatus")
    own.on_refused("dbs_plan_info", ("prod", "cn-hangzhou", "dbs1"), "error", "a bug")
    own.on_credentials(SCOPE.account, 1.7e9)
    own.on_reload(successful=True, at=1.7e9)
    made = Exposition(TABLE.families, own=own.lines)
    for subject in (PLAN, REGION, ACCOUNT):
        made.update(key_of(subject), subject)
    made.publish()
    made.publish()
    return made


def test_promtool_finds_nothing_to_say(full_exposition: Exposition) -> None:
    """A full scrape with every family passes Prometheus' own linter without a word."""
    promtool = tool("promtool")

    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=b"".join(full_exposition.page(openmetrics=False).identity),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, (done.stdout + done.stderr).decode()) == (0, "")


class _Scraped(http.server.BaseHTTPRequestHandler):
    """Serves the pages as /metrics does and notes which format each scrape took."""

    pages: ClassVar[dict[bool, Page]] = {}
    taken: ClassVar[dict[str, threading.Event]] = {}
    encodings: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        """Answer with the format that the path names, gzipped if that is accepted."""
        openmetrics = self.path == "/openmetrics"
        page = self.pages[openmetrics]
        gzipped = "gzip" in self.headers.get("Accept-Encoding", "")
        self.send_response(200)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(page.gzip_length if gzipped else page.identity_length))
        if gzipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.writelines(page.gzip if gzipped else page.identity)
        self.encodings["gzip" if gzipped else "identity"] += 1
        self.taken[self.path].set()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def target(full_exposition: Exposition) -> Iterator[int]:
    """A server of both pages; gives its port."""
    _Scraped.pages = {
        openmetrics: full_exposition.page(openmetrics=openmetrics) for openmetrics in (False, True)
    }
    _Scraped.taken = {"/text": threading.Event(), "/openmetrics": threading.Event()}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Scraped) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def prometheus(directory: Path, targets: int) -> Iterator[str]:
    """Run a Prometheus that scrapes both paths every second; gives its address."""
    program = tool("prometheus")
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}",
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "static_configs": [{"targets": [f"127.0.0.1:{targets}"]}],
        }
        for name in ("text", "openmetrics")
    ]
    config = directory / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": jobs}))
    with (
        socket.socket() as probe
    ):  # Prometheus does not tell which port it took, so a free one is given to it.
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def ask(address: str, query: str) -> list[dict[str, Any]]:
    """Return the vector that a query gives."""
    # Prometheus may be asked before its storage is open; it refuses then, and is asked again.
    with urllib.request.urlopen(
        f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    ) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


def test_a_real_prometheus_takes_every_sample_of_both_formats(target: int, tmp_path: Path) -> None:
    """It stores as many samples as the page has series, in either format, and has nothing to warn of."""
    with prometheus(tmp_path, target) as address:
        for taken in _Scraped.taken.values():
            assert taken.wait(60), (tmp_path / "log").read_text()
        stored: dict[str, int] = {}
        asked = threading.Event()
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError, KeyError):
                found = ask(address, "scrape_samples_post_metric_relabeling")
                stored = {each["metric"]["job"]: int(each["value"][1]) for each in found}
                if len(stored) == 2:
                    break
            asked.wait(0.1)
        up = {each["metric"]["job"]: each["value"][1] for each in ask(address, "up")}
        status = ask(address, 'dbs_plan_status{plan_id="dbs1"} == 1')
        errors = ask(address, "dbs_job_error_info")
    log = (tmp_path / "log").read_text()

    assert up == {"text": "1", "openmetrics": "1"}, log
    assert stored == {
        "text": _Scraped.pages[False].series,
        "openmetrics": _Scraped.pages[True].series,
    }
    assert {(each["metric"]["job"], each["metric"]["status"]) for each in status} == {
        ("text", "running"),
        ("openmetrics", "running"),
    }
    assert {each["metric"]["job_kind"] for each in errors} == {"full_backup"}
    # No label of the exporter's is one that Prometheus itself gives to what it scrapes.
    assert [
        each for each in (*status, *errors) if any(name.startswith("exported_") for name in each["metric"])
    ] == []
    assert _Scraped.encodings["gzip"] >= 2
    assert [line for line in log.splitlines() if "level=WARN" in line and "scrape" in line] == []
