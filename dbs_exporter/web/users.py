"""Who may ask: HTTP basic authentication against bcrypt hashes.

A hash takes long to compare, by design. So a password that was right is remembered, and what is not remembered is compared in a
single thread, a few at a time for each client: whoever guesses passwords delays nobody who scrapes. This module knows no path.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

MOST_REMEMBERED = 256
MOST_WAITING = 64
MOST_WAITING_PER_CLIENT = 4
BCRYPT_BYTES = 72
"""What bcrypt looks at of a password."""


class BusyError(Exception):
    """Too many passwords wait to be compared."""


class Users:
    """Users by name, each with the bcrypt hash of a password. `admits` belongs to one event loop."""

    def __init__(
        self, hashes: Mapping[str, str], *, compare: Callable[[bytes, bytes], bool] = bcrypt.checkpw
    ) -> None:
        self.hashes = dict(hashes)
        self._compare = compare
        cost = max((int(each[4:6]) for each in hashes.values()), default=10)
        # No password is known for this hash; comparing with it takes as long as with a user's.
        self._nobody = (bcrypt.gensalt(cost) + b"." * 31).decode()
        self._secret = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._comparing: dict[bytes, asyncio.Future[bool]] = {}
        self._waiting: Counter[str] = Counter()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="passwords")

    async def admits(self, authorization: bytes, client: str) -> bool:
        """Return whether an Authorization header names a user with the right password.

        `client` is the address that asks. Raises BusyError.
        """
        user, password = _credentials(authorization)
        known = user is not None and user in self.hashes
        stored = self.hashes[user] if user is not None and known else self._nobody
        key = self._key(user or "", stored, password)
        if key in self._verified:
            self._verified.move_to_end(key)
            return True
        if user is None:
            return False
        if key not in self._comparing:
            if self._waiting[client] >= MOST_WAITING_PER_CLIENT or self._waiting.total() >= MOST_WAITING:
                raise BusyError
            self._begin(key, stored, password, client, known=known)
        return await asyncio.shield(self._comparing[key])

    def close(self) -> None:
        """Compare no more."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _begin(self, key: bytes, stored: str, password: bytes, client: str, *, known: bool) -> None:
        try:
            comparing = asyncio.get_running_loop().run_in_executor(
                self._worker, self._is_right, password, stored, known
            )
        except RuntimeError:
            # There is no thread to be had, or the exporter ends.
            raise BusyError from None
        self._waiting[client] += 1
        self._comparing[key] = comparing

        def ended(compared: asyncio.Future[bool]) -> None:
            del self._comparing[key]
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]
            if not compared.cancelled() and compared.exception() is None and compared.result():
                self._verified[key] = None
                if len(self._verified) > MOST_REMEMBERED:
                    self._verified.popitem(last=False)

        comparing.add_done_callback(ended)

    def _is_right(self, password: bytes, stored: str, known: bool) -> bool:
        try:
            return self._compare(password[:BCRYPT_BYTES], stored.encode()) and known
        except ValueError:
            return False

    def _key(self, user: str, stored: str, password: bytes) -> bytes:
        # Lengths stand before the parts, so that no two sets of them give the same text; without the secret nobody can
        # choose a password that is taken for another (CVE-2022-46146).
        digest = hmac.new(self._secret, digestmod=hashlib.sha256)
        for part in (user.encode("utf-8", "surrogatepass"), stored.encode(), password):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()


def _credentials(authorization: bytes) -> tuple[str | None, bytes]:
    """Return (user, password) of a header, (None, b"") if it is not one of basic authentication."""
    scheme, _, encoded = authorization.partition(b" ")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        if scheme.lower() == b"basic" and colon:
            return user.decode(), password
    except (binascii.Error, ValueError):
        pass
    return None, b""
