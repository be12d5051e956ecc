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
        """Give the key; files that changed are read, and what was read before stands if that fails."""
        with self._lock:
            try:
                texts = [part.read() for part in self._parts]
            except (OSError, ValueError) as error:
                reason = _file_problem(error)
                if self._current is None:
                    raise CredentialsError(f"account {self._account}: a secret's file {reason}") from None
                if not self._failing:
                    self._failing = True
                    _log.warning(
                        "account %s: a secret's file %s; the credentials read before stay in use",
                        self._account,
                        reason,
                    )
                    self._on_refresh_failure(self._account)
                return self._current
            self._failing = False
            if not all(texts):
                raise CredentialsError(
                    f"account {self._account}: the access key, its secret or the token is empty"
                )
            token = texts[2] if len(texts) > 2 else ""
            found = Credentials(access_key_id=texts[0], access_key_secret=texts[1], security_token=token)
            check_credentials(found, self._account)
            self._current = found
            return found

    def refused(self, used: Credentials) -> bool:
        """Look at the files again."""
        return self.get() != used


def _file_problem(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read: {error.strerror or type(error).__name__}"
    # Not the error's own words: a UnicodeDecodeError quotes the bytes.
    return "is empty or not UTF-8 text"
