"""values.schema.json of the chart, with the exporter's own schema for `config`, so that helm finds its typing errors too.

All but `config` and `definitions` is written by hand in the file itself.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dbs_exporter.config.schema import json_schema

PATH = Path(__file__).resolve().parent.parent / "helm" / "dbs-exporter" / "values.schema.json"
VARIABLE = {"type": "string", "pattern": "\\$\\{"}
"""A text with `${NAME}` may become anything."""
LEFT_OUT = frozenset({"examples", "default", "format", "writeOnly"})


def as_json() -> str:
    """The schema as it should be."""
    schema = json.loads(PATH.read_text(encoding="utf-8"))
    own = json_schema()
    config = _for_helm({key: own[key] for key in ("type", "properties", "additionalProperties")})
    # None where the demo runs or a Secret holds the configuration; the chart says so in words.
    del config["properties"]["accounts"]["minItems"]
    schema["properties"]["config"] = config
    schema["definitions"] = {name: _for_helm(part) for name, part in own["$defs"].items()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _for_helm(part: Any) -> Any:
    """The same in draft-07 and with regular expressions as Go knows them, which look neither ahead nor back."""
    if isinstance(part, list):
        return [_for_helm(one) for one in part]
    if not isinstance(part, dict):
        return part
    made: dict[str, Any] = {}
    for key, value in part.items():
        if key == "pattern":
            made[key] = re.sub(r"\(\?[=!][^)]*\)", "", value)
        elif key == "$ref":
            made[key] = value.replace("#/$defs/", "#/definitions/")
        elif key in {"if", "propertyNames"}:
            made[key] = value
        elif key == "properties":
            made[key] = {name: _for_helm(one) for name, one in value.items()}
        elif key not in LEFT_OUT:
            made[key] = _for_helm(value)
    if made.get("type") == "string" and made.keys() & {"pattern", "enum", "const"}:
        return {"anyOf": [made, VARIABLE]}
    return made
