"""An access key or STS token from the configuration, or from files that may change.

This module never calls anything over the network.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dbs_exporter.api.credentials.refreshing import RETRY_SECONDS
from dbs_exporter.api.credentials.secrets import SecretText
from dbs_exporter.api.credentials.types import Credentials, check_credentials
from dbs_exporter.clock import Clock
from dbs_exporter.errors import CredentialsError

_log = logging.getLogger(__name__)


class StaticSource:
    """The access key or STS token of the configuration; `security_token` is None for an access key.

    `on_refresh_failure` is called with the account when the files could not be read, while that lasts at most every
    RETRY_SECONDS.
    """

    def __init__(
        self,
        account: str,
        access_key_id: SecretText,
        access_key_secret: SecretText,
        security_token: SecretText | None,
        clock: Clock,
        on_refresh_failure: Callable[[str], None],
    ) -> None:
        self._account = account
        self._parts = (
            access_key_id,
            access_key_secret,
            *([security_token] if security_token else []),
        )
        self._clock = clock
        self._on_refresh_failure = on_refresh_failure
        self._lock = threading.Lock()
        self._current: Credentials | None = None
        self._problem = ""
        self._count_at = float("-inf")

    def get(self) -> Credentials:
        """Return the key, after reading files that have changed; if that fails, return the previous key.

        Raises CredentialsError if there is no previous key.
        """
        with self._lock:
            try:
                self._current = self._read()
            except CredentialsError as error:
                self._on_failure(str(error))
                if self._current is None:
                    raise
            else:
                self._problem = ""
            return self._current

    def renew(self, refused: Credentials) -> bool:
        """Read files that have changed; return whether the credentials are others than the refused ones."""
        return self.get() != refused

    def _read(self) -> Credentials:
        try:
            texts = [part.read() for part in self._parts]
        except ValueError as error:
            raise CredentialsError(f"account {self._account}: {error}") from None
        token = texts[2] if len(texts) > 2 else ""
        credentials = Credentials(access_key_id=texts[0], access_key_secret=texts[1], security_token=token)
        check_credentials(credentials, self._account)
        if len(texts) > 2 and not token:
            raise CredentialsError(f"account {self._account}: the security token is empty")
        return credentials

    def _on_failure(self, problem: str) -> None:
        if problem != self._problem and self._current is not None:
            _log.warning("%s; the credentials read before stay in use", problem)
        self._problem = problem
        now = self._clock.monotonic()
        if now >= self._count_at:
            # Every call reads the files; a failure that lasts is counted as often as one of a source that fetches.
            self._count_at = now + RETRY_SECONDS
            self._on_refresh_failure(self._account)
