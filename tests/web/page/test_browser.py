"""The status page in a real Chromium: nothing complains, links work with and without scripts, it fits a phone, and names stay text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from support.chromium import Browser, chromium
from support.known_subjects import PLAN, REGION, SCOPE
from support.page_plans import restorable, with_backups, with_group, with_plan
from support.subjects import subject_with

from dbs_exporter.clock import SystemClock
from dbs_exporter.facts.collection import BudgetState, CollectorState
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.web.page.overview import Snapshot
from dbs_exporter.web.routes import create_app
from dbs_exporter.web.server import WebServer, bind

pytestmark = pytest.mark.xdist_group("chromium")

NASTY = (
    "</td><script>document.title='owned';window.owned=1</script>\"'><img src=x onerror=\"window.owned=1\">"
)
NAMES = "return [...document.querySelectorAll('.plans tbody .name')].map(e => e.textContent)"
# Longer than a phone is wide, and without a place to break.
UNBROKEN = "x" * 300
PROMISED = {"plans": 9e9, "gateways": 9e9}
"""What is known stays known: the page is drawn by the real time."""
HOUR = 3_600.0
DAY = 86_400.0


def plan(name: str, number: int, **changes: object) -> PlanSubject:
    return with_plan(replace(PLAN, promised=PROMISED), name=name, plan_id=f"dbs{number}", **changes)


def wordy() -> PlanSubject:
    """A plan of which every number is as wide as its column may have to show."""
    now = SystemClock().now()
    backups, logs, restores = (PLAN.get(FULL_BACKUPS), PLAN.get(LOG_BACKUPS), PLAN.get(RESTORES))
    assert backups is not None
    assert backups.last_success is not None
    assert logs is not None
    assert restores is not None
    last = replace(backups.last_success, finished_at=now - 9.99 * DAY, size_bytes=998 * 1024**3)
    ends = (now - 9.99 * DAY - 14_399.0, now - 9.99 * DAY, now - 22 * HOUR - 59 * 60.0)
    subject = with_backups(
        plan("longlived-sqlserver-with-a-name", 5),
        last_success=last,
        last_good_expires_at=now + 22.99 * HOUR,
        points=(),
        size_median_bytes=1e9,
    )
    subject = with_group(subject, LOG_BACKUPS, replace(logs, last_data_at=now - 22 * HOUR - 59 * 60.0))
    subject = with_group(subject, RESTORES, replace(restores, last_success_at=now - 22 * HOUR - 58 * 60.0))
    return with_group(subject, RANGES, (restorable(1.0, ends[0]), restorable(ends[1], ends[2])))


def snapshot() -> Snapshot:
    """Plans of two accounts, one with a hostile name; more than one page of them."""
    staging = replace(SCOPE, account="staging")
    gateways = (Gateway(gateway_id="7", status="OFFLINE", display_name=NASTY, last_heartbeat_at=1.0),)
    region = subject_with(replace(REGION, promised=PROMISED), (GATEWAYS, gateways))
    return Snapshot(
        now=SystemClock().now(),
        plans=[
            plan("zebra", 1),
            plan("aardvark", 2),
            plan(NASTY, 3, error_message=NASTY),
            plan(UNBROKEN, 4, error_message=UNBROKEN),
            wordy(),
            *(replace(plan(f"staged {number:02}", 100 + number), scope=staging) for number in range(59)),
        ],
        regions=[region],
        budgets=[BudgetState(scope=SCOPE, allowed_per_second=5.0, stretch=12.35)],
        collectors=[
            CollectorState(scope=SCOPE, collector="plans", facts="plans", last_error=NASTY),
            CollectorState(scope=staging, collector="plans", facts="plans", last_error=UNBROKEN),
        ],
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the page is served."""
    app = create_app(exposition=Exposition(()), snapshot=snapshot, missing=list, clock=SystemClock())
    server = WebServer(app, bind(["127.0.0.1:0"]))
    server.start()
    yield server.urls[0]
    server.stop()


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(window: Browser) -> Browser:
    """A window as wide as a desk's, with scripts and a light page."""
    window.scripts(allowed=True)
    window.screen(width=1440, height=900)
    window.open("about:blank")
    window.console()
    return window


def test_the_page_renders_and_nothing_complains(browser: Browser, url: str) -> None:
    """No error, no refused style or script, no missing file; the policy lets the page's own script and style work."""
    browser.open(url)

    assert browser.run("return document.querySelector('h1').textContent").endswith(
        "cannot be restored as they should"
    )
    assert browser.run("return getComputedStyle(document.querySelector('.tiles')).display") == "grid"
    assert browser.run("return document.querySelectorAll('.plans tbody tr').length") == 50
    assert browser.console() == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_heading_sorts_and_a_tile_filters_with_and_without_scripts(
    browser: Browser, url: str, scripts: bool
) -> None:
    """The same links do it either way, and the address says what is shown."""
    browser.scripts(allowed=scripts)
    browser.open(f"{url}/?account=prod")
    before = browser.run(NAMES)
    browser.run("document.querySelector('.plans th a').click()")
    browser.until(
        "return location.search.includes('sort=plan') && document.querySelector('th[aria-sort=ascending]')"
    )
    ascending = browser.until(NAMES)
    browser.run("document.querySelector('.plans th a').click()")
    browser.until("return document.querySelector('th[aria-sort=descending]')")
    descending = browser.until(NAMES)
    browser.run("document.querySelector('.tile.zero').click()")
    browser.until("return document.querySelector('.empty')")

    assert sorted(before) == sorted(ascending)
    assert ascending == sorted(before, key=str.lower)
    assert descending == ascending[::-1]
    assert "account=prod" in browser.run("return location.search")
    assert browser.run("return document.querySelector('select[name=account]').value") == "prod"
    assert browser.console() == []


def test_typing_and_choosing_filter_without_a_reload(browser: Browser, url: str) -> None:
    """What is typed stays in the field, and the page is not loaded anew."""
    browser.open(url)
    browser.run("window.same = true")
    type_into = (
        "const e = document.querySelector(arguments[0]); e.focus(); e.value = arguments[1];"
        "e.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    browser.run(type_into, "select[name=account]", "prod")
    browser.until("return document.querySelectorAll('.plans tbody tr').length === 5")
    browser.run(type_into, "input[name=q]", "zeb")
    browser.until("return document.querySelectorAll('.plans tbody tr').length === 1")

    assert browser.run(NAMES) == ["zebra"]
    assert browser.run("return document.querySelector('input[name=q]').value") == "zeb"
    assert browser.run("return location.search") == "?account=prod&q=zeb"
    assert browser.run("return window.same") is True
    assert browser.console() == []


def test_filters_work_as_a_form_without_scripts(browser: Browser, url: str) -> None:
    """There is a button then, and the sort order stays."""
    browser.scripts(allowed=False)
    browser.open(f"{url}/?sort=-plan")
    browser.run(
        "document.querySelector('input[name=q]').value = 'staged 0'; document.querySelector('button').click()"
    )
    browser.until("return location.search.includes('q=staged')")
    names = browser.until(NAMES)

    assert names == [f"staged {number:02}" for number in reversed(range(10))]


def test_pages_lead_on_and_back(browser: Browser, url: str) -> None:
    """The second page holds the rest."""
    browser.open(url)
    browser.run("document.querySelector('a[rel=next]').click()")
    browser.until("return document.querySelector('a[rel=prev]')")

    assert len(browser.run(NAMES)) == 14
    assert "page=2" in browser.run("return location.search")


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1099, 1100, 1440])
def test_nothing_is_wider_than_a_phone_or_tablet(browser: Browser, url: str, width: int) -> None:
    """Names and messages without a place to break do not push the page sideways."""
    browser.screen(width=width, height=800, phone=width < 900)
    browser.open(f"{url}/?account=prod")

    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.documentElement.clientWidth") == width


@pytest.mark.parametrize("width", [320, 390, 768, 1100, 1440])
def test_a_number_stays_on_one_line_with_its_unit(browser: Browser, url: str, width: int) -> None:
    """However narrow the column, no `3 h 59 min` is torn apart; only `ago` may stand on the next line."""
    torn = """
      const found = [];
      const texts = document.createTreeWalker(document.querySelector(".plans tbody"), NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        for (const said of texts.currentNode.data.matchAll(/[0-9.]+\\u00a0[^\\s,]+(?:\\u00a0[^\\s,]+)*/g)) {
          const range = document.createRange();
          range.setStart(texts.currentNode, said.index);
          range.setEnd(texts.currentNode, said.index + said[0].length);
          const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
          found.push([said[0], lines.size]);
        }
      }
      return found;
    """
    browser.screen(width=width, height=800, phone=width < 900)
    browser.open(f"{url}/?q=longlived")
    found = browser.run(torn)

    assert any(text.startswith("3\u00a0h\u00a059") for text, _ in found)
    assert [text for text, lines in found if lines > 1] == []


def test_dark_is_dark_and_readable_and_so_is_light(browser: Browser, url: str) -> None:
    """Text and quiet text have a contrast of 4.5 at least, as WCAG asks, and the preference is followed."""
    script = """
      const light = color => {
        const [r, g, b] = color.match(/[0-9.]+/g).map(v => v / 255)
          .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = e => {
        for (; e; e = e.parentElement) {
          const c = getComputedStyle(e).backgroundColor;
          if (c !== 'rgba(0, 0, 0, 0)') return c;
        }
        return 'rgb(255, 255, 255)';
      };
      const poor = [];
      for (const e of document.querySelectorAll('h1,h2,p,a,span,td,th,q,li,time,b,label,dt,dd,summary')) {
        if (!e.getClientRects().length) continue;
        const [x, y] = [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => b - a);
        if ((x + 0.05) / (y + 0.05) < 4.5) poor.push(e.outerHTML.slice(0, 120));
      }
      return [light(getComputedStyle(document.body).backgroundColor), poor];
    """
    found = {}
    for dark in (False, True):
        browser.screen(width=1440, height=900, dark=dark)
        browser.open(url)
        found[dark] = browser.run(script)

    assert found[False][0] > 0.8
    assert found[True][0] < 0.05
    assert found[False][1] == []
    assert found[True][1] == []


def test_a_hostile_name_is_only_text(browser: Browser, url: str) -> None:
    """In plans, gateways, collectors, and when the page is swapped by script."""
    browser.open(f"{url}/?account=prod")
    browser.run("document.querySelector('.plans th a').click()")
    browser.until("return document.querySelector('th[aria-sort=ascending]')")

    assert NASTY in browser.run(NAMES)
    assert browser.run("return window.owned ?? null") is None
    assert browser.run("return document.title") != "owned"
    assert browser.run("return document.images.length") == 0
    assert browser.console() == []


def test_the_policy_stops_a_script_that_got_in_all_the_same(browser: Browser, url: str) -> None:
    """A second fence behind escaping: an inline script or handler that is not the page's own does not run."""
    browser.open(url)
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s);"
        "const d = document.createElement('div'); d.setAttribute('onclick', 'window.owned = 1');"
        "document.body.append(d); d.click()"
    )

    assert browser.run("return window.owned ?? null") is None
    assert any("Content Security Policy" in line for line in browser.console())
