"""The client of an account in a region: `call` an operation, or read all `pages` of a list.

This module owns the attempts of a call: which failures are retried, when, and for how long. Each attempt is signed anew and
reported to `on_call`. It knows no metric, keeps no answer, and changes nothing in the cloud unless `allow_writes` is set.
"""

from __future__ import annotations

import itertools
import random as random_module
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from requests import PreparedRequest, Request

from dbs_exporter import __version__
from dbs_exporter.api.answers import parse_answer, refuses_time
from dbs_exporter.api.credentials.types import Credentials, CredentialSource, RenewableSource
from dbs_exporter.api.cures import cure_of
from dbs_exporter.api.operations.grammar import Operation
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import API_VERSION, operation_named
from dbs_exporter.api.pacing import Pacer, backoff_seconds
from dbs_exporter.api.paging import ListPass
from dbs_exporter.api.server_time import ServerTime
from dbs_exporter.api.signing import Acs3Auth, canonical_query
from dbs_exporter.api.transport import HttpAnswer, Sessions, exchange
from dbs_exporter.clock import Clock
from dbs_exporter.errors import ApiError, BadAnswer, BadCredentials, Invalid, Outcome, Throttled, Timeout
from dbs_exporter.facts.fields import integer, items, text
from dbs_exporter.facts.subjects import Scope

MAX_ATTEMPTS = 4
_SHORTEST_ATTEMPT_SECONDS = 0.001


OnPage = Callable[[list[dict[str, Any]], int], None]
"""Takes the items of a page, and how many there are on all pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An attempt at a call, as it is reported to `on_call`."""

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
    """Calls DBS at `endpoint` (scheme://host[:port]); thread-safe, with a connection per calling thread.

    `timeout` is for a single attempt, in seconds. Without `allow_writes`, operations that change something are refused.
    `random` returns a number from 0 to 1, `nonce` a text that it never returned before. Clients may share `sessions`. Requests are
    signed by `time`, which learns from the Date of each answer that succeeds.
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
        time: ServerTime | None = None,
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
        self.time = time or ServerTime(clock)
        self._route = self._sessions.route(self.endpoint)
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
        """Call an operation and return its answer; `within` limits all attempts together, in seconds.

        The client's region is added as RegionId, and as Region if the operation has that parameter, unless `params` has
        them. Raises Invalid before anything is sent if a parameter is missing or wrong, otherwise the ApiError or
        CredentialsError of the last attempt.
        """
        return self._call(operation_named(operation), params, self._deadline(within))

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> list[dict[str, Any]]:
        """Read a list to its end and return every item; `within` limits all pages and attempts, in seconds.

        The number of items must equal the TotalElements of every page, and no item may come twice. A list that changed while
        it was read is read a second time. Raises BadAnswer (field TotalElements) if that does not help, and whatever `call`
        raises. One change goes unnoticed: an item leaves the pages already read while another is added there; the next read
        has both right. `on_page` takes the items of each page as it comes and how many there are in all, of a second pass too, but
        not of a page that repeats the one before.
        """
        definition = operation_named(operation)
        deadline = self._deadline(within)
        if definition.list_path is None:
            raise Invalid("has no list to read", operation=operation)
        take = on_page or _ignore
        if not definition.page_sizes:
            found = self._items(definition, self._call(definition, params, deadline))
            take(found, len(found))
            return found
        first = self._read_list(definition, params, deadline, take)
        if not first.problem:
            return first.items
        second = self._read_list(definition, params, deadline, take)
        # The same items twice: the list did not change, the API itself lists an item twice.
        if second.problem and not (second.is_complete and second.items == first.items):
            raise BadAnswer(second.problem, operation=operation, field="TotalElements")
        return second.items

    def signed(self, operation: str, params: Mapping[str, object]) -> PreparedRequest:
        """Return a call as `call` would send it now, and send nothing. Raises Invalid and CredentialsError."""
        definition = operation_named(operation)
        request = self._request(
            definition, self._query(definition, params), self._credentials.get(), self.time.now
        )
        return self._sessions.current().prepare_request(request)

    def close(self) -> None:
        """Close idle connections."""
        self._sessions.close()

    def _deadline(self, within: float | None) -> float | None:
        return None if within is None else self._clock.monotonic() + within

    def _time_left(self, deadline: float | None) -> float | None:
        return None if deadline is None else deadline - self._clock.monotonic()

    def _call(
        self, operation: Operation, params: Mapping[str, object], deadline: float | None
    ) -> dict[str, Any]:
        if operation.writes and not self._allow_writes:
            raise Invalid(
                "changes something, and this client only reads",
                operation=operation.name,
            )
        query = self._query(operation, params)
        passwords = tuple(str(value) for name, value in params.items() if "Password" in name and value)
        renewed = False
        server_now: Callable[[], float] | None = None
        attempt = 0
        failure: ApiError | None = None
        while True:
            attempt += 1
            credentials = self._credentials.get()
            try:
                with self._pacer.slot(self._time_left(deadline)):
                    left = self._time_left(deadline)
                    if left is not None and left <= 0:
                        raise Timeout("no time is left for another attempt")
                    try:
                        return self._attempt(
                            operation, query, credentials, attempt, deadline, passwords, server_now
                        )
                    except ApiError as error:
                        failure = error
            except Timeout as error:
                # Only the wait for a slot raises here; waiting for another would not help.
                error.operation = operation.name
                raise failure or error from None
            if refuses_time(failure.code):
                # The API did not carry the request out either; its answer says what time it is there.
                if server_now is None and (server_now := self.time.by_date(failure.date)) is not None:
                    continue
                raise failure
            if isinstance(failure, BadCredentials) and not renewed:
                # The API did not carry the request out, so even a write may be sent again.
                renewed = True
                if isinstance(self._credentials, RenewableSource) and self._credentials.renew(credentials):
                    continue
            if not failure.retryable or operation.writes or attempt >= MAX_ATTEMPTS:
                raise failure
            pause = backoff_seconds(attempt, self._random, failure.retry_after_seconds)
            left = self._time_left(deadline)
            if (left is not None and pause >= left) or self._clock.sleep(pause):
                raise failure

    def _query(self, operation: Operation, params: Mapping[str, object]) -> str:
        values = {"RegionId": self.scope.region, **params}
        if operation.has_region_parameter:
            values.setdefault("Region", self.scope.region)
        return canonical_query(request_parameters(operation, values).items())

    def _attempt(
        self,
        operation: Operation,
        query: str,
        credentials: Credentials,
        attempt: int,
        deadline: float | None,
        passwords: tuple[str, ...],
        server_now: Callable[[], float] | None,
    ) -> dict[str, Any]:
        """Send the request once and report the attempt to `on_call`; signed by `server_now`, else by what was learned of time."""
        left = self._time_left(deadline)
        timeout = self._timeout if left is None else max(min(self._timeout, left), _SHORTEST_ATTEMPT_SECONDS)
        started = self._clock.monotonic()
        response: HttpAnswer | None = None
        try:
            request = self._request(operation, query, credentials, server_now or self.time.now)
            response = exchange(self._sessions.current(), request, self._route, timeout)
            secrets = (credentials.access_key_secret, credentials.security_token, *passwords)
            answer = parse_answer(
                response.body, http_status=response.status, headers=response.headers, secrets=secrets
            )
        except ApiError as error:
            error.operation = operation.name
            error.cure = cure_of(error.code, operation.name)
            if isinstance(error, Throttled):
                self._pacer.on_throttled(error.retry_after_seconds)
            status = error.http_status if response is None else response.status
            self._report(operation, attempt, started, error.kind, status, error.code, error.request_id)
            raise
        self._pacer.on_success()
        self.time.observe(response.headers.get("date", ""), started, afresh=server_now is not None)
        self._report(operation, attempt, started, "success", response.status, "", _request_id(answer))
        return answer

    def _request(
        self, operation: Operation, query: str, credentials: Credentials, now: Callable[[], float]
    ) -> Request:
        """Return the request of an attempt, which is signed when it is prepared."""
        return Request(
            "POST",
            f"{self.endpoint}/?{query}",
            headers={**self._headers, "x-acs-action": operation.name},
            auth=Acs3Auth(credentials, now=now, nonce=self._nonce),
        )

    def _report(
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
        self,
        operation: Operation,
        params: Mapping[str, object],
        deadline: float | None,
        take: OnPage,
    ) -> ListPass:
        """Read page after page until a page is short, empty or repeated, or all items are there."""
        page_size_text = str(params.get("PageSize") or "")
        # A value that is no number is passed on, so that it is refused together with all other parameters.
        page_size: Any = (
            int(page_size_text) if page_size_text.isdecimal() else page_size_text or max(operation.page_sizes)
        )
        list_pass = ListPass(identity=operation.identity)
        page_number = 0
        while True:
            answer = self._call(
                operation,
                {**params, "PageNum": page_number, "PageSize": page_size},
                deadline,
            )
            try:
                total = integer(answer, "TotalElements")
                answered_size = integer(answer, "PageSize") or page_size
            except BadAnswer as error:
                error.operation = operation.name
                raise
            page = self._items(operation, answer)
            more = list_pass.add_page(page, total)
            if not list_pass.repeats:
                take(page, total or len(page))
            if not more:
                return list_pass
            # The API may return smaller pages than requested; the answer's own PageSize then says if a page is short.
            if len(page) < min(answered_size, page_size) or len(list_pass.items) >= (total or 0):
                return list_pass
            page_number += 1


def _ignore(_page: list[dict[str, Any]], _total: int) -> None:
    pass


def _request_id(answer: Mapping[str, Any]) -> str:
    try:
        return text(answer, "RequestId")
    except BadAnswer:
        return ""


def _nonces() -> Callable[[], str]:
    """Return a function that never returns the same text twice.

    A system call for each nonce would hand the interpreter over to another thread.
    """
    prefix = uuid.uuid4().hex[:20]
    count = itertools.count()
    return lambda: f"{prefix}{next(count):012x}"
