"""Content negotiation: which format of the metrics a client wants, and whether compressed.

This module reads request headers only. Its functions are pure, and their results are cached per header.
"""

from __future__ import annotations

from functools import lru_cache

OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_VERSIONS = frozenset({"", "0.0.1", "1.0.0"})
"""Versions that the OpenMetrics page satisfies; "" stands for a client that names none."""

_LONGEST_HEADER = 2048


@lru_cache(maxsize=128)
def wants_openmetrics(accept: bytes) -> bool:
    """Return whether an Accept header ranks OpenMetrics at least as high as the text format.

    Quality values count as in RFC 9110, 12.5.1. If both rank the same, OpenMetrics wins, as in prometheus_client. A header
    that cannot be parsed means the text format.
    """
    openmetrics = 0.0
    text = 0.0
    for name, parameters, quality in _ranked(accept):
        if name == OPENMETRICS and parameters.get("version", "") in OPENMETRICS_VERSIONS:
            openmetrics = max(openmetrics, quality)
        elif name == "text/plain":
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


@lru_cache(maxsize=128)
def wants_gzip(accept_encoding: bytes) -> bool:
    """Return whether an Accept-Encoding header prefers gzip, or ranks it as high as no encoding.

    Quality values count as in RFC 9110, 12.5.3.
    """
    ranked = {name: quality for name, _, quality in _ranked(accept_encoding)}
    gzip = ranked.get("gzip", ranked.get("x-gzip", ranked.get("*", 0.0)))
    return gzip > 0 and gzip >= ranked.get("identity", 0.0)


def _ranked(header: bytes) -> list[tuple[str, dict[str, str], float]]:
    """Return (name, parameters, quality) of each element, without elements whose quality is invalid."""
    ranked = []
    for element in header[:_LONGEST_HEADER].decode("latin-1").lower().split(","):
        name, *rest = (part.strip() for part in element.split(";"))
        parameters = {
            key.strip(): value.strip().strip('"')
            for key, _, value in (parameter.partition("=") for parameter in rest)
        }
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            continue
        if name and 0.0 <= quality <= 1.0:
            ranked.append((name, parameters, quality))
    return ranked
