"""The source of credentials that an account's settings ask for."""

from __future__ import annotations

import os
from collections.abc import Callable

from dbs_exporter.api.credentials import vendor
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
    """Build the source that an account's settings ask for; nothing is fetched before the first `get`.

    `on_refresh_failure` is called with the account each time a renewal failed while the old credentials could still be
    used. The environment, where a type uses it, is read here. Raises CredentialsError if the settings name no usable
    source.
    """
    if settings.type in ("access_key", "sts"):
        return StaticSource(
            account,
            secret_text(settings, "access_key_id"),
            secret_text(settings, "access_key_secret"),
            secret_text(settings, "security_token") if settings.type == "sts" else None,
            on_refresh_failure,
        )
    try:
        source = vendor.source_of(settings, dict(os.environ))
    except ValueError as error:
        raise CredentialsError(f"account {account}: {settings.type}: {error}") from None

    def describe(error: Exception) -> str:
        return f"{vendor.describe(error)}; {source.cure}"

    return RefreshingSource(account, source.name, source.fetch, describe, clock, on_refresh_failure)


class ExpiryReporter:
    """A source of credentials that reports until when they are good, each time that changes (None: for ever)."""

    def __init__(self, source: CredentialSource, on_expiry: Callable[[float | None], None]) -> None:
        self._source = source
        self._on_expiry = on_expiry
        self._reported: float | None = None

    def get(self) -> Credentials:
        """Return what the source behind gives."""
        credentials = self._source.get()
        if credentials.expires_at != self._reported:
            self._reported = credentials.expires_at
            self._on_expiry(credentials.expires_at)
        return credentials

    def refused(self, used: Credentials) -> bool:
        """Ask the source behind to look again; False if it cannot."""
        return isinstance(self._source, RenewableSource) and self._source.refused(used)
