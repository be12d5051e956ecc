"""The description of the configuration: its JSON Schema and its reference in Markdown.

Both are generated from `models`, so that they agree with what is accepted. This module checks no configuration; what a
schema cannot express (duplicate names, variables that are not set, files that cannot be read) only `load` reports.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.drill_file import SECTIONS as DRILL_SECTIONS
from dbs_exporter.config.durations import format_duration
from dbs_exporter.config.examples import EXAMPLES
from dbs_exporter.config.models import (
    CREDENTIAL_KEYS,
    SECRET_KEYS,
    AccountConfig,
    CollectorConfig,
    CredentialsConfig,
    PlanCollectorConfig,
    PlanSelection,
    config_model,
)
from dbs_exporter.config.objective_models import LabelsConfig, MaintenanceConfig, ObjectiveConfig
from dbs_exporter.config.sections import LogConfig, MetricsConfig, StorageConfig, WebConfig

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ID = "https://github.com/dbs-exporter/dbs-exporter/schemas/dbs-exporter.schema.json"
_OIDC_VARIABLES = ("role_arn", "oidc_provider_arn", "oidc_token_file")
_AGES = ("interval", "at_rest")
_DURATION_KEYS = (*_AGES, "timeout", "role_session_expiration")


def json_schema(table: Table = TABLE) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a configuration file, with descriptions, defaults and examples."""
    schema = config_model(table).model_json_schema()
    definitions = schema["$defs"]
    for part in (schema, *definitions.values()):
        for name, described in part.get("properties", {}).items():
            described.pop("title", None)
            if name in _DURATION_KEYS and isinstance(described.get("default"), int | float):
                described["default"] = format_duration(described["default"])
        part.pop("title", None)
    _describe_collectors(definitions, table)
    _require_by_type(definitions["CredentialsConfig"])
    return {
        "$schema": _DIALECT,
        "$id": _ID,
        "title": "dbs-exporter configuration",
        **_without_empty_defaults(schema),
    }


def _without_empty_defaults(schema: dict[str, Any]) -> dict[str, Any]:
    # The default of a whole section would repeat the defaults of all its keys.
    for part in (schema, *schema["$defs"].values()):
        for described in part.get("properties", {}).values():
            if isinstance(described.get("default"), dict) or described.get("default", ...) is None:
                described.pop("default")
    return schema


def _describe_collectors(definitions: dict[str, Any], table: Table) -> None:
    # A collector without an interval in the file keeps its default, so none of its keys is required.
    for model in ("CollectorConfig", "PlanCollectorConfig"):
        definitions.get(model, {}).pop("required", None)
        definitions.get(model, {"properties": {"enabled": {}}})["properties"]["enabled"].pop("default", None)
    for collector in table:
        described = definitions["CollectorsConfig"]["properties"][collector.name]
        described.pop("default", None)
        default = config_model(table).model_fields["collectors"].default.of(collector.name)
        described["description"] += f" Default: {_ages(default)}."
        described["examples"] = [
            {name: format_duration(getattr(default, name)) for name in _AGES if hasattr(default, name)}
            | {"enabled": True}
        ]


def _require_by_type(credentials: dict[str, Any]) -> None:
    """Add the keys that each type allows and requires, as if/then: all types share a model."""
    rules = []
    for kind, (required, optional) in CREDENTIAL_KEYS.items():
        allowed = {"type", *required, *optional}
        allowed |= {f"{key}_file" for key in SECRET_KEYS if key in allowed}
        then: dict[str, Any] = {"propertyNames": {"enum": sorted(allowed)}}
        conditions: list[dict[str, Any]] = []
        for key in required:
            if key in SECRET_KEYS:
                conditions.append({"oneOf": [{"required": [key]}, {"required": [f"{key}_file"]}]})
            elif not (kind == "oidc_role_arn" and key in _OIDC_VARIABLES):
                conditions.append({"required": [key]})
        if "security_token" in optional:
            conditions.append({"not": {"required": ["security_token", "security_token_file"]}})
        if conditions:
            then["allOf"] = conditions
        condition: dict[str, Any] = {"properties": {"type": {"const": kind}}}
        if kind != "default":
            condition["required"] = ["type"]
        rules.append({"if": condition, "then": then})
    credentials["allOf"] = rules


def _models(table: Table) -> tuple[tuple[str, type[BaseModel]], ...]:
    """Return the title and the model of each section of the reference."""
    collectors: Any = config_model(table).model_fields["collectors"].annotation
    return (
        ("accounts[]", AccountConfig),
        ("accounts[].credentials", CredentialsConfig),
        ("accounts[].plans (patterns)", PlanSelection),
        ("collectors", collectors),
        ("collectors.NAME (of regions and accounts)", CollectorConfig),
        ("collectors.NAME (of plans)", PlanCollectorConfig),
        ("objectives[]", ObjectiveConfig),
        ("objectives[].labels", LabelsConfig),
        ("objectives[].maintenance[]", MaintenanceConfig),
        ("metrics", MetricsConfig),
        ("web", WebConfig),
        ("storage", StorageConfig),
        ("log", LogConfig),
    )


_INTRODUCTION = """# Configuration

`dbs-exporter run --config.file=dbs-exporter.yml`. The smallest one that works:

    accounts:
      - name: prod
        regions: [cn-hangzhou]

- A flag wins over its environment variable (`--web.listen-address` is `DBS_EXPORTER_WEB_LISTEN_ADDRESS`), that over the file, and the
  file over the default. Of several `--web.listen-address` all count, and none of the file's.
- Durations are Prometheus durations: `30s`, `5m`, `1h30m`, `100d`.
- Any text may hold `${NAME}`, an environment variable that must be set; write `$${` for the characters.
- `access_key_id`, `access_key_secret` and `security_token` may also come from files, by `<key>_file`: at most
  16 KiB, one line, a trailing newline does not count, paths relative to the configuration's directory. Such
  files are read again when they change.
- Unknown keys, keys given twice and values out of bounds are errors. All errors of a file are reported at
  once, each with line and key.
- `dbs-exporter check` says whether a configuration works, `dbs-exporter schema` prints its JSON Schema.
- SIGHUP, or `POST /-/reload` under `--web.enable-lifecycle`, reads the file again. A file with a mistake
  changes nothing. What is under `web`, `metrics` and `storage` needs a restart.

This page is made from the program by `dbs-exporter schema --format=markdown`; the last section is what `check` would say of made-up fleets.
"""


_CHAIN = """
`default` looks in this order, and takes the first that gives credentials. `check` says which were tried.

| source | variables and files |
| --- | --- |
| environment | `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`, with `ALIBABA_CLOUD_SECURITY_TOKEN` for a temporary key |
| RRSA, OIDC | `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` and `ALIBABA_CLOUD_OIDC_TOKEN_FILE` |
| profile | `~/.aliyun/config.json` unless `ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true`, then `ALIBABA_CLOUD_CREDENTIALS_FILE`, else `~/.alibabacloud/credentials.ini`; in both `ALIBABA_CLOUD_PROFILE` names the profile |
| ECS role | the metadata service, unless `ALIBABA_CLOUD_ECS_METADATA_DISABLED=true`; `ALIBABA_CLOUD_ECS_METADATA` names the role |
| URI | `ALIBABA_CLOUD_CREDENTIALS_URI` |

STS is asked at sts.aliyuncs.com; `ALIBABA_CLOUD_STS_REGION` chooses a region's host, and `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED=true`
the one in the VPC."""


def markdown_reference(table: Table = TABLE) -> str:
    """Return the text of docs/configuration.md: every key with its default and meaning, in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections(table), *_credential_types()]) + "\n"


def drill_reference() -> str:
    """Return the keys of the file of drills, as a table in Markdown."""
    rows = ["| key | default | meaning |", "| --- | --- | --- |"]
    for section, model in DRILL_SECTIONS:
        for name, described in model.model_fields.items():
            key = f"{section}.{name}" if section else name
            default = _default(name, described)
            if name.endswith("timeout"):
                default = f"`{format_duration(described.default)}`"
            elif name == "bytes":
                default = f"`{described.default // 2**30}GiB`"
            rows.append(f"| `{key}` | {default} | {_meaning(described)} |")
    return "\n".join(rows)


def _sections(table: Table) -> Iterator[str]:
    for title, model in _models(table):
        yield f"## `{title}`\n"
        yield f"{(model.__doc__ or '').strip()}\n"
        yield "| key | default | meaning |"
        yield "| --- | --- | --- |"
        for name, described in model.model_fields.items():
            yield f"| `{name}` | {_default(name, described)} | {_meaning(described)} |"
        example = EXAMPLES.get(title)
        yield f"\nFor example:\n\n```yaml{example}```\n" if example else ""


def _credential_types() -> Iterator[str]:
    yield "## Types of credentials\n"
    yield "| type | needs | may have |"
    yield "| --- | --- | --- |"
    for kind, (required, optional) in CREDENTIAL_KEYS.items():
        cells = [", ".join(f"`{key}`" for key in keys) or "nothing" for keys in (required, optional)]
        yield f"| `{kind}` | {cells[0]} | {cells[1]} |"
    yield _CHAIN


def _default(name: str, described: FieldInfo) -> str:
    if described.is_required():
        return "the collector's" if name in _AGES else "**required**"
    value = described.default
    if isinstance(value, CollectorConfig):
        return _ages(value)
    if value is None or isinstance(value, BaseModel):
        return ""
    if name in _DURATION_KEYS:
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple):
        return f"`{json.dumps(list(value))}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _ages(settings: CollectorConfig) -> str:
    """Return how often a collector reads, in words."""
    ages = f"every {format_duration(settings.interval)}"
    if isinstance(settings, PlanCollectorConfig):
        ages = f"{format_duration(settings.interval)}, at rest {format_duration(settings.at_rest)}"
    return f"{ages}{'' if settings.enabled else ', not enabled'}"


def _allowed(described: FieldInfo) -> str:
    """Return a sentence that says which values a key takes, where they are few or bounded."""
    annotation = described.annotation
    values = get_args(annotation) if get_origin(annotation) is Literal else ()
    if values:
        return f" One of {', '.join(f'`{value}`' for value in values)}."
    if annotation is bool:
        return " `true` or `false`."
    least, most = (
        next((getattr(bound, name) for bound in described.metadata if hasattr(bound, name)), None)
        for name in ("ge", "le")
    )
    return f" From {least} to {most}." if least is not None and most is not None else ""


def _meaning(described: FieldInfo) -> str:
    text = (described.description or "") + _allowed(described)
    if described.examples:
        examples = ", ".join(
            f"`{example if isinstance(example, str) else json.dumps(example)}`"
            for example in described.examples
        )
        text += f" For example {examples}."
    return text.replace("|", r"\|")
