"""One field of a DBS record at a time: every form the documents and the official SDKs show, or it is not readable.

It owns the rules of form (what may stand for a number, a time, a list, nothing at all); what fields mean stands beside each thing.
These functions run a million times in a poll of a large fleet, so each asks for the exact type the API documents first
and only then for the other forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.enums import Spellings, UnknownValue, ignore_unknown

Record = Mapping[str, Any]
"""An object of an answer, as `json` gives it."""

_NOTHING = frozenset(("", "NULL", "null", "None"))
"""Strings that the samples show where there is no value."""

LOST = "\ufffd"
"""Stands in a text for what was no whole character when it came."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_FOREVER = 2**63 - 1
_LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_EARLIEST_MS = 1_230_768_000_000
"""The year 2009, before which the cloud was not: an older "time" is a number of seconds, or no time at all."""
_LONGEST_TEXT = 4_096
_LONGEST_MESSAGE = 1_000
_LONGEST_DAYS = 36_500
_DAY_SECONDS = 86_400.0
_MOST_DIGITS = 19


def text(record: Record, field: str) -> str:
    """Read a text, "" where there is none; a number counts as text. Raises BadAnswer."""
    value = record.get(field)
    if type(value) is str:
        if len(value) > _LONGEST_TEXT:
            raise _bad(field, f"a text of at most {_LONGEST_TEXT} characters", value)
        return value if value.isascii() and value not in _NOTHING else _clean(value)
    if value is None:
        return ""
    if type(value) is int:
        return _digits(value, field)
    if type(value) is float and value.is_integer() and abs(value) < _FOREVER:
        return _digits(int(value), field)
    raise _bad(field, "text", value)


def _clean(value: str) -> str:
    if value in _NOTHING:
        return ""
    # A lone surrogate is legal in JSON and in a str, but no exposition can carry it.
    return _SURROGATE.sub(LOST, value)


def _digits(value: int, field: str) -> str:
    if abs(value) >= 10**30:
        raise BadAnswer("a number too long to be an id", field=field)
    return str(value)


def required_text(record: Record, field: str) -> str:
    """Read a text that must be there, such as an id. Raises BadAnswer."""
    value = text(record, field)
    if not value:
        raise BadAnswer("missing or empty", field=field)
    return value


def first_text(record: Record, *fields: str) -> str:
    """Read the first text that is there of several spellings of one field, "" if none is. Raises BadAnswer."""
    for field in fields:
        value = text(record, field)
        if value:
            return value
    return ""


def error_message(record: Record) -> str:
    """Read the error message under any of its names, "" if there is none or it is the word NULL. Raises BadAnswer.

    A long one is cut: it is for people, and a log or a page has room for a paragraph.
    """
    for field in ("ErrMessage", "ErrorMessage", "ErrMsg"):
        value = record.get(field)
        if value:
            if type(value) is str and len(value) > _LONGEST_MESSAGE:
                return _clean(value[: _LONGEST_MESSAGE - 1]) + "…"
            message = text(record, field)
            if message:
                return message
    return ""


def enum(
    record: Record,
    field: str,
    known: Spellings,
    unknown: UnknownValue,
    *,
    required: bool = False,
) -> str:
    """Read an enum's value in its documented spelling; another value is kept and reported to `unknown`. Raises BadAnswer.

    `known` maps every documented value, and every spelling in lower case, to the documented value.
    """
    written = record.get(field)
    if type(written) is str:
        found = known.get(written)
        if found is not None:
            return found
    value = required_text(record, field) if required else text(record, field)
    if not value:
        return ""
    found = known.get(value.lower())
    if found is not None:
        return found
    unknown(field)
    return value


def integer(record: Record, field: str) -> int | None:
    """Read a whole number, also from a string or a float without fraction; None where there is none. Raises BadAnswer."""
    value = record.get(field)
    if type(value) is int:
        return value
    if value is None:
        return None
    if type(value) is str:
        stripped = value.strip()
        if stripped in _NOTHING:
            return None
        unsigned = stripped[1:] if stripped[0] in "+-" else stripped
        if unsigned.isascii() and unsigned.isdigit() and len(unsigned) <= _MOST_DIGITS:
            return int(stripped)
        raise _bad(field, "a whole number", value)
    if type(value) is float and value.is_integer() and abs(value) < _FOREVER:
        return int(value)
    raise _bad(field, "a whole number", value)


def instant(record: Record, field: str, latest_ms: float = _LATEST_MS) -> float | None:
    """Read a time in milliseconds as Unix seconds; None where it is absent, 0, -1 or "for ever". Raises BadAnswer.

    A time after `latest_ms`, or before 2009, is none.
    """
    value = record.get(field)
    if value is None:
        return None
    if type(value) is not int:
        value = integer(record, field)
        if value is None:
            return None
    if _EARLIEST_MS <= value <= latest_ms:
        return value / 1000.0
    if value in (0, -1, _FOREVER):
        return None
    raise _bad(field, "a time in milliseconds", value)


def size(record: Record, field: str) -> int | None:
    """Read a size in bytes, None where there is none. Raises BadAnswer."""
    value = record.get(field)
    if type(value) is not int:
        value = integer(record, field)
        if value is None:
            return None
    if 0 <= value <= _FOREVER:
        return value
    raise _bad(field, "a size in bytes", value)


def days(record: Record, field: str) -> float | None:
    """Read a number of days as seconds, None where there is none. Raises BadAnswer."""
    value = integer(record, field)
    if value is None:
        return None
    if 0 <= value <= _LONGEST_DAYS:
        return value * _DAY_SECONDS
    raise _bad(field, "a number of days", value)


def progress(record: Record, field: str) -> float | None:
    """Read a percentage as a ratio from 0 to 1, None where there is none. Raises BadAnswer."""
    if record.get(field) is None:
        return None
    value = integer(record, field)
    if value is None:
        return None
    if 0 <= value <= 100:
        return value / 100.0
    raise _bad(field, "a percentage", value)


def boolean(record: Record, field: str) -> bool | None:
    """Read true or false, also from a string or 0 and 1, None where there is none. Raises BadAnswer."""
    value = record.get(field)
    if value is None or value is True or value is False:
        return value
    if type(value) is str:
        word = value.strip().lower()
        if word in ("true", "1"):
            return True
        if word in ("false", "0"):
            return False
        if value.strip() in _NOTHING:
            return None
    elif type(value) is int and value in (0, 1):
        return value == 1
    raise _bad(field, "true or false", value)


def items(answer: Record, path: tuple[str, ...]) -> list[dict[str, Any]]:
    """Read the objects at `path`: a list, one object, or nothing at all as "", null, {} or missing. Raises BadAnswer."""
    found = _at(answer, path)
    if type(found) is dict:
        return [found] if found else []
    # What is no object is a record of which nothing can be read.
    return [record if type(record) is dict else {} for record in found]


def texts(answer: Record, path: tuple[str, ...], unknown: UnknownValue = ignore_unknown) -> tuple[str, ...]:
    """Read the texts at `path`: a list, one text, or nothing at all as "", null, {} or missing. Raises BadAnswer.

    A member of a list that is nothing is left out, and reported to `unknown`.
    """
    found = _at(answer, path)
    field = ".".join(path)
    if type(found) is dict:
        if found:
            raise _bad(field, "texts", found)
        return ()
    members = [text({field: member}, field) for member in found]
    for _ in range(members.count("")):
        unknown(path[-1])
    return tuple(member for member in members if member)


def item(answer: Record) -> Record | None:
    """Read the one object in `Item`, None where there is none. Raises BadAnswer."""
    found = _at(answer, ("Item",))
    objects = [found] if type(found) is dict else found
    if len(objects) > 1:
        raise BadAnswer(f"one object expected, {len(objects)} found", field="Item")
    if objects and type(objects[0]) is not dict:
        raise _bad("Item", "an object", objects[0])
    return (objects[0] or None) if objects else None


def _at(answer: Record, path: tuple[str, ...]) -> Any:
    """Go down `path`; give a dict or a list, an empty list where the way ends in nothing."""
    found: Any = answer
    for depth, name in enumerate(path):
        if not isinstance(found, Mapping):
            raise _bad(".".join(path[:depth]), "an object", found)
        found = found.get(name)
        if found is None or (isinstance(found, str) and found.strip() in _NOTHING):
            return []
        if type(found) is list and not found:
            return []
    if type(found) in (dict, list):
        return found
    return [found]


def _bad(field: str, wanted: str, value: object) -> BadAnswer:
    shown = repr(value)
    return BadAnswer(
        f"{wanted} expected, not {shown if len(shown) <= 60 else shown[:57] + '...'}",
        field=field,
    )
