"""A pass over a paged list, and whether its items can be trusted.

This module owns how a list that changed while it was read is noticed. It never calls the API.
"""

from __future__ import annotations

from typing import Any

MAX_ITEMS = 1_000_000


class ListPass:
    """A single pass over a list: its items, and what is wrong with them.

    `identity` names the fields that identify an item.
    """

    def __init__(self, identity: tuple[str, ...]) -> None:
        self.items: list[dict[str, Any]] = []
        self.repeats = False
        """Whether the last page was the same as the one before."""
        self._identity = identity
        self._seen: set[tuple[Any, ...]] = set()
        self._last_page: list[dict[str, Any]] = []
        self._total: int | None = None
        self._pages = 0
        self._changed = ""

    def add_page(self, page: list[dict[str, Any]], total: int | None) -> bool:
        """Add a page and its TotalElements; return whether another page may follow."""
        if total is None or total < 0:
            self._changed = "the answer does not state how many there are"
            self.items += page
            return False
        if self._pages and total != self._total:
            self._changed = f"there were {self._total} and then {total}"
        self._total = total
        self.repeats = bool(page) and page == self._last_page
        if self.repeats:
            self._changed = "the same page came twice"
            return False
        if self._pages or len(page) < total:
            # Only a list of several pages can shift while it is read; the check is too slow to make it for nothing.
            # An item whose identity cannot be read is no other one.
            keys = {key for item in page if all(key := self._key(item))}
            if keys & self._seen:
                self._changed = "an item came twice"
            self._seen |= keys
        self.items += page
        self._last_page = page
        self._pages += 1
        if len(self.items) > MAX_ITEMS:
            self._changed = f"more than {MAX_ITEMS} items"
            return False
        return bool(page)

    def _key(self, item: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(item.get(name) or "") for name in self._identity)

    @property
    def is_complete(self) -> bool:
        """Whether the number of items is the TotalElements that the API reported."""
        return self._total is not None and len(self.items) == self._total

    @property
    def problem(self) -> str:
        """What is wrong with this pass, as a sentence; "" if nothing is."""
        if self._changed:
            return f"the list cannot be trusted: {self._changed}"
        if not self.is_complete:
            return (
                f"the list cannot be trusted: {len(self.items)} items came where the API counts {self._total}"
            )
        return ""
