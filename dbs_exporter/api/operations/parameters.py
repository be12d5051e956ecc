"""Checks the parameters of a call and converts them to text. It never sends them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from dbs_exporter.api.operations.grammar import COMMON_PARAMETERS, Operation, Parameter
from dbs_exporter.errors import Invalid


def request_parameters(operation: Operation, values: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters as texts ready to send, booleans as true and false; None is left out.

    Raises Invalid, with every problem, if a parameter is missing, unknown, of the wrong type or outside its documented
    values.
    """
    known = {parameter.name: parameter for parameter in (*operation.parameters, *COMMON_PARAMETERS)}
    sent: dict[str, str] = {}
    problems: list[str] = []
    for name, value in values.items():
        if value is None:
            continue
        parameter = known.get(name)
        if parameter is None:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(f"{name} is not a parameter{f'; did you mean {near[0]}?' if near else ''}")
            continue
        text = _as_text(value)
        problem = _problem(parameter, text, operation.page_sizes if name == "PageSize" else ())
        if problem:
            problems.append(problem)
        sent[name] = text
    problems += _missing(operation, sent)
    if problems:
        raise Invalid("; ".join(problems), operation=operation.name)
    return sent


def sizes_text(page_sizes: tuple[int, ...]) -> str:
    """Return the page sizes that an operation takes, as a part of a sentence."""
    if len(page_sizes) > 3:
        return f"{page_sizes[0]} to {page_sizes[-1]}"
    return f"one of {', '.join(map(str, page_sizes))}"


def _as_text(value: object) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    return str(value)


def _problem(parameter: Parameter, text: str, page_sizes: tuple[int, ...]) -> str:
    if parameter.type == "integer":
        if not (text.isascii() and text.removeprefix("-").isdigit()):
            return f"{parameter.name} must be a whole number, not {text!r}"
        # Longer numbers than any field holds are not even converted.
        if len(text) > 19:
            return f"{parameter.name} must be a number of at most 19 digits, not of {len(text)}"
        if parameter.minimum is not None and int(text) < parameter.minimum:
            return f"{parameter.name} must be {parameter.minimum} or more, not {text}"
        if page_sizes and int(text) not in page_sizes:
            return f"{parameter.name} must be {sizes_text(page_sizes)}, not {text}"
    if parameter.longest is not None and not (text.isascii() and 0 < len(text) <= parameter.longest):
        return f"{parameter.name} must be 1 to {parameter.longest} ASCII characters, not {len(text)} of {text[:80]!r}"
    if parameter.type == "boolean" and text.lower() not in ("true", "false"):
        return f"{parameter.name} must be true or false, not {text!r}"
    allowed = {value.lower() for value in parameter.values}
    parts = [part.strip() for part in text.split(",")] if parameter.many else [text]
    if allowed and any(part.lower() not in allowed for part in parts):
        return f"{parameter.name} must be one of {', '.join(parameter.values)}, not {text!r}"
    return ""


def _missing(operation: Operation, sent: Mapping[str, str]) -> list[str]:
    problems = []
    for parameter in operation.parameters:
        if sent.get(parameter.name, "") != "":
            continue
        if parameter.required:
            problems.append(f"{parameter.name} is required")
        elif parameter.required_when is not None:
            other, values = parameter.required_when
            if sent.get(other, "").lower() in values:
                problems.append(f"{parameter.name} is required when {other} is {sent[other]}")
    present = [name for name in operation.exactly_one_of if sent.get(name)]
    if operation.exactly_one_of and len(present) != 1:
        problems.append(
            f"exactly one of {' and '.join(operation.exactly_one_of)} is required, not {len(present)}"
        )
    if len([name for name in operation.at_most_one_of if sent.get(name)]) > 1:
        problems.append(f"only one of {' and '.join(operation.at_most_one_of)} may be given")
    return problems
