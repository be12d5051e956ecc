"""The vendor's library held at arm's length: every type it serves, and nothing secret of what it says."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.account_credentials import SECRET, Failures, rewrite, source_of
from support.fake_clock import FakeClock

from dbs_exporter.api.credentials import vendor
from dbs_exporter.config.models import CredentialsConfig
from dbs_exporter.errors import CredentialsError

NOW = FakeClock().now()
MadeProviders = Callable[[str], list[dict[str, Any]]]


class TokenServer:
    """Answers as a credentials URI does, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.life = 3600.0
        self.status = 200
        self.code = "Success"
        self.change: object = {}
        """Replaces fields of the answer (None takes one away), or all of it."""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.calls += 1
                ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + outer.life))
                good = {
                    "Code": outer.code,
                    "AccessKeyId": f"STS.{outer.calls}",
                    "AccessKeySecret": SECRET,
                    "SecurityToken": "tok",
                    "Expiration": ends,
                }
                if isinstance(outer.change, str):
                    body = outer.change.encode()
                elif isinstance(outer.change, dict):
                    changed = {**good, **outer.change}
                    body = json.dumps({k: v for k, v in changed.items() if v is not None}).encode()
                else:
                    body = json.dumps(outer.change).encode()
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
    built = source_of(CredentialsConfig(type="credentials_uri", credentials_uri=tokens.url), clock=clock)
    for _ in range(5):
        found = built.get()

    assert (found.access_key_id, found.access_key_secret, found.security_token) == ("STS.1", SECRET, "tok")
    assert found.expires_at == pytest.approx(clock.now() + 3600.0, abs=60)
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
    built = source_of(CredentialsConfig(type="credentials_uri", credentials_uri=tokens.url))
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(CredentialsError, match="account prod: credentials URI") as caught,
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
    built = source_of(CredentialsConfig(type="credentials_uri", credentials_uri=tokens.url), failures, clock)
    first = built.get()
    tokens.status = 500
    clock.advance(450.0)

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
    found = source_of(CredentialsConfig(type="default")).get()

    assert (found.access_key_id, found.security_token) == ("env-ak", "env-token")
    assert {thread.name for thread in threading.enumerate()} <= before


@LIBRARY
def test_the_default_chain_goes_on_to_the_uri(monkeypatch: pytest.MonkeyPatch, tokens: TokenServer) -> None:
    """Without anything before it, the chain ends at the credentials URI."""
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", tokens.url)

    assert source_of(CredentialsConfig(type="default")).get().access_key_id == "STS.1"


@LIBRARY
def test_the_link_that_served_goes_on_serving(monkeypatch: pytest.MonkeyPatch, tokens: TokenServer) -> None:
    """Once a link of the chain gave credentials, a refresh asks that link and no other."""
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", tokens.url)
    clock = FakeClock(time.time())
    tokens.life = 900.0
    built = source_of(CredentialsConfig(type="default"), clock=clock)
    built.get()
    clock.advance(601.0)

    assert built.get().access_key_id == "STS.2"


@LIBRARY
def test_a_profile_that_did_not_change_keeps_its_provider(tmp_path: Path, provider: MadeProviders) -> None:
    """A provider is made once for a file, because one for an ECS role holds a thread."""
    cli_profile(tmp_path, "x")
    made = provider("CLIProfileCredentialsProvider")
    clock = FakeClock()
    built = source_of(CredentialsConfig(type="profile", profile_name="ops"), clock=clock)
    for _ in range(3):
        built.get()
        clock.advance(301.0)

    assert len(made) == 1
    assert made[0]["profile_name"] == "ops"


@LIBRARY
def test_an_empty_chain_says_where_it_looked() -> None:
    """Nothing set up is told with every place that was tried."""
    with pytest.raises(CredentialsError, match=r"config\.json.*credentials\.ini"):
        source_of(CredentialsConfig(type="default")).get()


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
    built = source_of(CredentialsConfig(type="profile", profile_name="ops"), clock=clock)
    assert built.get().access_key_secret == "first"

    cli_profile(tmp_path, "second")
    clock.advance(301.0)

    assert built.get().access_key_secret == "second"


@LIBRARY
def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    """An unknown profile is told with the file, not with the file's content."""
    cli_profile(tmp_path, SECRET)
    with pytest.raises(CredentialsError, match="no such profile") as caught:
        source_of(CredentialsConfig(type="profile", profile_name="other")).get()

    assert SECRET not in str(caught.value)


@LIBRARY
def test_a_profile_of_the_credentials_file(tmp_path: Path) -> None:
    """The older credentials file is used where the command line's has no such profile."""
    path = tmp_path / "home" / ".alibabacloud" / "credentials.ini"
    path.parent.mkdir(parents=True)
    path.write_text(f"[ops]\ntype = access_key\naccess_key_id = ini-ak\naccess_key_secret = {SECRET}\n")

    assert source_of(CredentialsConfig(type="profile", profile_name="ops")).get().access_key_id == "ini-ak"


@LIBRARY
def test_an_ecs_role_needs_the_metadata_service() -> None:
    """Where the environment forbids the metadata service, that is what is told; no thread is started."""
    with pytest.raises(CredentialsError, match="account prod: ECS role"):
        source_of(CredentialsConfig(type="ecs_ram_role")).get()

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
def provider(monkeypatch: pytest.MonkeyPatch) -> MadeProviders:
    """Replace one of the library's providers: STS cannot be pointed at a local server, because it is https only."""

    def replace(name: str) -> list[dict[str, Any]]:
        library = vendor._providers()
        made: list[dict[str, Any]] = []
        monkeypatch.setattr(library, name, type(name, (Provider,), {"made": made}))
        return made

    return replace


@LIBRARY
def test_a_role_is_assumed_with_the_keys_of_the_moment(
    provider: MadeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    built = source_of(config, clock=clock)
    assert built.get().expires_at == NOW + 3600

    rewrite(secret, "second")
    clock.advance(2701.0)
    built.get()

    assert [options["access_key_secret"] for options in made] == ["first", "second"]
    assert made[0]["role_arn"] == "acs:ram::1:role/r"
    assert (made[0]["external_id"], made[0]["policy"], made[0]["duration_seconds"]) == ("ext", "{}", 1800)
    assert (made[0]["role_session_name"], made[0]["sts_region_id"]) == ("dbs-exporter", "cn-beijing")


@LIBRARY
def test_a_role_by_oidc_takes_the_environment_of_kubernetes(
    provider: MadeProviders, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """RRSA sets three variables; what the configuration gives goes before them, and a missing one is named."""
    made = provider("OIDCRoleArnCredentialsProvider")
    with pytest.raises(
        CredentialsError, match=r"account prod: oidc_role_arn: .*oidc_provider_arn is missing"
    ):
        source_of(CredentialsConfig(type="oidc_role_arn", role_arn="r"))
    monkeypatch.setenv("ALIBABA_CLOUD_ROLE_ARN", "env-role")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "env-issuer")
    token = tmp_path / "token"
    token.write_text("t")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", str(token))
    source_of(CredentialsConfig(type="oidc_role_arn", role_arn="own-role")).get()
    source_of(CredentialsConfig(type="default")).get()

    assert [options["role_arn"] for options in made] == ["own-role", "env-role"]
    assert {options["oidc_provider_arn"] for options in made} == {"env-issuer"}
    assert {options["oidc_token_file_path"] for options in made} == {str(token)}


@LIBRARY
def test_an_ecs_role_starts_no_thread(provider: MadeProviders) -> None:
    """The library's background refresh is switched off, because refreshing is done here."""
    made = provider("EcsRamRoleCredentialsProvider")
    source_of(CredentialsConfig(type="ecs_ram_role", role_name="r")).get()

    assert made[0]["async_update_enabled"] is False
    assert made[0]["role_name"] == "r"


@LIBRARY
@pytest.mark.parametrize(
    ("status", "answer", "problem"),
    [
        (404, {}, "the request for credentials was refused, HTTP 404"),
        (200, "<html>", "the answer is not JSON"),
        (200, "", "the answer is not JSON"),
        (200, [], "what came has another form than the vendor documents"),
        (200, {"Expiration": None}, "the answer holds no credentials"),
        (200, {"AccessKeySecret": None}, "the answer holds no credentials"),
        (200, {"Expiration": "tomorrow"}, "the end of the credentials is no time"),
        (200, {"Expiration": 12345}, "the end of the credentials is no time"),
        (200, {"Expiration": "2020-01-01T00:00:00Z"}, "have already expired; is this machine's clock right?"),
        (200, {"Code": "Failed"}, "the answer holds no credentials, Failed"),
        (200, {"AccessKeySecret": f"{SECRET} x"}, "holds a space or another odd character"),
    ],
)
def test_a_credentials_uri_that_answers_oddly(
    tokens: TokenServer, status: int, answer: object, problem: str
) -> None:
    """The error names the address without its query, what is wrong with the answer, and what the answer should be."""
    tokens.status = status
    tokens.change = answer
    with pytest.raises(CredentialsError) as raised:
        source_of(CredentialsConfig(type="credentials_uri", credentials_uri=tokens.url)).get()

    assert f"account prod: credentials URI {tokens.url.partition('?')[0]}: " in str(raised.value)
    assert problem in str(raised.value)
    assert SECRET not in str(raised.value)


@LIBRARY
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "there is no such file"),
        ("", "the file cannot be parsed"),
        ("[]", "what came has another form than the vendor documents"),
        ('{"current": "other", "profiles": []}', "there is no such profile in the file"),
        (
            '{"current": "a", "profiles": [{"name": "a", "mode": "Whatever"}]}',
            "the profile's mode is not one that the vendor's library knows",
        ),
        (
            '{"current": "a", "profiles": [{"name": "a", "mode": "AK", "access_key_id": "k"}]}',
            "the access key secret is empty",
        ),
    ],
)
def test_a_profile_that_cannot_be_used(tmp_path: Path, content: str | None, problem: str) -> None:
    """The error names the file, what is wrong with it, and how a good one is made."""
    file = tmp_path / "config.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CredentialsError) as raised:
        source_of(CredentialsConfig(type="profile", profile_file=str(file))).get()

    assert str(raised.value) == (
        f"account prod: profile: {file}: {problem}; run `aliyun configure`, or give profile_name and profile_file"
    )


@LIBRARY
@pytest.mark.parametrize(("content", "problem"), [(None, "cannot be read"), (" \n", "is empty")])
def test_an_oidc_token_that_is_not_there(tmp_path: Path, content: str | None, problem: str) -> None:
    """The token's file is named before STS is asked."""
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    config = CredentialsConfig(
        type="oidc_role_arn", role_arn="r", oidc_provider_arn="p", oidc_token_file=str(token)
    )
    with pytest.raises(
        CredentialsError, match=f"account prod: role r by OIDC: the token file {token} {problem}"
    ):
        source_of(config).get()


@LIBRARY
@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "environment: ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET not set"),
        ({"ACCESS_KEY_ID": "k"}, "environment: ALIBABA_CLOUD_ACCESS_KEY_SECRET not set"),
        ({"ROLE_ARN": "r", "OIDC_TOKEN_FILE": "t"}, "OIDC: ALIBABA_CLOUD_OIDC_PROVIDER_ARN not set"),
    ],
)
def test_half_an_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, str], missing: str
) -> None:
    """The default chain says which variables are missing of those that belong together."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in given.items():
        monkeypatch.setenv(f"ALIBABA_CLOUD_{name}", value)
    with pytest.raises(CredentialsError, match=f"account prod: default chain: .*{missing}"):
        source_of(CredentialsConfig(type="default")).get()
