"""Verifies both signatures of Alibaba Cloud's RPC style, written from their description alone.

ACS3-HMAC-SHA256 is in the headers, version 1 (HMAC-SHA1) in the parameters. A request dated more than 15 minutes from now
is refused, and so is a nonce that was used before. This module never signs, and shares no code with the client.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from calendar import timegm
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from dbs_exporter.simulator.replies import Refused

WINDOW_SECONDS = 900
NONCE_SECONDS = 2 * WINDOW_SECONDS
"""How long a nonce is kept: a request dated in the future may be repeated until its date is too old."""


class Keys:
    """Access keys with their accounts, secrets and tokens, and the nonces that were used."""

    def __init__(self) -> None:
        self._secrets: dict[str, tuple[str, str]] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._nonces: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def add(
        self, access_key_id: str, secret: str, account: str, token: str = "", expires_at: float = float("inf")
    ) -> None:
        """Add a key; with a token the key is valid only together with it, and until it expires."""
        with self._lock:
            self._secrets[access_key_id] = (secret, account)
            if token:
                self._tokens[access_key_id] = (token, expires_at)

    def secret(self, access_key_id: str, token: str, now: float) -> tuple[str, str]:
        """Return (secret, account) of a key. Raises Refused for an unknown key or a wrong or expired token."""
        with self._lock:
            secret_and_account = self._secrets.get(access_key_id)
            expected, expires_at = self._tokens.get(access_key_id, ("", float("inf")))
        if secret_and_account is None:
            raise Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if expected and token != expected:
            raise Refused(
                400, "InvalidSecurityToken.MismatchWithAccessKey", "The security token is not valid."
            )
        if now >= expires_at:
            raise Refused(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return secret_and_account

    def use_nonce(self, nonce: str, now: float) -> None:
        """Record a nonce and forget those that are too old. Raises Refused if it was used before."""
        with self._lock:
            while self._nonces and next(iter(self._nonces.values())) < now - NONCE_SECONDS:
                self._nonces.popitem(last=False)
            if not nonce or nonce in self._nonces:
                raise Refused(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces[nonce] = now

    @property
    def nonce_count(self) -> int:
        """The number of nonces that are remembered."""
        return len(self._nonces)


def encoded(text: str) -> str:
    """Return the text percent-encoded as in RFC 3986."""
    return quote(text, safe="-_.~")


def canonical(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the pairs sorted, encoded and joined as name=value."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(pairs))


def check_time(text: str, now: float) -> None:
    """Raise Refused if a timestamp is malformed or more than WINDOW_SECONDS from now."""
    try:
        moment = timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise Refused(400, "InvalidTimeStamp.Format", "Specified time stamp is not well formatted.") from None
    if abs(now - moment) > WINDOW_SECONDS:
        raise Refused(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")


def verify(
    keys: Keys,
    method: str,
    query: list[tuple[str, str]],
    form: list[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
) -> str:
    """Return the account that signed a request. Raises Refused with the gateway's answer if none did.

    `headers` have lower-case names; `query` and `form` are the decoded parameters.
    """
    authorization = headers.get("authorization", "")
    if authorization.startswith("ACS3-HMAC-SHA256 "):
        return _verify_acs3(keys, method, query, headers, body, now, authorization)
    return _verify_v1(keys, method, query + form, now)


def _verify_acs3(
    keys: Keys,
    method: str,
    query: list[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    authorization: str,
) -> str:
    parts = dict(
        part.strip().split("=", 1)
        for part in authorization.removeprefix("ACS3-HMAC-SHA256 ").split(",")
        if "=" in part
    )
    if not {"Credential", "SignedHeaders", "Signature"} <= parts.keys():
        raise Refused(400, "IncompleteSignature", "The request signature does not conform to the standards.")
    signed = parts["SignedHeaders"].split(";")
    required = {"host"} | {name for name in headers if name.startswith("x-acs-")}
    if not required <= set(signed) or any(name not in headers for name in signed):
        raise Refused(400, "IncompleteSignature", "Host and every x-acs- header must be signed.")
    secret, account = keys.secret(parts["Credential"], headers.get("x-acs-security-token", ""), now)
    check_time(headers.get("x-acs-date", ""), now)
    digest = hashlib.sha256(body).hexdigest()
    if headers.get("x-acs-content-sha256") != digest:
        raise Refused(400, "SignatureDoesNotMatch", "The body's hash does not match.")
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(signed))
    request = "\n".join([method, "/", canonical(query), lines, ";".join(sorted(signed)), digest])
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, parts["Signature"]):
        raise Refused(
            400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."
        )
    keys.use_nonce(headers.get("x-acs-signature-nonce", ""), now)
    return account


def _verify_v1(keys: Keys, method: str, pairs: list[tuple[str, str]], now: float) -> str:
    params = dict(pairs)
    missing = [
        name for name in ("AccessKeyId", "Signature", "SignatureNonce", "Timestamp") if not params.get(name)
    ]
    if missing:
        raise Refused(400, f"Missing{missing[0]}", f"{missing[0]} is mandatory for this action.")
    if params.get("SignatureMethod", "HMAC-SHA1") != "HMAC-SHA1":
        raise Refused(400, "InvalidSignatureMethod", "Specified signature method is not valid.")
    secret, account = keys.secret(params["AccessKeyId"], params.get("SecurityToken", ""), now)
    check_time(params["Timestamp"], now)
    text = f"{method}&%2F&{encoded(canonical((name, value) for name, value in pairs if name != 'Signature'))}"
    expected = base64.b64encode(
        hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    ).decode()
    if not hmac.compare_digest(expected, params["Signature"]):
        raise Refused(
            400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."
        )
    keys.use_nonce(params["SignatureNonce"], now)
    return account
