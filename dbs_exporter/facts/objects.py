"""What is backed up or restored: the databases that BackupObjects and RestoreObjects name, whole or in part.

Both are a JSON list in a string, an object for each database. What else such an object says (a schema, tables) makes it a part of
the database; a new name does not. An object is kept as the database's name, and for a part also what restricts it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.fields import items
from dbs_exporter.facts.records import Fields

Objects = tuple[str, ...]

_RESTRICTED = "\n"
_UNRESTRICTED = frozenset({"DBName", "NewDBName", "NewSchemaName"})


def read_objects(fields: Fields, field: str) -> Objects | None:
    """Return the objects that a field names, sorted; None where it names none. Another form is counted as unknown, not guessed."""
    given = fields.record.get(field)
    try:
        found = _named(given) if isinstance(given, str) else _objects(given)
    except (BadAnswer, TypeError, ValueError, RecursionError):
        fields.unknown(field)
        return None
    return found or None


@lru_cache(maxsize=256)
def _named(text: str) -> Objects:
    # All records of a plan say the same.
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = text
    return _objects(given)


def _objects(given: object) -> Objects:
    return tuple(sorted({_object(entry) for entry in items({"Objects": given}, ("Objects",))}))


def _object(entry: dict[str, object]) -> str:
    """Return one object. Raises ValueError without a name."""
    name = entry.get("DBName")
    if not isinstance(name, str) or not name:
        raise ValueError("an object without the name of its database")
    part = {key: value for key, value in entry.items() if key not in _UNRESTRICTED and value}
    return f"{name}{_RESTRICTED}{json.dumps(part, sort_keys=True)}" if part else name


def databases(objects: Collection[str]) -> set[str]:
    """Return the names of the databases that objects are of."""
    return {each.partition(_RESTRICTED)[0] for each in objects}


def lacking(held: Objects | None, wanted: Objects | None) -> set[str] | None:
    """Return the databases of which something wanted is not held; None where either is not known.

    A whole database holds each of its parts.
    """
    if held is None or wanted is None:
        return None
    return databases(
        [each for each in wanted if each not in held and each.partition(_RESTRICTED)[0] not in held]
    )
