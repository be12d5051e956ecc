"""From an HTTP answer to a DBS answer, or to the one error of `errors` that says what went wrong.

It owns both shapes in which DBS says no (an HTTP error with Code, an HTTP 200 with Success false) and the meaning of the
codes, which decide before any HTTP status does: throttling, for one, comes as 400. It reads bytes and never calls.
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
    # Every attempt has a nonce of its own, so this means that something on the way sent one twice; another is accepted.
    "signaturenonceused",
)
_INVALID = ("invalid", "missing", "param", "unsupported", "incorrect", "illegal")


def error_class(code: str, http_status: int) -> type[ApiError]:
    """Give the error that a code means; only a code that no document knows is judged by the HTTP status."""
    said = code.lower()
    if "throttling" in said or said in ("toomanyrequests", "flowcontrol"):
        return Throttled
    if said.startswith(_BAD_CREDENTIALS):
        return BadCredentials
    if said.startswith(_NOT_PERMITTED):
        return NotPermitted
    if said.startswith(_BROKEN):
        return ServerError
    if said.startswith(_INVALID) or said.endswith((".notfound", ".malformed")):
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


def understand(
    body: bytes,
    *,
    http_status: int,
    headers: Mapping[str, str],
    secrets: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Give the answer's object, taken out of the wrapper that some samples show. Raises ApiError.

    `secrets` are texts that must not show in an error, because the API quotes what it was sent.
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
    # The vendor's samples show Success true beside an ErrCode: Success decides, and the code only where that is missing.
    if success is False or (success is None and _code(answer)):
        _refuse(answer, _status_said(answer, http_status), headers, secrets)
    return answer


class _KeyTwiceError(ValueError):
    """An object names a key twice: whoever reads it may see either value, and an empty list where there is none."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _KeyTwiceError(twice)
    return made


# NaN and Infinity are no JSON; where one stands for a number, that field cannot be read, and the others can.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=float)


def _parsed(body: bytes, http_status: int) -> dict[str, Any] | None:
    """Return the JSON object, None if the body is anything else and the status already says that the call failed."""
    try:
        # A name that is cut within a character costs that name; `Reader` counts it.
        answer = _DECODER.decode(body.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    except _KeyTwiceError as error:
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
    message = _said(answer, "Message", "ErrMessage", "ErrorMessage", "message")
    raise _error(
        code,
        message,
        _said(answer, "RequestId", "requestId"),
        http_status,
        headers,
        secrets,
    )


def _refuse_unreadable(
    body: bytes, http_status: int, headers: Mapping[str, str], secrets: tuple[str, ...]
) -> NoReturn:
    """Judge an error that is not JSON: the API's own XML form by its code, anything else (a proxy's page) by status."""
    text = body[:65_536].decode("utf-8", "replace")
    code, message, request_id = (
        found[1].strip() if (found := re.search(rf"<{tag}>([^<]{{1,500}})</{tag}>", text)) else ""
        for tag in ("Code", "Message", "RequestId")
    )
    if code:
        raise _error(code, message, request_id, http_status, headers, secrets)
    if http_status == 429 or http_status >= 500 or http_status == 408:
        said = f"HTTP {http_status} without an answer from DBS"
        raise _error("", said, "", http_status, headers, secrets)
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
    if code.lower().startswith("invalidtimestamp"):
        message = (
            f"{message} (the API's clock says {headers.get('date', 'nothing')}; is this machine's right?)"
        )
    return error_class(code, http_status)(
        presentable(message, secrets) or f"HTTP {http_status}",
        code=presentable(code, secrets)[:100],
        request_id=presentable(request_id, secrets)[:100],
        http_status=http_status,
        retry_after_seconds=retry_after_seconds(headers),
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read how long the server asks to wait: x-acs-retry-after in milliseconds, or Retry-After in seconds; else None."""
    for name, divisor in (("x-acs-retry-after", 1000.0), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        if said.isascii() and said.isdigit() and len(said) < 10 and int(said) > 0:
            return int(said) / divisor
    return None


def presentable(message: str, secrets: tuple[str, ...]) -> str:
    """Make a server's words fit for one line of a log: no secrets, no control characters, no novel."""
    # What follows these words is the request itself, token and all.
    message = re.split(r"[,.;]?\s*server string to sign", message, maxsplit=1, flags=re.IGNORECASE)[0]
    for secret in secrets:
        if secret:
            message = message.replace(secret, "***")
    message = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    return message if len(message) <= _MESSAGE_CHARACTERS else message[: _MESSAGE_CHARACTERS - 1] + "…"


def _code(answer: Mapping[str, Any]) -> str:
    return _said(answer, "Code", "ErrCode", "code")


def _said(answer: Mapping[str, Any], *names: str) -> str:
    """Give the first of these texts; an error that is itself malformed is still told."""
    try:
        return first_text(answer, *names)
    except BadAnswer:
        return ""


def _status_said(answer: Mapping[str, Any], http_status: int) -> int:
    """Give the HttpStatusCode in a refusal that came as HTTP 200."""
    try:
        said = integer(answer, "HttpStatusCode")
    except BadAnswer:
        return http_status
    return said if said is not None and 400 <= said <= 599 else http_status
