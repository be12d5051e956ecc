"""Sentences for what failed in the vendor's credentials library.

The library's own messages quote answers and URLs with secrets in them. This module owns what of a message may be shown; it
never shows the rest.
"""

from __future__ import annotations

import json
import re


class NoCredentialsError(Exception):
    """No provider returned credentials; the message holds no secret."""


def describe_failure(error: Exception) -> str:
    """Return what failed, without secrets: the reason, the HTTP status, the API's error code."""
    message = str(error)
    if isinstance(error, NoCredentialsError):
        return message or "no way to credentials is set up"
    parts = [_reason(error, message)]
    status = re.search(r"http_?code[=:\s]+(\d{3})", message, re.IGNORECASE)
    if status:
        parts.append(f"HTTP {status[1]}")
    code = re.search(r"""["']Code["']\s*:\s*["']([A-Za-z][\w.]{1,60})["']""", message)
    if code and code[1] != "Success":
        parts.append(code[1])
    return ", ".join(parts)


_REASONS = (
    ("unable to get profile", "there is no such profile in the file"),
    ("failed to get credential from credentials file", "there is no such profile in the file"),
    ("unable to open credentials file", "the file cannot be opened"),
    ("failed to parse credential", "the file cannot be parsed"),
    ("unsupported profile mode", "the profile's mode is not one that the vendor's library knows"),
    ("unsupported credential type", "the profile's type is not one that the vendor's library knows"),
    (
        "IMDS credentials is disabled",
        "the metadata service is disabled by ALIBABA_CLOUD_ECS_METADATA_DISABLED",
    ),
    ("ECS metadata", "the metadata service gave no credentials"),
    (
        "No cached value was found",
        "the credentials that came have already expired; is this machine's clock right?",
    ),
    ("error retrieving credentials", "the answer holds no credentials"),
    ("error refreshing credentials", "the request for credentials was refused"),
    ("No such file or directory", "there is no such file"),
    ("Permission denied", "the file cannot be read"),
    ("time data", "the end of the credentials is no time"),
    ("strptime", "the end of the credentials is no time"),
    ("Failed to resolve", "the host's name cannot be resolved"),
    ("Name or service not known", "the host's name cannot be resolved"),
    ("Temporary failure in name resolution", "the host's name cannot be resolved"),
    ("CERTIFICATE_VERIFY_FAILED", "the certificate of the host is not trusted"),
    ("SSLError", "TLS failed"),
    ("Connection refused", "the connection was refused"),
    ("timed out", "no answer in time"),
    ("Max retries exceeded", "no connection"),
)
_HARMLESS = re.compile(r"[A-Za-z]+(?: [A-Za-z,'_-]+){3,20}")
"""A sentence of plain words, which cannot hold a secret."""


def _reason(error: Exception, message: str) -> str:
    for marker, reason in _REASONS:
        if marker.lower() in message.lower():
            return reason
    if isinstance(error, json.JSONDecodeError):
        return "the answer is not JSON"
    if isinstance(error, AttributeError | TypeError | KeyError | IndexError):
        return "what came has another form than the vendor documents"
    if isinstance(error, ValueError) and _HARMLESS.fullmatch(message):
        return message
    return type(error).__name__
