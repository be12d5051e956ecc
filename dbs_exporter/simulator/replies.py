"""The parts of requests and answers: parameters, records, pages, and refusals.

This module owns their forms on the wire. It knows no plan and no operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd
from typing import Any

Answer = dict[str, Any]
Params = Mapping[str, str]
EMPTY_FORMS = ("string", "null", "missing", "object", "list")
"""The forms of a list without records; the documents' samples have "Items": ""."""


class Refused(Exception):
    """A refusal, which becomes an error answer: HTTP status, code and message as of DBS or its gateway."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms


def invalid(name: str) -> Refused:
    """Return the refusal of a parameter with a wrong value."""
    return Refused(400, "InvalidParameterValid", f"The specified parameter {name} value is not valid.")


def ms(moment: float | None) -> int | None:
    """Return Unix seconds as the API's milliseconds; None stays None."""
    return None if moment is None else int(moment * 1000)


def record(**fields: Any) -> Answer:
    """Return a record without the fields that are None, as the API leaves them out."""
    return {name: value for name, value in fields.items() if value is not None}


def integer(params: Params, name: str, default: int, allowed: tuple[int, ...] | range | None = None) -> int:
    """Return an integer parameter. Raises Refused if it is no integer or not among the allowed values."""
    text = params.get(name)
    if text is None or text == "":
        return default
    try:
        number = int(text)
    except ValueError:
        raise invalid(name) from None
    if allowed is not None and number not in allowed:
        raise invalid(name)
    return number


def required(params: Params, name: str) -> str:
    """Return a mandatory parameter. Raises Refused if it is missing or empty."""
    value = params.get(name)
    if not value:
        raise Refused(400, f"Missing{name}", f"{name} is mandatory for this action.")
    return value


def flag(params: Params, name: str, default: bool) -> bool:
    """Return a boolean parameter; any spelling but `true`, in any case, means false."""
    text = params.get(name, "").lower()
    return default if text == "" else text == "true"


def position(order: str, place: int, count: int) -> int:
    """Return the position, from oldest to newest, of the record at a place of the answer's order."""
    if order == "oldest":
        return place
    if order == "shuffled":
        stride = max(1, int(count * 0.618))
        while gcd(stride, count) != 1:
            stride += 1
        return (place * stride + 7) % count
    return count - 1 - place


def page(
    params: Params,
    sizes: tuple[int, ...] | range,
    count: int,
    make: Callable[[int], Answer],
    name: str,
    *,
    order: str,
    empty: str,
) -> Answer:
    """Return a page of a list of `count` records.

    `make` returns the record at a position, oldest first; only the records of the page are made. `order` is newest, oldest or
    shuffled, `empty` the form of a list without records. Raises Refused for a wrong page number or size.
    """
    size = integer(params, "PageSize", 30, sizes)
    number = integer(params, "PageNum", 0)
    if number < 0:
        raise invalid("PageNum")
    start = number * size
    records = [make(position(order, place, count)) for place in range(start, min(start + size, count))]
    answer: Answer = {
        "PageNum": number,
        "PageSize": size,
        "TotalElements": count,
        "TotalPages": -(-count // size),
    }
    if records:
        return answer | {"Items": {name: records}}
    return answer if empty == "missing" else answer | {"Items": empty_items(name, empty)}


def empty_items(name: str, form: str) -> Any:
    """Return an empty list in one of EMPTY_FORMS other than `missing`."""
    return {"string": "", "null": None, "object": {}, "list": {name: []}}[form]
