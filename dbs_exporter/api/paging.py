"""One pass over a paged list, and whether what came can be trusted. It never calls."""

from __future__ import annotations

from typing import Any

MAX_ITEMS = 1_000_000


class ListPass:
    """One pass over a list: what came, and what is wrong with it."""

    def __init__(self, identity: tuple[str, ...]) -> None:
        self.items: list[dict[str, Any]] = []
        self._identity = identity
        self._seen: set[tuple[Any, ...]] = set()
        self._last_page: list[dict[str, Any]] = []
        self._total: int | None = None
        self._pages = 0
        self._changed = ""

    def take(self, page: list[dict[str, Any]], total: int | None) -> bool:
        """Take a page; False if there is no use in asking for another."""
        if total is None or total < 0:
            self._changed = "the answer does not tell how many there are"
            self.items += page
            return False
        if self._pages and total != self._total:
            self._changed = f"there were {self._total} and then {total}"
        self._total = total
        repeated = bool(page) and page == self._last_page
        if repeated:
            self._changed = "the same page came twice"
            return False
        if self._pages or len(page) < total:
            # Only a list of several pages can shift under the reader, so only there is this worth its time.
            keys = {tuple(str(item.get(name)) for name in self._identity) for item in page}
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

    @property
    def countable(self) -> bool:
        """Whether as many items came as there are."""
        return self._total is not None and len(self.items) == self._total

    @property
    def problem(self) -> str:
        """What is wrong with this pass, "" if nothing is."""
        if self._changed:
            return f"the list cannot be trusted: {self._changed}"
        if not self.countable:
            return (
                f"the list cannot be trusted: {len(self.items)} items came where the API counts {self._total}"
            )
        return ""
