"""Spans, instants, sizes and shares, as people say them."""

from __future__ import annotations

import pytest

from dbs_exporter.web.page import words

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.span(0.4), "0 s"),
        (words.span(59.9), "59 s"),
        (words.span(60), "1 min"),
        (words.span(11_520), "3 h 12 min"),
        (words.span(864_000 - 1), "9 d 23 h"),
        (words.span(864_000), "10 d"),
        (words.ago(NOW - 90, NOW), "1 min 30 s ago"),
        (words.ago(NOW, NOW), "just now"),
        (words.ago(NOW + 7200, NOW), "in 2 h"),
        (words.instant(0), "1970-01-01T00:00:00Z"),
        (words.instant(1e30), f"{1e30:.0f}"),
        (words.clock(NOW), "2027-01-15 08:00 UTC"),
        (words.clock(NOW, "Asia/Shanghai"), "2027-01-15 16:00 +08:00"),
        (words.clock(1e30), f"{1e30:.0f}"),
        (words.size(0), "0 B"),
        (words.size(1024), "1.00 KiB"),
        (words.size(95.84 * 2**30), "95.8 GiB"),
        (words.size(999.9 * 2**20), "0.98 GiB"),
        (words.size(2**60), "1,024.0 PiB"),
        (words.percent(0.999), "99 %"),
        (words.times(0.3), "0.30 ×"),
        (words.times(1.0), "1.0 ×"),
        (words.times(40.2), "40 ×"),
    ],
)
def test_spans_instants_sizes_and_shares_read_as_people_say_them(said: str, expected: str) -> None:
    """Two units at most, nothing rounded up into what it has not reached."""
    assert said == expected
