"""`Parameter` and `Operation`, and short ways to write them in the tables of operations.

This module owns the types only; the operations themselves are in `reads` and `writes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ParameterType = Literal["string", "integer", "boolean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A request parameter; `values` are spelled as in the documents and compared ignoring case."""

    name: str
    type: ParameterType = "string"
    required: bool = False
    values: tuple[str, ...] = ()
    many: bool = False
    """Several values may be given, separated by commas."""
    required_when: tuple[str, tuple[str, ...]] | None = None
    """(another parameter, its values in lower case) that make this parameter required."""
    minimum: int | None = None
    longest: int | None = None
    """How many characters, all of them ASCII, the value may have."""
    note: str = ""
    """When the documents require it, where that depends on what is no parameter of the operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation of the API: its name, its parameters and the list in its answer."""

    name: str
    summary: str
    writes: bool = False
    parameters: tuple[Parameter, ...] = ()
    list_path: tuple[str, ...] | None = None
    """The path of the list in the answer, for example ("Items", "FullBackupFile"); None if there is none."""
    page_sizes: tuple[int, ...] = ()
    """The page sizes that the documents allow; () for an operation that is not paged."""
    identity: tuple[str, ...] = ()
    """The fields that identify an item of a paged list and stay the same during its life."""
    exactly_one_of: tuple[str, ...] = ()
    at_most_one_of: tuple[str, ...] = ()

    @property
    def has_region_parameter(self) -> bool:
        """Whether the operation has a parameter `Region` beside the common RegionId."""
        return any(parameter.name == "Region" for parameter in self.parameters)

    @property
    def secret_parameters(self) -> frozenset[str]:
        """The names of the parameters whose values nobody may see."""
        return frozenset(parameter.name for parameter in self.parameters if "Password" in parameter.name)


COMMON_PARAMETERS = (Parameter(name="RegionId"), Parameter(name="ClientToken", longest=64))
"""The parameters of every operation."""

PAGE_SIZES = (30, 50, 100)
ANY_PAGE_SIZE = tuple(range(1, 101))
"""The page sizes of lists for which newer documents allow more than older ones."""


def string(*names: str) -> tuple[Parameter, ...]:
    """Return optional text parameters; a trailing * makes one required, a + allows several values."""
    return tuple(Parameter(name=name.rstrip("*+"), required="*" in name, many="+" in name) for name in names)


def integer(*names: str) -> tuple[Parameter, ...]:
    """Return optional whole-number parameters; a trailing * makes one required."""
    return tuple(Parameter(name=name.rstrip("*"), type="integer", required="*" in name) for name in names)


def boolean(*names: str) -> tuple[Parameter, ...]:
    """Return optional boolean parameters."""
    return tuple(Parameter(name=name, type="boolean") for name in names)


def one_of(name: str, *values: str, many: bool = False) -> tuple[Parameter, ...]:
    """Return a text parameter, as a tuple, that takes only these values; a trailing * makes it required."""
    return (Parameter(name=name.rstrip("*"), required=name.endswith("*"), values=values, many=many),)
