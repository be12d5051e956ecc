"""A promised table of families: a name and its own labels on each line."""

from __future__ import annotations

import re


def promised(table: str) -> dict[str, set[str]]:
    """The labels of each family by its name; a line that begins with a space goes on with the one before."""
    words = [line.split() for line in re.sub(r"\n +", " ", table).strip().splitlines()]
    return {name: set(labels) for name, *labels in words}
