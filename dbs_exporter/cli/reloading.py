"""Reloads of the configuration, one at a time and in a thread of their own.

A reload that is asked for while others wait is the same reload as theirs, so a storm of signals costs two of them. This module
reads no file and takes no signal.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from dbs_exporter.errors import DbsExporterError

_log = logging.getLogger(__name__)


class Reloads:
    """Calls `reload` when that is asked for; between `start` and `close`."""

    def __init__(self, reload: Callable[[], None]) -> None:
        self._reload = reload
        self._asked = 0
        self._done = 0
        """Everything that was asked for up to this number has been reloaded."""
        self._error: DbsExporterError | None = None
        self._closed = False
        self._changed = threading.Condition()

    def start(self) -> None:
        """Begin to reload, in a thread. Raises RuntimeError if the system gives none."""
        threading.Thread(target=self._run, name="reload", daemon=True).start()

    def request(self) -> int:
        """Ask for a reload that begins from now on; do not wait for it."""
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            return self._asked

    def reload(self) -> None:
        """Wait for a reload that begins from now on.

        Raises the DbsExporterError with which it failed, or one that says that the exporter ends.
        """
        number = self.request()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._done >= number)
            if self._done < number:
                raise DbsExporterError("the exporter ends")
            if self._error is not None:
                raise self._error

    def close(self) -> None:
        """Begin no more reloads and wait for none."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._asked > self._done)
                if self._closed:
                    return
                number = self._asked
            error: DbsExporterError | None = None
            try:
                self._reload()
            except DbsExporterError as problem:
                # The exporter has logged the problem, and continues with its present configuration.
                error = problem
            except Exception:
                _log.exception("a reload broke; the present configuration stays")
                error = DbsExporterError("the reload broke; the log says how")
            with self._changed:
                self._done, self._error = number, error
                self._changed.notify_all()
