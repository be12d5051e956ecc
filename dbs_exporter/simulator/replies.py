"""The pieces answers are made of: milliseconds, pages, and the refusal that becomes an error answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd
from typing import Any

Answer = dict[str, Any]
Params = Mapping[str, str]
EMPTY_FORMS = ("string", "null", "missing", "object", "list")
"""How a list without records may come; the documents' samples say "Items": ""."""


class Refused(Exception):
    """An error answer: HTTP status, code and message as DBS or the gateway in front of it gives them."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms


def invalid(name: str) -> Refused:
    """The refusal of a parameter whose value is wrong."""
    return Refused(400, "InvalidParameterValid", f"The specified parameter {name} value is not valid.")


def ms(moment: float | None) -> int | None:
    """Unix seconds as the API's milliseconds."""
    return None if moment is None else int(moment * 1000)


def record(**fields: Any) -> Answer:
    """A record without the fields that are not known, as the API leaves them out."""
    return {name: value for name, value in fields.items() if value is not None}


def integer(params: Params, name: str, default: int, allowed: tuple[int, ...] | range | None = None) -> int:
    """An integer parameter; Refused if it is none or not allowed."""
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
    """A parameter that must be there."""
    value = params.get(name)
    if not value:
        raise Refused(400, f"Missing{name}", f"{name} is mandatory for this action.")
    return value


def flag(params: Params, name: str, default: bool) -> bool:
    """A boolean parameter in any of the spellings that clients send."""
    text = params.get(name, "").lower()
    return default if text == "" else text == "true"


def position(order: str, place: int, count: int) -> int:
    """Where the place-th record of an answer stands in the list from oldest to newest."""
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
    """One page of a list of `count` records; `make` gives the record at a position, oldest first. Only the page is made."""
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
    """An empty list in one of EMPTY_FORMS, but for the one that leaves it out."""
    return {"string": "", "null": None, "object": {}, "list": {name: []}}[form]
