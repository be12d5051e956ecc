"""What is equal in the facts of many subjects as one object: statuses, kinds, counts and progress are the same in most of a fleet.

Facts that come from a file or an answer bring their own copy of every text and tuple. With one copy in the place of all, a large
fleet takes half of the memory. No value is changed by that, and nobody can rely on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields, force_setattr

MOST_VALUES = 256
"""How many values of a field are remembered; where more differ, as with ids, there is little to share."""

_PLAIN = {str, tuple, int, float, bool, NoneType}
_LARGE = {str, tuple}
"""Numbers alone are hardly larger than the reference to them."""


class _Fields(NamedTuple):
    """Of a kind of facts: the values that were seen, by the field, and the fields that hold other facts."""

    seen: dict[str, dict[Any, Any]]
    nested: tuple[str, ...]


class Sharing:
    """Remembers values by the kind of facts and the field that they stand in. Not thread-safe."""

    def __init__(self) -> None:
        self._kinds: dict[type[Struct], _Fields] = {}

    def share(self, facts: object) -> None:
        """Put values that were seen before in the place of equal ones."""
        if isinstance(facts, tuple):
            for each in facts:
                self.share(each)
        elif isinstance(facts, Struct):
            kind = self._kinds.get(type(facts)) or self._of(type(facts))
            for field, seen in kind.seen.items():
                value = getattr(facts, field)
                first = seen.setdefault(value, value)
                if first is not value:
                    force_setattr(facts, field, first)
                elif len(seen) > MOST_VALUES:
                    seen.clear()
            for field in kind.nested:
                self.share(getattr(facts, field))

    def _of(self, kind: type[Struct]) -> _Fields:
        atoms = {field.name: set(_atoms(field.type)) for field in fields(kind)}
        found = self._kinds[kind] = _Fields(
            seen={name: {} for name, types in atoms.items() if types <= _PLAIN and types & _LARGE},
            nested=tuple(name for name, types in atoms.items() if any(map(_is_facts, types))),
        )
        return found


def _atoms(kind: Any) -> Iterator[Any]:
    """Yield the types that a field's values are made of: `tuple` for each tuple, `dict` alone for a mapping."""
    origin = get_origin(kind)
    if origin is None or origin in (tuple, dict):
        yield origin or kind
    if origin is not dict:
        for part in get_args(kind):
            if part is not Ellipsis:
                yield from _atoms(part)


def _is_facts(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
