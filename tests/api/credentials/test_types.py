"""Credentials as values: what they never show, and what no request could carry."""

from __future__ import annotations

import pytest
from support.account_credentials import SECRET

from dbs_exporter.api.credentials.types import Credentials, check_credentials
from dbs_exporter.errors import CredentialsError


def test_credentials_do_not_show_their_secrets() -> None:
    """The id is no secret and shows; the key and the token do not."""
    credentials = Credentials(access_key_id="ak", access_key_secret=SECRET, security_token="t0ken")

    assert "ak" in repr(credentials)
    assert not any(secret in repr(credentials) + str(credentials) for secret in (SECRET, "t0ken"))


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(access_key_id="", access_key_secret=SECRET),
        Credentials(access_key_id="ak", access_key_secret=""),
        Credentials(access_key_id="ak", access_key_secret=f"{SECRET}\n"),
        Credentials(access_key_id="a k", access_key_secret=SECRET),
        Credentials(access_key_id="ak", access_key_secret=SECRET, security_token="tök"),
    ],
    ids=["no id", "no secret", "line break", "space", "not ascii"],
)
def test_what_no_header_can_carry_is_refused(credentials: Credentials) -> None:
    """An empty or odd part is told with the account, and not shown."""
    with pytest.raises(CredentialsError, match="account prod: the access key") as caught:
        check_credentials(credentials, "prod")

    assert SECRET not in str(caught.value)


def test_good_credentials_pass() -> None:
    """A token may be missing, and hold what base64 holds."""
    check_credentials(Credentials(access_key_id="ak", access_key_secret=SECRET), "prod")
    check_credentials(
        Credentials(access_key_id="ak", access_key_secret=SECRET, security_token="t0ken/+="), "prod"
    )
