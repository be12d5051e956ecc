"""A client of the API with everything around it, for tests; time passes only when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.fake_clock import FakeClock
from support.scripted_server import Server

from dbs_exporter.api.client import Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.facts.subjects import Scope

SCOPE = Scope(account="prod", region="cn-hangzhou")
SECRET = "s3cr3t-never-to-be-seen"
FULL_LIST = "DescribeFullBackupList"
PLAN = {"BackupPlanId": "dbs1"}


class FixedSource:
    """Credentials that do not change."""

    def get(self) -> Credentials:
        return Credentials(access_key_id="testak", access_key_secret=SECRET)


class Caller:
    """A client, its clock and pacer, and what it told of its calls."""

    def __init__(self, url: str, clock: FakeClock | None = None, **options: Any) -> None:
        self.clock = clock or FakeClock()
        self.calls: list[Call] = []
        self.pacer = options.pop("pacer", None) or Pacer(1e6, 8, self.clock)
        self.client = Client(
            SCOPE,
            url,
            options.pop("credentials", FixedSource()),
            self.pacer,
            self.clock,
            options.pop("timeout", 10.0),
            self.calls.append,
            random=options.pop("random", lambda: 1.0),
            **options,
        )

    @property
    def outcomes(self) -> list[str]:
        return [call.outcome for call in self.calls]


Serve = Callable[..., Server]
MakeCaller = Callable[..., Caller]
