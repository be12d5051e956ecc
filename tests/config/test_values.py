"""Single values: what is taken as it is, and what each refusal says would be right."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from dbs_exporter.config import values
from dbs_exporter.config.values import telemetry_path


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (values.Interval, "90s", 90.0),
        (values.Timeout, "100ms", 0.1),
        (values.SessionTime, "12h", 43_200.0),
        (values.Region, "cn-shenzhen-finance-1", "cn-shenzhen-finance-1"),
        (values.Endpoint, "http://127.0.0.1:8765/", "http://127.0.0.1:8765"),
        (values.Uri, "http://127.0.0.1:9000/credentials?x=y", "http://127.0.0.1:9000/credentials?x=y"),
        (values.ListenAddress, "[::1]:0", "[::1]:0"),
    ],
)
def test_what_is_right_is_taken(kind: Any, given: object, value: object) -> None:
    """Durations become seconds, an endpoint loses its last slash, and the rest stays as it was written."""
    assert TypeAdapter(kind).validate_python(given) == value


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (values.Interval, "8d", "'8d' is outside 1s to 7d"),
        (values.Interval, 90, "90 has no unit; write a duration such as 90s or 5m"),
        (values.Interval, True, "not a duration; write one such as 30s"),
        (values.SessionTime, "5m", "'5m' is outside 15m to 12h"),
        (values.Name, " prod", "has spaces around it"),
        (values.Region, "hangzhou", "write one such as cn-hangzhou"),
        (values.Region, "all", "write regions: all, without brackets"),
        (values.Endpoint, "https://u:p@host", "credentials belong under `credentials`"),
        (values.Endpoint, "https://host/path", "so https://host would be right"),
        (values.Endpoint, "http://[", "is not a URL"),
        (values.Uri, "file:///etc/passwd", "not an http or https URL"),
        (values.Patterns, ("a", "b", "a"), "'a' given more than once"),
        (values.ListenAddress, ":70000", "0 to 65535 would be right"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(kind: Any, given: object, message: str) -> None:
    """Each refusal is a sentence for the one who wrote the file."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)

    assert message in str(caught.value)


@pytest.mark.parametrize("path", ["metrics", "", "/a b", "/a?b", "/a{b}", "/", "/-/healthy", "/-"])
def test_a_path_for_metrics_must_be_one_and_be_free(path: str) -> None:
    """What is no path, or is the exporter's own, is refused with one that would be right."""
    with pytest.raises(ValueError, match="/metrics"):
        telemetry_path(path)
    assert telemetry_path("/a/b") == "/a/b"
