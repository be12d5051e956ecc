"""Faults: what a cloud does now and then, chosen by file, by call or by test.

A fault has a `kind`, may say for which operation, plan, account or region it holds, how many times, and with which probability.
Faults of the connection are carried out by the server; the others change an answer here.
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
"""Kind of a fault -> what it does."""

CONNECTION = ("latency", "drip", "torn", "reset", "not_json", "html", "unavailable", "redirect", "huge")
REFUSALS = ("throttle", "deny", "refuse", "bad_key")
PAGES = ("ignore_page", "repeated_page")
SHAPES = tuple(one for one in KINDS if one not in (*CONNECTION, *REFUSALS, *PAGES))


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault; empty selectors match everything, `times` and `for_seconds` None are for ever."""

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


def parse(given: Any) -> list[Fault]:
    """Faults from a list of maps (a YAML file or a POST body); ValueError says which entry is wrong and why."""
    if not isinstance(given, list):
        raise ValueError(
            "faults are a list of maps, such as [{kind: throttle, operation: DescribeFullBackupList}]"
        )
    names = {one.name for one in fields(Fault)}
    made = []
    for number, entry in enumerate(given, start=1):
        if isinstance(entry, Fault):
            made.append(entry)
            continue
        if not isinstance(entry, Mapping) or entry.get("kind") not in KINDS:
            raise ValueError(f"fault {number}: kind must be one of {', '.join(KINDS)}")
        if unknown := [str(key) for key in entry if key not in names]:
            raise ValueError(
                f"fault {number}: unknown {', '.join(unknown)}; there are {', '.join(sorted(names))}"
            )
        for key, value in entry.items():
            what, types = _TYPES[key]
            nothing = value is None and key in ("times", "for_seconds")
            if not nothing and (not isinstance(value, types) or isinstance(value, bool)):
                raise ValueError(f"fault {number}: {key} must be {what}, not {value!r}")
        made.append(Fault(**entry))
    return made


class Faults:
    """The faults that hold now; safe to use from several threads. `clock` gives seconds, for faults that last a while."""

    def __init__(self, given: Iterable[Any] = (), *, clock: Callable[[], float], seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._clock = clock
        self._faults: list[tuple[Fault, float]] = []
        self.set(list(given))

    def set(self, given: Any) -> None:
        """Replace all faults; ValueError if one is wrong, and then nothing changes."""
        made = parse(given)
        now = self._clock()
        with self._lock:
            self._faults = [
                (one, float("inf") if one.for_seconds is None else now + one.for_seconds) for one in made
            ]

    def holding(self) -> list[dict[str, Any]]:
        """The faults that still hold, as maps."""
        now = self._clock()
        with self._lock:
            return [asdict(one) for one, until in self._faults if one.times != 0 and now < until]

    def matching(self, operation: str, account: str, plan: str, region: str) -> list[Fault]:
        """The faults that hold for a request, each used up by one; `plan` and `region` are "" where it names none."""
        now = self._clock()
        with self._lock:
            found = []
            for one, until in self._faults:
                fits = (
                    now < until
                    and one.operation in ("", operation)
                    and one.plan in ("", plan)
                    and one.account in ("", account)
                    and one.region in ("", region)
                )
                if not fits or one.times == 0 or self._random.random() >= one.probability:
                    continue
                if one.times is not None:
                    one.times -= 1
                found.append(one)
            return found


def turned(fault: Fault, params: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters as a server that counts pages wrongly would read them."""
    page = params.get("PageNum") or "0"
    if fault.kind == "ignore_page":
        return {**params, "PageNum": "0"}
    if fault.kind == "repeated_page" and page.isdecimal():
        return {**params, "PageNum": str(max(0, int(page) - 1))}
    return params


def refuse(fault: Fault) -> None:
    """Raise the refusal that a fault stands for."""
    if fault.kind == "throttle":
        raise throttled(fault.retry_after_ms)
    if fault.kind == "deny":
        raise Refused(403, "Request.Forbidden", "Have no Permissions")
    if fault.kind == "bad_key":
        raise Refused(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
    if fault.kind == "refuse":
        raise Refused(fault.status, fault.code, fault.message)


def throttled(retry_after_ms: int = 0) -> Refused:
    """The refusal of a call that came too soon; the wait goes into a header if there is one."""
    text = "Request was denied due to user flow control."
    return Refused(400, "Throttling.User", text, retry_after_ms=retry_after_ms)


def reshape(fault: Fault, operation: str, answer: Answer, request: int) -> Answer:
    """The answer in another shape, as the service's documents show or as a changed service might."""
    items = answer.get("Items")
    name = next(iter(items), "") if isinstance(items, dict) else ""
    records = items[name] if isinstance(items, dict) else []
    if fault.kind == "unknown_values":
        for one in records:
            for key in one:
                if key.endswith(("Status", "State")):
                    one[key] = "brand_new"
    elif fault.kind == "one_object" and len(records) == 1:
        answer["Items"] = {name: records[0]}
    elif fault.kind == "scalars":
        for holder in answer.values():
            for key, value in holder.items() if isinstance(holder, dict) else ():
                if isinstance(value, list) and value and isinstance(value[0], str):
                    holder[key] = value[0]
    elif fault.kind == "strings":
        return dict(_stringed(answer))
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
        # A record has moved to another page between two requests.
        if request % 2:
            answer["Items"] = {name: records[1:]}
    elif fault.kind == "error_beside_success":
        answer |= {
            "ErrCode": "InvalidParameter",
            "ErrMessage": "This backupPlan can't support this action",
            "HttpStatusCode": 400,
        }
    return answer


def _stringed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stringed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_stringed(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
