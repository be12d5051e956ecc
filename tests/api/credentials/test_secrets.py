"""Secrets from the configuration or from files that are read again when they change."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.account_credentials import SECRET, key_in_file, rewrite, settings

from dbs_exporter.api.credentials.secrets import SecretText, secret_text, text_of


def test_a_secret_of_the_configuration_is_read_and_not_shown() -> None:
    """The value comes out where it is needed, and its holder says nothing."""
    secret = secret_text(settings(type="access_key", access_key_secret=SECRET), "access_key_secret")

    assert secret.read() == SECRET
    assert SECRET not in repr(secret)


def test_a_secret_of_a_file_is_read_again_when_the_file_is_another(tmp_path: Path) -> None:
    """The swap by which Kubernetes replaces a mounted secret is noticed; spaces around it do not count."""
    path = tmp_path / "secret"
    path.write_text("first\n")
    secret = secret_text(key_in_file(path), "access_key_secret")
    assert secret.read() == "first"

    rewrite(path, "  second\n")

    assert secret.read() == "second"
    assert repr(secret) == f"SecretText(path={path})"


def test_a_file_that_did_not_change_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call signs, so a look at the file must cost no more than that."""
    path = tmp_path / "secret"
    path.write_text("first")
    secret = SecretText(path=path)
    secret.read()
    monkeypatch.setattr(Path, "read_text", None)

    assert secret.read() == "first"


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    """Empty is told as such, and what was read before is not lost by it."""
    path = tmp_path / "secret"
    path.write_text(" \n")
    with pytest.raises(ValueError, match="is empty"):
        SecretText(path=path).read()


def test_a_field_is_read_as_text_and_revealed_if_it_is_a_secret() -> None:
    """Secrets and plain fields read alike; what is not given, or has no settings, is empty."""
    given = settings(type="sts", access_key_id="ak", security_token=SECRET)

    assert (text_of(given, "access_key_id"), text_of(given, "security_token")) == ("ak", SECRET)
    assert (text_of(given, "role_arn"), text_of(None, "role_arn")) == ("", "")
