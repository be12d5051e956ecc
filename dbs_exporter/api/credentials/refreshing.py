"""Temporary credentials: when they are fetched again, and what happens when that fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dbs_exporter.api.credentials.types import Credentials, Fetched, check_credentials
from dbs_exporter.clock import Clock
from dbs_exporter.errors import CredentialsError

_log = logging.getLogger(__name__)

_REFRESH_BEFORE_SECONDS = 900.0
"""How long before its end a token is replaced, or a third of its life if that is less."""
_RECHECK_SECONDS = 300.0
"""How often a token is fetched anew whose end the source does not tell."""
_TRUSTED_SECONDS = 900.0
"""How long such a token is trusted: STS gives none for less, and the library hands none out that has less left."""
_RETRY_SECONDS = 30.0
_LAST_MOMENT_SECONDS = 5.0
_LEAST_RETRY_SECONDS = 2.0


class RefreshingSource:
    """Temporary credentials: fetched ahead of their end by one caller, while the others go on with the old ones.

    `fetch` gives new ones or raises; its exceptions are told by `describe`, which must leave secrets out.
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
        self._good_until = float("-inf")
        self._refresh_at = float("-inf")
        self._retry_at = float("-inf")
        self._problem = ""

    def get(self) -> Credentials:
        """Return credentials that are good now, fetching new ones when due; raises CredentialsError."""
        now = self._clock.now()
        current = self._current
        if current is not None and now < self._refresh_at:
            return current
        usable = current is not None and now < self._good_until
        if not self._lock.acquire(blocking=not usable):
            assert current is not None
            return current
        try:
            return self._renewed()
        finally:
            self._lock.release()

    def refused(self, used: Credentials) -> bool:
        """Fetch again, unless that was just tried."""
        with self._lock:
            if self._current == used and self._clock.now() >= self._retry_at:
                self._refresh_at = float("-inf")
                self._retry_at = float("-inf")
        return self.get() != used

    def _renewed(self) -> Credentials:
        """Fetch under the lock, unless another thread just did or a fetch failed a moment ago."""
        now = self._clock.now()
        if self._current is not None and now < self._refresh_at:
            return self._current
        if now >= self._retry_at:
            # Also after a success: a refused token must not make every call fetch.
            self._retry_at = now + _RETRY_SECONDS
            try:
                fetched = self._fetch()
                check_credentials(fetched.credentials, self._account)
            except Exception as error:  # The vendor's library raises anything.
                self._failed(error, now)
            else:
                self._problem = ""
                self._keep(fetched, now)
        if self._current is not None and now < self._good_until:
            return self._current
        why = self._problem or "nothing new came"
        if self._current is not None and self._good_until > float("-inf"):
            why = f"the credentials have expired and could not be renewed: {why}"
        raise CredentialsError(f"account {self._account}: {self._kind}: {why}")

    def _failed(self, error: Exception, now: float) -> None:
        self._problem = (
            str(error).partition(": ")[2] if isinstance(error, CredentialsError) else self._describe(error)
        )
        if self._current is None:
            return
        if now < self._good_until:
            _log.warning(
                "account %s: %s: %s; the credentials that are still good stay in use",
                self._account,
                self._kind,
                self._problem,
            )
        self._on_refresh_failure(self._account)

    def _keep(self, fetched: Fetched, now: float) -> None:
        found = fetched.credentials
        self._current = found
        if found.expires_at is not None:
            left = found.expires_at - now
            self._good_until = found.expires_at - _LAST_MOMENT_SECONDS
            self._refresh_at = found.expires_at - min(_REFRESH_BEFORE_SECONDS, left / 3)
            # A token with less life than the pause between two fetches is replaced while it is good.
            self._retry_at = min(self._retry_at, max(self._refresh_at, now + _LEAST_RETRY_SECONDS))
            if left <= _LAST_MOMENT_SECONDS:
                self._problem = (
                    "the credentials that came have already expired; is this machine's clock right?"
                )
        elif fetched.end_unknown:
            self._good_until, self._refresh_at = (
                now + _TRUSTED_SECONDS,
                now + _RECHECK_SECONDS,
            )
        else:
            self._good_until, self._refresh_at = float("inf"), now + _RECHECK_SECONDS
