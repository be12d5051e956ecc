"""How to fix a refusal of the API, by its error code.

This module owns the sentences only. Sources: the vendor's pages of common error codes and of DBS error codes.
"""

from __future__ import annotations

from collections.abc import Mapping

CURES: Mapping[str, str] = {
    "InvalidTimeStamp": "set this machine's clock (NTP): the API refuses signatures that are 15 minutes off",
    "InvalidAccessKeyId.Inactive": "the access key is disabled: enable it in RAM, or give another",
    "InvalidAccessKeyId": "there is no such access key: check its id, and whether it was deleted or rotated",
    "AccessKeyDisabled": "the access key is disabled: enable it in RAM, or give another",
    "SignatureDoesNotMatch": "the secret does not belong to this access key: check the secret",
    "IncompleteSignature": "something on the way changes the request: look for a proxy that rewrites it",
    "InvalidSecurityToken.Expired": "the security token has expired: use a source that renews it, or write the new one",
    "InvalidSecurityToken": "the security token does not belong to this key, or has expired: check both",
    "MissingSecurityToken": "a temporary key (STS.…) needs its token: use type sts, or a source that renews it",
    "MissingAccessKeyId": "no access key was sent: check the source of the credentials",
    "SignatureNonceUsed": "something on the way sends requests twice: look for a proxy that repeats them",
    "Request.Forbidden": "allow dbs:{operation} in the RAM policy of these credentials",
    "Forbidden": "allow dbs:{operation} in the RAM policy of these credentials",
    "NoPermission": "allow dbs:{operation} in the RAM policy of these credentials",
    "NotAuthorized": "allow dbs:{operation} in the RAM policy of these credentials",
    "Throttling": "lower requests_per_second: the quota is the cloud account's, all its RAM users together",
    "InvalidAction.NotFound": "the endpoint does not serve DBS: check `endpoint`",
    "InvalidApi.NotFound": "the endpoint does not serve DBS: check `endpoint`",
    "InvalidVersion": "the endpoint does not serve DBS of 2019-03-06: check `endpoint`",
    "InvalidRegionId": "DBS is not in this region for this account: check `regions`",
}


def cure_of(code: str, operation: str) -> str:
    """Return how to fix a refusal with this code, by its longest known prefix; "" if none is known."""
    prefixes = [known for known in CURES if code.lower().startswith(known.lower())]
    return CURES[max(prefixes, key=len)].format(operation=operation) if prefixes else ""
