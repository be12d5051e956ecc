"""The types of values in a configuration: durations, names, regions, URLs, addresses, paths.

Each is a pydantic annotation whose error says what would be right. This module knows no key of the configuration.
"""

from __future__ import annotations

import math
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)

from dbs_exporter.config.durations import PATTERN, format_duration, parse_duration
from dbs_exporter.facts.maintenance import checked_zone, read_cron, read_instant
from dbs_exporter.listen import ADDRESS_PATTERN, parse_listen_address


def duration(low: float, high: float) -> Any:
    """Return a validator of durations between two bounds in seconds."""

    def seconds_of(value: object) -> object:
        if not isinstance(value, str):
            # pydantic reports a ValueError as a problem; a TypeError would pass through it.
            if isinstance(value, int | float) and not isinstance(value, bool):
                # Only a number that would be right with a unit is worth repeating.
                example = (
                    f"{value:g}s or 5m" if low <= value <= high and value == round(value) else "5m or 1h30m"
                )
                raise ValueError(
                    f"{'the number' if math.isinf(value) else value} has no unit; write a duration such as {example}"
                )
            raise ValueError("not a duration; write one such as 30s, 5m or 1h30m")
        seconds = parse_duration(value)
        if not low <= seconds <= high:
            raise ValueError(
                f"{_short(repr(value))} is outside {format_duration(low)} to {format_duration(high)}; "
                "choose a duration between them"
            )
        return seconds

    return BeforeValidator(seconds_of)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


_DURATION_SCHEMA = WithJsonSchema(
    {"type": "string", "pattern": PATTERN, "examples": ["30s", "5m", "1h30m", "100d"]}
)
Interval = Annotated[float, duration(1, 7 * 86_400), _DURATION_SCHEMA]
Timeout = Annotated[float, duration(0.1, 300), _DURATION_SCHEMA]
Objective = Annotated[float, duration(1, 10 * 365 * 86_400), _DURATION_SCHEMA]
SessionTime = Annotated[float, duration(900, 43_200), _DURATION_SCHEMA]


def _name(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError(
            f"{text!r} has spaces around it or characters that cannot be seen; write a plain name"
        )
    return text


def _region(text: str) -> str:
    if text == "all":
        raise ValueError("'all' stands in a list; write regions: all, without brackets")
    parts = text.split("-")
    if (
        len(parts) < 2
        or not text.isascii()
        or not all(part.isalnum() for part in parts)
        or not text.islower()
    ):
        raise ValueError(f"{text!r} is not a region id; write one such as cn-hangzhou")
    return text


def _unique(items: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({item for item in items if items.count(item) > 1})
    if repeated:
        raise ValueError(f"{', '.join(map(repr, repeated))} given more than once; name each once")
    return items


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_port_invalid = parts.port == 0
    except ValueError:
        raise ValueError(
            f"{text!r} is not a URL; write one such as https://dbs-api.cn-hangzhou.aliyuncs.com"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or is_port_invalid:
        raise ValueError(
            f"{text!r} is not an http or https URL; write one such as https://dbs-api.cn-hangzhou.aliyuncs.com"
        )
    if parts.username or parts.password:
        raise ValueError("holds a user or password; credentials belong under `credentials`")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            f"{text!r} has a path or a query; the API answers at the root,"
            f" so {parts.scheme}://{parts.netloc} would be right"
        )
    return text.rstrip("/")


def _uri(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https URL; write one such as http://127.0.0.1:9000/credentials")
    return text


def _listen_address(text: str) -> str:
    parse_listen_address(text)
    return text


def telemetry_path(text: str) -> str:
    """Return the path unchanged if metrics can be served under it. Raises ValueError otherwise."""
    if not text.startswith("/") or any(character in text for character in "?# {}") or not text.isprintable():
        raise ValueError(f"{text!r} is not a path; write one such as /metrics")
    if text == "/" or text.startswith("/-/") or text == "/-":
        raise ValueError(f"{text!r} is taken by the exporter's own pages; /metrics would be right")
    return text


def external_url(text: str) -> str:
    """Return the URL unchanged if browsers may reach the exporter under it. Raises ValueError otherwise."""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError(f"{text!r} is not an http or https URL; write one such as https://ops.example/dbs/")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"{text!r} has more than host and path; write one such as https://ops.example/dbs/")
    route_prefix(parts.path or "/")
    return text


def route_prefix(text: str) -> str:
    """Return the path unchanged if everything can be served below it. Raises ValueError otherwise."""
    segments = text.strip("/").split("/")
    if (
        not text.startswith("/")
        or not text.isprintable()
        or any(character in text for character in "?#% {}\\")
        or (text.strip("/") and not all(segments))
        or {".", ".."} & set(segments)
    ):
        raise ValueError(f"{text!r} is not a path; write one such as /dbs")
    return text


def _instant(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        raise ValueError("not a date and time; write one such as 2026-12-24T22:00")
    return read_instant(value, info.data.get("zone", "UTC"))


def _cron_line(text: str) -> str:
    read_cron(text)
    return text


def _switch(value: object) -> object:
    return {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value


Instant = Annotated[
    float,
    BeforeValidator(_instant),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d([T ].+)?$", "examples": ["2026-12-24T22:00"]}
    ),
]
Switch = Annotated[bool, BeforeValidator(_switch), WithJsonSchema({"enum": [True, False, "on", "off"]})]
CronLine = Annotated[str, AfterValidator(_cron_line), Field(json_schema_extra={"examples": ["30 1 * * sat"]})]
Zone = Annotated[str, AfterValidator(checked_zone)]
Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_name)]
Text = Annotated[str, Field(min_length=1, max_length=2048)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=16_384)]
Region = Annotated[
    str, AfterValidator(_region), Field(json_schema_extra={"pattern": r"^[a-z0-9]+(-[a-z0-9]+)+$"})
]
PlanId = Annotated[str, Field(min_length=1, max_length=128)]
UNIQUE = AfterValidator(_unique)
Patterns = Annotated[tuple[PlanId, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True}), UNIQUE]
Regions = Annotated[tuple[Region, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True}), UNIQUE]
Endpoint = Annotated[
    str, AfterValidator(_endpoint), Field(json_schema_extra={"pattern": r"^https?://[^/?#@]+/?$"})
]
Uri = Annotated[str, AfterValidator(_uri), Field(json_schema_extra={"pattern": r"^https?://[^/]"})]
TelemetryPath = Annotated[
    str, AfterValidator(telemetry_path), Field(json_schema_extra={"pattern": r"^/(?!$|-$|-/)[^?# {}]*$"})
]
ExternalUrl = Annotated[
    str,
    AfterValidator(external_url),
    Field(json_schema_extra={"pattern": r"^https?://[^/?#@ ]+(/[^?# {}%]*)?$"}),
]
RoutePrefix = Annotated[
    str, AfterValidator(route_prefix), Field(json_schema_extra={"pattern": r"^/[^?# {}%]*$"})
]
ListenAddress = Annotated[
    str, AfterValidator(_listen_address), Field(json_schema_extra={"pattern": ADDRESS_PATTERN})
]
ListenAddresses = Annotated[
    tuple[ListenAddress, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True}), UNIQUE
]
