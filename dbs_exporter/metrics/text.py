"""The syntax of the Prometheus text format 0.0.4 and of OpenMetrics 1.0.

This module owns how values, labels, escapes and header lines are written. It knows no family.
Sample lines are the same in both formats as long as samples have no timestamp; the formats differ in HELP, in the family
name of a counter and in the closing `# EOF`. The tests compare with both `generate_latest` of prometheus_client.
"""

from __future__ import annotations

import re
import zlib
from typing import Literal

MetricType = Literal["gauge", "counter"]

TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
OPENMETRICS_END = b"# EOF\n"

LABEL_VALUE_LIMIT = 128
"""Characters; longer than any name that DBS allows, short enough for every storage behind Prometheus."""

# Prometheus' lexer takes a NUL for the end of the scrape, a lone surrogate has no UTF-8, and the rest of
# these would spoil a terminal. A line feed stays: the format has an escape for it.
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_NOT_FINITE = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def format_value(value: float) -> str:
    """Return the number as prometheus_client writes it: Python's shortest digits, but Go's exponents."""
    digits = repr(value)
    dot = digits.find(".")
    if dot > 6 and value > 0:
        mantissa = f"{digits[0]}.{digits[1:dot]}{digits[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{dot - 1:02d}"
    return digits if dot > 0 else _NOT_FINITE.get(digits, digits)


def label_value(value: str) -> str:
    """Return the value fit for a label: at most LABEL_VALUE_LIMIT characters and no control characters.

    A value that had to be changed ends in `~` and the CRC-32 of the original, so that two different values of the API never
    become the same series.
    """
    if value.isprintable() and len(value) <= LABEL_VALUE_LIMIT:
        return value
    cleaned = _UNSAFE.sub("\ufffd", value)
    if cleaned == value and len(value) <= LABEL_VALUE_LIMIT:
        return value
    mark = f"~{zlib.crc32(value.encode('utf-8', 'surrogatepass')):08x}"
    return cleaned[: LABEL_VALUE_LIMIT - len(mark)] + mark


def escaped_label(value: str) -> str:
    """Return `label_value` of the value, escaped for a sample line. Raises TypeError if it is no str."""
    if not isinstance(value, str):
        raise TypeError(f"a label value must be str, not {type(value).__name__}")
    if value.isprintable() and len(value) <= LABEL_VALUE_LIMIT and "\\" not in value and '"' not in value:
        return value
    return escape_label_value(label_value(value))


def escape_label_value(value: str) -> str:
    """Return the value with the three escapes that both formats define for label values."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def header_lines(name: str, text: str, metric_type: MetricType, *, openmetrics: bool) -> bytes:
    """Return a family's HELP and TYPE lines.

    OpenMetrics names a counter without `_total` and also escapes quotes in HELP.
    """
    if openmetrics:
        name = name.removesuffix("_total") if metric_type == "counter" else name
        text = escape_label_value(text)
    else:
        text = text.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {metric_type}\n".encode()
