"""Failures of the vendor's library as sentences without secrets."""

from __future__ import annotations

import base64

from support.account_credentials import SECRET

from dbs_exporter.api.credentials.failures import describe_failure


def test_what_the_library_says_is_reduced_to_what_is_safe() -> None:
    """Status and code are kept, the rest of the answer is not."""
    message = (
        "error refreshing credentials from ram_role_arn, http_code: 404, result: "
        f'{{"Code":"EntityNotExist.Role","AccessKeySecret":"{SECRET}","token":"{base64.b64encode(b"x").decode()}"}}'
    )

    assert describe_failure(Exception(message)) == (
        "the request for credentials was refused, HTTP 404, EntityNotExist.Role"
    )
    assert describe_failure(KeyError(SECRET)) == "what came has another form than the vendor documents"
    assert describe_failure(RuntimeError(SECRET)) == "RuntimeError"
