"""Parses the API's answers, and turns refusals into the exceptions of `errors`.

This module owns both forms of a refusal (an HTTP error with Code, an HTTP 200 with Success false) and the meaning of the
error codes. The code counts before the HTTP status: throttling, for example, comes as HTTP 400. It reads bytes and never
calls the API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from dbs_exporter.errors import (
    ApiError,
    BadAnswer,
    BadCredentials,
    Invalid,
    NotPermitted,
    ServerError,
    Throttled,
)
from dbs_exporter.facts.fields import boolean, first_text, integer

_MESSAGE_CHARACTERS = 500

_BAD_CREDENTIALS = (
    "invalidaccesskeyid",
    "invalidsecuritytoken",
    "invalidtimestamp",
    "signaturedoesnotmatch",
    "incompletesignature",
    "missingsecuritytoken",
    "missingaccesskeyid",
    "accesskeydisabled",
)
_NOT_PERMITTED = (
    "request.forbidden",
    "forbidden",
    "nopermission",
    "notauthorized",
    "unauthorized",
)
_BROKEN = (
    "serviceunavailable",
    "internalerror",
    "internalservererror",
    # Every attempt has its own nonce, so something on the way has sent a request twice; another attempt is accepted.
    "signaturenonceused",
)
_INVALID = ("invalid", "missing", "param", "unsupported", "incorrect", "illegal")


def error_class(code: str, http_status: int) -> type[ApiError]:
    """Return the class of error that a code means; an undocumented code is judged by the HTTP status."""
    known = code.lower()
    if "throttling" in known or known in ("toomanyrequests", "flowcontrol"):
        return Throttled
    if known.startswith(_BAD_CREDENTIALS):
        return BadCredentials
    if known.startswith(_NOT_PERMITTED):
        return NotPermitted
    if known.startswith(_BROKEN):
        return ServerError
    if known.startswith(_INVALID) or known.endswith((".notfound", ".malformed")):
        return Invalid
    if http_status == 429:
        return Throttled
    if http_status >= 500 or http_status == 408:
        return ServerError
    if http_status == 401:
        return BadCredentials
    if http_status == 403:
        return NotPermitted
    if http_status >= 400:
        return Invalid
    return ServerError


def parse_answer(
    body: bytes,
    *,
    http_status: int,
    headers: Mapping[str, str],
    secrets: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the answer as an object, without the wrapper that some samples of the documents show.

    `headers` have lower-case names. `secrets` are texts that must not appear in an error, because the API quotes the
    request. Raises the ApiError that the answer means, BadAnswer if it is no answer of DBS.
    """
    if 300 <= http_status < 400:
        raise BadAnswer(
            "the endpoint sends elsewhere, which is never followed; is it the address of DBS?",
            http_status=http_status,
            field="Location",
        )
    answer = _parsed(body, http_status)
    if answer is None:
        _refuse_unreadable(body, http_status, headers, secrets)
    if http_status >= 400:
        _refuse(answer, http_status, headers, secrets)
    success = boolean(answer, "Success")
    # The vendor's samples show Success true beside an ErrCode: Success decides, the code only if Success is missing.
    if success is False or (success is None and _code(answer)):
        _refuse(answer, _reported_status(answer, http_status), headers, secrets)
    return answer


class _DuplicateKeyError(ValueError):
    """An object has a key twice, so that it is undefined which of the values counts."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen: set[str] = set()
        duplicate = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _DuplicateKeyError(duplicate)
    return fields


# NaN and Infinity are not JSON; they make only their own field unreadable, not the whole answer.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=float)


def _parsed(body: bytes, http_status: int) -> dict[str, Any] | None:
    """Return the JSON object; None if there is none but the HTTP status shows a failure."""
    try:
        # A name that was cut within a character makes only that name unreadable; `Reader` counts it.
        answer = _DECODER.decode(body.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    except _DuplicateKeyError as error:
        raise BadAnswer(
            f"the answer names {presentable(str(error), ())[:100]} twice", http_status=http_status
        ) from None
    except (ValueError, RecursionError):
        answer = None
    while type(answer) is dict and len(answer) == 1:
        ((name, inner),) = answer.items()
        if type(inner) is not dict or not name.endswith(("Response", "Reponse", "Error")):
            break
        answer = inner
    if type(answer) is dict:
        return answer
    if http_status < 400:
        raise BadAnswer("not a JSON object" if body else "an empty answer", http_status=http_status)
    return None


def _refuse(
    answer: Mapping[str, Any],
    http_status: int,
    headers: Mapping[str, str],
    secrets: tuple[str, ...],
) -> NoReturn:
    code = _code(answer)
    message = _text_of(answer, "Message", "ErrMessage", "ErrorMessage", "message")
    raise _error(
        code,
        message,
        _text_of(answer, "RequestId", "requestId"),
        http_status,
        headers,
        secrets,
    )


def _refuse_unreadable(
    body: bytes, http_status: int, headers: Mapping[str, str], secrets: tuple[str, ...]
) -> NoReturn:
    """Raise the error of an answer that is not JSON, by the code in the API's XML or by the HTTP status."""
    text = body[:65_536].decode("utf-8", "replace")
    code, message, request_id = (
        match[1].strip() if (match := re.search(rf"<{tag}>([^<]{{1,500}})</{tag}>", text)) else ""
        for tag in ("Code", "Message", "RequestId")
    )
    if code:
        raise _error(code, message, request_id, http_status, headers, secrets)
    if http_status == 429 or http_status >= 500 or http_status == 408:
        message = f"HTTP {http_status} without an answer from DBS"
        raise _error("", message, "", http_status, headers, secrets)
    raise BadAnswer(
        f"HTTP {http_status} with something that is not JSON; is a proxy in between?",
        http_status=http_status,
    )


def _error(
    code: str,
    message: str,
    request_id: str,
    http_status: int,
    headers: Mapping[str, str],
    secrets: tuple[str, ...],
) -> ApiError:
    date = headers.get("date", "")
    if refuses_time(code):
        message = f"{message} (the API's clock says {date or 'nothing'})"
    error = error_class(code, http_status)(
        presentable(message, secrets) or f"HTTP {http_status}",
        code=presentable(code, secrets)[:100],
        request_id=presentable(request_id, secrets)[:100],
        http_status=http_status,
        retry_after_seconds=retry_after_seconds(headers),
    )
    error.date = date
    return error


def refuses_time(code: str) -> bool:
    """Return whether a request was refused because its time is too far from the API's."""
    return code.lower().startswith("invalidtimestamp")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the server asks to wait, None if it does not.

    The header is x-acs-retry-after in milliseconds, or Retry-After in seconds.
    """
    for name, divisor in (("x-acs-retry-after", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0:
            return int(value) / divisor
    return None


def presentable(message: str, secrets: tuple[str, ...]) -> str:
    """Return a server's message fit for a log line: short, without secrets and control characters."""
    # After these words the API quotes the whole request, including the token.
    message = re.split(r"[,.;]?\s*server string to sign", message, maxsplit=1, flags=re.IGNORECASE)[0]
    for secret in secrets:
        if secret:
            message = message.replace(secret, "***")
    message = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    return message if len(message) <= _MESSAGE_CHARACTERS else message[: _MESSAGE_CHARACTERS - 1] + "…"


def _code(answer: Mapping[str, Any]) -> str:
    return _text_of(answer, "Code", "ErrCode", "code")


def _text_of(answer: Mapping[str, Any], *names: str) -> str:
    """Return the first of these fields as text; "" if it is malformed, so the error is still reported."""
    try:
        return first_text(answer, *names)
    except BadAnswer:
        return ""


def _reported_status(answer: Mapping[str, Any], http_status: int) -> int:
    """Return the HttpStatusCode field of a refusal that came as HTTP 200, else the HTTP status."""
    try:
        reported = integer(answer, "HttpStatusCode")
    except BadAnswer:
        return http_status
    return reported if reported is not None and 400 <= reported <= 599 else http_status
