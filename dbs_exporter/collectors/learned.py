"""What was learned at run time of an account and region: how the newest part of a log list can be asked for."""

from __future__ import annotations

import threading
from typing import Literal

from msgspec import Struct

TRIES = 3
"""Whole lists, long enough for a proof, after which it is taken that nothing can be proved."""


class TailMethod(Struct, frozen=True, kw_only=True):
    """How the newest part of a list is asked for."""

    by: Literal["filter", "order"]
    unit: float = 1000.0
    """Of a filter: what a second counts, 1000 for milliseconds."""
    field: Literal["start", "end"] = "end"
    """Of a filter: which of a file's times it compares."""
    newest_first: bool = False
    """Of an order: whether the newest record stands on the first page."""


class Tails:
    """What was proved in one account and region; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._method: TailMethod | None = None
        self._failures = 0

    @property
    def method(self) -> TailMethod | None:
        """How tails are read; None while nothing is proved."""
        return self._method

    @property
    def given_up(self) -> bool:
        """Whether enough lists proved nothing."""
        return self._method is None and self._failures >= TRIES

    def learn(self, method: TailMethod | None) -> None:
        """Take the result of a proof; None: nothing could be proved, and nothing that was proved before holds."""
        with self._lock:
            self._method = method
            self._failures = 0 if method is not None else self._failures + 1

    def miss(self) -> None:
        """Take that a long list was read which could prove nothing."""
        with self._lock:
            self._failures += 1

    def restore(self, method: TailMethod | None) -> None:
        """Take over what another process proved."""
        with self._lock:
            self._method = method
