"""Temporary credentials that are refreshed before they expire.

This module owns when they are fetched again, and what happens when that fails. How they are fetched is in `vendor`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dbs_exporter.api.credentials.types import Credentials, Fetched, check_credentials
from dbs_exporter.clock import Clock
from dbs_exporter.errors import CredentialsError

_log = logging.getLogger(__name__)

_REFRESH_BEFORE_SECONDS = 900.0
"""How long before its expiry a token is replaced, unless a third of its life is less."""
_RECHECK_SECONDS = 300.0
"""How often a token is fetched again if the source does not report its expiry."""
_TRUSTED_SECONDS = 900.0
"""How long such a token is used: STS issues none for less, and the library returns none with less left."""
RETRY_SECONDS = 30.0
"""How long after a fetch the next one is tried, and how often a failure that lasts is counted."""
_LAST_MOMENT_SECONDS = 5.0
_LEAST_RETRY_SECONDS = 2.0


class RefreshingSource:
    """A source of temporary credentials, which one thread refreshes while the others use the old ones.

    `fetch` returns new credentials or raises; `describe` returns a message for its exception, without secrets. `kind` names
    the source in messages. `on_refresh_failure` is called with the account each time a fetch failed, the first
    one too.
    """

    def __init__(
        self,
        account: str,
        kind: str,
        fetch: Callable[[], Fetched],
        describe: Callable[[Exception], str],
        clock: Clock,
        on_refresh_failure: Callable[[str], None],
    ) -> None:
        self._account = account
        self._kind = kind
        self._fetch = fetch
        self._describe = describe
        self._clock = clock
        self._on_refresh_failure = on_refresh_failure
        self._lock = threading.Lock()
        self._current: Credentials | None = None
        self._valid_until = float("-inf")
        self._refresh_at = float("-inf")
        self._retry_at = float("-inf")
        self._problem = ""

    def get(self) -> Credentials:
        """Return credentials that are valid now, after fetching new ones if that is due.

        Raises CredentialsError if there are none.
        """
        now = self._clock.now()
        current = self._current
        if current is not None and now < self._refresh_at:
            return current
        is_usable = current is not None and now < self._valid_until
        if not self._lock.acquire(blocking=not is_usable):
            assert current is not None
            return current
        try:
            return self._refreshed()
        finally:
            self._lock.release()

    def renew(self, refused: Credentials) -> bool:
        """Fetch again unless that was just tried; return whether there are others than the refused ones."""
        with self._lock:
            if self._current == refused and self._clock.now() >= self._retry_at:
                self._refresh_at = float("-inf")
                self._retry_at = float("-inf")
        return self.get() != refused

    def _refreshed(self) -> Credentials:
        """Fetch with the lock held, unless another thread just did or a fetch just failed."""
        now = self._clock.now()
        if self._current is not None and now < self._refresh_at:
            return self._current
        if now >= self._retry_at:
            # Also after a success: a token that the API refuses must not make every call fetch.
            self._retry_at = now + RETRY_SECONDS
            try:
                fetched = self._fetch()
                check_credentials(fetched.credentials, self._account)
            except Exception as error:  # The vendor's library raises anything.
                self._on_failure(error, now)
            else:
                self._problem = ""
                self._on_fetched(fetched, now)
        if self._current is not None and now < self._valid_until:
            return self._current
        problem = self._problem or "nothing new came"
        if self._current is not None and self._valid_until > float("-inf"):
            problem = f"the credentials have expired and could not be renewed: {problem}"
        raise CredentialsError(f"account {self._account}: {self._kind}: {problem}")

    def _on_failure(self, error: Exception, now: float) -> None:
        self._problem = (
            str(error).partition(": ")[2] if isinstance(error, CredentialsError) else self._describe(error)
        )
        if self._current is not None and now < self._valid_until:
            _log.warning(
                "account %s: %s: %s; the credentials that are still good stay in use",
                self._account,
                self._kind,
                self._problem,
            )
        self._on_refresh_failure(self._account)

    def _on_fetched(self, fetched: Fetched, now: float) -> None:
        credentials = fetched.credentials
        self._current = credentials
        if credentials.expires_at is not None:
            left = credentials.expires_at - now
            self._valid_until = credentials.expires_at - _LAST_MOMENT_SECONDS
            self._refresh_at = credentials.expires_at - min(_REFRESH_BEFORE_SECONDS, left / 3)
            # A token that lives shorter than the pause between two fetches is still replaced before it expires.
            self._retry_at = min(self._retry_at, max(self._refresh_at, now + _LEAST_RETRY_SECONDS))
            if left <= _LAST_MOMENT_SECONDS:
                self._problem = (
                    "the credentials that came have already expired; is this machine's clock right?"
                )
                self._on_refresh_failure(self._account)
        elif fetched.expiry_unknown:
            self._valid_until, self._refresh_at = (
                now + _TRUSTED_SECONDS,
                now + _RECHECK_SECONDS,
            )
        else:
            self._valid_until, self._refresh_at = float("inf"), now + _RECHECK_SECONDS
