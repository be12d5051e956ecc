"""An access key or STS token from the configuration, or from files that may change.

This module never calls anything over the network.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dbs_exporter.api.credentials.secrets import SecretText
from dbs_exporter.api.credentials.types import Credentials, check_credentials
from dbs_exporter.errors import CredentialsError

_log = logging.getLogger(__name__)


class StaticSource:
    """The access key or STS token of the configuration; `security_token` is None for an access key."""

    def __init__(
        self,
        account: str,
        access_key_id: SecretText,
        access_key_secret: SecretText,
        security_token: SecretText | None,
        on_refresh_failure: Callable[[str], None],
    ) -> None:
        self._account = account
        self._parts = (
            access_key_id,
            access_key_secret,
            *([security_token] if security_token else []),
        )
        self._on_refresh_failure = on_refresh_failure
        self._lock = threading.Lock()
        self._current: Credentials | None = None
        self._failing = False

    def get(self) -> Credentials:
        """Return the key, after reading files that have changed; if that fails, return the previous key.

        Raises CredentialsError if there is no previous key, or if the new one cannot be used.
        """
        with self._lock:
            try:
                texts = [part.read() for part in self._parts]
            except ValueError as error:
                if self._current is None:
                    raise CredentialsError(f"account {self._account}: {error}") from None
                if not self._failing:
                    self._failing = True
                    _log.warning(
                        "account %s: %s; the credentials read before stay in use", self._account, error
                    )
                    self._on_refresh_failure(self._account)
                return self._current
            self._failing = False
            token = texts[2] if len(texts) > 2 else ""
            credentials = Credentials(
                access_key_id=texts[0], access_key_secret=texts[1], security_token=token
            )
            check_credentials(credentials, self._account)
            if len(texts) > 2 and not token:
                raise CredentialsError(f"account {self._account}: the security token is empty")
            self._current = credentials
            return credentials

    def renew(self, refused: Credentials) -> bool:
        """Read files that have changed; return whether the credentials are others than the refused ones."""
        return self.get() != refused
