"""The account as drills see it: a client per region, lists read to their end, and the API's time.

This module owns the clients. What changes something is sent through `write` alone, so that there is one place to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.source import credential_source
from dbs_exporter.api.endpoints import endpoint_url
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.transport import Sessions
from dbs_exporter.clock import Clock
from dbs_exporter.config.load import DEFAULT_REGION
from dbs_exporter.config.models import AccountConfig
from dbs_exporter.errors import BadAnswer, Throttled
from dbs_exporter.facts.fields import texts
from dbs_exporter.facts.records import Fields, Reader
from dbs_exporter.facts.subjects import Scope

THROTTLED_ATTEMPTS = 5
THROTTLED_PAUSE_SECONDS = 10.0


class Cloud:
    """Calls DBS for an account; `writes` allows what changes something. `on_write` is called before each such call."""

    def __init__(
        self,
        account: AccountConfig,
        clock: Clock,
        *,
        writes: bool,
        sessions: Sessions | None = None,
        on_write: Callable[[str], None] = lambda operation: None,
    ) -> None:
        self.account = account
        self.clock = clock
        self.writes = writes
        self._sessions = sessions or Sessions(clock)
        self._on_write = on_write
        self._clients: dict[str, Client] = {}
        self._credentials = credential_source(
            account.credentials, account=account.name, clock=clock, on_refresh_failure=lambda _: None
        )

    def client(self, region: str) -> Client:
        """Return the client of a region."""
        if region not in self._clients:
            account = self.account
            self._clients[region] = Client(
                Scope(account=account.name, region=region),
                endpoint_url(region, network=account.network, override=account.endpoint),
                self._credentials,
                Pacer(account.requests_per_second, account.concurrency, self.clock),
                self.clock,
                account.timeout,
                allow_writes=self.writes,
                sessions=self._sessions,
            )
        return self._clients[region]

    def now(self) -> float:
        """Return the API's time, as far as its answers have shown it."""
        for client in self._clients.values():
            return client.time.now()
        return self.clock.now()

    def regions(self) -> tuple[str, ...]:
        """Return all regions that DBS serves for the account. Raises ApiError, or BadAnswer if there are none."""
        answer = self.client(self._home()).call("DescribeRegions", {})
        regions = texts(answer, ("Regions", "RegionCode"))
        if not regions:
            raise BadAnswer("no region is listed", operation="DescribeRegions", field="Regions.RegionCode")
        return tuple(sorted(set(regions)))

    def pages(self, region: str, operation: str, **parameters: object) -> list[dict[str, Any]]:
        """Read a list of a region to its end."""
        return self.client(region).pages(operation, parameters)

    def read(self, region: str, operation: str, **parameters: object) -> dict[str, Any]:
        """Call an operation that reads."""
        return self.client(region).call(operation, parameters)

    def write(self, region: str, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
        """Call an operation that changes something; what the API refuses for too many calls is sent again."""
        self._on_write(operation)
        for attempt in range(1, THROTTLED_ATTEMPTS + 1):
            try:
                return self.client(region).call(operation, parameters)
            except Throttled:
                # It was not carried out, so it may be sent again.
                if attempt == THROTTLED_ATTEMPTS or self.clock.sleep(THROTTLED_PAUSE_SECONDS * attempt):
                    raise
        raise AssertionError("unreachable")

    def fields(self, record: dict[str, Any]) -> Fields:
        """Return the fields of a record."""
        return self.reader().fields(record)

    def reader(self) -> Reader:
        """Return a reader of records as of now."""
        return Reader(self.now())

    def close(self) -> None:
        """Close idle connections."""
        self._sessions.close()

    def _home(self) -> str:
        regions = self.account.regions
        return DEFAULT_REGION if regions == "all" else regions[0]
