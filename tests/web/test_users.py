"""Passwords: right ones are remembered, wrong ones cost time that nobody else loses, and no key can be made up."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Coroutine
from typing import Any

import bcrypt
import pytest

from dbs_exporter.web.users import MOST_REMEMBERED, MOST_WAITING, MOST_WAITING_PER_CLIENT, BusyError, Users

ALICE = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
BOB = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
HERE = "127.0.0.1"


def basic(user: str, password: str) -> bytes:
    """An Authorization header."""
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


class Compared:
    """Compares as bcrypt does, counts, and waits while it is held."""

    def __init__(self) -> None:
        self.hashes: list[str] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, password: bytes, stored: bytes) -> bool:
        self.hashes.append(stored.decode())
        self.free.wait(60)
        return bcrypt.checkpw(password, stored)


@pytest.fixture
def compared() -> Compared:
    """What is compared."""
    return Compared()


@pytest.fixture
def users(compared: Compared) -> Users:
    """Alice and Bob."""
    return Users({"alice": ALICE, "bob": BOB}, compare=compared)


def run(question: Coroutine[Any, Any, bool]) -> bool:
    """Ask on a loop of its own."""
    return asyncio.run(question)


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        (basic("alice", "secret"), True),
        (basic("alice", "secret").replace(b"Basic", b"basic"), True),
        (basic("bob", "x" * 72), True),
        (basic("bob", "x" * 80), True),
        (basic("bob", "x" * 71), False),
        (basic("alice", "Secret"), False),
        (basic("alice", ""), False),
        (basic("alice", "secret\0more"), False),
        (basic("bob", "secret"), False),
        (basic("carol", "secret"), False),
        (basic("", ""), False),
        (b"", False),
        (b"Basic", False),
        (b"Basic !!!", False),
        (b"Basic " + base64.b64encode(b"\xff\xfe:x"), False),
        (b"Basic " + base64.b64encode(b"alice"), False),
        (b"Bearer " + basic("alice", "secret")[6:], False),
    ],
)
def test_only_the_right_password_of_a_user_is_admitted(users: Users, header: bytes, admitted: bool) -> None:
    """Of a password bcrypt looks at 72 bytes, here as in Prometheus' own programs."""
    assert run(users.admits(header, HERE)) is admitted


def test_a_right_password_is_compared_once_and_a_wrong_one_each_time(
    users: Users, compared: Compared
) -> None:
    """What was wrong is not remembered, so guesses push nothing out."""

    async def ask() -> list[bool]:
        right, wrong = basic("alice", "secret"), basic("alice", "wrong")
        return [await users.admits(header, HERE) for header in (right, right, wrong, wrong, right)]

    assert asyncio.run(ask()) == [True, True, False, False, True]
    assert len(compared.hashes) == 3


def test_an_unknown_user_costs_a_comparison_of_the_same_cost(users: Users, compared: Compared) -> None:
    """Nobody can find out by the time which users there are."""
    run(users.admits(basic("carol", "secret"), HERE))

    assert len(compared.hashes) == 1
    assert compared.hashes[0].startswith("$2b$04$")
    assert compared.hashes[0] not in (ALICE, BOB)


def test_no_password_of_an_unknown_user_is_ever_right(compared: Compared) -> None:
    """Not even if the comparison says so."""
    users = Users({"alice": ALICE}, compare=lambda _password, _stored: True)

    assert run(users.admits(basic("carol", "x"), HERE)) is False
    assert run(users.admits(basic("alice", "x"), HERE)) is True


def test_parts_of_a_key_cannot_be_shifted_into_each_other() -> None:
    """A password that holds the end of a hash is not taken for another (CVE-2022-46146)."""
    users = Users({"a": ALICE})

    assert users._key("a", ALICE, b"p") != users._key("a" + ALICE[0], ALICE[1:], b"p")
    assert users._key("a", ALICE, b"p") != users._key("a", ALICE + "p", b"")
    assert users._key("a", ALICE, b"p") != Users({"a": ALICE})._key("a", ALICE, b"p")


def test_many_scrapers_that_come_at_once_wait_for_the_same_comparison(
    users: Users, compared: Compared
) -> None:
    """A start, with nothing remembered yet, costs one."""

    async def ask() -> list[bool]:
        return await asyncio.gather(*(users.admits(basic("alice", "secret"), HERE) for _ in range(50)))

    assert asyncio.run(ask()) == [True] * 50
    assert len(compared.hashes) == 1


def test_who_guesses_delays_neither_the_known_nor_others(users: Users, compared: Compared) -> None:
    """A few comparisons of a client wait at a time, and all together a few more; what is known needs none."""

    async def ask() -> tuple[bool, int, int]:
        await users.admits(basic("alice", "secret"), HERE)
        compared.free.clear()
        guesses = [
            asyncio.ensure_future(users.admits(basic("alice", f"guess{n}"), "10.0.0.1")) for n in range(40)
        ]
        await asyncio.sleep(0)
        known = await users.admits(basic("alice", "secret"), "10.0.0.1")
        refused = sum(guess.done() and isinstance(guess.exception(), BusyError) for guess in guesses)
        others = [
            asyncio.ensure_future(users.admits(basic("alice", "other"), f"10.0.1.{n}{m}"))
            for n in range(9)
            for m in range(9)
        ]
        more = [
            asyncio.ensure_future(users.admits(basic("alice", f"{n}"), f"10.0.2.{n}"))
            for n in range(2 * MOST_WAITING)
        ]
        await asyncio.sleep(0)
        waiting = sum(not each.done() for each in (*guesses, *more))
        compared.free.set()
        await asyncio.gather(*guesses, *others, *more, return_exceptions=True)
        return known, refused, waiting

    known, refused, waiting = asyncio.run(ask())

    assert known is True
    assert refused == 40 - MOST_WAITING_PER_CLIENT
    assert waiting < MOST_WAITING
    assert users._waiting.total() == 0


def test_what_is_remembered_is_bounded(compared: Compared) -> None:
    """Many texts may be right for one hash, because bcrypt looks at their beginning only."""
    users = Users({"bob": BOB}, compare=lambda _password, _stored: True)

    async def ask() -> None:
        for number in range(MOST_REMEMBERED + 20):
            await users.admits(basic("bob", "x" * 72 + str(number)), HERE)

    asyncio.run(ask())

    assert len(users._verified) == MOST_REMEMBERED


def test_after_the_end_nothing_is_compared(users: Users) -> None:
    """Whoever asks is refused at once."""
    users.close()
    with pytest.raises(BusyError):
        run(users.admits(basic("alice", "secret"), HERE))
