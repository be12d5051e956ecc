"""Faults: what a cloud does now and then, chosen by file, by call or by test.

A fault has a `kind`, may say for which operation, plan, account or region it holds, how many times, and with which probability.
Faults of the connection are carried out by the server; the others change an answer here.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from .answers import Answer, Refused

CONNECTION = ("latency", "drip", "torn", "reset", "not_json", "html", "unavailable", "redirect", "huge")
REFUSALS = ("throttle", "deny", "refuse", "bad_key")
SHAPES = (
    "unknown_values", "one_object", "strings", "wrapped", "no_items", "null_items", "empty_items", "wrong_total", "ignore_page",
    "shifting", "error_beside_success",
)  # fmt: skip
KINDS = (*CONNECTION, *REFUSALS, *SHAPES)


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault; empty selectors match everything, `times` None is for ever."""

    kind: str
    operation: str = ""
    plan: str = ""
    account: str = ""
    region: str = ""
    times: int | None = None
    probability: float = 1.0
    seconds: float = 1.0
    retry_after_ms: int = 0
    status: int = 400
    code: str = "InvalidParameter"
    message: str = "The specified parameter is not valid."
    bytes: int = 32 * 2**20


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
        made.append(Fault(**entry))
    return made


class Faults:
    """The faults that hold now; safe to use from several threads."""

    def __init__(self, given: Iterable[Any] = (), *, seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._faults = parse(list(given))

    def set(self, given: Any) -> None:
        """Replace all faults; ValueError if one is wrong, and then nothing changes."""
        made = parse(given)
        with self._lock:
            self._faults = made

    def matching(self, operation: str, account: str, params: Mapping[str, str]) -> list[Fault]:
        """The faults that hold for a request, each used up by one."""
        plan = params.get("BackupPlanId", "")
        region = params.get("Region") or params.get("RegionId", "")
        with self._lock:
            found = []
            for one in self._faults:
                fits = (
                    one.operation in ("", operation)
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


def refuse(fault: Fault) -> None:
    """Raise the refusal that a fault stands for."""
    if fault.kind == "throttle":
        raise Refused(400, "Throttling.User", "Request was denied due to user flow control.")
    if fault.kind == "deny":
        raise Refused(403, "Request.Forbidden", "Have no Permissions")
    if fault.kind == "bad_key":
        raise Refused(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
    if fault.kind == "refuse":
        raise Refused(fault.status, fault.code, fault.message)


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
