"""Credentials of one account, for tests: settings, sources made from them, and what they told of failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr
from support.fake_clock import FakeClock

from dbs_exporter.api.credentials.source import credential_source
from dbs_exporter.api.credentials.types import CredentialSource
from dbs_exporter.config.models import CredentialsConfig

SECRET = "s3cr3t-never-to-be-seen"
ACCOUNT = "prod"


class Failures:
    """Keeps the accounts whose refresh was told to have failed."""

    def __init__(self) -> None:
        self.accounts: list[str] = []

    def __call__(self, account: str) -> None:
        self.accounts.append(account)


def settings(**keys: Any) -> CredentialsConfig:
    """Make an account's settings as `load_config` does, secrets as SecretStr."""
    for name in ("access_key_secret", "security_token"):
        if name in keys:
            keys[name] = SecretStr(keys[name])
    return CredentialsConfig(**keys)


def key_in_file(path: Path) -> CredentialsConfig:
    """Make settings whose secret stands in a file."""
    return settings(type="access_key", access_key_id="ak", access_key_secret_file=str(path))


def source_of(
    config: CredentialsConfig, failures: Failures | None = None, clock: FakeClock | None = None
) -> CredentialSource:
    """Build the source of an account named prod."""
    return credential_source(
        config, account=ACCOUNT, clock=clock or FakeClock(), on_refresh_failure=failures or Failures()
    )


def rewrite(path: Path, content: str) -> None:
    """Replace a file as Kubernetes does: another one takes its place."""
    other = path.with_suffix(".new")
    other.write_text(content)
    other.replace(path)
