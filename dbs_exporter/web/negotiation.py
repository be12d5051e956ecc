"""What a client asked for: which format of the metrics, and whether compressed. Pure, and remembered per header."""

from __future__ import annotations

from functools import lru_cache

OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_VERSIONS = frozenset({"", "0.0.1", "1.0.0"})
"""Versions that our OpenMetrics page satisfies; "" if the client named none."""

_LONGEST_HEADER = 2048


@lru_cache(maxsize=128)
def wants_openmetrics(accept: bytes) -> bool:
    """True if an Accept header ranks OpenMetrics at least as high as the text format.

    Quality values count as in RFC 9110, 12.5.1; between equals OpenMetrics wins if it is named, as in
    prometheus_client. Anything that cannot be understood means the text format.
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
    """True if an Accept-Encoding header allows gzip and does not rank the identity above it (RFC 9110, 12.5.3)."""
    ranked = {name: quality for name, _, quality in _ranked(accept_encoding)}
    gzip = ranked.get("gzip", ranked.get("x-gzip", ranked.get("*", 0.0)))
    return gzip > 0 and gzip >= ranked.get("identity", 0.0)


def _ranked(header: bytes) -> list[tuple[str, dict[str, str], float]]:
    """(name, parameters, quality) of each element; elements with a broken quality are left out."""
    found = []
    for element in header[:_LONGEST_HEADER].decode("latin-1").lower().split(","):
        name, *rest = (part.strip() for part in element.split(";"))
        parameters = {
            key.strip(): value.strip().strip('"') for key, _, value in (one.partition("=") for one in rest)
        }
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            continue
        if name and 0.0 <= quality <= 1.0:
            found.append((name, parameters, quality))
    return found
