"""The page as it is served: what is text stays text, nothing is loaded, and a look costs no more than it may."""

from __future__ import annotations

import contextlib
import gzip
import re
import threading
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace
from support.known_subjects import PLAN, SCOPE
from support.page_plans import GOOD, NOW, backup, overview_of, with_backups, with_group
from support.web import NASTY, PATIENCE_SECONDS, Web, everything

from dbs_exporter.conditions.full_backups import full_backup_age
from dbs_exporter.conditions.recovery import recovery_point
from dbs_exporter.conditions.table import judge
from dbs_exporter.facts.collection import BudgetState, CollectorState, StorageState
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.web.page.overview import Snapshot, overview
from dbs_exporter.web.page.rendering import Renderer
from dbs_exporter.web.page.view import Query


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


@pytest.mark.parametrize("share", [0.5, 0.79, 0.81, 0.89, 0.91, 0.99, 1.01])
def test_a_bar_changes_its_colour_where_its_condition_begins_to_hold(share: float) -> None:
    """The recovery point's at four fifths of its objective, the full backup's at nine tenths, as the conditions do."""
    rpo, interval = GOOD.objectives.rpo or 0.0, GOOD.objectives.full_backup_interval or 0.0
    point = NOW - share * rpo
    logs = LogHistory(last_data_at=point, spans=((NOW - 2 * interval, point),))
    plan = with_backups(
        with_group(with_group(GOOD, RANGES, ()), LOG_BACKUPS, logs),
        last_success=backup(share * interval), points=((NOW - share * interval, NOW + interval),),
    )  # fmt: skip
    _, held = judge(plan, NOW)
    colours = {"breached": "bad", "at_risk": "warn"}

    page = Renderer().overview(overview_of([plan]), Query()).decode()

    shown = re.findall(r'<progress class="(good|warn|bad)"', page)
    assert shown == [
        next((colours[each.stage.state] for each in held if each.condition is condition), "good")
        for condition in (recovery_point, full_backup_age)
    ]


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
        tried=True,
        success=success,
        subjects=subjects,
    )
    table = page_of(collectors=[state]).split('id="collectors"')[1].split("</table>")[0]

    assert [words for words in ("nothing to read", "never read") if words in table] == [said]


def page_of(**given: Any) -> str:
    """The page of a snapshot as text."""
    snapshot = Snapshot(**{"now": 5000.0, "plans": [], "regions": [], "collectors": [], **given})
    return Renderer().overview(overview(snapshot), Query()).decode().replace("\u00a0", " ")


def test_the_page_says_by_how_much_readings_come_later_than_wanted() -> None:
    """With what would mend it, and where; a budget that suffices is not mentioned."""
    few = BudgetState(scope=SCOPE, allowed_per_second=5.0, stretch=2.5)
    told = page_of(budgets=[few, BudgetState(scope=Scope(account="b", region="c"), allowed_per_second=5.0)])

    assert "calls are too few</a>: readings come up to 2.5 × later (prod, cn-hangzhou)" in told
    assert "calls are too few" not in page_of(budgets=[replace(few, stretch=1.0)])


def test_the_page_says_that_a_restart_would_lose_what_is_known() -> None:
    """From when on; nothing where it is saved, or is not to be."""
    failing = StorageState(path="/state", error="disk full", failing_since=1_790_000_000.0)
    told = page_of(storage=failing)

    assert "could not be saved since <time" in told
    assert "2026-09-21T14:13:20Z</time>, and would be lost with a restart" in told
    for storage in (None, StorageState(path="/state", last_write_at=5.0)):
        assert "could not be saved" not in page_of(storage=storage)


def test_a_collector_that_has_nothing_to_ask_is_not_waited_for() -> None:
    """Where no plan has anything of its kind, or the region has no plan; where one plan has, it is."""
    other = replace(PLAN, plan=replace(PLAN.plan, plan_id="other"), promised={"prechecks": 9_000.0})
    idle = replace(PLAN, promised={**PLAN.promised, "prechecks": float("inf")})
    checks = CollectorState(scope=SCOPE, collector="prechecks", facts="prechecks", subjects=1)
    listed = CollectorState(
        scope=SCOPE, collector="plans", facts="plans", tried=True, success=True, subjects=1
    )

    assert "still to read" not in page_of(plans=[idle], collectors=[checks])
    assert "nothing to read" in page_of(plans=[idle], collectors=[checks])
    assert "1 collector still to read" in page_of(plans=[idle, other], collectors=[checks])
    assert "still to read" not in page_of(collectors=[listed, replace(checks, subjects=0)])
    assert "1 collector still to read" in page_of(
        collectors=[replace(listed, success=False), replace(checks, subjects=0)]
    )


def test_the_page_shows_what_is_stale_and_what_was_not_read_yet() -> None:
    """By collector, with how many plans are concerned."""
    read = CollectorState(
        scope=SCOPE, collector="full_backups", facts="full_backups", tried=True, success=True, subjects=1
    )
    waiting = CollectorState(scope=SCOPE, collector="billing", facts="billing")
    stale = replace(PLAN, promised={"plans": 9_000.0, "full_backups": 4_999.0})
    told = page_of(plans=[stale], collectors=[read, waiting])

    assert "1 collector in trouble" in told
    assert '<span class="badge breached">stale</span>' in told
    assert '<td data-label="Stale" class="odd">1</td>' in told
    assert '<span class="badge unknown">not read yet</span>' in told
    assert "1 collector still to read anything" in told
    fresh = page_of(plans=[replace(stale, promised={"plans": 9_000.0})], collectors=[read])
    assert '<span class="badge breached">stale' not in fresh
    assert "in trouble" not in fresh


def test_ages_go_by_the_time_of_the_facts_and_not_of_the_machine() -> None:
    """A clock that is hours off would make everything stale or nothing."""
    told = page_of(now=4_100.0 + 600.0, plans=[PLAN])

    assert '<time datetime="1970-01-01T01:18:20Z">' in told


def test_the_page_is_for_one_who_has_no_network() -> None:
    """It loads nothing, from anywhere; the links given are links."""
    with Web().serving() as web:
        html = web.ask("/")[2].decode()

    found = Addresses(html).found
    loaded = [
        (tag, name, address)
        for tag, name, address in found
        if (tag, name) != ("a", "href") and not address.startswith("data:")
    ]
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


def test_a_system_that_gives_no_thread_is_said_to_be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Page and reload answer 503 with a sentence, and metrics are served as ever."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    web = Web(reload=lambda: None)
    with web.serving():
        monkeypatch.setattr("threading.Thread.start", refuse)
        page, reload, metrics = web.ask("/"), web.ask("/-/reload", "POST"), web.ask("/metrics")
        monkeypatch.undo()

    assert (page[0], reload[0], metrics[0]) == (503, 503, 200)
    assert page[2] == b"The system gives no thread to make the page in.\n"


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


def test_the_page_of_a_shard_says_which_it_is_and_leads_to_the_others() -> None:
    """Who sees a part of the plans is told that it is one, and where the rest is; who sees all is told nothing."""
    empty = overview(Snapshot(now=5000.0, plans=[], regions=[], collectors=[]))

    def said(**shards: Any) -> str:
        page = Renderer(**shards).overview(empty, Query()).decode()
        return page.split('class="asof"')[1].split("</p>")[0]

    linked = said(shard=1, shard_pages=("https://a/?x=1&y", "https://b/", "https://c/"))
    many = said(shard=0, shard_pages=("",) * 30)

    assert "shard 1 of 3" in linked
    assert Addresses(linked).found == [("a", "href", "https://a/?x=1&y"), ("a", "href", "https://c/")]
    assert re.findall(r">(shard \d)<", linked) == ["shard 0", "shard 2"]
    assert "shard 20 …" in many
    assert "shard 21" not in many
    assert "<a" not in many
    assert "shard" not in said()
