"""ACS3-HMAC-SHA256, the vendor's signature version 3, as a requests `AuthBase`.

This module owns the canonical form of a request and the headers of a signature. It signs the request as it will be sent, and
must sign again for every attempt, because the API refuses a nonce that it has seen and a date that is 15 minutes off. It
sends nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

from dbs_exporter.api.credentials.types import Credentials

ALGORITHM = "ACS3-HMAC-SHA256"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def encode(value: str) -> str:
    """Percent-encode a value as in RFC 3986: everything but letters, digits and `-_.~`."""
    # Most values are ids and numbers, which need no encoding.
    return value if value.isascii() and value.isalnum() else quote(value, safe="~")


def canonical_query(parameters: Iterable[tuple[str, str]]) -> str:
    """Return the query sorted by name and encoded, as it is signed and as the client sends it."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(parameters))


def authorization(
    credentials: Credentials,
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload_sha256: str = _EMPTY_SHA256,
) -> str:
    """Return the Authorization header of a request with a canonical query and exactly these headers.

    The names of `headers` may be in any case; `payload_sha256` is the hash of the body in hex.
    """
    signed_headers = sorted((name.lower(), value.strip()) for name, value in headers.items())
    names = ";".join(name for name, _ in signed_headers)
    canonical = "\n".join(
        (
            method,
            path,
            query,
            "".join(f"{name}:{value}\n" for name, value in signed_headers),
            names,
            payload_sha256,
        )
    )
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(credentials.access_key_secret.encode(), to_sign.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={credentials.access_key_id},SignedHeaders={names},Signature={signature}"


class Acs3Auth(AuthBase):
    """Signs a prepared request: host, content-type and every `x-acs-*` header, as the documents require.

    `now` returns Unix seconds, `nonce` a text that it never returned before.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        now: Callable[[], float],
        nonce: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._credentials = credentials
        self._now = now
        self._nonce = nonce

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the headers of the signature to the request and return it."""
        url = urlsplit(str(request.url))
        body = request.body or b""
        payload = hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()
        headers = request.headers
        headers.setdefault("host", url.netloc.rpartition("@")[2])
        headers["x-acs-date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
        headers["x-acs-signature-nonce"] = self._nonce()
        headers["x-acs-content-sha256"] = payload
        if self._credentials.security_token:
            headers["x-acs-accesskey-id"] = self._credentials.access_key_id
            headers["x-acs-security-token"] = self._credentials.security_token
        signed = {
            name: str(value)
            for name, value in ((name.lower(), value) for name, value in headers.items())
            if name.startswith("x-acs-") or name in ("host", "content-type")
        }
        headers["Authorization"] = authorization(
            self._credentials,
            method=str(request.method),
            path=url.path or "/",
            query=canonical_query(parse_qsl(url.query, keep_blank_values=True)),
            headers=signed,
            payload_sha256=payload,
        )
        return request
