"""Faults of the simulated API: refusals, wrong pages, answers of another shape, broken connections.

A fault has a `kind`, and may be limited to an operation, plan, account or region, to a number of times, and to a probability.
This module owns the kinds and changes answers; faults of the connection are carried out by `service`.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from dbs_exporter.simulator.replies import Answer, Refused

KINDS = {
    "latency": "the answer comes `seconds` later",
    "drip": "the answer comes byte by byte, in `seconds` altogether",
    "torn": "half the body, then the end of the connection",
    "reset": "the connection is reset without an answer",
    "not_json": "200 with a body that is no JSON",
    "html": "502 with a page, as a load balancer answers",
    "unavailable": "503 ServiceUnavailable",
    "redirect": "302 to elsewhere",
    "huge": "200 with a body of `bytes`",
    "throttle": "400 Throttling.User; `retry_after_ms` adds the header x-acs-retry-after",
    "deny": "403 Request.Forbidden, as RAM refuses",
    "bad_key": "400 InvalidAccessKeyId.Inactive",
    "refuse": "an error of your own: `status` (200 for a body with Success false), `code`, `message`",
    "unknown_values": "every status is a word that no document has",
    "one_object": "a list of one comes as the object itself",
    "scalars": "a list of strings comes as its first string",
    "strings": "numbers and booleans come as strings",
    "wrapped": "the answer stands in an object named like the operation",
    "no_items": "Items is missing",
    "null_items": "Items is null",
    "empty_items": "Items is an empty string, whatever the totals say",
    "wrong_total": "TotalElements is one too many",
    "ignore_page": "every page is page 0",
    "repeated_page": "every page but the first holds the page before it",
    "shifting": "every other answer has lost its first record, as when the list changes under the reader",
    "error_beside_success": "ErrCode and HttpStatusCode 400 beside Success true",
}
"""Kind of a fault -> its effect."""

CONNECTION = ("latency", "drip", "torn", "reset", "not_json", "html", "unavailable", "redirect", "huge")
REFUSALS = ("throttle", "deny", "refuse", "bad_key")
PAGES = ("ignore_page", "repeated_page")
SHAPES = tuple(kind for kind in KINDS if kind not in (*CONNECTION, *REFUSALS, *PAGES))


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault; an empty selector matches everything, None in `times` and `for_seconds` means for ever."""

    kind: str
    operation: str = ""
    plan: str = ""
    account: str = ""
    region: str = ""
    times: int | None = None
    for_seconds: float | None = None
    probability: float = 1.0
    seconds: float = 1.0
    retry_after_ms: int = 0
    status: int = 400
    code: str = "InvalidParameter"
    message: str = "The specified parameter is not valid."
    bytes: int = 32 * 2**20


_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    **dict.fromkeys(
        ("kind", "operation", "plan", "account", "region", "code", "message"), ("a text", (str,))
    ),
    **dict.fromkeys(("times", "retry_after_ms", "status", "bytes"), ("a whole number", (int,))),
    **dict.fromkeys(("for_seconds", "probability", "seconds"), ("a number", (int, float))),
}


def parse_faults(entries: Any) -> list[Fault]:
    """Return the faults in a list of maps (a YAML file or a POST body) or of faults.

    Raises ValueError, whose message says which entry is wrong and why.
    """
    if not isinstance(entries, list):
        raise ValueError(
            "faults are a list of maps, such as [{kind: throttle, operation: DescribeFullBackupList}]"
        )
    names = {field.name for field in fields(Fault)}
    faults = []
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, Fault):
            faults.append(entry)
            continue
        if not isinstance(entry, Mapping) or entry.get("kind") not in KINDS:
            raise ValueError(f"fault {number}: kind must be one of {', '.join(KINDS)}")
        if unknown := [str(key) for key in entry if key not in names]:
            raise ValueError(
                f"fault {number}: unknown {', '.join(unknown)}; there are {', '.join(sorted(names))}"
            )
        for key, value in entry.items():
            expected, types = _TYPES[key]
            is_unlimited = value is None and key in ("times", "for_seconds")
            if not is_unlimited and (not isinstance(value, types) or isinstance(value, bool)):
                raise ValueError(f"fault {number}: {key} must be {expected}, not {value!r}")
        faults.append(Fault(**entry))
    return faults


class Faults:
    """The present faults; thread-safe. `clock` returns seconds, for faults that end after a time."""

    def __init__(self, entries: Iterable[Any] = (), *, clock: Callable[[], float], seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._clock = clock
        self._faults: list[tuple[Fault, float]] = []
        self.replace(list(entries))

    def replace(self, entries: Any) -> None:
        """Replace all faults. Raises ValueError if an entry is wrong, and then changes nothing."""
        faults = parse_faults(entries)
        now = self._clock()
        with self._lock:
            self._faults = [
                (fault, float("inf") if fault.for_seconds is None else now + fault.for_seconds)
                for fault in faults
            ]

    def active(self) -> list[dict[str, Any]]:
        """Return the faults that have not ended, as maps."""
        now = self._clock()
        with self._lock:
            return [asdict(fault) for fault, until in self._faults if fault.times != 0 and now < until]

    def take_matching(self, operation: str, account: str, plan: str, region: str) -> list[Fault]:
        """Return the faults for a request and reduce their `times`; `plan` and `region` may be ""."""
        now = self._clock()
        with self._lock:
            matching = []
            for fault, until in self._faults:
                matches = (
                    now < until
                    and fault.operation in ("", operation)
                    and fault.plan in ("", plan)
                    and fault.account in ("", account)
                    and fault.region in ("", region)
                )
                if not matches or fault.times == 0 or self._random.random() >= fault.probability:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                matching.append(fault)
            return matching


def with_wrong_page(fault: Fault, params: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters with the page number that a faulty server would use."""
    page = params.get("PageNum") or "0"
    if fault.kind == "ignore_page":
        return {**params, "PageNum": "0"}
    if fault.kind == "repeated_page" and page.isdecimal():
        return {**params, "PageNum": str(max(0, int(page) - 1))}
    return params


def refuse(fault: Fault) -> None:
    """Raise the refusal that a fault means."""
    if fault.kind == "throttle":
        raise throttled(fault.retry_after_ms)
    if fault.kind == "deny":
        raise Refused(403, "Request.Forbidden", "Have no Permissions")
    if fault.kind == "bad_key":
        raise Refused(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
    if fault.kind == "refuse":
        raise Refused(fault.status, fault.code, fault.message)


def throttled(retry_after_ms: int = 0) -> Refused:
    """Return the refusal of a call that came too soon; a wait other than 0 goes into a header."""
    text = "Request was denied due to user flow control."
    return Refused(400, "Throttling.User", text, retry_after_ms=retry_after_ms)


def reshape(fault: Fault, operation: str, answer: Answer, request: int) -> Answer:
    """Return the answer in another shape, such as the documents show or a changed API might have.

    `request` is the number of the call of this operation, counted from 1.
    """
    items = answer.get("Items")
    name = next(iter(items), "") if isinstance(items, dict) else ""
    records = items[name] if isinstance(items, dict) else []
    if fault.kind == "unknown_values":
        for record in records:
            for key in record:
                if key.endswith(("Status", "State")):
                    record[key] = "brand_new"
    elif fault.kind == "one_object" and len(records) == 1:
        answer["Items"] = {name: records[0]}
    elif fault.kind == "scalars":
        for holder in answer.values():
            for key, value in holder.items() if isinstance(holder, dict) else ():
                if isinstance(value, list) and value and isinstance(value[0], str):
                    holder[key] = value[0]
    elif fault.kind == "strings":
        return dict(_with_strings(answer))
    elif fault.kind == "wrapped":
        return {f"{operation}Response": answer}
    elif fault.kind == "no_items":
        answer.pop("Items", None)
    elif fault.kind == "null_items":
        answer["Items"] = None
    elif fault.kind == "empty_items":
        answer["Items"] = ""
    elif fault.kind == "wrong_total" and "TotalElements" in answer:
        answer["TotalElements"] += 1
    elif fault.kind == "shifting" and records:
        # As if a record had moved to another page between two requests.
        if request % 2:
            answer["Items"] = {name: records[1:]}
    elif fault.kind == "error_beside_success":
        answer |= {
            "ErrCode": "InvalidParameter",
            "ErrMessage": "This backupPlan can't support this action",
            "HttpStatusCode": 400,
        }
    return answer


def _with_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_strings(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_strings(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
