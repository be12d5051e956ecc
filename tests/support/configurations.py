"""Configuration files that are accepted and refused, and the schema that must agree."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dbs_exporter.config.document import parse_document
from dbs_exporter.config.schema import json_schema

ACCOUNT = "accounts: [{name: prod, regions: [cn-hangzhou]}]\n"
_FOLDER = Path(__file__).resolve().parent.parent / "config" / "configurations"
GOOD = sorted((_FOLDER / "good").glob("*.yml"))
BAD = sorted((_FOLDER / "bad").glob("*.yml"))


def jsonschema() -> Any:
    """The library, which has no types of its own."""
    return importlib.import_module("jsonschema")


def schema_errors(value: Any, schema: Mapping[str, Any] | None = None) -> list[Any]:
    """What the configuration's schema, or another, has against a value."""
    return list(jsonschema().Draft202012Validator(schema or json_schema()).iter_errors(value))


def plain(path: Path) -> Any:
    """The file as an editor sees it: YAML 1.2, variables not looked up, as JSON has it."""
    return json.loads(json.dumps(parse_document(path.read_text(), path.name, {}).values))
