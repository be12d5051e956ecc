"""Durations as Prometheus writes them, to seconds and back."""

from __future__ import annotations

import pytest

from dbs_exporter.config.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("1h30m", 5400),
        ("100d", 8_640_000),
        ("250ms", 0.25),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
        ("0s", 0),
    ],
)
def test_durations_are_prometheus_durations(text: str, seconds: float) -> None:
    """Years have 365 days, and every unit stands once, largest first."""
    assert parse_duration(text) == pytest.approx(seconds)
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "1.5h", "-1s", "1s1h", "1h1h", "s", "1 h", "1H", "1s\n", "9" * 80 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """No unit, fractions, signs, repeated or misplaced units."""
    with pytest.raises(ValueError, match="is not a duration; write numbers with units"):
        parse_duration(text)
