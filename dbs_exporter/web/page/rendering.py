"""The status page as bytes: what a query string asks for, and the page made of it, in a worker thread.

Any number of clients cost one render per view and second, or less often where a render takes long, so that looking at a large
fleet never slows the scrapes of it. Jinja2 is imported with the first look, not before.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dbs_exporter import __version__
from dbs_exporter.clock import Clock
from dbs_exporter.facts.limits import AT_RISK_SHARE, LATE_SHARE
from dbs_exporter.web.page import words
from dbs_exporter.web.page.overview import Overview, Snapshot, overview
from dbs_exporter.web.page.view import Query, view

if TYPE_CHECKING:
    from jinja2 import Template

KEPT_SECONDS = 1.0
REST_FACTOR = 10.0
"""A page is kept this many times as long as it took to make, if that is longer."""
VIEWS_AT_ONCE = 16
"""Different views being made or waited for; one more is refused."""

_TEMPLATES = Path(__file__).parent / "templates"
_SPAN = re.compile(r"\d+ (?:d|h|min|s)\b(?: \d+ (?:h|min|s)\b)?")


class BusyError(Exception):
    """The page cannot be made now; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One view of the status page, and the Content-Security-Policy that allows its own style and script alone."""

    identity: bytes
    gzip: bytes
    policy: str


class StatusPages:
    """Makes views of the status page and keeps each for a moment. `page` belongs to one event loop."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        *,
        clock: Clock,
        telemetry_path: str,
        links: tuple[tuple[str, str], ...],
    ) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._renderer = Renderer(telemetry_path=telemetry_path, links=links)
        self._views: dict[bytes, tuple[float, asyncio.Future[Page]]] = {}
        self._overview: tuple[float, Overview] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="status-page")

    async def page(self, query_string: bytes) -> Page:
        """One view; raises BusyError when too many others are being made."""
        query = Query.parse(query_string)
        key = query.string().encode()
        now = self._clock.monotonic()
        self._views = {
            each: (until, made)
            for each, (until, made) in self._views.items()
            if until > now or not made.done()
        }
        if key not in self._views:
            waiting = sum(not made.done() for _, made in self._views.values())
            if waiting >= VIEWS_AT_ONCE:
                raise BusyError("Too many different views of the status page are asked for at once.")
            loop = asyncio.get_running_loop()
            try:
                made = loop.run_in_executor(self._worker, self._make, query)
            except RuntimeError:
                raise BusyError("The system gives no thread to make the page in.") from None
            self._views[key] = (now + KEPT_SECONDS, made)
        return await asyncio.shield(self._views[key][1])

    def _make(self, query: Query) -> Page:
        began = self._clock.monotonic()
        if self._overview is None or self._overview[0] <= began:
            facts = overview(self._snapshot())
            took = self._clock.monotonic() - began
            self._overview = (began + max(KEPT_SECONDS, REST_FACTOR * took), facts)
        return self._renderer.page(self._overview[1], query)


class Renderer:
    """Turns an overview and a query into the page; safe from any thread."""

    def __init__(self, *, telemetry_path: str = "/metrics", links: tuple[tuple[str, str], ...] = ()) -> None:
        self._telemetry_path = telemetry_path
        self._links = links
        self._loading = threading.Lock()

    def page(self, facts: Overview, query: Query) -> Page:
        """The page as bytes, plain and compressed."""
        with self._loading:
            template = self._template
        identity = template.render(
            view=view(facts, query),
            query=query,
            now=facts.now,
            style=self._style,
            script=self._script,
            telemetry_path=self._telemetry_path,
            links=self._links,
            version=__version__,
        ).encode("utf-8", "replace")
        return Page(identity=identity, gzip=gzip.compress(identity, 5, mtime=0), policy=self._policy)

    @cached_property
    def _template(self) -> Template:
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in ("span", "ago", "instant", "size", "percent", "times"):
            environment.filters[name] = _unbroken(getattr(words, name))
        environment.filters["unbroken"] = _with_unbroken_spans
        environment.globals.update(AT_RISK_SHARE=AT_RISK_SHARE, LATE_SHARE=LATE_SHARE)
        return environment.get_template("status.html")

    @cached_property
    def _style(self) -> str:
        return (_TEMPLATES / "status.css").read_text(encoding="utf-8")

    @cached_property
    def _script(self) -> str:
        return (_TEMPLATES / "status.js").read_text(encoding="utf-8")

    @cached_property
    def _policy(self) -> str:
        return (
            f"default-src 'none'; style-src {_digest(self._style)}; script-src {_digest(self._script)};"
            " img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )


def _unbroken(wording: Callable[..., str]) -> Callable[..., str]:
    """A number and its unit stay on one line."""
    return lambda *given: wording(*given).replace(" ", "\u00a0").replace("\u00a0ago", " ago")


def _with_unbroken_spans(sentence: str) -> str:
    """The same for the spans within a sentence."""
    return _SPAN.sub(lambda found: found[0].replace(" ", "\u00a0"), sentence)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
