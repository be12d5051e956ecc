"""The file of `--web.config.file`: TLS, users, headers and a rate limit, in the format of Prometheus' exporter-toolkit.

This module owns the keys and what is refused of them; what the toolkit accepts and this exporter does not do is an error that
says so. It reads no certificate; `web.tls` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from dbs_exporter.config.document import read_document
from dbs_exporter.config.problems import add_problems
from dbs_exporter.config.values import Text, duration

COSTLIEST_HASH = 16
"""The cost of a bcrypt hash; each step takes twice as long, and this takes seconds."""
CIPHER_SUITES = {
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""Go's name of each suite that is served -> OpenSSL's, "" for those of TLS 1.3, which are always offered."""
_HEADERS = (
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
)
_HASH = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")


def _hash(value: object) -> str:
    # The value may be a password by mistake, so it is in no message.
    match = _HASH.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a bcrypt hash; write what `htpasswd -nBC 10 USER` prints behind the colon")
    if not 4 <= int(match[1]) <= COSTLIEST_HASH:
        raise ValueError(
            f"the cost of this hash is {int(match[1])}; 10 would be right, {COSTLIEST_HASH} is the most"
        )
    return match[0]


def _client_auth(value: object) -> object:
    if value in ("RequestClientCert", "RequireAnyClientCert"):
        raise ValueError(
            f"{value!r} verifies no certificate, which is not served; VerifyClientCertIfGiven or"
            " RequireAndVerifyClientCert would be right"
        )
    return value or "NoClientCert"


def _version(value: object) -> object:
    if value in ("TLS10", "TLS11"):
        raise ValueError(f"{value!r} is broken and not served; TLS12 would be right")
    return value


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


_Version = Annotated[Literal["TLS12", "TLS13"], BeforeValidator(_version)]


class TlsServerConfig(_Model):
    """`tls_server_config`: how TLS is served."""

    cert_file: Text = Field(examples=["server.crt"])
    key_file: Text = Field(examples=["server.key"])
    client_auth_type: Annotated[
        Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
        BeforeValidator(_client_auth),
    ] = "NoClientCert"
    client_ca_file: Text | None = Field(default=None, examples=["ca.crt"])
    client_allowed_sans: tuple[Text, ...] = ()
    min_version: _Version = "TLS12"
    max_version: _Version = "TLS13"
    cipher_suites: tuple[Text, ...] = ()
    prefer_server_cipher_suites: bool = True

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.client_auth_type != "NoClientCert" and self.client_ca_file is None:
            raise ValueError(
                "client_auth_type verifies certificates; add client_ca_file: PATH, of who signed them"
            )
        if self.client_auth_type == "NoClientCert" and (self.client_ca_file or self.client_allowed_sans):
            raise ValueError(
                "certificates of clients are not asked for; add client_auth_type: RequireAndVerifyClientCert"
            )
        if self.min_version > self.max_version:
            raise ValueError("min_version is above max_version; swap them")
        unknown = [name for name in self.cipher_suites if name not in CIPHER_SUITES]
        if unknown:
            raise ValueError(
                f"cipher_suites: {unknown[0]!r} is not served; known are {', '.join(CIPHER_SUITES)}"
            )
        if self.cipher_suites and not self.ciphers and self.min_version == "TLS12":
            raise ValueError("cipher_suites names none of TLS 1.2; add one, or min_version: TLS13")
        return self

    @property
    def ciphers(self) -> tuple[str, ...]:
        """The suites of TLS 1.2 by OpenSSL's names; () for the usual ones."""
        return tuple(CIPHER_SUITES[name] for name in self.cipher_suites if CIPHER_SUITES[name])


class HttpServerConfig(_Model):
    """`http_server_config`: HTTP/2 is accepted and never served; headers are added to every answer."""

    http2: bool = False
    headers: Mapping[Literal[_HEADERS], Text] = Field(default={})  # type: ignore[valid-type]


class RateLimit(_Model):
    """`rate_limit`: a request every `interval`, and `burst` at once; more are answered with 429."""

    interval: Annotated[float, duration(0, 3600)] = 0.0
    burst: int = Field(default=0, ge=0, le=100_000)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.interval and not self.burst:
            raise ValueError("burst: 0 allows no request; add burst: 20 or so")
        return self


class WebFile(_Model):
    """The whole file; an empty one changes nothing."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: Mapping[Text, Annotated[str, BeforeValidator(_hash)]] = Field(default={})
    rate_limit: RateLimit = RateLimit()


def load_web_file(path: Path) -> WebFile:
    """Return the content of a web configuration, with absolute paths. Raises ConfigError with every problem."""
    document = read_document(path, flag="--web.config.file")
    try:
        found = WebFile.model_validate({} if document.values is None else document.values)
    except ValidationError as error:
        add_problems(document, error, WebFile)
        document.raise_problems()
        raise
    document.raise_problems()
    if found.tls_server_config is None:
        return found
    files = {
        key: str(path.parent / value)
        for key in ("cert_file", "key_file", "client_ca_file")
        if (value := getattr(found.tls_server_config, key)) is not None
    }
    return found.model_copy(update={"tls_server_config": found.tls_server_config.model_copy(update=files)})
