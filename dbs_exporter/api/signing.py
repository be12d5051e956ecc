"""ACS3-HMAC-SHA256, the vendor's third signature, as a requests `AuthBase`.

It owns the canonical form and the headers that belong to a signature. It runs last, sees the request as it will be sent,
and must run again for every attempt: the API refuses a nonce it has seen and a date that is 15 minutes off.
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
    """Percent-encode as RFC 3986 has it: everything but letters, digits and `-_.~`."""
    # Ids and numbers, which most values are, stay as they are.
    return value if value.isascii() and value.isalnum() else quote(value, safe="~")


def canonical_query(parameters: Iterable[tuple[str, str]]) -> str:
    """Give the parameters sorted by name and encoded; also the form in which the client sends them."""
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
    """Give the Authorization header over a canonical query and exactly these headers (names in any case)."""
    named = sorted((name.lower(), value.strip()) for name, value in headers.items())
    signed = ";".join(name for name, _ in named)
    canonical = "\n".join(
        (
            method,
            path,
            query,
            "".join(f"{name}:{value}\n" for name, value in named),
            signed,
            payload_sha256,
        )
    )
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(credentials.access_key_secret.encode(), to_sign.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={credentials.access_key_id},SignedHeaders={signed},Signature={signature}"


class Acs3Auth(AuthBase):
    """Signs a prepared request: host, content-type and every `x-acs-*` header, which is what the documents demand.

    `now` gives Unix seconds; `nonce` a text never given before.
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
        """Add the signature's headers in place and return the request."""
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
