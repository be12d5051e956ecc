"""The preview of the boards: the order of backfilled rules, the moments of the written past, and that the pictures are fresh."""

from __future__ import annotations

import struct
import subprocess
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from support.programs import tool

from dashboards.preview.recorded import (
    DEPTHS,
    LOOKBACK_SECONDS,
    Rule,
    Span,
    active_since,
    levels,
    line,
    named_in,
    rules,
    spans,
    step_for,
)
from dashboards.preview.render import QUANTISE, drawn, fingerprint
from dashboards.source.queries import boards, since_seconds

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
NOW = 1_790_000_123.0
DAY = 86_400


def rule(name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression}


def test_rules_come_after_what_they_read() -> None:
    """A rule waits for every rule of each name that it reads, however deep in the expression that stands."""
    first, second = rule("a", "up"), rule("a", "max_over_time(b[1h])")
    third, fourth = rule("b", "-(up)"), rule("c", "sum by (job) (rate(up[5m])) / on () (a or up offset 1d)")

    assert levels([fourth, second, first, third]) == [[third], [second, first], [fourth]]


def test_rules_that_need_each_other_are_refused() -> None:
    """There is no order for a circle."""
    with pytest.raises(ValueError, match="a, b"):
        levels([rule("a", "b"), rule("b", "a"), rule("c", "up")])


def test_every_recording_rule_has_its_level() -> None:
    """The project's own rules all come, each after what it reads."""
    recording = [rule for rule in rules() if "record" in rule]
    names = {rule["record"] for rule in recording}
    before: set[str] = set()
    for level in levels(recording):
        for rule in level:
            assert named_in(rule["expr"]) & names <= before
        before |= {rule["record"] for rule in level}

    assert before == names


@pytest.mark.parametrize("now", [NOW, 1_790_000_000.0 // 7200 * 7200, NOW + 7199])
def test_the_past_is_without_seams(now: float) -> None:
    """Every moment is a multiple of its stretch's step, each comes once, and the stretches reach from end to end."""
    past = spans(now)
    moments = [moment for span in past for moment in span.moments()]

    assert all(moment % span.step == 0 for span in past for moment in span.moments())
    assert all(earlier < later and later - earlier <= DEPTHS[0][1] for earlier, later in pairwise(moments))
    assert all(later.start - earlier.end == earlier.step for earlier, later in pairwise(past))
    assert moments[0] <= now - 30 * DAY
    assert now - 120 < moments[-1] <= now


def test_steps_that_do_not_meet_are_refused() -> None:
    """Seams lie at multiples of both steps."""
    with pytest.raises(ValueError, match="divide"):
        spans(NOW, ((30 * DAY, 3600), (DAY, 700)))


@pytest.mark.parametrize("board", boards())
def test_a_board_asks_only_where_samples_are(board: str) -> None:
    """At each moment of a board's curves a sample was written within Prometheus' look back."""
    reach = since_seconds(boards()[board])
    step = step_for(reach)
    moments = {moment for span in spans(NOW) for moment in span.moments()}
    begin = int((NOW - reach) // step * step)

    assert all(
        any(at - back in moments for back in range(LOOKBACK_SECONDS)) for at in range(begin, int(NOW), step)
    )


def test_an_alert_is_active_since_it_last_was_not() -> None:
    """The newest unbroken run counts, across stretches; what does not hold at the end is not active."""
    past = [Span(start=0, end=7200, step=7200), Span(start=14400, end=14640, step=120)]

    assert active_since({0, 7200, 14400, 14520, 14640}, past) == 0
    assert active_since({0, 14400, 14520, 14640}, past) == 14400
    assert active_since({0, 7200, 14400}, past) is None


def test_labels_are_quoted() -> None:
    """Backslashes, quotes and line ends survive the text."""
    assert line("a", [("b", 'c\\"\n')], "1", 2) == 'a{b="c\\\\\\"\\n"} 1 2.000\n'


def test_every_board_has_a_fresh_picture() -> None:
    """Pictures were drawn of the boards as they are; after a change, `make preview` draws them again."""
    assert {path.stem for path in IMAGES.glob("board-*.png")} == {f"board-{name}" for name in boards()}
    assert drawn(IMAGES) == {name: fingerprint(name) for name in boards()}


@pytest.mark.parametrize("picture", sorted(IMAGES.glob("board-*.png")), ids=lambda path: path.stem)
def test_pictures_are_small(picture: Path) -> None:
    """A clone does not carry megabytes of them."""
    assert picture.stat().st_size < 300_000


def png(width: int, height: int, kind: int, rows: bytes, palette: bytes = b"") -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    colours = chunk(b"PLTE", palette) if palette else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + colours
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def test_few_colours_are_kept_exactly(tmp_path: Path) -> None:
    """A picture with fewer than 256 colours looks the same with a palette, whatever filters its lines had."""
    picture = tmp_path / "board.png"
    # Two lines, red and blue: as they are; then the same again, told by the differences to the line above.
    picture.write_bytes(png(2, 2, 2, b"\x00\xff\x00\x00\x00\x00\xff" + b"\x02" + bytes(6)))

    subprocess.run([tool("node"), str(QUANTISE), str(picture)], check=True, timeout=60)
    found = picture.read_bytes()
    at = found.index(b"PLTE")
    palette = found[at + 4 : at + 4 + struct.unpack(">I", found[at - 4 : at])[0]]
    red, blue = (palette.index(colour) // 3 for colour in (b"\xff\x00\x00", b"\x00\x00\xff"))

    rows = bytes([0, red, blue, 0, red, blue])
    assert found[found.index(b"IDAT") :][:4] == b"IDAT"
    assert zlib.decompress(found[found.index(b"IDAT") + 4 :]) == rows
