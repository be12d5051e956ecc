"""A query signed with version 1, made here from its description and from nothing of the package."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from urllib.parse import quote, urlencode
from uuid import uuid4


def signed(
    params: dict[str, str],
    *,
    secret: str = "testsk",
    when: float | None = None,
    nonce: str = "",
    method: str = "GET",
) -> str:
    """Give the query of a request, signed for the first account unless the parameters say otherwise."""
    given = {
        "Version": "2019-03-06",
        "AccessKeyId": "testak",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": nonce or uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when or time.time())),
        **params,
    }
    canonical = "&".join(f"{quote(name, safe='~')}={quote(given[name], safe='~')}" for name in sorted(given))
    text = f"{method}&%2F&{quote(canonical, safe='~')}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return urlencode({**given, "Signature": base64.b64encode(digest).decode()})
