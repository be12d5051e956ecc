"""The simulated API as a function from a request to its answer: authentication, throttling and faults around the operations.

This module forms no answer of an operation, `answering` and `changes` do; and it knows no socket, `serving` does.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.changes import WRITES
from dbs_exporter.simulator.control import Limits
from dbs_exporter.simulator.encoding import to_json, to_xml
from dbs_exporter.simulator.faults import (
    CONNECTION,
    PAGES,
    REFUSALS,
    SHAPES,
    Fault,
    Faults,
    refuse,
    reshape,
    throttled,
    with_wrong_page,
)
from dbs_exporter.simulator.replies import Answer, Refused
from dbs_exporter.simulator.signatures import Keys, verify
from dbs_exporter.simulator.world import World

VERSION = "2019-03-06"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as bytes, and the faults of the connection that disturb it on its way."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


class Service:
    """The API of a world; thread-safe. `requests` counts calls by operation, `refused` error answers by code.

    The access key of the first account is `access_key_id`, the others have 2, 3, ... appended; all share the secret.
    `requests_per_second` throttles each operation of each account, by `monotonic`; with `retry_after`, a header says for how
    long. The times of signatures are checked against `clock`, by default the world's. Raises ValueError for a wrong fault.
    """

    def __init__(
        self,
        world: World,
        *,
        access_key_id: str = "testak",
        access_key_secret: str = "testsk",
        faults: Iterable[Any] = (),
        requests_per_second: Limits = None,
        retry_after: bool = False,
        clock: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = world
        self.clock = clock or world.clock
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.keys = Keys()
        self.faults = Faults(faults, clock=self.clock, seed=world.seed)
        self._limits = requests_per_second
        self._retry_after = retry_after
        self._monotonic = monotonic
        self._recent: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()
        for number, account in enumerate(world.accounts, start=1):
            name = access_key_id if number == 1 else f"{access_key_id}{number}"
            self.keys.add(name, access_key_secret, account)

    def set_faults(self, faults: Any) -> None:
        """Replace all faults by a list of maps or faults. Raises ValueError if one is wrong."""
        self.faults.replace(list(faults))

    def set_limits(self, requests_per_second: Limits) -> None:
        """Set the limits that hold from now on. Raises ValueError for anything but `Limits`."""
        if not isinstance(requests_per_second, int | float | Mapping | None):
            raise ValueError("limits are a number, a map of operation to number, or null")
        with self._lock:
            self._limits = requests_per_second

    def respond(
        self, method: str, path: str, query_text: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Answer a request of the API."""
        query = parse_qsl(query_text, keep_blank_values=True)
        form: list[tuple[str, str]] = []
        headers = {name.lower(): value for name, value in headers.items()}
        if body and "x-www-form-urlencoded" in headers.get("content-type", ""):
            form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        params = dict(query + form)
        operation = headers.get("x-acs-action") or params.get("Action", "")
        self.count(operation)
        version = headers.get("x-acs-version") or params.get("Version")
        xml = "x-acs-action" not in headers and params.get("Format", "XML").upper() != "JSON"
        faults: list[Fault] = []
        status, extra = 200, {}
        try:
            if path not in ("", "/"):
                raise Refused(404, "InvalidAction.NotFound", "Specified api is not found.")
            if method not in ("GET", "POST"):
                raise Refused(400, "UnsupportedHTTPMethod", "This http method is not supported.")
            if version != VERSION:
                raise Refused(404, "InvalidVersion", "Specified parameter Version is not valid.")
            account = verify(self.keys, method, query, form, headers, body, self.clock())
            faults = self.faults.take_matching(
                operation, account, params.get("BackupPlanId", ""), self.region_of(params)
            )
            answer = self.answer(account, operation, params, faults)
        except Refused as refused:
            status, answer = refused.status, error_answer(refused)
            if refused.retry_after_ms:
                extra = {"x-acs-retry-after": str(refused.retry_after_ms)}
            with self._lock:
                self.refused[refused.code] += 1
        content = (
            to_xml(f"{operation}Response" if status == 200 else "Error", answer) if xml else to_json(answer)
        )
        kind = "text/xml;charset=utf-8" if xml else "application/json;charset=utf-8"
        return Reply(
            status=status,
            body=content,
            content_type=kind,
            headers=extra,
            faults=tuple(fault for fault in faults if fault.kind in CONNECTION),
        )

    def count(self, operation: str) -> None:
        """Count a call of an operation."""
        with self._lock:
            self.requests[operation] += 1

    def throttle(self, account: str, operation: str) -> int | None:
        """Record a call; if it exceeds the limit, return the milliseconds until the next is allowed instead."""
        now = self._monotonic()
        with self._lock:
            limit = self._limits.get(operation) if isinstance(self._limits, Mapping) else self._limits
            if limit is None:
                return None
            recent = self._recent.setdefault((account, operation), deque())
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= limit:
                return 1 + int(1000 * (recent[0] + 1 - now)) if recent else 1000
            recent.append(now)
            return None

    def answer(self, account: str, operation: str, params: Mapping[str, str], faults: list[Fault]) -> Answer:
        """Return the answer of an operation, changed by the faults. Raises Refused."""
        for fault in faults:
            if fault.kind in REFUSALS:
                refuse(fault)
        wait_ms = self.throttle(account, operation)
        if wait_ms is not None:
            raise throttled(wait_ms if self._retry_after else 0)
        original_params = params
        for fault in faults:
            if fault.kind in PAGES:
                params = with_wrong_page(fault, params)
        if read := READS.get(operation):
            body = read(self.world, account, params)
        elif write := WRITES.get(operation):
            token = params.get("ClientToken", "")
            body = self.world.answer_once(
                account, operation, token, lambda: write(self.world, account, params)
            )
        else:
            raise Refused(
                404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
            )
        answer: Answer = {"RequestId": str(uuid4()).upper(), "Success": True, "HttpStatusCode": 200, **body}
        for fault in faults:
            if fault.kind in SHAPES:
                answer = reshape(fault, operation, answer, self.requests[operation])
            elif fault.kind == "repeated_page" and "PageNum" in answer:
                answer["PageNum"] = int(original_params.get("PageNum") or 0)
        return answer

    def region_of(self, params: Mapping[str, str]) -> str:
        """Return the region that a request names, or else the region of its plan; "" if it names neither."""
        region = params.get("Region") or params.get("RegionId")
        spec = None if region else self.world.spec(params.get("BackupPlanId", ""))
        return region or (spec.region if spec else "")


def error_answer(refused: Refused) -> Answer:
    """Return the body of a refusal."""
    request = str(uuid4()).upper()
    if refused.status == 200:
        return {
            "RequestId": request,
            "Success": False,
            "ErrCode": refused.code,
            "ErrMessage": refused.message,
            "HttpStatusCode": 400,
        }
    return {
        "RequestId": request,
        "HostId": "dbs-api.example.com",
        "Code": refused.code,
        "Message": refused.message,
    }
