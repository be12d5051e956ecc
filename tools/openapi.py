"""docs/openapi.json: the answers below `/api/v1`, made from their types in `dbs_exporter.web.json_schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from dbs_exporter import __version__
from dbs_exporter.conditions.algebra import STATES
from dbs_exporter.web import json_schema

PATH = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"
_KEY = ("account", "region", "plan_id")


def as_json() -> str:
    """Return the description as OpenAPI 3.1."""
    answers = [
        json_schema.PlansAnswer,
        json_schema.PlanAnswer,
        json_schema.GatewaysAnswer,
        json_schema.StatusAnswer,
        json_schema.ErrorAnswer,
    ]
    references, components = msgspec.json.schema_components(
        answers, ref_template="#/components/schemas/{name}"
    )
    plans, plan, gateways, status, problem = references
    filters = [
        _parameter("account", "Only plans of this account."),
        _parameter("region", "Only plans in this region."),
        _parameter("state", "Only plans in this state.", {"enum": list(STATES)}),
        _parameter(
            "q",
            "Only plans whose id, name, instance or database type holds this text, or that use the gateway of this id.",
        ),
        _parameter("format", "How to answer.", {"enum": ["json", "csv"], "default": "json"}),
    ]
    key = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "description": f"The {name}.",
        }
        for name in _KEY
    ]
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "dbs-exporter",
            "version": __version__,
            "description": "What the status page shows, for scripts. Times are RFC 3339 in UTC; what is not known is null.",
        },
        "paths": {
            "/api/v1/plans": {
                "get": _operation(
                    "plans", "Plans, the worst first.", plans, problem, ("400", "503"), filters, csv=True
                )
            },
            "/api/v1/plans/{account}/{region}/{plan_id}": {
                "get": _operation("plan", "Everything about one plan.", plan, problem, ("404", "503"), key)
            },
            "/api/v1/gateways": {
                "get": _operation(
                    "gateways", "Gateways, those in trouble first.", gateways, problem, ("503",)
                )
            },
            "/api/v1/status": {
                "get": _operation("status", "How the fleet and the exporter are.", status, problem, ("503",))
            },
        },
        "components": {"schemas": components},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _parameter(name: str, meaning: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": meaning,
        "schema": {"type": "string", **(schema or {})},
    }


def _operation(
    name: str,
    summary: str,
    answer: dict[str, Any],
    problem: dict[str, Any],
    errors: tuple[str, ...],
    parameters: list[dict[str, Any]] | None = None,
    *,
    csv: bool = False,
) -> dict[str, Any]:
    meanings = {
        "400": "There is no such parameter or value.",
        "404": "No such plan is known.",
        "503": "Too much is asked for at once; try again.",
    }
    content: dict[str, Any] = {"application/json": {"schema": answer}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    responses = {"200": {"description": summary, "content": content}}
    for code in errors:
        responses[code] = {
            "description": meanings[code],
            "content": {"application/json": {"schema": problem}},
        }
    return {"operationId": name, "summary": summary, "parameters": parameters or [], "responses": responses}
