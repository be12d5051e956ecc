"""Logs: one line per event on standard error, as logfmt or JSON, with the standard library alone.

This module owns the form of a line and keeps secrets out of it: a text passed to `conceal` is never written, whoever logs
it. Fields beside the message come by `extra={...}`. It never decides what is worth a line.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TextIO

_HIDDEN = "[hidden]"
_SECRET_KEY = re.compile(r"secret|password|token|signature|authorization", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"(?i)\b(SecurityToken|AccessKeySecret|Signature|\w*Password)=[^&\s\"']+")
_BARE = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+")
# They log every job and connection at "info"; what matters of that is logged by the packages that use them.
_CHATTY = ("apscheduler", "urllib3", "asyncio", "uvicorn.access")
_WITHOUT_TRACEBACK = "urllib3."
"""It logs what is odd in an answer of a server with the way through its own code, which helps nobody: the message says it."""
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""The attributes that every record has; any other came by `extra`."""

_secrets: set[str] = set()
_secrets_lock = threading.Lock()


def conceal(secrets: Iterable[str]) -> None:
    """Keep these texts out of every line from now on; texts shorter than four characters are ignored."""
    with _secrets_lock:
        _secrets.update(secret for secret in secrets if len(secret) > 3)


def without_secrets(text: str) -> str:
    """Return the text with every concealed secret and every secret request parameter replaced."""
    with _secrets_lock:
        known = sorted(_secrets, key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, _HIDDEN)
    return _SECRET_PARAMETER.sub(rf"\1={_HIDDEN}", text)


def set_up_logs(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream`, by default standard error.

    Call it again to change `level` (debug, info, warning or error) or `form` (logfmt or json).
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_JsonLines() if form == "json" else _LogfmtLines())
    root = logging.getLogger()
    for previous in root.handlers[:]:
        if isinstance(previous, _Handler):
            root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel("DEBUG" if level == "debug" else "WARNING")
    logging.captureWarnings(True)


class _Handler(logging.StreamHandler[TextIO]):
    """The exporter's own handler, a class of its own so that it can be recognised among others."""


class _Lines(logging.Formatter):
    """Formats a record as one line: time, level, logger and message first, then the other fields by name."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, without secrets."""
        created_at = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        extra = {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        if record.exc_info and not record.name.startswith(_WITHOUT_TRACEBACK):
            extra["exception"] = self.formatException(record.exc_info)
        fields |= dict(sorted(extra.items()))
        return self.line({name: _guarded(name, value) for name, value in fields.items()})

    def line(self, fields: dict[str, Any]) -> str:
        """Return the fields as one line."""
        raise NotImplementedError


class _JsonLines(_Lines):
    def line(self, fields: dict[str, Any]) -> str:
        return json.dumps(fields, ensure_ascii=False)


class _LogfmtLines(_Lines):
    def line(self, fields: dict[str, Any]) -> str:
        return " ".join(f"{name}={_logfmt_value(value)}" for name, value in fields.items())


def _guarded(name: str, value: object) -> object:
    """Return a value that may be written: None, a boolean, a number, or a text without secrets."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return _HIDDEN if _SECRET_KEY.search(name) else without_secrets(str(value))


def _logfmt_value(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value)
    # Quoted as JSON quotes: one line whatever the text holds.
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
