"""What part of the overview a query string asks for: filtered, sorted, one page of it. Pure; any query string is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from dbs_exporter.conditions.algebra import STATES, State
from dbs_exporter.web.page.overview import CollectorRow, GatewayRow, Overview, PlanRow, RestoreRow

PAGE_ROWS = 50
SIDE_ROWS = 100
"""Rows of each of the smaller tables; what does not fit is counted below it."""
LONGEST_VALUE = 200

Row = TypeVar("Row")
Key = Callable[[Any], Any]

PLAN_SORTS: Mapping[str, Key] = {
    "plan": lambda row: (row.subject.plan.name or row.subject.plan.plan_id).lower(),
    "state": lambda row: -STATES.index(row.state),
    "point": lambda row: row.recovery_point_age,
    "full": lambda row: row.last_full_age,
    "size": lambda row: row.size_bytes,
    "log": lambda row: row.log_lag,
    "holes": lambda row: row.gaps,
    "expires": lambda row: row.expires_at,
    "proven": lambda row: row.proven_at,
}
GATEWAY_SORTS: Mapping[str, Key] = {
    "gateway": lambda row: (row.gateway.display_name or row.gateway.gateway_id).lower(),
    "where": lambda row: row.scope,
    "status": lambda row: row.gateway.status,
    "heartbeat": lambda row: row.heartbeat_age,
    "plans": lambda row: row.plans,
}
RESTORE_SORTS: Mapping[str, Key] = {
    "task": lambda row: (row.task.name or row.task.task_id).lower(),
    "plan": lambda row: (row.subject.plan.name or row.subject.plan.plan_id).lower(),
    "status": lambda row: row.task.status,
    "elapsed": lambda row: row.elapsed,
    "target": lambda row: row.task.target_at,
}
COLLECTOR_SORTS: Mapping[str, Key] = {
    "collector": lambda row: row.state.collector,
    "where": lambda row: row.state.scope,
    "age": lambda row: row.age,
    "stale": lambda row: row.stale,
    "subjects": lambda row: row.state.subjects,
    "failed": lambda row: row.state.failed_subjects,
}
SORTS = {
    "sort": PLAN_SORTS,
    "gateways": GATEWAY_SORTS,
    "restores": RESTORE_SORTS,
    "collectors": COLLECTOR_SORTS,
}
"""The parameter that sorts each table, and by what; a leading `-` turns the order round. Without one: worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The parameters of the page that mean something; "" or 1 where nothing is asked."""

    account: str = ""
    region: str = ""
    state: str = ""
    q: str = ""
    page: int = 1
    sort: str = ""
    gateways: str = ""
    restores: str = ""
    collectors: str = ""

    @classmethod
    def parse(cls, query_string: bytes) -> Query:
        """Read a query string; unknown parameters, states, columns and page numbers count as not given."""
        try:
            pairs = parse_qsl(query_string.decode("latin-1"), max_num_fields=32, errors="replace")
        except ValueError:
            pairs = []
        given = {key: value[:LONGEST_VALUE].strip() for key, value in pairs}
        page = given.get("page", "")
        return cls(
            account=given.get("account", ""),
            region=given.get("region", ""),
            state=given.get("state", "") if given.get("state") in STATES else "",
            q=given.get("q", ""),
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
            **{
                name: given[name]
                for name, columns in SORTS.items()
                if given.get(name, "").removeprefix("-") in columns
            },
        )

    def string(self, **changes: object) -> str:
        """The query string of this view with changes; what is not asked is left out."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        parts = [(name, getattr(changed, name)) for name in Query.__slots__]
        return urlencode([(name, value) for name, value in parts if value not in ("", 1)])

    def link(self, **changes: object) -> str:
        """A link to this view with changes, on its first page unless a page is asked for."""
        return f"?{self.string(**{'page': 1, **changes})}"

    def sort_link(self, table: str, column: str) -> str:
        """A link that sorts a table by a column: ascending, then descending, then worst first again."""
        now = getattr(self, table)
        return self.link(**{table: {column: f"-{column}", f"-{column}": ""}.get(now, column)})

    def order(self, table: str, column: str) -> str:
        """How a table is sorted by a column, in the words of `aria-sort`."""
        return {column: "ascending", f"-{column}": "descending"}.get(getattr(self, table), "none")

    @property
    def filtered(self) -> bool:
        """True if some plans may be left out."""
        return bool(self.account or self.region or self.state or self.q)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the page's template is given; counts and the headline are of the accounts and regions that are asked for."""

    facts: Overview
    headline: str
    mood: str
    """good, bad, warn or unknown."""
    counts: Mapping[State, int]
    plans: Sequence[PlanRow]
    found: int
    """Plans that the query finds, on all pages."""
    first: int
    """Number of the first plan shown, from 1; 0 if there is none."""
    pages: int
    page: int
    gateways: Sequence[GatewayRow]
    restores: Sequence[RestoreRow]
    collectors: Sequence[CollectorRow]
    left_out: Mapping[str, int]
    """Rows of the smaller tables that did not fit."""
    troubles: Mapping[str, Sequence[Any]]
    """Rows of gateways with plans behind them and of restores that are in trouble; empty if there are none."""
    troubled: Mapping[str, int]
    """Rows of the smaller tables that are in trouble, of all."""
    accounts: Sequence[str]
    regions: Sequence[str]


def view(facts: Overview, query: Query) -> View:
    """The part of the overview that a query asks for."""
    in_scope = [row for row in facts.plans if _fits(query, row.subject.scope)]
    counted = replace(facts, plans=tuple(in_scope)).counts()
    found = found_plans(facts, query)
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(query.page, pages)
    start = (page - 1) * PAGE_ROWS
    gateways = [row for row in facts.gateways if _fits(query, row.scope)]
    restores = [row for row in facts.restores if _fits(query, row.subject.scope)]
    collectors = [row for row in facts.collectors if _fits(query, row.state.scope)]
    scopes = {row.state.scope for row in facts.collectors} | {row.subject.scope for row in facts.plans}
    troubles: dict[str, list[Any]] = {
        "gateways": [row for row in gateways if row.trouble and row.plans],
        "restores": [row for row in restores if row.late],
    }
    mood, headline = _headline(counted, facts.untried)
    return View(
        facts=facts,
        headline=headline,
        mood=mood,
        counts=counted,
        plans=_sorted(found, PLAN_SORTS, query.sort)[start : start + PAGE_ROWS],
        found=len(found),
        first=start + 1 if found else 0,
        pages=pages,
        page=page,
        gateways=_sorted(gateways, GATEWAY_SORTS, query.gateways)[:SIDE_ROWS],
        restores=_sorted(restores, RESTORE_SORTS, query.restores)[:SIDE_ROWS],
        collectors=_sorted(collectors, COLLECTOR_SORTS, query.collectors)[:SIDE_ROWS],
        left_out={
            name: max(0, len(rows) - SIDE_ROWS)
            for name, rows in (("gateways", gateways), ("restores", restores), ("collectors", collectors))
        },
        troubles={name: rows[:SIDE_ROWS] for name, rows in troubles.items()}
        if any(troubles.values())
        else {},
        troubled={
            "gateways": sum(row.trouble for row in gateways),
            "restores": sum(row.late for row in restores),
            "collectors": sum(row.trouble for row in collectors),
        },
        accounts=sorted({scope.account for scope in scopes}),
        regions=sorted({scope.region for scope in scopes}),
    )


def found_plans(facts: Overview, query: Query) -> list[PlanRow]:
    """Return the plans that a query finds, on all pages, the worst first."""
    return [
        row
        for row in facts.plans
        if _fits(query, row.subject.scope) and query.state in ("", row.state) and _matches(query.q, row)
    ]


def _headline(counts: Mapping[State, int], untried: int) -> tuple[str, str]:
    total = sum(counts.values())
    bad = counts["breached"] + counts["unprotected"]
    if not total:
        return "unknown", "Still looking for plans" if untried else "No backup plans found"
    if bad:
        return "bad", f"{_plans(bad)} of {total} cannot be restored as {'it' if bad == 1 else 'they'} should"
    if counts["unknown"]:
        return "unknown", f"Nothing certain is known of {_plans(counts['unknown'])} of {total}"
    if counts["at_risk"]:
        return "warn", f"{_plans(counts['at_risk'])} of {total} at risk, none beyond its objective"
    if counts["attention"]:
        return "good", f"No plan is at risk; {_plans(counts['attention'])} of {total} need a look"
    return "good", f"{'The one plan is' if total == 1 else f'All {total} plans are'} protected"


def _plans(count: int) -> str:
    return "1 plan" if count == 1 else f"{count} plans"


def _fits(query: Query, scope: Any) -> bool:
    return query.account in ("", scope.account) and query.region in ("", scope.region)


def _matches(text: str, row: PlanRow) -> bool:
    plan = row.subject.plan
    wanted = text.lower()
    return (
        not wanted
        or any(
            wanted in text.lower()
            for text in (plan.plan_id, plan.name, plan.source_instance_id, plan.database_type)
        )
        or wanted == plan.gateway_id.lower()
    )


def _sorted(rows: Iterable[Row], columns: Mapping[str, Key], by: str) -> list[Row]:
    """Rows by a column, those without a value last whichever way round; equal ones stay worst first."""
    if not by:
        return list(rows)
    key = columns[by.removeprefix("-")]
    known: list[Row] = []
    unknown: list[Row] = []
    for row in rows:
        (unknown if key(row) is None else known).append(row)
    return [*sorted(known, key=key, reverse=by.startswith("-")), *unknown]
