"""Credentials for one account behind one small interface: `CredentialSource.get`.

It owns when credentials are fetched again and what happens when that fails; `credentials_library` holds the vendor's library
with its warts. An access key or STS token from the configuration needs no library at all, and its files are read again when
they change. No message, repr or log here ever holds a secret.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dbs_exporter.clock import Clock
from dbs_exporter.errors import CredentialsError

if TYPE_CHECKING:
    from dbs_exporter.config import CredentialsConfig

_log = logging.getLogger(__name__)

_REFRESH_BEFORE_SECONDS = 900.0
"""How long before its end a token is replaced, or a third of its life if that is less."""
_RECHECK_SECONDS = 300.0
"""How often a token is fetched anew whose end the source does not tell."""
_TRUSTED_SECONDS = 900.0
"""How long such a token is trusted: STS gives none for less, and the library hands none out that has less left."""
_RETRY_SECONDS = 30.0
_LAST_MOMENT_SECONDS = 5.0


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


class SecretText:
    """A value from the configuration, or the content of a file that is read again when it changes."""

    def __init__(self, value: str = "", path: Path | None = None) -> None:
        self._value = value
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return f"SecretText(path={self._path})" if self._path else "SecretText()"

    def read(self) -> str:
        """Give the value; raises OSError if its file cannot be read and ValueError if that is empty or not text."""
        if self._path is None:
            return self._value
        # stat follows links, so the swap by which Kubernetes replaces a mounted secret shows as another inode.
        found = self._path.stat()
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            value = self._path.read_text(encoding="utf-8").strip()
            if not value:
                raise ValueError("is empty")
            self._value, self._seen = value, seen
        return self._value


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
                    _report(
                        self._account,
                        f"a secret's file {reason}",
                        self._on_refresh_failure,
                    )
                return self._current
            self._failing = False
            if not all(texts):
                raise CredentialsError(
                    f"account {self._account}: the access key, its secret or the token is empty"
                )
            token = texts[2] if len(texts) > 2 else ""
            found = Credentials(access_key_id=texts[0], access_key_secret=texts[1], security_token=token)
            _check(found, self._account)
            self._current = found
            return found

    def refused(self, used: Credentials) -> bool:
        """Look at the files again."""
        return self.get() != used


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
        """Give credentials that are good now, fetching new ones when due; raises CredentialsError."""
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
            except Exception as error:  # The vendor's library raises anything.
                self._problem = self._describe(error)
                if self._current is not None and now < self._good_until:
                    _report(
                        self._account,
                        f"{self._kind}: {self._problem}",
                        self._on_refresh_failure,
                    )
            else:
                self._problem = ""
                _check(fetched.credentials, self._account)
                self._keep(fetched, now)
        if self._current is not None and now < self._good_until:
            return self._current
        raise CredentialsError(
            f"account {self._account}: {self._kind}: {self._problem or 'the credentials have expired'}"
        )

    def _keep(self, fetched: Fetched, now: float) -> None:
        found = fetched.credentials
        self._current = found
        if found.expires_at is not None:
            left = found.expires_at - now
            self._good_until = found.expires_at - _LAST_MOMENT_SECONDS
            self._refresh_at = found.expires_at - min(_REFRESH_BEFORE_SECONDS, left / 3)
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


def credential_source(
    config: CredentialsConfig,
    *,
    account: str,
    clock: Clock,
    on_refresh_failure: Callable[[str], None],
) -> CredentialSource:
    """Build the source that an account's configuration asks for; nothing is fetched before the first `get`.

    `on_refresh_failure` is told the account each time a refresh failed while the old credentials could still be used. The
    environment, where a type uses it, is read here. Raises CredentialsError if the configuration names no usable source.
    """
    if config.type in ("access_key", "sts"):
        return StaticSource(
            account,
            secret_text(config, "access_key_id"),
            secret_text(config, "access_key_secret"),
            secret_text(config, "security_token") if config.type == "sts" else None,
            on_refresh_failure,
        )
    # Late, because the vendor's library costs 15 MB of memory and a second of start that a plain key need not pay.
    from dbs_exporter.api import credentials_library

    try:
        fetch = credentials_library.fetcher(config, dict(os.environ))
    except ValueError as error:
        raise CredentialsError(f"account {account}: {config.type}: {error}") from None
    return RefreshingSource(
        account,
        config.type,
        fetch,
        credentials_library.describe,
        clock,
        on_refresh_failure,
    )


def secret_text(config: CredentialsConfig, name: str) -> SecretText:
    """Give a field of the configuration, or the file that stands for it."""
    path = getattr(config, f"{name}_file", None)
    if path is not None:
        return SecretText(path=Path(path))
    value = getattr(config, name, None)
    reveal = getattr(value, "get_secret_value", None)
    return SecretText(str(reveal() if reveal is not None else value or ""))


def _check(credentials: Credentials, account: str) -> None:
    """Refuse what no header can carry, before a library refuses it with the secret in its words."""
    parts = (credentials.access_key_id, credentials.access_key_secret, credentials.security_token)
    if not credentials.access_key_id or not credentials.access_key_secret:
        raise CredentialsError(f"account {account}: the access key's id or secret is empty")
    if any(not "!" <= character <= "~" for part in parts for character in part):
        raise CredentialsError(
            f"account {account}: the access key or token holds a space or another odd character"
        )


def _file_problem(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read: {error.strerror or type(error).__name__}"
    # Not the error's own words: a UnicodeDecodeError quotes the bytes.
    return "is empty or not UTF-8 text"


def _report(account: str, reason: str, on_refresh_failure: Callable[[str], None]) -> None:
    _log.warning(
        "account %s: %s; going on with the credentials that are still good",
        account,
        reason,
    )
    on_refresh_failure(account)
