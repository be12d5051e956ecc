"""How enums of the API are spelled: documented values, and what is accepted for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

UnknownValue = Callable[[str], None]
"""Called with the name of an API field whose value no document lists."""

Spellings = Mapping[str, str]
"""Every accepted spelling of an enum's values, to the one that is exported."""


def spellings(*values: str, **others: str) -> Spellings:
    """Return the spellings of these documented values: as documented, in lower case, and the given `others`."""
    # Also as documented, so that the usual case is found at the first look.
    return {value: value for value in values} | {value.lower(): value for value in values} | others


def ignore_unknown(_field: str) -> None:
    """Ignore an unknown value: for callers that do not count them."""


STORAGE_CLASSES = ("Standard", "IA", "Archive", "UNKNOWN")
STORAGE_CLASS = spellings(*STORAGE_CLASSES)
ENDPOINT_TYPE = spellings("rds", "ecs", "express", "agent", "dds", "other", "dg", "polardb", "kvstore")
