"""How many calls a reading takes: an API that counts them on their way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbs_exporter.collectors.base import Api, OnPage

PAGE = 100
"""Records in a page of a list."""


class CountingApi:
    """An API that counts the calls and pages that a reading takes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.calls = 0

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        """Pass a call on, and count it."""
        self.calls += 1
        return self._api.call(operation, params, within=within)

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> list[dict[str, Any]]:
        """Pass a list on, and count its pages."""
        found = self._api.pages(operation, params, within=within, on_page=on_page)
        self.calls += max(1, -(-len(found) // PAGE))
        return found
