"""What mends a refusal, by its code."""

from __future__ import annotations

import pytest

from dbs_exporter.api.cures import cure_of


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InvalidTimeStamp.Expired", "set this machine's clock"),
        ("InvalidAccessKeyId.NotFound", "there is no such access key"),
        ("InvalidAccessKeyId.Inactive", "the access key is disabled"),
        ("SignatureDoesNotMatch", "the secret does not belong to this access key"),
        ("invalidsecuritytoken.expired", "the security token has expired: use a source that renews it"),
        ("Request.Forbidden", "allow dbs:DescribeRegions"),
        ("Throttling.User", "lower requests_per_second"),
        ("InvalidParameter", ""),
        ("", ""),
    ],
)
def test_a_code_has_its_own_cure(code: str, words: str) -> None:
    """The longest known beginning of a code decides, in any case; an unknown one has no cure."""
    cure = cure_of(code, "DescribeRegions")

    assert cure.startswith(words)
    assert bool(cure) == bool(words)
