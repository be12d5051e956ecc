"""Turns pydantic's errors into sentences: what is wrong, and what would be right.

This module owns the wording. It never shows the value of a key that holds a secret.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dbs_exporter.config.document import Document, KeyPath
from dbs_exporter.config.models import SECRET_KEYS


def add_problems(document: Document, error: ValidationError, model: type[BaseModel]) -> None:
    """Add every error of a validation to the document's problems, with line and key."""
    for details in error.errors(include_url=False):
        # pydantic puts the alternatives of a union into the location as <tags>, which are not keys of the file.
        path: KeyPath = tuple(part for part in details["loc"] if not str(part).startswith("<"))
        if details["type"] == "too_short" and details["input"]:
            continue  # The items themselves are wrong, which is reported already.
        document.add_problem(path, _sentence(path, details, model))


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the nearest known one, or all if none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"


def _sentence(path: KeyPath, details: ErrorDetails, model: type[BaseModel]) -> str:
    value = details["input"]
    context = details.get("ctx", {})
    shown = "the value" if path and path[-1] in (*SECRET_KEYS, "password") else _shown(value)
    match details["type"]:
        case "extra_forbidden":
            return f"unknown key; {suggestion(str(path[-1]), _known_keys(path[:-1], model))}"
        case "missing":
            return f"missing; add {path[-1]}: {_example(path, model)}"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            allowed = [text.strip("'") for text in str(context["expected"]).replace(" or ", ", ").split(", ")]
            problem = f"{shown} is not possible; "
            if len(allowed) == 1 and isinstance(value, str):
                return f"{problem}write {allowed[0]}, or a list in brackets"
            return problem + (
                suggestion(value, allowed) if isinstance(value, str) else f"known are {', '.join(allowed)}"
            )
        case "string_type":
            if isinstance(value, bool | int | float):
                return f"{shown} is not text; put it in quotes"
            return f"{shown} is not text; write {_example(path, model)}"
        case "string_too_short":
            return f"empty; write {_example(path, model)}"
        case "string_too_long":
            return f"longer than {context['max_length']} characters"
        case "too_short":
            if not isinstance(value, list | tuple):
                return f"empty; write {_example(path, model)}"
            return f"an empty list; name at least one, such as {_example(path, model)}"
        case "bool_type":
            return f"{shown} is neither true nor false; write one of them without quotes"
        case "int_type" | "int_from_float":
            return f"{shown} is not a whole number; write one without quotes, such as 4"
        case "float_type":
            return f"{shown} is not a number; write one without quotes, such as 5"
        case "greater_than" | "greater_than_equal":
            least = context.get("ge", context.get("gt"))
            bound = "at least" if "ge" in context else "more than"
            return f"{shown} is too small; {bound} {least:g} would be right"
        case "finite_number":
            return "a number beyond all bounds; write one such as 5"
        case "less_than_equal":
            return f"{shown} is too large; at most {context['le']:g} would be right"
        case "tuple_type":
            return f"{shown} is not a list; write a list in brackets, such as {_example(path, model)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            known = ", ".join(sorted(_known_keys(path, model)))
            return f"{shown} is not a mapping; write keys below it, known are {known}"
        case _:
            return details["msg"]


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, float) and math.isinf(value):
        return "a number beyond all bounds"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _known_keys(path: KeyPath, model: type[BaseModel]) -> list[str]:
    section = _model_at(path, model)
    return list(section.model_fields) if section else []


def _model_at(path: KeyPath, model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model of the keys below a path of `model`, None if there is none."""
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str) and current is not None:
            field = current.model_fields.get(part)
            current = _model_in(field.annotation) if field else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as `tuple[AccountConfig, ...]`; no annotation has two."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for part in get_args(annotation) if (inner := _model_in(part))), None)


def _field_at(path: KeyPath, model: type[BaseModel]) -> FieldInfo | None:
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return None
    section = _model_at(tuple(names[:-1]), model)
    return section.model_fields.get(names[-1]) if section else None


def _example(path: KeyPath, model: type[BaseModel]) -> str:
    """Return an example of a key's value, or of a list's item, as YAML."""
    field = _field_at(path, model)
    example: object = field.examples[0] if field and field.examples else "text"
    if path and isinstance(path[-1], int) and isinstance(example, list):
        example = example[0]
    return _as_yaml(example)


def _as_yaml(value: object) -> str:
    """Return a value in YAML's flow style."""
    if isinstance(value, list):
        return f"[{', '.join(map(_as_yaml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_as_yaml(inner)}' for key, inner in value.items())}}}"
    return str(value)
