"""The words that the table of operations is written in: `Parameter`, `Operation` and short ways to write them.

It owns shapes only; the operations themselves are in `operations` and `operations_writes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ParameterType = Literal["string", "integer", "boolean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One request parameter; `values` in the documents' spelling, compared without regard to case."""

    name: str
    type: ParameterType = "string"
    required: bool = False
    values: tuple[str, ...] = ()
    many: bool = False
    """Several values may be given, separated by commas."""
    required_when: tuple[str, tuple[str, ...]] | None = None
    """(another parameter, its values) that make this one required."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: what it is called, takes and gives."""

    name: str
    summary: str
    writes: bool = False
    parameters: tuple[Parameter, ...] = ()
    list_path: tuple[str, ...] | None = None
    """Where the list sits in the answer, for example ("Items", "FullBackupFile")."""
    page_sizes: tuple[int, ...] = ()
    """The page sizes that the documents allow; () for an operation that is not paged."""
    identity: tuple[str, ...] = ()
    """Fields that tell the items of a paged list apart, and stay the same while an item lives."""
    exactly_one_of: tuple[str, ...] = ()
    at_most_one_of: tuple[str, ...] = ()

    @property
    def region_parameter(self) -> bool:
        """Whether the operation has a `Region` of its own beside the common RegionId."""
        return any(parameter.name == "Region" for parameter in self.parameters)


COMMON_PARAMETERS = (Parameter(name="RegionId"), Parameter(name="ClientToken"))
"""What every operation takes."""

PAGE_SIZES = (30, 50, 100)


def string(*names: str) -> tuple[Parameter, ...]:
    """Give optional text parameters; a trailing * makes one required, a trailing + lets it hold several, by commas."""
    return tuple(Parameter(name=name.rstrip("*+"), required="*" in name, many="+" in name) for name in names)


def integer(*names: str) -> tuple[Parameter, ...]:
    """Give optional whole-number parameters; a trailing * makes one required."""
    return tuple(Parameter(name=name.rstrip("*"), type="integer", required="*" in name) for name in names)


def boolean(*names: str) -> tuple[Parameter, ...]:
    """Give optional true-or-false parameters."""
    return tuple(Parameter(name=name, type="boolean") for name in names)


def one_of(name: str, *values: str, many: bool = False) -> tuple[Parameter, ...]:
    """Give a text parameter that takes only these values; a trailing * makes it required."""
    return (Parameter(name=name.rstrip("*"), required=name.endswith("*"), values=values, many=many),)
