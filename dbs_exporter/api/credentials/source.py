"""Builds the source of an account's credentials, and reports when its credentials expire.

This module chooses the source; the sources themselves are in `static`, `refreshing` and `vendor`. It fetches nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from dbs_exporter.api.credentials import vendor
from dbs_exporter.api.credentials.failures import describe_failure
from dbs_exporter.api.credentials.refreshing import RefreshingSource
from dbs_exporter.api.credentials.secrets import secret_text
from dbs_exporter.api.credentials.static import StaticSource
from dbs_exporter.api.credentials.types import (
    Credentials,
    CredentialSettings,
    CredentialSource,
    RenewableSource,
)
from dbs_exporter.clock import Clock
from dbs_exporter.errors import CredentialsError


def credential_source(
    settings: CredentialSettings,
    *,
    account: str,
    clock: Clock,
    on_refresh_failure: Callable[[str], None],
) -> CredentialSource:
    """Return the source of credentials for an account's settings; the first `get` fetches them.

    `on_refresh_failure` is called with the account each time that credentials could not be had or renewed, about every half
    minute while that lasts. If the type uses the environment, it is read here. Raises CredentialsError if the settings name no
    usable source.
    """
    if settings.type in ("access_key", "sts"):
        return StaticSource(
            account,
            secret_text(settings, "access_key_id"),
            secret_text(settings, "access_key_secret"),
            secret_text(settings, "security_token") if settings.type == "sts" else None,
            clock,
            on_refresh_failure,
        )
    try:
        source = vendor.source_of(settings, dict(os.environ))
    except ValueError as error:
        raise CredentialsError(f"account {account}: {settings.type}: {error}") from None

    def describe(error: Exception) -> str:
        return f"{describe_failure(error)}; {source.cure}"

    return RefreshingSource(account, source.name, source.fetch, describe, clock, on_refresh_failure)


class ExpiryReporter:
    """A source that calls `on_expiry` with the expiry of its credentials each time that changes.

    The expiry is in Unix seconds, None if the credentials do not expire.
    """

    def __init__(self, source: CredentialSource, on_expiry: Callable[[float | None], None]) -> None:
        self._source = source
        self._on_expiry = on_expiry
        self._reported: float | None = None

    def get(self) -> Credentials:
        """Return the credentials of the underlying source."""
        credentials = self._source.get()
        if credentials.expires_at != self._reported:
            self._reported = credentials.expires_at
            self._on_expiry(credentials.expires_at)
        return credentials

    def renew(self, refused: Credentials) -> bool:
        """Renew the credentials of the underlying source; return False if it cannot."""
        return isinstance(self._source, RenewableSource) and self._source.renew(refused)
