"""Prometheus durations such as `1h30m`, to seconds and back.

This module owns the grammar: whole numbers with the units y w d h m s ms, largest first, each at most once. It knows no
bounds and no key of the configuration.
"""

from __future__ import annotations

import re

PATTERN = r"^(?=\d)([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
"""The grammar as a regular expression, also for JSON Schema."""

_UNITS_MS = (
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
)
_COMPILED = re.compile(PATTERN)
_MAX_LENGTH = 64


def parse_duration(text: str) -> float:
    """Return the seconds of a Prometheus duration such as `1h30m`.

    A year is 365 days and a day 24 hours, as in Prometheus. Raises ValueError, whose message says what would be right, also
    for a number without a unit such as `0`.
    """
    if len(text) > _MAX_LENGTH or not (match := _COMPILED.fullmatch(text)):
        raise ValueError(
            f"{text[:_MAX_LENGTH]!r} is not a duration; write numbers with units, largest first,"
            " such as 30s, 5m or 1h30m"
        )
    milliseconds = sum(
        int(part[: -len(unit)]) * size
        for part, (unit, size) in zip(match.groups(), _UNITS_MS, strict=True)
        if part is not None
    )
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """Return seconds as the shortest Prometheus duration, rounded to milliseconds; `0s` for zero.

    Weeks and years are written as days, as people write "100d".
    """
    left = round(seconds * 1000)
    text = ""
    for unit, size in _UNITS_MS[2:]:
        count, left = divmod(left, size)
        if count:
            text += f"{count}{unit}"
    return text or "0s"
