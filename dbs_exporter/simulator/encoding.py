"""JSON and XML bodies. XML is what version 1 of the signature answers unless a Format is asked for."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape


def to_json(answer: Any) -> bytes:
    """An answer as UTF-8 JSON."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def to_xml(name: str, answer: Any) -> bytes:
    """An answer as XML: one element per field, lists as repeated elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{_element(answer)}</{name}>'.encode()


def _element(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(
            "".join(f"<{name}>{_element(one)}</{name}>" for one in inner)
            if isinstance(inner, list)
            else f"<{name}>{_element(inner)}</{name}>"
            for name, inner in value.items()
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else escape(str(value))
