"""OPERATIONS: every operation of DBS by name, for the API version 2019-03-06."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from dbs_exporter.api.operations.grammar import Operation
from dbs_exporter.api.operations.reads import READS
from dbs_exporter.api.operations.writes import WRITES
from dbs_exporter.errors import Invalid

API_VERSION = "2019-03-06"

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {operation.name: operation for operation in (*READS, *WRITES)}
)
"""Every operation by name."""


def operation_named(name: str) -> Operation:
    """Return the operation of that name. Raises Invalid, with the nearest name, if there is none."""
    operation = OPERATIONS.get(name)
    if operation is None:
        near = difflib.get_close_matches(name, OPERATIONS, n=1)
        raise Invalid(f"there is no operation {name!r}{f'; did you mean {near[0]}?' if near else ''}")
    return operation
