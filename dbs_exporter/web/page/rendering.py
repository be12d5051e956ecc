"""The pages as bytes: the overview and the page of a plan. Jinja2 is imported with the first look, not before."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbs_exporter import __version__
from dbs_exporter.facts.limits import AT_RISK_SHARE, LATE_SHARE
from dbs_exporter.web.page import plan, words
from dbs_exporter.web.page.overview import Overview
from dbs_exporter.web.page.plan import PlanView
from dbs_exporter.web.page.view import Query, view

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_SHARDS_SHOWN = 20
RUNBOOKS = "https://github.com/dbs-exporter/dbs-exporter/blob/main/rules/runbooks"

_TEMPLATES = Path(__file__).parent / "templates"
_SPAN = re.compile(r"\d+ (?:d|h|min|s)\b(?: \d+ (?:h|min|s)\b)?")


class Renderer:
    """Turns what is shown into pages; safe from any thread."""

    def __init__(
        self,
        *,
        telemetry_path: str = "/metrics",
        links: tuple[tuple[str, str], ...] = (),
        grafana: str = "",
        shard: int = 0,
        shard_pages: tuple[str, ...] = ("",),
    ) -> None:
        self._telemetry_path = telemetry_path
        self._links = links
        self._grafana = grafana
        self.shard = shard
        self.shard_pages = shard_pages
        self._other_shards = [each for each in enumerate(shard_pages) if each[0] != shard][:MOST_SHARDS_SHOWN]
        self._loading = threading.Lock()

    def overview(self, facts: Overview, query: Query) -> bytes:
        """Return a view of the status page."""
        return self._rendered(
            "status.html",
            view=view(facts, query),
            query=query,
            now=facts.now,
            zone=facts.zone,
            script=self._script,
        )

    def plan(self, shown: PlanView) -> bytes:
        """Return the page of a plan."""
        return self._rendered(
            "plan.html",
            view=shown,
            now=shown.now,
            zone=shown.zone,
            grafana=self._grafana,
            runbooks=RUNBOOKS,
            not_passed=plan.not_passed,
            download_ended=plan.download_ended,
        )

    @cached_property
    def policy(self) -> str:
        """The Content-Security-Policy that allows the pages' own style and script alone."""
        return (
            f"default-src 'none'; style-src {_digest(self._style)}; script-src {_digest(self._script)};"
            " img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    def _rendered(self, name: str, **shown: Any) -> bytes:
        with self._loading:
            template = self._environment.get_template(name)
        text = template.render(
            style=self._style,
            telemetry_path=self._telemetry_path,
            links=self._links,
            shard=self.shard,
            shards=len(self.shard_pages),
            other_shards=self._other_shards,
            version=__version__,
            **shown,
        )
        return text.encode("utf-8", "replace")

    @cached_property
    def _environment(self) -> Environment:
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
        environment.filters["clock"] = words.clock
        environment.filters["unbroken"] = _with_unbroken_spans
        environment.globals.update(AT_RISK_SHARE=AT_RISK_SHARE, LATE_SHARE=LATE_SHARE)
        return environment

    @cached_property
    def _style(self) -> str:
        return (_TEMPLATES / "status.css").read_text(encoding="utf-8")

    @cached_property
    def _script(self) -> str:
        return (_TEMPLATES / "status.js").read_text(encoding="utf-8")


def _unbroken(wording: Callable[..., str]) -> Callable[..., str]:
    """A number and its unit stay on one line."""
    return lambda *given: wording(*given).replace(" ", "\u00a0").replace("\u00a0ago", " ago")


def _with_unbroken_spans(sentence: str) -> str:
    """The same for the spans within a sentence."""
    return _SPAN.sub(lambda found: found[0].replace(" ", "\u00a0"), sentence)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
