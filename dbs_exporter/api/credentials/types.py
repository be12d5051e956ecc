"""The types of credentials, of their sources and of their settings.

No repr of these types ever shows a secret. This module reads and fetches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from dbs_exporter.errors import CredentialsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key, with a token if it is temporary.

    `expires_at` is in Unix seconds; None if the credentials do not expire, or if that is not known.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)
    expires_at: float | None = None


class CredentialSource(Protocol):
    """A source of an account's credentials."""

    def get(self) -> Credentials:
        """Return credentials that are valid now. Raises CredentialsError if there are none."""
        ...


@runtime_checkable
class RenewableSource(Protocol):
    """A source that may have newer credentials than those that the API has refused."""

    def renew(self, refused: Credentials) -> bool:
        """Look for newer credentials; return whether `get` now returns others than the refused ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The result of a fetch.

    `expiry_unknown` says that the credentials expire but the source does not report when.
    """

    credentials: Credentials
    expiry_unknown: bool = False


class CredentialSettings(Protocol):
    """The credentials of an account in the configuration (`config.models.CredentialsConfig`).

    Each type has fields of its own, which `secrets.text_of` and `secrets.secret_text` read.
    """

    @property
    def type(self) -> str:
        """The type of credentials, which decides the other fields."""
        ...


def is_plain(text: str) -> bool:
    """Return whether a text has only visible ASCII characters, so that a header can carry it."""
    return all("!" <= character <= "~" for character in text)


def check_credentials(credentials: Credentials, account: str) -> None:
    """Raise CredentialsError for credentials that no header can carry.

    A library would refuse them too, but with the secret in its message.
    """
    parts = (credentials.access_key_id, credentials.access_key_secret, credentials.security_token)
    if not credentials.access_key_id or not credentials.access_key_secret:
        raise CredentialsError(f"account {account}: the access key's id or secret is empty")
    if not all(map(is_plain, parts)):
        raise CredentialsError(
            f"account {account}: the access key or token holds a space or another odd character"
        )
