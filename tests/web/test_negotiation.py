"""What a client asked for: quality values, versions, and headers that cannot be understood."""

from __future__ import annotations

import pytest

from dbs_exporter.web.negotiation import wants_gzip, wants_openmetrics

PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0", True),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', True),
        ("Application/OpenMetrics-Text;version=0.0.1", True),
        ("application/openmetrics-text;version=7.0.0", False),
        (PROMETHEUS_ACCEPT, True),
        ("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.2", False),
        ("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nonsense", False),
        ("application/openmetrics-text;q=nan", False),
        ("application/openmetrics-text;q=5", False),
        (",;,;;q=,=,", False),
    ],
)
def test_openmetrics_goes_to_those_who_rank_it_highest(accept: str, openmetrics: bool) -> None:
    """Quality values and versions count; what cannot be understood is as if it were not there."""
    assert wants_openmetrics(accept.encode()) is openmetrics


@pytest.mark.parametrize(
    ("accept_encoding", "compressed"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("gzip;q=0.5, identity;q=0.9", False),
        ("gzip;q=0, *", False),
        ("deflate", False),
    ],
)
def test_gzip_goes_to_those_who_allow_it_and_do_not_prefer_it_plain(
    accept_encoding: str, compressed: bool
) -> None:
    """As RFC 9110 says."""
    assert wants_gzip(accept_encoding.encode()) is compressed
