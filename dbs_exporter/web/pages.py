"""What people and scripts see of the facts: the status page, the page of a plan, and the same as JSON or CSV."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dbs_exporter import __version__
from dbs_exporter.web.json_answers import (
    csv_of,
    gateways_answer,
    plan_answer,
    plan_summary,
    plans_answer,
    status_answer,
)
from dbs_exporter.web.json_schema import ErrorAnswer
from dbs_exporter.web.negotiation import wants_gzip
from dbs_exporter.web.page.overview import Overview
from dbs_exporter.web.page.plan import plan_view
from dbs_exporter.web.page.rendering import Renderer
from dbs_exporter.web.page.view import Query, found_plans
from dbs_exporter.web.prepared import Answer, Answers, BusyError

_JSON, _CSV, _HTML, _TEXT = (
    "application/json",
    "text/csv; charset=utf-8",
    "text/html; charset=utf-8",
    "text/plain; charset=utf-8",
)
PLAN_FILTERS = ("account", "region", "state", "q")
"""Parameters of `/api/v1/plans` that choose plans; `format` is the other one."""

Make = Callable[[Overview], Answer | None]


class Pages:
    """The handlers of all that is made from the overview."""

    def __init__(self, answers: Answers, renderer: Renderer) -> None:
        self._answers = answers
        self._renderer = renderer

    async def overview(self, request: Request) -> Response:
        """Answer with the status page."""
        query = Query.parse(request.scope["query_string"])
        make: Make = lambda facts: self._html(self._renderer.overview(facts, query))  # noqa: E731
        return await self._respond(request, ("overview", query.string()), make, _TEXT)

    async def plan(self, request: Request) -> Response:
        """Answer with the page of a plan; 404 if no such plan is known."""
        key = _plan_key(request)

        def make(facts: Overview) -> Answer | None:
            view = plan_view(facts, *key)
            return None if view is None else self._html(self._renderer.plan(view))

        return await self._respond(request, ("plan", *key), make, _TEXT)

    async def plans_as_json(self, request: Request) -> Response:
        """Answer with plans as JSON, or as CSV with ?format=csv; 400 for a parameter or value that there is not."""
        given = dict(request.query_params)
        form = given.pop("format", "json")
        unknown = sorted(set(given) - set(PLAN_FILTERS))
        if unknown or form not in ("json", "csv"):
            what = f"parameter {unknown[0]!r}" if unknown else f"format {form!r}"
            choice = "format and " + ", ".join(PLAN_FILTERS) if unknown else "json and csv"
            return _problem(_JSON, f"there is no {what}; there are {choice}", HTTPStatus.BAD_REQUEST)
        query = Query.parse(request.scope["query_string"])
        if given.get("state", "") != query.state:
            return _problem(_JSON, f"there is no state {given['state']!r}", HTTPStatus.BAD_REQUEST)

        def make(facts: Overview) -> Answer:
            rows = found_plans(facts, query)
            if form == "csv":
                return Answer.of(csv_of(map(plan_summary, rows)).encode("utf-8", "replace"), _CSV)
            return _json(plans_answer(facts, rows))

        chosen = replace(query, page=1, sort="", gateways="", restores="", collectors="")
        return await self._respond(request, ("plans", form, chosen.string()), make, _JSON)

    async def plan_as_json(self, request: Request) -> Response:
        """Answer with everything about one plan; 404 if no such plan is known."""
        key = _plan_key(request)

        def make(facts: Overview) -> Answer | None:
            view = plan_view(facts, *key)
            return None if view is None else _json(plan_answer(view))

        return await self._respond(request, ("plan as JSON", *key), make, _JSON)

    async def gateways_as_json(self, request: Request) -> Response:
        """Answer with all gateways."""
        return await self._respond(request, "gateways", lambda facts: _json(gateways_answer(facts)), _JSON)

    async def status_as_json(self, request: Request) -> Response:
        """Answer with how the fleet and the exporter are."""
        return await self._respond(
            request, "status", lambda facts: _json(status_answer(facts, __version__)), _JSON
        )

    def _html(self, body: bytes) -> Answer:
        return Answer.of(body, _HTML, self._renderer.policy)

    async def _respond(self, request: Request, question: Hashable, make: Make, errors: str) -> Response:
        try:
            answer = await self._answers.answer(question, make)
        except BusyError as error:
            return _problem(errors, str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        if answer is None:
            account, region, plan_id = _plan_key(request)
            return _problem(errors, f"no plan {plan_id} is known in {account} {region}", HTTPStatus.NOT_FOUND)
        compressed = wants_gzip(",".join(request.headers.getlist("accept-encoding")).encode("latin-1"))
        headers = {"cache-control": "no-cache", "vary": "accept-encoding"}
        if answer.policy:
            headers["content-security-policy"] = answer.policy
        if compressed:
            headers["content-encoding"] = "gzip"
        headers["content-type"] = answer.media_type
        return Response(answer.gzip if compressed else answer.identity, headers=headers)


def _plan_key(request: Request) -> tuple[str, str, str]:
    path = request.path_params
    return path["account"], path["region"], path["plan_id"]


def _json(answer: object) -> Answer:
    return Answer.of(msgspec.json.encode(answer), _JSON)


def _problem(form: str, message: str, status: HTTPStatus) -> Response:
    headers = {"retry-after": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    body = (
        msgspec.json.encode(ErrorAnswer(error=message))
        if form == _JSON
        else f"{message}\n".encode("utf-8", "replace")
    )
    return Response(body, status_code=status, headers={**headers, "content-type": form})
