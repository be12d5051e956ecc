"""TLS as the server offers it: a context from certificate, key and settings, and who a client's certificate names.

This module reads the files and owns their errors. It watches no file and holds no context.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbs_exporter.errors import ConfigError

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """What a context is made of; `client_auth` is one of Go's names, `ciphers` are OpenSSL's, () for the usual ones."""

    cert_file: str
    key_file: str
    client_ca_file: str | None = None
    client_auth: str = "NoClientCert"
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    ciphers: tuple[str, ...] = ()
    prefer_server_ciphers: bool = True


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return a context for a server. Raises ConfigError that names the file which is missing, broken or of another pair."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for file in filter(None, (settings.cert_file, settings.key_file, settings.client_ca_file)):
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from None
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{settings.key_file}: {_reason(error)}; a certificate in PEM, those that signed it behind it, and its"
            f" key without a password would be right (the certificate is {settings.cert_file})"
        ) from None
    if settings.client_ca_file is not None:
        try:
            context.load_verify_locations(settings.client_ca_file)
        except ssl.SSLError as error:
            raise ConfigError(
                f"{settings.client_ca_file}: {_reason(error)}; certificates in PEM would be right"
            ) from None
    context.verify_mode = {
        "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
        "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
    }.get(settings.client_auth, ssl.CERT_NONE)
    context.minimum_version = VERSIONS[settings.min_version]
    context.maximum_version = VERSIONS[settings.max_version]
    if settings.ciphers:
        context.set_ciphers(":".join(settings.ciphers))
    if not settings.prefer_server_ciphers:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def is_named(certificate: dict[str, Any] | None, allowed: Iterable[str]) -> bool:
    """Return whether an alternative name of a client's certificate (as `getpeercert` has it) is one of those allowed."""
    names = {str(value) for _, value in (certificate or {}).get("subjectAltName", ())}
    return not names.isdisjoint(allowed)


def _no_password() -> str:
    raise ValueError("the key needs a password")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "not PEM").lower().replace("_", " ")
        return "the key does not belong to the certificate" if "mismatch" in reason else reason
    return str(error)
