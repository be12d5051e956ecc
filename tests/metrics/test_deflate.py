"""Gzip bodies of pieces: their checksum follows from those of the pieces."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.metrics.deflate import GZIP_HEADER, Checksum, combined, deflated, inflated, inflated_body


@given(st.lists(st.binary(max_size=200) | st.integers(0, 2**17).map(bytes)))
def test_combined_checksums_are_those_of_the_whole(parts: list[bytes]) -> None:
    """CRC-32 and length of a concatenation follow from those of its parts, all at once or one by one."""
    whole = b"".join(parts)
    together = combined(map(Checksum.of, parts))

    assert (together.crc, together.length) == (zlib.crc32(whole), len(whole))
    assert together == combined([combined(map(Checksum.of, parts[:2])), *map(Checksum.of, parts[2:])])
    body = b"".join([GZIP_HEADER, *map(deflated, parts), together.gzip_trailer()])
    assert gzip.decompress(body) == whole


@given(st.binary(max_size=300), st.integers(0, 3 * 2**18), st.lists(st.integers(0, 40), max_size=5))
def test_a_body_is_inflated_in_bounded_parts_however_it_is_cut(
    lines: bytes, zeros: int, cuts: list[int]
) -> None:
    """Whatever compresses a thousandfold, no part is longer than 256 KiB, and all together are the data."""
    data = lines + bytes(zeros) + lines
    body = b"".join(
        [GZIP_HEADER, deflated(lines), deflated(data[len(lines) :]), Checksum.of(data).gzip_trailer()]
    )
    edges = [0, *sorted(cuts), len(body)]
    chunks = [body[begin:end] for begin, end in pairwise(edges)]

    parts = list(inflated_body(chunks))

    assert b"".join(parts) == data
    assert max(map(len, parts), default=0) <= 2**18
    assert b"" not in parts


def test_a_piece_is_inflated_alone() -> None:
    """It has no end of its own, and needs nothing before it."""
    assert inflated(deflated(b"a 1.0\n" * 100)) == b"a 1.0\n" * 100
    assert inflated(b"") == b""
