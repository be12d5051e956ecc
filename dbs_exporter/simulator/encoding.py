"""Encodes answers as JSON or XML. This module does not choose between them; `service` does."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape


def to_json(answer: Any) -> bytes:
    """Return an answer as JSON in UTF-8."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def to_xml(name: str, answer: Any) -> bytes:
    """Return an answer as XML: an element per field, a list as repeated elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{_element(answer)}</{name}>'.encode()


def _element(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(
            "".join(f"<{name}>{_element(item)}</{name}>" for item in inner)
            if isinstance(inner, list)
            else f"<{name}>{_element(inner)}</{name}>"
            for name, inner in value.items()
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else escape(str(value))
