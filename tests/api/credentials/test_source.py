"""Which source an account's settings ask for, and what is told of when its credentials end."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.account_credentials import SECRET, settings, source_of

from dbs_exporter.api.credentials.refreshing import RefreshingSource
from dbs_exporter.api.credentials.source import ExpiryReporter
from dbs_exporter.api.credentials.static import StaticSource
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.errors import CredentialsError


def test_plain_keys_never_load_the_vendors_library() -> None:
    """An access key costs neither the library's memory nor its start."""
    code = (
        "import sys\n"
        "from pydantic import SecretStr\n"
        "from dbs_exporter.api.credentials.source import credential_source\n"
        "from dbs_exporter.clock import SystemClock\n"
        "from dbs_exporter.config.models import CredentialsConfig\n"
        "c = CredentialsConfig(type='access_key', access_key_id='a', access_key_secret=SecretStr('b'))\n"
        "credential_source(c, account='x', clock=SystemClock(), on_refresh_failure=print).get()\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('alibabacloud_credentials', 'Tea', 'aiohttp')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"type": "access_key", "access_key_id": "a", "access_key_secret": "b"}, StaticSource),
        (
            {"type": "sts", "access_key_id": "a", "access_key_secret": "b", "security_token": "c"},
            StaticSource,
        ),
        ({"type": "default"}, RefreshingSource),
        ({"type": "profile"}, RefreshingSource),
        ({"type": "ecs_ram_role"}, RefreshingSource),
        ({"type": "credentials_uri", "credentials_uri": "http://127.0.0.1:1/"}, RefreshingSource),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_the_type_decides_the_source(keys: dict[str, str], kind: type) -> None:
    """What the configuration holds is used as it is, everything else is fetched; nothing is asked before the first use."""
    assert type(source_of(settings(**keys))) is kind


def test_settings_without_what_their_type_needs_name_the_account() -> None:
    """A role without its name is told at once, with the account and the key that is missing."""
    with pytest.raises(CredentialsError, match="account prod: ram_role_arn: role_arn is missing"):
        source_of(settings(type="ram_role_arn", access_key_id="a", access_key_secret="b"))


class Changing:
    """Credentials that the test changes, and that may be renewed or not."""

    def __init__(self) -> None:
        self.expires_at: float | None = None

    def get(self) -> Credentials:
        return Credentials(access_key_id="a", access_key_secret=SECRET, expires_at=self.expires_at)


class Renewable(Changing):
    def renew(self, refused: Credentials) -> bool:
        return refused.access_key_id == "old"


def test_the_end_of_credentials_is_told_each_time_it_changes() -> None:
    """A renewed token has another end; a key without end tells nothing, and a token that becomes a key tells None."""
    source, told = Changing(), list[float | None]()
    reporter = ExpiryReporter(source, told.append)
    for expires_at in (None, 100.0, 100.0, 200.0, None):
        source.expires_at = expires_at
        assert reporter.get() == source.get()

    assert told == [100.0, 200.0, None]


def test_a_refusal_is_passed_on_to_a_source_that_can_look_again() -> None:
    """Who cannot look again has nothing newer."""
    old, new = (Credentials(access_key_id=key, access_key_secret=SECRET) for key in ("old", "new"))

    assert not ExpiryReporter(Changing(), print).renew(old)
    assert ExpiryReporter(Renewable(), print).renew(old)
    assert not ExpiryReporter(Renewable(), print).renew(new)
