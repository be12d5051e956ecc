"""Listen addresses, and which hosts are this machine."""

from __future__ import annotations

import pytest

from dbs_exporter.listen import is_loopback, parse_listen_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":10033", ("", 10033)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:1", ("::1", 1)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_listen_addresses_are_host_and_port(text: str, expected: tuple[str, int]) -> None:
    """Without a host every interface is meant."""
    assert parse_listen_address(text) == expected


def test_loopback_is_known_by_name_and_number() -> None:
    """Only addresses of this very machine count."""
    own = ("localhost", "127.0.0.2", "::1", "a.localhost")
    foreign = ("10.0.0.1", "example.com", "")

    assert [is_loopback(host) for host in (*own, *foreign)] == [True] * len(own) + [False] * len(foreign)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10033", r"is not a listen address; write \[HOST\]:PORT"),
        (":65536", "port 65536 does not exist; 0 to 65535 would be right"),
        ("::1:80", "is not a listen address"),
        ("[zz]:80", "is not a listen address|is not an IPv6 address"),
        ("[1:2]:80", r"'1:2' is not an IPv6 address; \[::1\]:80 would be right"),
        ("", "is not a listen address"),
    ],
)
def test_what_is_no_listen_address_is_told_with_one_that_is(text: str, message: str) -> None:
    """The message says what would be right."""
    with pytest.raises(ValueError, match=message):
        parse_listen_address(text)
