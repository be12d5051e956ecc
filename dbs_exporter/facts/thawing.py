"""Unfrozen twins of frozen facts, for the few that are made by the million.

A frozen dataclass sets each field through `object.__setattr__`, which is more than half of what reading a record costs. A
fact is filled as its twin and becomes the frozen class, by `__class__`, before anyone sees it.
"""

from __future__ import annotations

from dataclasses import MISSING, field, fields, make_dataclass
from typing import Any, TypeVar, cast

Fact = TypeVar("Fact")


def thawed(fact: type[Fact]) -> type[Fact]:
    """Give a class with the same fields and slots as a frozen, slotted, keyword-only dataclass, but not frozen."""
    same: list[Any] = []
    for given in fields(cast("Any", fact)):
        default = field() if given.default is MISSING else field(default=given.default)
        same.append((given.name, given.type, default))
    return cast("type[Fact]", make_dataclass(f"_{fact.__name__}", same, slots=True, kw_only=True))
