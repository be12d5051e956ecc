"""Logs: one line per event on standard error, logfmt or JSON, structlog's and the standard library's alike.

It owns the form of a line and the last guard of secrets: whatever was told to `conceal` is never written, by
whomever it was logged. It never decides what is worth a line.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO


def _import_without_rich() -> None:
    """Import structlog as if rich were not there: it would take all of it in for a renderer that is not used
    here.

    That is 6 MiB and a tenth of a second of every process. Where rich is imported already, nothing is gained
    or lost.
    """
    absent = "rich" not in sys.modules and "structlog" not in sys.modules
    if absent:
        sys.modules["rich"] = None  # type: ignore[assignment]  # import's own way to say: not there
    try:
        importlib.import_module("structlog")
    finally:
        if absent:
            del sys.modules["rich"]


_import_without_rich()
import structlog  # noqa: E402 (after what keeps rich out of it)

_HIDDEN = "[hidden]"
_SECRET_KEY = re.compile(r"secret|password|token|signature|authorization", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"(?i)\b(SecurityToken|AccessKeySecret|Signature)=[^&\s\"']+")
_BARE = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+")
# They speak of every job and connection at "info"; of what matters the rooms that use them speak themselves.
_CHATTY = ("apscheduler", "urllib3", "asyncio", "uvicorn.access")
_ORDER = ("time", "level", "logger", "msg")

_secrets: set[str] = set()
_secrets_lock = threading.Lock()


def conceal(secrets: Iterable[str]) -> None:
    """Never write these texts again, in any line; texts of less than four characters are not secrets."""
    with _secrets_lock:
        _secrets.update(secret for secret in secrets if len(secret) > 3)


def without_secrets(text: str) -> str:
    """The text with every concealed secret and every signed parameter blotted out."""
    with _secrets_lock:
        known = sorted(_secrets, key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, _HIDDEN)
    return _SECRET_PARAMETER.sub(rf"\1={_HIDDEN}", text)


def set_up_logs(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream` (standard error if not given); call it again to change them.

    `level` is debug, info, warning or error, `form` logfmt or json, as the configuration has them.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("msg"),
        _guarded,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *(each for each in shared if not isinstance(each, structlog.stdlib.ExtraAdder)),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _json_line if form == "json" else _logfmt_line,
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if getattr(old, "_dbs_exporter", False):
            root.removeHandler(old)
    handler._dbs_exporter = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel("DEBUG" if level == "debug" else "WARNING")
    logging.captureWarnings(True)


def _guarded(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # Left on the record by another handler's formatter; the message stands under "msg".
    event.pop("message", None)
    event.pop("asctime", None)
    for key, value in event.items():
        # Keys that begin with _ carry the record itself, for ProcessorFormatter.
        if key.startswith("_") or value is None or isinstance(value, bool | int | float):
            continue
        event[key] = _HIDDEN if _SECRET_KEY.search(key) else without_secrets(str(value))
    return event


def _ordered(event: Mapping[str, Any]) -> dict[str, Any]:
    first = {key: event[key] for key in _ORDER if key in event}
    return first | {key: value for key, value in sorted(event.items()) if key not in first}


def _json_line(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    return json.dumps(_ordered(event), ensure_ascii=False, default=str)


def _logfmt_line(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_logfmt_value(value)}" for key, value in _ordered(event).items())


def _logfmt_value(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value)
    # Quoted as JSON quotes: one line whatever the text holds.
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
