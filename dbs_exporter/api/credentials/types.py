"""What credentials are, and what a source of them and its settings look like.

No repr here ever holds a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from dbs_exporter.errors import CredentialsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key, with a token if it is temporary; `expires_at` in Unix seconds, None where there is no end to know."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)
    expires_at: float | None = None


class CredentialSource(Protocol):
    """Where an account's credentials come from."""

    def get(self) -> Credentials:
        """Give credentials that are good now; raises CredentialsError."""
        ...


@runtime_checkable
class RenewableSource(Protocol):
    """A source that may have something newer than what the API just refused."""

    def refused(self, used: Credentials) -> bool:
        """Look again; True if `get` now gives other credentials than those used."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetch gave: credentials, and whether their end is simply not told (as against: there is none)."""

    credentials: Credentials
    end_unknown: bool = False


class CredentialSettings(Protocol):
    """How an account signs in, as the configuration has it (`config.models.CredentialsConfig`).

    Each type has fields of its own; what a field holds is read by `secrets.text_of` and `secrets.secret_text`.
    """

    @property
    def type(self) -> str:
        """The type of credentials, which decides what else is given."""
        ...


def is_plain(text: str) -> bool:
    """Return True if a text is one word that a header can carry."""
    return all("!" <= character <= "~" for character in text)


def check_credentials(credentials: Credentials, account: str) -> None:
    """Refuse what no header can carry, before a library refuses it with the secret in its words. Raises CredentialsError."""
    parts = (credentials.access_key_id, credentials.access_key_secret, credentials.security_token)
    if not credentials.access_key_id or not credentials.access_key_secret:
        raise CredentialsError(f"account {account}: the access key's id or secret is empty")
    if not all(map(is_plain, parts)):
        raise CredentialsError(
            f"account {account}: the access key or token holds a space or another odd character"
        )
