"""What pydantic found wrong, as sentences: where, what, and what would be right.

It owns the wording. It never repeats a value that stands under a key for a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dbs_exporter.config.document import Document, KeyPath
from dbs_exporter.config.models import SECRET_KEYS


def add_problems(document: Document, error: ValidationError, model: type[BaseModel]) -> None:
    """Put every error of a validation into the document's problems, each with its line and key."""
    for details in error.errors(include_url=False):
        # The alternatives of a union stand in the location as <tags>, which are no keys of the file.
        path: KeyPath = tuple(part for part in details["loc"] if not str(part).startswith("<"))
        if details["type"] == "too_short" and details["input"]:
            continue  # Its items are wrong, and that has been said.
        document.problem(path, _sentence(path, details, model))


def nearest(word: str, known: Iterable[str]) -> str:
    """ "; did you mean …?" for the nearest known word, else the known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"


def _sentence(path: KeyPath, details: ErrorDetails, model: type[BaseModel]) -> str:
    given = details["input"]
    context = details.get("ctx", {})
    shown = "the value" if path and path[-1] in SECRET_KEYS else _shown(given)
    match details["type"]:
        case "extra_forbidden":
            return f"unknown key; {nearest(str(path[-1]), _known_keys(path[:-1], model))}"
        case "missing":
            return f"missing; add {path[-1]}: {_example(path, model)}"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            allowed = [text.strip("'") for text in str(context["expected"]).replace(" or ", ", ").split(", ")]
            said = f"{shown} is not possible; "
            if len(allowed) == 1 and isinstance(given, str):
                return f"{said}write {allowed[0]}, or a list in brackets"
            return said + (
                nearest(given, allowed) if isinstance(given, str) else f"known are {', '.join(allowed)}"
            )
        case "string_type":
            if isinstance(given, bool | int | float):
                return f"{shown} is not text; put it in quotes"
            return f"{shown} is not text; write {_example(path, model)}"
        case "string_too_short":
            return f"empty; write {_example(path, model)}"
        case "string_too_long":
            return f"longer than {context['max_length']} characters"
        case "too_short":
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
    said = repr(value)
    return said if len(said) <= 80 else f"{said[:77]}..."


def _known_keys(path: KeyPath, model: type[BaseModel]) -> list[str]:
    found = _model_at(path, model)
    return list(found.model_fields) if found else []


def _model_at(path: KeyPath, model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model whose keys stand below a path of `model`."""
    at: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str) and at is not None:
            found = at.model_fields.get(part)
            at = _model_in(found.annotation) if found else None
    return at


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as `tuple[AccountConfig, ...]`; no key of ours allows two."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _field_at(path: KeyPath, model: type[BaseModel]) -> FieldInfo | None:
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return None
    around = _model_at(tuple(names[:-1]), model)
    return around.model_fields.get(names[-1]) if around else None


def _example(path: KeyPath, model: type[BaseModel]) -> str:
    """An example of a key's value, as YAML; for an item of a list, one item."""
    found = _field_at(path, model)
    example: object = found.examples[0] if found and found.examples else "text"
    if path and isinstance(path[-1], int) and isinstance(example, list):
        example = example[0]
    return _as_yaml(example)


def _as_yaml(value: object) -> str:
    """An example in YAML's short form."""
    if isinstance(value, list):
        return f"[{', '.join(map(_as_yaml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_as_yaml(inner)}' for key, inner in value.items())}}}"
    return str(value)
