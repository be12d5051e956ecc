"""Calls to DBS for one account in one region: `call` one operation, or read all `pages` of a list.

It owns attempts: which failures are tried again, when, and for how long; each is signed anew and told to `on_call`, which
may count it. It knows no metric, keeps no answer, and changes nothing in the cloud unless it is built to.
"""

from __future__ import annotations

import itertools
import random as random_module
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from requests import Request

from dbs_exporter import __version__
from dbs_exporter.api.answers import understand
from dbs_exporter.api.credentials.types import Credentials, CredentialSource, RenewableSource
from dbs_exporter.api.operations.grammar import Operation
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import API_VERSION, operation_named
from dbs_exporter.api.pacing import Pacer, backoff_seconds
from dbs_exporter.api.paging import ListPass
from dbs_exporter.api.signing import Acs3Auth, canonical_query
from dbs_exporter.api.transport import HttpAnswer, Route, Sessions, exchange
from dbs_exporter.clock import Clock
from dbs_exporter.errors import ApiError, BadAnswer, BadCredentials, Invalid, Outcome, Throttled, Timeout
from dbs_exporter.facts.fields import integer, items, text
from dbs_exporter.facts.subjects import Scope

MAX_ATTEMPTS = 4
_SHORTEST_ATTEMPT_SECONDS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt at a call, as it is told to `on_call`."""

    scope: Scope
    operation: str
    outcome: Outcome
    duration_seconds: float
    attempt: int
    """1 for the first."""
    http_status: int | None = None
    code: str = ""
    request_id: str = ""


class Client:
    """Calls DBS at `endpoint` (scheme://host[:port]); thread-safe, one connection per calling thread.

    `timeout` is for one attempt, in seconds. Without `allow_writes`, operations that change something are refused. `random`
    gives 0 to 1, `nonce` a text never given before. `sessions` may be shared between clients.
    """

    def __init__(
        self,
        scope: Scope,
        endpoint: str,
        credentials: CredentialSource,
        pacer: Pacer,
        clock: Clock,
        timeout: float,
        on_call: Callable[[Call], None] = lambda _: None,
        *,
        allow_writes: bool = False,
        random: Callable[[], float] = random_module.random,
        nonce: Callable[[], str] | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.scope = scope
        self.endpoint = endpoint.rstrip("/")
        self._credentials = credentials
        self._pacer = pacer
        self._clock = clock
        self._timeout = timeout
        self._on_call = on_call
        self._allow_writes = allow_writes
        self._random = random
        self._nonce = nonce or _nonces()
        self._sessions = sessions or Sessions(clock)
        self._route = Route.to(self.endpoint)
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "gzip",
            "user-agent": f"dbs-exporter/{__version__}",
            "x-acs-version": API_VERSION,
        }

    def call(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
    ) -> dict[str, Any]:
        """Call one operation and give its answer; `within` seconds for all attempts together.

        Region and RegionId are added where they are not given. Raises Invalid before anything is sent if a parameter is
        missing or wrong, and otherwise the ApiError or CredentialsError of the last attempt.
        """
        return self._call(operation_named(operation), params, self._deadline(within))

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
    ) -> list[dict[str, Any]]:
        """Read a list to its end and give every item; `within` seconds for all pages and attempts together.

        The number of items must be the TotalElements that every page tells, and no item may come twice. A list that changed
        while it was read is read once more. Raises BadAnswer (field TotalElements) if that does not help, and whatever
        `call` raises. One change cannot be seen: an item that goes just as another comes behind the reader; the next read
        has both right.
        """
        found = operation_named(operation)
        deadline = self._deadline(within)
        if found.list_path is None:
            raise Invalid("has no list to read", operation=operation)
        if not found.page_sizes:
            return self._items(found, self._call(found, params, deadline))
        first = self._read_list(found, params, deadline)
        if not first.problem:
            return first.items
        second = self._read_list(found, params, deadline)
        # Twice the same is no change under the reader: what looks like a repeated item is the API's own.
        if second.problem and not (second.countable and second.items == first.items):
            raise BadAnswer(second.problem, operation=operation, field="TotalElements")
        return second.items

    def close(self) -> None:
        """Close idle connections."""
        self._sessions.close()

    def _deadline(self, within: float | None) -> float | None:
        return None if within is None else self._clock.monotonic() + within

    def _left(self, deadline: float | None) -> float | None:
        return None if deadline is None else deadline - self._clock.monotonic()

    def _call(
        self, operation: Operation, params: Mapping[str, object], deadline: float | None
    ) -> dict[str, Any]:
        if operation.writes and not self._allow_writes:
            raise Invalid(
                "changes something, and this client only reads",
                operation=operation.name,
            )
        given = {"RegionId": self.scope.region, **params}
        if operation.region_parameter:
            given.setdefault("Region", self.scope.region)
        query = canonical_query(request_parameters(operation, given).items())
        hidden = tuple(str(value) for name, value in params.items() if "Password" in name and value)
        renewed = False
        attempt = 0
        failure: ApiError | None = None
        while True:
            attempt += 1
            used = self._credentials.get()
            try:
                with self._pacer.slot(self._left(deadline)):
                    left = self._left(deadline)
                    if left is not None and left <= 0:
                        raise Timeout("no time is left for another attempt")
                    try:
                        return self._attempt(operation, query, used, attempt, deadline, hidden)
                    except ApiError as error:
                        failure = error
            except Timeout as error:
                # Only waiting for a slot ends here, so there is no point in waiting for it again.
                error.operation = operation.name
                raise failure or error from None
            if isinstance(failure, BadCredentials) and not renewed:
                # The request was not carried out, so it may be sent again even if it is a write.
                renewed = True
                if isinstance(self._credentials, RenewableSource) and self._credentials.refused(used):
                    continue
            if not failure.retryable or operation.writes or attempt >= MAX_ATTEMPTS:
                raise failure
            pause = backoff_seconds(attempt, self._random, failure.retry_after_seconds)
            left = self._left(deadline)
            if (left is not None and pause >= left) or self._clock.sleep(pause):
                raise failure

    def _attempt(
        self,
        operation: Operation,
        query: str,
        used: Credentials,
        attempt: int,
        deadline: float | None,
        hidden: tuple[str, ...],
    ) -> dict[str, Any]:
        """Send once, and tell how it went."""
        left = self._left(deadline)
        timeout = self._timeout if left is None else max(min(self._timeout, left), _SHORTEST_ATTEMPT_SECONDS)
        started = self._clock.monotonic()
        came: HttpAnswer | None = None
        try:
            request = self._request(operation, query, used)
            came = exchange(self._sessions.mine(), request, self._route, timeout)
            secrets = (used.access_key_secret, used.security_token, *hidden)
            answer = understand(came.body, http_status=came.status, headers=came.headers, secrets=secrets)
        except ApiError as error:
            error.operation = operation.name
            if isinstance(error, Throttled):
                self._pacer.throttled(error.retry_after_seconds)
            status = error.http_status if came is None else came.status
            self._tell(operation, attempt, started, error.kind, status, error.code, error.request_id)
            raise
        self._pacer.succeeded()
        self._tell(operation, attempt, started, "success", came.status, "", _request_id(answer))
        return answer

    def _request(self, operation: Operation, query: str, used: Credentials) -> Request:
        """Return the request of one attempt, which signs itself anew when it is prepared."""
        return Request(
            "POST",
            f"{self.endpoint}/?{query}",
            headers={**self._headers, "x-acs-action": operation.name},
            auth=Acs3Auth(used, now=self._clock.now, nonce=self._nonce),
        )

    def _tell(
        self,
        operation: Operation,
        attempt: int,
        started: float,
        outcome: Outcome,
        http_status: int | None,
        code: str,
        request_id: str,
    ) -> None:
        self._on_call(
            Call(
                scope=self.scope,
                operation=operation.name,
                outcome=outcome,
                duration_seconds=self._clock.monotonic() - started,
                attempt=attempt,
                http_status=http_status,
                code=code,
                request_id=request_id,
            )
        )

    def _items(self, operation: Operation, answer: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return items(answer, operation.list_path or ())
        except BadAnswer as error:
            error.operation = operation.name
            raise

    def _read_list(
        self, operation: Operation, params: Mapping[str, object], deadline: float | None
    ) -> ListPass:
        """Read page after page until one is short, empty or repeated, or everything is there."""
        wanted = str(params.get("PageSize") or "")
        # What is no number is sent on, so that it is refused where all parameters are.
        asked: Any = int(wanted) if wanted.isdecimal() else wanted or max(operation.page_sizes)
        listed = ListPass(identity=operation.identity)
        page_number = 0
        while True:
            answer = self._call(
                operation,
                {**params, "PageNum": page_number, "PageSize": asked},
                deadline,
            )
            try:
                total = integer(answer, "TotalElements")
                size = integer(answer, "PageSize") or asked
            except BadAnswer as error:
                error.operation = operation.name
                raise
            page = self._items(operation, answer)
            if not listed.take(page, total):
                return listed
            # The API may give smaller pages than asked for; a page is short by its own measure.
            if len(page) < min(size, asked) or len(listed.items) >= (total or 0):
                return listed
            page_number += 1


def _request_id(answer: Mapping[str, Any]) -> str:
    try:
        return text(answer, "RequestId")
    except BadAnswer:
        return ""


def _nonces() -> Callable[[], str]:
    """Give texts that were never given before: asking the system for each would hand the interpreter to another thread."""
    mine = uuid.uuid4().hex[:20]
    count = itertools.count()
    return lambda: f"{mine}{next(count):012x}"
