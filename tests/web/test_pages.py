"""The page of a plan and `/api/v1` over a real socket."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from msgspec.structs import replace
from support.known_subjects import PLAN
from support.page_plans import with_group
from support.web import NASTY, Web

from dbs_exporter.facts.restores import RESTORES, RestoreHistory
from dbs_exporter.facts.subjects import Proof

HERE = "/plans/prod/cn-hangzhou/dbs1"


def answered(web: Web, path: str) -> Any:
    """The JSON at a path."""
    status, headers, body = web.ask(path)
    assert (status, headers["content-type"]) == (200, "application/json")
    return json.loads(body)


def test_a_plan_has_a_page_that_escapes_whatever_it_shows() -> None:
    """A name or message is text; the page loads nothing and runs no script."""
    plan = replace(PLAN, plan=replace(PLAN.plan, name=NASTY, error_message=NASTY))
    with Web(plans=[plan]).serving() as web:
        status, headers, body = web.ask(HERE)
        overview = web.ask("/")[2].decode()

    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<script" not in body
    assert b"<img" not in body
    assert b" style=" not in body
    assert b"&lt;script&gt;" in body
    assert "script-src 'sha256-" in headers["content-security-policy"]
    assert f'href="{HERE[1:]}"' in overview


def test_a_plan_shows_how_long_a_restore_would_take_beside_its_objective() -> None:
    """On its page, odd where it is too long, and in its JSON; not known without a proof."""
    proof = Proof(
        task_id="r", finished_at=9.0, destination_type="RDS", seconds=7200.0, size_bytes=4096, log_seconds=0.0
    )
    history = RestoreHistory(successes=((9.0, None),))
    plan = replace(with_group(PLAN, RESTORES, history), proofs=(proof,))
    with Web(plans=[plan]).serving() as web:
        body = web.ask(HERE)[2].decode().replace("\N{NO-BREAK SPACE}", " ")
        answer = answered(web, f"/api/v1{HERE}")
    with Web(plans=[replace(plan, proofs=())]).serving() as web:
        unknown = web.ask(HERE)[2].decode()
        unproven = answered(web, f"/api/v1{HERE}")

    assert '<dt>A restore would take</dt><dd><span class="odd">2 h</span>' in body
    assert "within 1 h · by 1 proof" in body
    assert answer["plan"]["restore_estimate_seconds"] == 7200.0
    assert '<dt>A restore would take</dt><dd><span class="none">not known</span>' in unknown
    assert unproven["plan"]["restore_estimate_seconds"] is None


def test_links_of_a_page_work_below_a_prefix() -> None:
    """They are relative: a proxy may put another path in front."""
    with Web(route_prefix="/dbs").serving() as web:
        body = web.ask(f"/dbs{HERE}")[2].decode()

    assert 'href="../../../"' in body
    assert 'href="../../../api/v1/plans/prod/cn-hangzhou/dbs1"' in body
    assert 'href="../../../metrics"' in body


@pytest.mark.parametrize(
    "path", ["/plans/prod/cn-hangzhou/dbs2", "/plans/a/b/c", "/api/v1/plans/prod/x/dbs1"]
)
def test_a_plan_that_is_not_known_is_not_found(path: str) -> None:
    """In the form that was asked for, with what was looked for."""
    with Web().serving() as web:
        status, headers, body = web.ask(path)

    assert status == 404
    if path.startswith("/api"):
        assert (headers["content-type"], json.loads(body)) == (
            "application/json",
            {"error": "no plan dbs1 is known in prod x"},
        )
    else:
        assert headers["content-type"] == "text/plain; charset=utf-8"
        assert body.startswith(b"no plan ")


def test_scripts_get_plans_by_what_they_filter() -> None:
    """Filters are those of the page; without any there are all."""
    other = replace(PLAN, plan=replace(PLAN.plan, plan_id="dbs2", name="ledger"))
    with Web(plans=[PLAN, other]).serving() as web:
        every, ledger, none = (
            [plan["plan_id"] for plan in answered(web, f"/api/v1/plans{query}")["plans"]]
            for query in ("", "?q=ledger&account=prod", "?account=nobody")
        )

    assert sorted(every) == ["dbs1", "dbs2"]
    assert (ledger, none) == (["dbs2"], [])


def test_everything_about_a_plan_is_one_answer() -> None:
    """With what was noticed of it, and gateways and the fleet besides."""
    with Web().serving() as web:
        plan = answered(web, f"/api/v1{HERE}")
        gateways = answered(web, "/api/v1/gateways")["gateways"]
        fleet = answered(web, "/api/v1/status")

    assert plan["plan"]["plan_id"] == "dbs1"
    assert plan["as_of"] == "1970-01-01T01:23:20Z"
    assert {"conditions", "full_backups", "restores", "sources"} <= set(plan)
    assert [restore["restore_task_id"] for restore in plan["restores"]] == ["task1"]
    assert [gateway["gateway_id"] for gateway in gateways]
    assert sum(fleet["plans"].values()) == 1


def test_auditors_get_csv_in_which_no_cell_is_a_formula() -> None:
    """A name that a spreadsheet would run is text there."""
    plan = replace(PLAN, plan=replace(PLAN.plan, name="=HYPERLINK(1)"))
    with Web(plans=[plan]).serving() as web:
        status, headers, body = web.ask("/api/v1/plans?format=csv")

    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert [(row["plan_id"], row["name"]) for row in rows] == [("dbs1", "'=HYPERLINK(1)")]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("stat=breached", "there is no parameter 'stat'; there are format and account, region, state, q"),
        ("format=xml", "there is no format 'xml'; there are json and csv"),
        ("state=bad", "there is no state 'bad'"),
    ],
)
def test_a_filter_that_there_is_not_is_an_error_and_not_everything(query: str, error: str) -> None:
    """A script that mistypes must not take all plans for those it wanted."""
    with Web().serving() as web:
        status, _, body = web.ask(f"/api/v1/plans?{query}")

    assert (status, json.loads(body)["error"]) == (400, error)


def test_scripts_that_ask_the_same_cost_one_answer() -> None:
    """Many clients make no more snapshots than one, until a moment has passed."""
    with Web().serving() as web:
        for _ in range(5):
            answered(web, "/api/v1/plans")
        web.ask(HERE)
        before = web.snapshots
        web.clock.at += 60.0
        answered(web, "/api/v1/plans")

    assert before == 1
    assert web.snapshots == 2
