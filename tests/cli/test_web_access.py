"""The web configuration is read again when it changes, and what cannot be used changes nothing."""

from __future__ import annotations

import logging
import queue
from pathlib import Path

import bcrypt
import pytest
from support.certificates import Authority

from dbs_exporter.cli.web_access import WebAccess
from dbs_exporter.clock import SystemClock
from dbs_exporter.errors import ConfigError
from dbs_exporter.web.guard import OPEN, Access

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs everything."""
    return Authority(tmp_path)


@pytest.fixture
def file(authority: Authority) -> Path:
    """A web configuration with TLS and a user."""
    authority.issue("first", as_name="server")
    file = authority.folder / "web.yml"
    file.write_text(f"{TLS}basic_auth_users: {{alice: {HASH}}}\n")
    return file


def test_without_a_file_everything_is_open_and_nothing_is_watched() -> None:
    """Nothing changes by itself."""
    access = WebAccess(None)
    access.start(SystemClock(), lambda _: None)

    assert access.access is OPEN
    assert access.look() is False


def test_a_file_that_cannot_be_used_at_the_start_ends_it(file: Path) -> None:
    """Nothing is served that was meant to be guarded."""
    (file.parent / "server.key").unlink()
    with pytest.raises(ConfigError, match=r"server\.key: cannot be read"):
        WebAccess(str(file))
    with pytest.raises(ConfigError, match=r"nope\.yml: cannot be read"):
        WebAccess(str(file.parent / "nope.yml"))


def test_a_pair_that_is_replaced_one_file_after_the_other_keeps_the_old_until_it_fits(
    file: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once that they do not belong together."""
    caplog.set_level(logging.INFO)
    access = WebAccess(str(file))
    before = access.access
    cert, key = authority.issue("second", as_name="new")
    cert.replace(file.parent / "server.crt")
    half = [access.look() for _ in range(3)]
    kept = access.access
    said = caplog.text
    key.replace(file.parent / "server.key")
    whole = [access.look() for _ in range(2)]

    assert half == [False] * 3
    assert kept is before
    assert said.count("the key does not belong to the certificate") == 1
    assert whole == [True, False]
    assert access.access.tls is not before.tls
    assert "web configuration reloaded" in caplog.text


def test_users_are_taken_over_and_what_was_compared_is_kept_while_they_are_the_same(
    file: Path, authority: Authority
) -> None:
    """A new certificate does not make everybody sign in again."""
    access = WebAccess(str(file))
    users = access.access.users
    authority.issue("second", as_name="server")
    renewed = access.look()
    same = access.access.users
    file.write_text(f"{TLS}basic_auth_users: {{bob: {HASH}}}\nrate_limit: {{interval: 1s, burst: 7}}\n")
    changed = access.look()

    assert renewed
    assert same is users is not None
    assert changed
    assert access.access.users is not None
    assert list(access.access.users.hashes) == ["bob"]
    assert access.access.burst == 7
    file.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    assert access.look()
    assert access.access == Access(headers={"X-Frame-Options": "deny"})


@pytest.mark.parametrize("bad", ["basic_auth_users: {alice: hunter2}", "nope: 1", "[", None])
def test_a_file_that_became_wrong_keeps_what_it_was(
    file: Path, caplog: pytest.LogCaptureFixture, bad: str | None
) -> None:
    """Users are never forgotten by mistake."""
    access = WebAccess(str(file))
    before = access.access
    good = file.read_text()
    if bad is None:
        file.unlink()
    else:
        file.write_text(bad)

    assert [access.look(), access.look()] == [False, False]
    assert access.access is before
    assert caplog.text.count("the old one stays") == 1
    assert "hunter2" not in caplog.text
    file.write_text(good + "# mended\n")
    assert access.look()


def test_changes_are_found_in_a_thread_until_the_clock_stops(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever serves hears of them, and something that breaks does not end it."""
    monkeypatch.setattr("dbs_exporter.cli.web_access.LOOK_SECONDS", 0.001)
    access = WebAccess(str(file))
    heard: queue.SimpleQueue[Access] = queue.SimpleQueue()
    failures = [ZeroDivisionError()]

    def on_change(changed: Access) -> None:
        heard.put(changed)
        if failures:
            raise failures.pop()

    clock = SystemClock()
    access.start(clock, on_change)
    try:
        for burst in (5, 6):
            file.write_text(f"rate_limit: {{interval: 1s, burst: {burst}}}{' ' * burst}\n")
            assert heard.get(timeout=60).burst == burst
    finally:
        clock.stop()


def test_an_empty_file_takes_nothing_away(file: Path) -> None:
    """Whoever writes a file anew empties it first; users and TLS stay until there is something else."""
    file.write_text("rate_limit: {interval: 1s, burst: 7}\n")
    access = WebAccess(str(file))
    file.write_text("")
    changed_when_empty = access.look()
    file.write_text("rate_limit: {interval: 1s, burst: 8}   \n")

    assert changed_when_empty is False
    assert access.look() is True
    assert access.access.burst == 8
