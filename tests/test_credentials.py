"""Credentials: every type, rotation, refreshes that fail, and nothing secret in any message."""

from __future__ import annotations

import base64
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dbs_exporter.api.credentials import vendor as credentials_library
from dbs_exporter.api.credentials.refreshing import RefreshingSource
from dbs_exporter.api.credentials.source import credential_source
from dbs_exporter.api.credentials.types import Credentials, CredentialSource, Fetched, RenewableSource
from dbs_exporter.config.models import CredentialsConfig
from dbs_exporter.errors import CredentialsError

SECRET = "s3cr3t-never-to-be-seen"
NOW = 1_700_000_000.0


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: float = NOW) -> None:
        self.time = at

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> bool:
        self.time += seconds
        return False


class Failures:
    """Keeps the accounts whose refresh was told to have failed."""

    def __init__(self) -> None:
        self.accounts: list[str] = []

    def __call__(self, account: str) -> None:
        self.accounts.append(account)


@pytest.fixture(autouse=True)
def _no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the machine's own credentials and proxies out of every test, and the library off the metadata address."""
    for name in list(os.environ):
        if name.startswith("ALIBABA_CLOUD_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def source(
    config: CredentialsConfig, failures: Failures | None = None, clock: FakeClock | None = None
) -> CredentialSource:
    """Build the source of an account named prod."""
    return credential_source(
        config, account="prod", clock=clock or FakeClock(), on_refresh_failure=failures or Failures()
    )


def key_config(**keys: Any) -> CredentialsConfig:
    """Make a configuration as `load_config` does, secrets as SecretStr."""
    for name in ("access_key_secret", "security_token"):
        if name in keys:
            keys[name] = SecretStr(keys[name])
    return CredentialsConfig(**keys)


def test_an_access_key() -> None:
    """A key from the configuration has no token and no end."""
    found = source(key_config(type="access_key", access_key_id="ak", access_key_secret=SECRET)).get()

    assert found == Credentials(access_key_id="ak", access_key_secret=SECRET)


def test_a_security_token() -> None:
    """An STS token from the configuration is used as it is."""
    config = key_config(type="sts", access_key_id="STS.a", access_key_secret=SECRET, security_token="tok")

    assert source(config).get().security_token == "tok"


def test_nothing_secret_shows() -> None:
    """Neither repr nor str of credentials and sources holds a secret."""
    config = key_config(type="sts", access_key_id="STS.a", access_key_secret=SECRET, security_token="t0ken")
    built = source(config)

    for shown in (repr(built.get()), str(built.get()), repr(built), f"{vars(built)}"):
        assert SECRET not in shown
        assert "t0ken" not in shown


def test_plain_keys_never_load_the_vendors_library() -> None:
    """An access key costs neither the library's memory nor its start."""
    code = (
        "import sys\n"
        "from pydantic import SecretStr\n"
        "from dbs_exporter.api.credentials import credential_source\n"
        "from dbs_exporter.clock import SystemClock\n"
        "from dbs_exporter.config import CredentialsConfig\n"
        "c = CredentialsConfig(type='access_key', access_key_id='a', access_key_secret=SecretStr('b'))\n"
        "credential_source(c, account='x', clock=SystemClock(), on_refresh_failure=print).get()\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('alibabacloud_credentials', 'Tea', 'aiohttp')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def rewrite(path: Path, content: str) -> None:
    """Replace a file as Kubernetes does: another one takes its place."""
    other = path.with_suffix(".new")
    other.write_text(content)
    other.replace(path)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A rotated secret is used at the next call, without a reload."""
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    built = source(key_config(type="access_key", access_key_id="ak", access_key_secret_file=str(secret)))
    assert built.get().access_key_secret == "first"

    rewrite(secret, "second\n")

    assert built.get().access_key_secret == "second"


def test_a_file_that_vanishes_leaves_the_old_secret(tmp_path: Path) -> None:
    """What was read stands while the file is gone or empty; it is told once, and a new file is taken."""
    secret = tmp_path / "secret"
    secret.write_text("first")
    failures = Failures()
    built = source(
        key_config(type="access_key", access_key_id="ak", access_key_secret_file=str(secret)), failures
    )
    built.get()
    secret.unlink()

    assert [built.get().access_key_secret for _ in range(3)] == ["first"] * 3
    assert failures.accounts == ["prod"]

    secret.write_text("")
    assert built.get().access_key_secret == "first"
    secret.write_text("third")
    assert built.get().access_key_secret == "third"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe" + SECRET.encode()])
def test_a_file_that_never_was_readable(tmp_path: Path, content: bytes | None) -> None:
    """With nothing read before, the error names the account and the reason, never what the file held."""
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    built = source(key_config(type="access_key", access_key_id="ak", access_key_secret_file=str(secret)))
    with pytest.raises(CredentialsError, match="account prod") as caught:
        built.get()

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("bad", ["with space", "line\nbreak", "ünïcode"])
def test_a_secret_that_no_header_can_carry_is_refused(bad: str) -> None:
    """A key that would break the request is refused with its account, before any library quotes it in an error."""
    config = key_config(type="sts", access_key_id="ak", access_key_secret="x", security_token=bad)
    with pytest.raises(CredentialsError, match="account prod") as caught:
        source(config).get()

    assert bad not in str(caught.value)


def test_a_refused_key_is_looked_up_again(tmp_path: Path) -> None:
    """After a refusal a source says whether there is something newer."""
    secret = tmp_path / "secret"
    secret.write_text("first")
    built = source(key_config(type="access_key", access_key_id="ak", access_key_secret_file=str(secret)))
    used = built.get()
    assert isinstance(built, RenewableSource)
    assert not built.refused(used)

    rewrite(secret, "second")

    assert built.refused(used)


# ── refreshing ──


class Fetch:
    """A source of tokens that each live `life` seconds, or that fails."""

    def __init__(self, clock: FakeClock, life: float | None = 3600.0) -> None:
        self.clock = clock
        self.life = life
        self.calls = 0
        self.failing = False

    def __call__(self) -> Fetched:
        self.calls += 1
        if self.failing:
            raise OSError(f"body with {SECRET}")
        ends = None if self.life is None else self.clock.time + self.life
        return Fetched(
            credentials=Credentials(
                access_key_id=f"STS.{self.calls}",
                access_key_secret=SECRET,
                security_token="t",
                expires_at=ends,
            ),
            end_unknown=ends is None,
        )


def refreshing(fetch: Fetch, failures: Failures | None = None) -> RefreshingSource:
    """Build a refreshing source around a fetch."""
    return RefreshingSource(
        "prod", "ram_role_arn", fetch, credentials_library.describe, fetch.clock, failures or Failures()
    )


def test_a_token_is_fetched_once_and_again_before_its_end() -> None:
    """A token of an hour is used for 45 minutes."""
    fetch = Fetch(FakeClock())
    built = refreshing(fetch)
    for _ in range(10):
        assert built.get().access_key_id == "STS.1"
    fetch.clock.time += 2699.0
    assert built.get().access_key_id == "STS.1"
    fetch.clock.time += 2.0
    assert built.get().access_key_id == "STS.2"
    assert fetch.calls == 2


def test_a_short_token_is_not_fetched_on_every_call() -> None:
    """A token of ten minutes is used for two thirds of its life."""
    fetch = Fetch(FakeClock(), life=600.0)
    built = refreshing(fetch)
    for _ in range(39):
        built.get()
        fetch.clock.time += 10.0

    assert fetch.calls == 1
    fetch.clock.time += 20.0
    built.get()
    assert fetch.calls == 2


def test_a_failing_refresh_goes_on_with_the_old_token() -> None:
    """While the old token is good, a failing refresh is told, tried again every half minute, and stops nothing."""
    fetch, failures = Fetch(FakeClock()), Failures()
    built = refreshing(fetch, failures)
    built.get()
    fetch.failing = True
    fetch.clock.time += 2701.0
    for _ in range(20):
        assert built.get().access_key_id == "STS.1"
    assert failures.accounts == ["prod"]
    assert fetch.calls == 2

    fetch.clock.time += 31.0
    assert built.get().access_key_id == "STS.1"
    assert failures.accounts == ["prod", "prod"]

    fetch.failing = False
    fetch.clock.time += 31.0
    assert built.get().access_key_id == "STS.4"


def test_a_refresh_that_fails_past_the_end_is_an_error() -> None:
    """Once the old token has ended, the error names account and source, and no answer of STS."""
    fetch = Fetch(FakeClock())
    built = refreshing(fetch)
    built.get()
    fetch.failing = True
    fetch.clock.time += 3601.0
    with pytest.raises(CredentialsError, match="account prod: ram_role_arn") as caught:
        built.get()

    assert SECRET not in str(caught.value)


def test_a_source_that_is_down_is_not_hammered() -> None:
    """Ten thousand plans that ask at once cause one request in half a minute, each told the same."""
    fetch = Fetch(FakeClock())
    fetch.failing = True
    built = refreshing(fetch)
    for _ in range(50):
        with pytest.raises(CredentialsError, match="account prod"):
            built.get()

    assert fetch.calls == 1


def test_a_token_without_a_known_end_is_looked_at_again() -> None:
    """A source that hides when its token ends is asked every five minutes and trusted for fifteen."""
    fetch, failures = Fetch(FakeClock(), life=None), Failures()
    built = refreshing(fetch, failures)
    built.get()
    fetch.clock.time += 301.0
    assert built.get().access_key_id == "STS.2"
    fetch.failing = True
    fetch.clock.time += 899.0
    assert built.get().access_key_id == "STS.2"
    assert failures.accounts == ["prod"]
    fetch.clock.time += 31.0
    with pytest.raises(CredentialsError):
        built.get()


def test_a_token_that_comes_expired_is_an_error() -> None:
    """A clock that is wrong by hours is named as a possible reason."""
    with pytest.raises(CredentialsError, match="clock"):
        refreshing(Fetch(FakeClock(), life=-10.0)).get()


def test_one_thread_fetches_while_the_others_go_on() -> None:
    """During a refresh other threads use the old token and do not wait."""
    clock = FakeClock()
    inside, leave = threading.Event(), threading.Event()
    fetch = Fetch(clock)

    def slow() -> Fetched:
        if fetch.calls:
            inside.set()
            assert leave.wait(30)
        return fetch()

    built = RefreshingSource("prod", "x", slow, credentials_library.describe, clock, Failures())
    built.get()
    clock.time += 2701.0
    thread = threading.Thread(target=built.get)
    thread.start()
    assert inside.wait(30)
    try:
        assert built.get().access_key_id == "STS.1"
    finally:
        leave.set()
        thread.join()

    assert built.get().access_key_id == "STS.2"


def test_a_refused_token_is_fetched_again_but_not_by_every_call() -> None:
    """After a refusal one fetch is made; refusals in a row do not make one each."""
    fetch = Fetch(FakeClock())
    built = refreshing(fetch)
    used = built.get()
    fetch.clock.time += 60.0
    assert built.refused(used)
    assert fetch.calls == 2
    for _ in range(5):
        assert not built.refused(built.get())
    assert fetch.calls == 2


# ── the library ──


class TokenServer:
    """Answers as a credentials URI does, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.life = 3600.0
        self.status = 200
        self.code = "Success"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.calls += 1
                ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + outer.life))
                body = json.dumps(
                    {
                        "Code": outer.code,
                        "AccessKeyId": f"STS.{outer.calls}",
                        "AccessKeySecret": SECRET,
                        "SecurityToken": "tok",
                        "Expiration": ends,
                    }
                ).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token?password={SECRET}"


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    """Serve tokens on loopback."""
    served = TokenServer()
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


LIBRARY = pytest.mark.filterwarnings("ignore")  # the vendor's library, about itself


@LIBRARY
def test_a_credentials_uri(tokens: TokenServer) -> None:
    """The vendor's library fetches a token with its end, once."""
    clock = FakeClock(time.time())
    built = source(CredentialsConfig(type="credentials_uri", credentials_uri=tokens.url), clock=clock)
    for _ in range(5):
        found = built.get()

    assert (found.access_key_id, found.access_key_secret, found.security_token) == ("STS.1", SECRET, "tok")
    assert found.expires_at == pytest.approx(clock.time + 3600.0, abs=60)
    assert tokens.calls == 1


@LIBRARY
@pytest.mark.parametrize("failure", ["status", "code"])
def test_the_librarys_errors_are_told_without_their_secrets(
    tokens: TokenServer, failure: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library quotes the whole answer and the address in its errors and prints them; none of that gets out."""
    if failure == "status":
        tokens.status = 503
    else:
        tokens.code = "Failed"
    built = source(CredentialsConfig(type="credentials_uri", credentials_uri=tokens.url))
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(CredentialsError, match="account prod: credentials_uri") as caught,
    ):
        built.get()
    printed = capfd.readouterr()

    for shown in (str(caught.value), repr(caught.value), caplog.text, printed.out, printed.err):
        assert SECRET not in shown
    assert ("HTTP 503" in str(caught.value)) is (failure == "status")
    assert caught.value.__cause__ is None


@LIBRARY
def test_a_failing_uri_while_the_token_is_good(tokens: TokenServer) -> None:
    """The library gives a token up 15 minutes before its end when the refresh fails; this does not."""
    clock, failures = FakeClock(time.time()), Failures()
    tokens.life = 600.0
    built = source(CredentialsConfig(type="credentials_uri", credentials_uri=tokens.url), failures, clock)
    first = built.get()
    tokens.status = 500
    clock.time += 450.0

    assert built.get() == first
    assert failures.accounts == ["prod"]
    assert tokens.calls == 2


@LIBRARY
def test_the_default_chain_reads_the_environment_when_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library froze the environment when it was imported; the chain here sees it as it is now, and starts no thread."""
    before = {thread.name for thread in threading.enumerate()}
    monkeypatch.delenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "env-ak")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET)
    monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "env-token")
    found = source(CredentialsConfig(type="default")).get()

    assert (found.access_key_id, found.security_token) == ("env-ak", "env-token")
    assert {thread.name for thread in threading.enumerate()} <= before


@LIBRARY
def test_the_default_chain_goes_on_to_the_uri(monkeypatch: pytest.MonkeyPatch, tokens: TokenServer) -> None:
    """Without anything before it, the chain ends at the credentials URI."""
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", tokens.url)

    assert source(CredentialsConfig(type="default")).get().access_key_id == "STS.1"


@LIBRARY
def test_the_link_that_served_goes_on_serving(monkeypatch: pytest.MonkeyPatch, tokens: TokenServer) -> None:
    """Once a link of the chain gave credentials, a refresh asks that link and no other."""
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", tokens.url)
    clock = FakeClock(time.time())
    tokens.life = 900.0
    built = source(CredentialsConfig(type="default"), clock=clock)
    built.get()
    clock.time += 601.0

    assert built.get().access_key_id == "STS.2"


@LIBRARY
def test_a_profile_that_did_not_change_keeps_its_provider(
    tmp_path: Path, provider: Callable[[str], list[dict[str, Any]]]
) -> None:
    """A provider is made once for a file, because one for an ECS role holds a thread."""
    cli_profile(tmp_path, "x")
    made = provider("CLIProfileCredentialsProvider")
    clock = FakeClock()
    built = source(CredentialsConfig(type="profile", profile_name="ops"), clock=clock)
    for _ in range(3):
        built.get()
        clock.time += 301.0

    assert len(made) == 1
    assert made[0]["profile_name"] == "ops"


@LIBRARY
def test_an_empty_chain_says_where_it_looked() -> None:
    """Nothing set up is told with every place that was tried."""
    with pytest.raises(CredentialsError, match=r"config\.json.*credentials\.ini"):
        source(CredentialsConfig(type="default")).get()


def cli_profile(tmp_path: Path, secret: str, name: str = "ops") -> Path:
    """Write the vendor's command line configuration into the test's home."""
    path = tmp_path / "home" / ".aliyun" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"name": name, "mode": "AK", "access_key_id": "cli-ak", "access_key_secret": secret}
    rewrite(path, json.dumps({"current": name, "profiles": [profile]})) if path.exists() else path.write_text(
        json.dumps({"current": name, "profiles": [profile]})
    )
    return path


@LIBRARY
def test_a_profile_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    """The library keeps what it once read; here a changed profile is taken within five minutes."""
    cli_profile(tmp_path, "first")
    clock = FakeClock()
    built = source(CredentialsConfig(type="profile", profile_name="ops"), clock=clock)
    assert built.get().access_key_secret == "first"

    cli_profile(tmp_path, "second")
    clock.time += 301.0

    assert built.get().access_key_secret == "second"


@LIBRARY
def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    """An unknown profile is told with the file, not with the file's content."""
    cli_profile(tmp_path, SECRET)
    with pytest.raises(CredentialsError, match="no such profile") as caught:
        source(CredentialsConfig(type="profile", profile_name="other")).get()

    assert SECRET not in str(caught.value)


@LIBRARY
def test_a_profile_of_the_credentials_file(tmp_path: Path) -> None:
    """The older credentials file is used where the command line's has no such profile."""
    path = tmp_path / "home" / ".alibabacloud" / "credentials.ini"
    path.parent.mkdir(parents=True)
    path.write_text(f"[ops]\ntype = access_key\naccess_key_id = ini-ak\naccess_key_secret = {SECRET}\n")

    assert source(CredentialsConfig(type="profile", profile_name="ops")).get().access_key_id == "ini-ak"


@LIBRARY
def test_an_ecs_role_needs_the_metadata_service() -> None:
    """Where the environment forbids the metadata service, that is what is told; no thread is started."""
    with pytest.raises(CredentialsError, match="account prod: ecs_ram_role"):
        source(CredentialsConfig(type="ecs_ram_role")).get()

    assert not [thread for thread in threading.enumerate() if "APScheduler" in thread.name]


class Provider:
    """Stands for one of the library's providers, and keeps how it was made."""

    made: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:
        self.made.append(options)

    def get_credentials(self) -> Any:
        class Found:
            get_access_key_id = staticmethod(lambda: "STS.role")
            get_access_key_secret = staticmethod(lambda: SECRET)
            get_security_token = staticmethod(lambda: "tok")
            get_expiration = staticmethod(lambda: int(NOW) + 3600)

        return Found()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[dict[str, Any]]]:
    """Replace one of the library's providers: STS cannot be pointed at a local server, because it is https only."""

    def replace(name: str) -> list[dict[str, Any]]:
        library = credentials_library._providers()
        made: list[dict[str, Any]] = []
        monkeypatch.setattr(library, name, type(name, (Provider,), {"made": made}))
        return made

    return replace


@LIBRARY
def test_a_role_is_assumed_with_the_keys_of_the_moment(
    provider: Callable[[str], list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role is assumed with the configured key, which is read from its file each time."""
    made = provider("RamRoleArnCredentialsProvider")
    monkeypatch.setenv("ALIBABA_CLOUD_STS_REGION", "cn-beijing")
    secret = tmp_path / "secret"
    secret.write_text("first")
    clock = FakeClock()
    config = CredentialsConfig(
        type="ram_role_arn",
        access_key_id="ak",
        access_key_secret_file=str(secret),
        role_arn="acs:ram::1:role/r",
        external_id="ext",
        policy="{}",
        role_session_expiration="30m",  # type: ignore[arg-type]
    )
    built = source(config, clock=clock)
    assert built.get().expires_at == NOW + 3600

    rewrite(secret, "second")
    clock.time += 2701.0
    built.get()

    assert [options["access_key_secret"] for options in made] == ["first", "second"]
    assert made[0]["role_arn"] == "acs:ram::1:role/r"
    assert (made[0]["external_id"], made[0]["policy"], made[0]["duration_seconds"]) == ("ext", "{}", 1800)
    assert (made[0]["role_session_name"], made[0]["sts_region_id"]) == ("dbs-exporter", "cn-beijing")


@LIBRARY
def test_a_role_by_oidc_takes_the_environment_of_kubernetes(
    provider: Callable[[str], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RRSA sets three variables; what the configuration gives goes before them, and a missing one is named."""
    made = provider("OIDCRoleArnCredentialsProvider")
    with pytest.raises(
        CredentialsError, match=r"account prod: oidc_role_arn: .*oidc_provider_arn is missing"
    ):
        source(CredentialsConfig(type="oidc_role_arn", role_arn="r"))
    monkeypatch.setenv("ALIBABA_CLOUD_ROLE_ARN", "env-role")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "env-issuer")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token")
    source(CredentialsConfig(type="oidc_role_arn", role_arn="own-role")).get()
    source(CredentialsConfig(type="default")).get()

    assert [options["role_arn"] for options in made] == ["own-role", "env-role"]
    assert {options["oidc_provider_arn"] for options in made} == {"env-issuer"}
    assert {options["oidc_token_file_path"] for options in made} == {"/token"}


@LIBRARY
def test_an_ecs_role_starts_no_thread(provider: Callable[[str], list[dict[str, Any]]]) -> None:
    """The library's background refresh is switched off, because refreshing is done here."""
    made = provider("EcsRamRoleCredentialsProvider")
    source(CredentialsConfig(type="ecs_ram_role", role_name="r")).get()

    assert made[0]["async_update_enabled"] is False
    assert made[0]["role_name"] == "r"


def test_what_the_library_says_is_reduced_to_what_is_safe() -> None:
    """Status and code are kept, the rest of the answer is not."""
    said = (
        "error refreshing credentials from ram_role_arn, http_code: 404, result: "
        f'{{"Code":"EntityNotExist.Role","AccessKeySecret":"{SECRET}","token":"{base64.b64encode(b"x").decode()}"}}'
    )

    assert credentials_library.describe(Exception(said)) == (
        "the request for credentials was refused, HTTP 404, EntityNotExist.Role"
    )
    assert credentials_library.describe(KeyError(SECRET)) == "KeyError"
