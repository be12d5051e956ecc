"""Verifies both signatures of Alibaba Cloud's RPC style, written from their description alone.

ACS3-HMAC-SHA256 stands in the headers, version 1 (HMAC-SHA1) in the parameters. A request older or younger than 15 minutes is
refused, and so is a nonce that was used before.
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
"""A nonce is kept this long: a request dated in the future may come again until its date is too old."""


class Keys:
    """Access keys and tokens: whose they are and their secrets."""

    def __init__(self) -> None:
        self._secrets: dict[str, tuple[str, str]] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._nonces: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def add(
        self, access_key_id: str, secret: str, account: str, token: str = "", expires_at: float = float("inf")
    ) -> None:
        """Let a key in; with a token the key is only good together with it, and until it expires."""
        with self._lock:
            self._secrets[access_key_id] = (secret, account)
            if token:
                self._tokens[access_key_id] = (token, expires_at)

    def secret(self, access_key_id: str, token: str, now: float) -> tuple[str, str]:
        """(secret, account) of a key; Refused if there is none or its token is wrong or too old."""
        with self._lock:
            found = self._secrets.get(access_key_id)
            expected, expires_at = self._tokens.get(access_key_id, ("", float("inf")))
        if found is None:
            raise Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if expected and token != expected:
            raise Refused(
                400, "InvalidSecurityToken.MismatchWithAccessKey", "The security token is not valid."
            )
        if now >= expires_at:
            raise Refused(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return found

    def once(self, nonce: str, now: float) -> None:
        """Refused if the nonce was used before; those too old to come again are forgotten."""
        with self._lock:
            while self._nonces and next(iter(self._nonces.values())) < now - NONCE_SECONDS:
                self._nonces.popitem(last=False)
            if not nonce or nonce in self._nonces:
                raise Refused(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces[nonce] = now

    @property
    def nonces_kept(self) -> int:
        """How many nonces are remembered."""
        return len(self._nonces)


def encoded(text: str) -> str:
    """Percent-encoding of RFC 3986."""
    return quote(text, safe="-_.~")


def canonical(pairs: Iterable[tuple[str, str]]) -> str:
    """Sorted, encoded name=value pairs."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(pairs))


def check_time(text: str, now: float) -> None:
    """Refused if a timestamp is malformed or outside the window."""
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
    """The account that signed a request; `headers` have lower-case names. Raises Refused as the gateway answers."""
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
    must = {"host"} | {name for name in headers if name.startswith("x-acs-")}
    if not must <= set(signed) or any(name not in headers for name in signed):
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
    keys.once(headers.get("x-acs-signature-nonce", ""), now)
    return account


def _verify_v1(keys: Keys, method: str, pairs: list[tuple[str, str]], now: float) -> str:
    given = dict(pairs)
    missing = [
        name for name in ("AccessKeyId", "Signature", "SignatureNonce", "Timestamp") if not given.get(name)
    ]
    if missing:
        raise Refused(400, f"Missing{missing[0]}", f"{missing[0]} is mandatory for this action.")
    if given.get("SignatureMethod", "HMAC-SHA1") != "HMAC-SHA1":
        raise Refused(400, "InvalidSignatureMethod", "Specified signature method is not valid.")
    secret, account = keys.secret(given["AccessKeyId"], given.get("SecurityToken", ""), now)
    check_time(given["Timestamp"], now)
    text = f"{method}&%2F&{encoded(canonical((name, value) for name, value in pairs if name != 'Signature'))}"
    expected = base64.b64encode(
        hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    ).decode()
    if not hmac.compare_digest(expected, given["Signature"]):
        raise Refused(
            400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."
        )
    keys.once(given["SignatureNonce"], now)
    return account
