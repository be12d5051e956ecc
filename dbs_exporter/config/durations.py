"""Durations as Prometheus writes them (`1h30m`), to seconds and back.

It owns the grammar: whole numbers with the units y w d h m s ms, largest first, each at most once. Nothing
else is a duration.
"""

from __future__ import annotations

import re

PATTERN = r"^(?=\d)([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
"""The grammar as a regular expression that JSON Schema understands too."""

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
    """Seconds of a Prometheus duration such as `1h30m`; ValueError says what would be right.

    A year is 365 days and a day 24 hours, as in Prometheus. `0` is refused like any number without a unit.
    """
    if len(text) > _MAX_LENGTH or not (found := _COMPILED.fullmatch(text)):
        raise ValueError(
            f"{text[:_MAX_LENGTH]!r} is not a duration; write numbers with units, largest first,"
            " such as 30s, 5m or 1h30m"
        )
    milliseconds = sum(
        int(part[: -len(unit)]) * size
        for part, (unit, size) in zip(found.groups(), _UNITS_MS, strict=True)
        if part is not None
    )
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """The shortest Prometheus duration for so many seconds, rounded to milliseconds; `0s` for nothing.

    Weeks and years are written as days, as people say "100d".
    """
    left = round(seconds * 1000)
    said = ""
    for unit, size in _UNITS_MS[2:]:
        count, left = divmod(left, size)
        if count:
            said += f"{count}{unit}"
    return said or "0s"
