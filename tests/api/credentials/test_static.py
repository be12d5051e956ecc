"""Keys from the configuration or from files: rotation, files that vanish, and nothing secret shown."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from support.account_credentials import SECRET, Failures, key_in_file, rewrite, settings, source_of
from support.fake_clock import FakeClock

from dbs_exporter.api.credentials.secrets import SecretText
from dbs_exporter.api.credentials.types import Credentials, RenewableSource
from dbs_exporter.errors import CredentialsError


def test_an_access_key() -> None:
    """A key from the configuration has no token and no end."""
    found = source_of(settings(type="access_key", access_key_id="ak", access_key_secret=SECRET)).get()

    assert found == Credentials(access_key_id="ak", access_key_secret=SECRET)


def test_a_security_token() -> None:
    """An STS token from the configuration is used as it is."""
    config = settings(type="sts", access_key_id="STS.a", access_key_secret=SECRET, security_token="tok")

    assert source_of(config).get().security_token == "tok"


def test_nothing_secret_shows() -> None:
    """Neither repr nor str of credentials and sources holds a secret."""
    config = settings(type="sts", access_key_id="STS.a", access_key_secret=SECRET, security_token="t0ken")
    built = source_of(config)

    for shown in (repr(built.get()), str(built.get()), repr(built), f"{vars(built)}"):
        assert SECRET not in shown
        assert "t0ken" not in shown


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A rotated secret is used at the next call, without a reload."""
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    built = source_of(key_in_file(secret))
    assert built.get().access_key_secret == "first"

    rewrite(secret, "second\n")

    assert built.get().access_key_secret == "second"


def test_a_file_that_vanishes_leaves_the_old_secret(tmp_path: Path) -> None:
    """What was read stands while the file is gone or empty; that is logged and counted once at a time, and a new file is taken."""
    secret = tmp_path / "secret"
    secret.write_text("first")
    failures = Failures()
    built = source_of(key_in_file(secret), failures)
    built.get()
    secret.unlink()

    assert [built.get().access_key_secret for _ in range(3)] == ["first"] * 3
    assert failures.accounts == ["prod"]

    secret.write_text("")
    assert built.get().access_key_secret == "first"
    secret.write_text("third")
    assert built.get().access_key_secret == "third"


def test_a_failure_that_lasts_is_counted_every_half_minute(tmp_path: Path) -> None:
    """As one of a source that fetches, so that an alert on either stays while it lasts; with or without an old secret."""
    for before in ("first", ""):
        secret = tmp_path / "secret"
        secret.write_text(before)
        failures, clock = Failures(), FakeClock()
        built = source_of(key_in_file(secret), failures, clock)
        if before:
            built.get()
            secret.unlink()
        for _ in range(61):
            with nullcontext() if before else pytest.raises(CredentialsError):
                built.get()
            clock.advance(1.0)

        assert failures.accounts == ["prod"] * 3


def test_a_key_that_no_header_can_carry_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with what came, the key that works goes on working."""
    secret = tmp_path / "secret"
    secret.write_text("first")
    built = source_of(key_in_file(secret))
    built.get()
    monkeypatch.setattr(SecretText, "read", lambda _self: "with space")

    assert built.get().access_key_secret == "first"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"a\nb\n", "has more than one line"),
        (b"a b", "holds a space or another odd character"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * 20_000, "is larger than 16384 bytes"),
    ],
)
def test_a_file_that_becomes_odd_leaves_the_old_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, problem: str
) -> None:
    """Whatever is written into it, the key that works goes on working, and the log names the file."""
    secret = tmp_path / "secret"
    secret.write_text("first")
    failures = Failures()
    built = source_of(key_in_file(secret), failures)
    built.get()
    secret.write_bytes(content)

    assert built.get().access_key_secret == "first"
    assert failures.accounts == ["prod"]
    assert f"the file {secret} {problem}" in caplog.text


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path) -> None:
    """An editor that puts one before the text does not make another key of it."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"\xef\xbb\xbffirst\r\n")

    assert source_of(key_in_file(secret)).get().access_key_secret == "first"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe" + SECRET.encode()])
def test_a_file_that_never_was_readable(tmp_path: Path, content: bytes | None) -> None:
    """With nothing read before, the error names the account and the reason, never what the file held."""
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    built = source_of(key_in_file(secret))
    with pytest.raises(CredentialsError, match="account prod") as caught:
        built.get()

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("bad", ["with space", "line\nbreak", "ünïcode"])
def test_a_secret_that_no_header_can_carry_is_refused(bad: str) -> None:
    """A key that would break the request is refused with its account, before any library quotes it in an error."""
    config = settings(type="sts", access_key_id="ak", access_key_secret="x", security_token=bad)
    with pytest.raises(CredentialsError, match="account prod") as caught:
        source_of(config).get()

    assert bad not in str(caught.value)


def test_a_refused_key_is_looked_up_again(tmp_path: Path) -> None:
    """After a refusal a source says whether there is something newer."""
    secret = tmp_path / "secret"
    secret.write_text("first")
    built = source_of(key_in_file(secret))
    used = built.get()
    assert isinstance(built, RenewableSource)
    assert not built.renew(used)

    rewrite(secret, "second")

    assert built.renew(used)
