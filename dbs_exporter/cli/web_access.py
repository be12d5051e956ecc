"""`--web.config.file`: reads the file and its certificates, and reads them again when they change.

This module owns when that happens. What cannot be used is logged and changes nothing, so a certificate and its key may be
replaced one after the other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from dbs_exporter.clock import Clock
from dbs_exporter.config.web_file import WebFile, load_web_file
from dbs_exporter.errors import ConfigError
from dbs_exporter.web.guard import OPEN, Access
from dbs_exporter.web.tls import TlsSettings, tls_context
from dbs_exporter.web.users import Users

LOOK_SECONDS = 2.0

_State = tuple[tuple[str, tuple[int, int, int] | None], ...]
_log = logging.getLogger(__name__)


class WebAccess:
    """What a file allows. Without a file, everything is open and nothing is watched."""

    def __init__(self, path: str | None) -> None:
        """Raise ConfigError if the file, or one that it names, cannot be used."""
        self._path = None if path is None else Path(path)
        self._files: tuple[str, ...] = ()
        self._seen: _State = ()
        self.access = OPEN
        if self._path is not None:
            self.access = self._read(self._path)

    def start(self, clock: Clock, on_change: Callable[[Access], None]) -> None:
        """Look for changes in a thread, until the clock is stopped. Raises RuntimeError if the system gives none."""
        if self._path is not None:
            threading.Thread(
                target=self._watch, args=(clock, on_change), name="web-config", daemon=True
            ).start()

    def look(self) -> bool:
        """Read the files again if one of them changed; return whether `access` did.

        What is wrong with them is logged once, and `access` stays. So it does while the file is empty, as one is that is just being
        written: it must not take users and TLS away for a moment.
        """
        if self._path is None or self._state() == self._seen or _is_empty(self._path):
            return False
        try:
            self.access = self._read(self._path)
        except ConfigError as error:
            _log.error("the web configuration cannot be used, the old one stays: %s", error)
            return False
        _log.info("web configuration reloaded")
        return True

    def _watch(self, clock: Clock, on_change: Callable[[Access], None]) -> None:
        while not clock.sleep(LOOK_SECONDS):
            try:
                if self.look():
                    on_change(self.access)
            except Exception:
                _log.exception("looking at the web configuration broke; it goes on")

    def _read(self, path: Path) -> Access:
        # The state is taken first: what changes while it is read is read again.
        self._seen = self._state()
        itself = self._seen[:1]
        file = load_web_file(path)
        self._files = _files_of(file)
        self._seen = (*itself, *self._state()[1:])
        tls = file.tls_server_config
        users = self.access.users
        if not file.basic_auth_users:
            users = None
        elif users is None or users.hashes != file.basic_auth_users:
            users = Users(file.basic_auth_users)
        return Access(
            tls=None if tls is None else tls_context(_settings(file)),
            client_names=() if tls is None else tls.client_allowed_sans,
            users=users,
            headers=file.http_server_config.headers,
            interval=file.rate_limit.interval,
            burst=file.rate_limit.burst,
        )

    def _state(self) -> _State:
        return tuple((file, _stat(file)) for file in (str(self._path), *self._files))


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _files_of(file: WebFile) -> tuple[str, ...]:
    tls = file.tls_server_config
    return () if tls is None else tuple(filter(None, (tls.cert_file, tls.key_file, tls.client_ca_file)))


def _settings(file: WebFile) -> TlsSettings:
    tls = file.tls_server_config
    if tls is None:
        raise TypeError("there are no settings of TLS")
    return TlsSettings(
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        client_ca_file=tls.client_ca_file,
        client_auth=tls.client_auth_type,
        min_version=tls.min_version,
        max_version=tls.max_version,
        ciphers=tls.ciphers,
        prefer_server_ciphers=tls.prefer_server_cipher_suites,
    )


def _stat(file: str) -> tuple[int, int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
