"""Gzip bodies of pieces: their checksum follows from those of the pieces."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.metrics.deflate import GZIP_HEADER, Checksum, combined, deflated


@given(st.lists(st.binary(max_size=200)))
def test_combined_checksums_are_those_of_the_whole(parts: list[bytes]) -> None:
    """CRC-32 and length of a concatenation follow from those of its parts, all at once or one by one."""
    whole = b"".join(parts)
    one_by_one = Checksum()
    for part in parts:
        one_by_one = one_by_one.then(Checksum.of(part))

    together = combined(map(Checksum.of, parts))

    assert (together.crc, together.length) == (zlib.crc32(whole), len(whole))
    assert together == one_by_one == Checksum.of(whole)
    body = b"".join([GZIP_HEADER, *map(deflated, parts), together.gzip_trailer()])
    assert gzip.decompress(body) == whole
