"""`dbs-exporter call --redact`: makes an answer of the API fit to be shared.

This module owns what is replaced: every text of which it is not known that it names nothing of the account, and every id that
is a number. States, types, times, sizes, regions and progress stay. The same value always becomes the same stand-in, also
within other texts and, with the same access key, in other answers.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_KEPT = re.compile(
    r"(Status|State|Type|Class|Spec|Method|Period|Time|Timestamp|Size|Progress|Region|RegionCode|Format|Mode|Ssl|Way"
    r"|Port|Num|Success|Language|ErrCode|ErrorCode|HttpStatusCode)$|^(Code|Item|Names|PageNum|IsExpired)$"
)
"""The fields whose texts name nothing of the account."""
_NOT_KEPT = re.compile(r"(IpPort)$")
_FREE_TEXT = re.compile(r"(Message|Msg)$")
_ID = re.compile(r"(Id|ID|Uid|UID|Identifier)$")
_TAME = re.compile(r"[\w.:,; +-]{0,60}", re.ASCII)
_NOTHING = frozenset({"", "0", "-1", "NULL", "null", "true", "false", "True", "False"})
_FIELD_NAME = re.compile(r"[A-Z][A-Za-z]*|dbName")

_URL = re.compile(r"https?://[^\s\"'<>]+")
_UUID = re.compile(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
)
_HOST = re.compile(r"(?<![\w.-])(?:[A-Za-z0-9_-]+\.)+[A-Za-z]{2,}(?![\w-])")
_ERROR_CODE = re.compile(r"[A-Z]+[a-z][A-Za-z]*(?:\.[A-Z][A-Za-z]*)+")
"""Such as Param.NotFound, which looks like a host."""
_QUOTED = re.compile(r"(['\"`])([^'\"`]+)\1")
_LIKE_AN_ID = re.compile(r"\b(?:dbs[0-9a-z]{6,}|[a-z]{1,5}-(?=[a-z]*[0-9])[0-9a-z]{8,}|\d{14,})\b")
_WORD = re.compile(r"[^\s'\"`,;:()\[\]{}<>@=/]+")


class Redactor:
    """Replaces what names things of an account; `secret` keeps the stand-ins from being guessed."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"dbs-exporter call --redact", "sha256")
        self._known: set[str] = set()

    def learn(self, values: Iterable[str]) -> None:
        """Replace these values too wherever they stand in a text, such as the parameters of the call."""
        for value in values:
            if len(value) > 2 and value not in _NOTHING:
                self._known.add(value)

    def answers(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answers of regions with everything replaced that must not be shared."""
        for answer in answers.values():
            self._collect(answer, "")
        return {region: self._value(answer, "") for region, answer in answers.items()}

    def text(self, text: str) -> str:
        """Return a sentence with everything replaced that is known, quoted, or looks like an address or an id."""
        for value in sorted(self._known, key=len, reverse=True):
            # Single words are found below, by one look each.
            if not _WORD.fullmatch(value):
                text = text.replace(value, self._stand_in(value))
        text = _WORD.sub(lambda match: self._word(match[0]), text)
        text = _QUOTED.sub(lambda match: f"{match[1]}{self._once(match[2])}{match[1]}", text)
        return self._without_patterns(text)

    def _without_patterns(self, text: str) -> str:
        """Return a text with everything replaced that looks like an address or an id, whatever is known."""
        text = _URL.sub(lambda match: self._stand_in(match[0]), text)
        text = _UUID.sub(lambda match: self._stand_in(match[0]), text)
        text = _ADDRESS.sub(lambda match: self._address(match[0]), text)
        text = _HOST.sub(lambda match: self._host(match[0]), text)
        return _LIKE_AN_ID.sub(lambda match: self._once(match[0]), text)

    def _collect(self, value: Any, field: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._collect(inner, name)
        elif isinstance(value, list):
            for inner in value:
                self._collect(inner, field)
        elif isinstance(value, str) and not self._stays(field, value) and not _FREE_TEXT.search(field):
            structure = _structure(value)
            if structure is None:
                self.learn((value,))
            else:
                self._collect(structure, field)
        elif _is_number(value) and _ID.search(field):
            self.learn((str(value),))

    def _value(self, value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return {self._name(name): self._value(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, field) for inner in value]
        if isinstance(value, str):
            if value in _NOTHING:
                return value
            if _FREE_TEXT.search(field):
                return self.text(value)
            if self._stays(field, value):
                # Not by what is known: a plan may be called "running".
                return self._without_patterns(value)
            structure = _structure(value)
            if structure is not None:
                return json.dumps(self._value(structure, field), ensure_ascii=False)
            return self._stand_in(value)
        if _is_number(value) and _ID.search(field) and value not in (0, -1):
            return int(self._digits(str(value)))
        return value

    def _name(self, name: str) -> str:
        """Return the name of a field; what cannot be the API's is replaced."""
        return name if _FIELD_NAME.fullmatch(name) else self._stand_in(name)

    def _stays(self, field: str, value: str) -> bool:
        return bool(_KEPT.search(field) and not _NOT_KEPT.search(field) and _TAME.fullmatch(value))

    def _word(self, word: str) -> str:
        bare = word.rstrip(".")
        return self._stand_in(bare) + word[len(bare) :] if bare in self._known else word

    def _once(self, value: str) -> str:
        """Return a stand-in, of what is already one the same."""
        return value if _IS_STAND_IN.fullmatch(value) else self._stand_in(value)

    def _stand_in(self, value: str) -> str:
        if value in _NOTHING:
            return value
        if match := _URL.fullmatch(value):
            return f"https://{self._hash(match[0])}.example/"
        host, colon, port = value.rpartition(":")
        if colon and port.isdigit() and host and ":" not in host:
            return f"{self._stand_in(host)}:{port}"
        network, slash, bits = value.partition("/")
        if slash and bits.isdigit() and _is_address(network):
            return f"{self._address(network)}/{bits}"
        if _is_address(value):
            return self._address(value)
        if _HOST.fullmatch(value):
            return self._host(value)
        if value.isascii() and value.isdigit():
            return self._digits(value)
        # The API writes a plan's id with these letters or without.
        letters = "dbs" if value.startswith("dbs") and len(value) > 6 else ""
        return f"{letters}{self._hash(value.removeprefix(letters))}"

    def _address(self, address: str) -> str:
        if not _is_address(address):
            return address
        parts = hmac.digest(self._key, address.encode(), "sha256")
        return f"10.{parts[0]}.{parts[1]}.{parts[2]}"

    def _host(self, host: str) -> str:
        if host.endswith(".example") or _ERROR_CODE.fullmatch(host):
            return host
        return f"{self._hash(host)}.example"

    def _digits(self, digits: str) -> str:
        """Return as many other digits, the first of which is not 0."""
        number = int.from_bytes(hmac.digest(self._key, digits.encode(), "sha256"), "big")
        low = 10 ** (len(digits) - 1)
        return str(low + number % (9 * low))

    def _hash(self, value: str) -> str:
        return f"r{hmac.digest(self._key, value.encode(), hashlib.sha256).hex()[:10]}"


_IS_STAND_IN = re.compile(r"(?:dbs)?r[0-9a-f]{10}(?:\.example)?|10(?:\.\d{1,3}){3}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _structure(text: str) -> Any:
    """Return the list or object that a text holds as JSON, such as BackupObjects; None if it holds none."""
    if not text.startswith(("[", "{")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None
