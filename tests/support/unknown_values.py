"""Callbacks that are told of values that no document lists."""

from __future__ import annotations


def fail_on_unknown(field: str) -> None:
    """Fail the test: nothing unknown is expected."""
    raise AssertionError(f"{field} was told as unknown")


class Told:
    """Keeps the fields whose values were told as unknown."""

    def __init__(self) -> None:
        self.fields: list[str] = []

    def __call__(self, field: str) -> None:
        self.fields.append(field)
