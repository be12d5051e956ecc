"""An access key or STS token from the configuration, whose files are read again when they change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dbs_exporter.api.credentials.secrets import SecretText
from dbs_exporter.api.credentials.types import Credentials, check_credentials
from dbs_exporter.errors import CredentialsError

_log = logging.getLogger(__name__)


class StaticSource:
    """An access key, or an STS token, as the configuration has it."""

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
        """Return the key; files that changed are read, and what was read before stands if that fails.

        Raises CredentialsError if there never was a key.
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
            found = Credentials(access_key_id=texts[0], access_key_secret=texts[1], security_token=token)
            check_credentials(found, self._account)
            if len(texts) > 2 and not token:
                raise CredentialsError(f"account {self._account}: the security token is empty")
            self._current = found
            return found

    def refused(self, used: Credentials) -> bool:
        """Look at the files again."""
        return self.get() != used
