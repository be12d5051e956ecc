"""The composition root: builds every part from a configuration, and alone knows them all.

`Exporter` is the parts, wired; it starts, reloads and closes. Facts flow one way: scheduler, store,
exposition, web. A reload parses everything first and then changes only what differs, so that data of
unchanged accounts stays.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from dbs_exporter import __version__
from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.source import ExpiryReporter, credential_source
from dbs_exporter.api.credentials.types import CredentialSource
from dbs_exporter.api.endpoints import endpoint_url
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.transport import Sessions
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.catalogue import FAMILIES
from dbs_exporter.collectors.table import COLLECTORS, supported_regions
from dbs_exporter.config.load import (
    COLLECTOR_DEFAULTS,
    DEFAULT_REGION,
    AccountConfig,
    Config,
    secrets_of,
    selects,
    warnings_of,
)
from dbs_exporter.config.values import telemetry_path
from dbs_exporter.errors import ConfigError, CredentialsError
from dbs_exporter.facts.model import Scope
from dbs_exporter.facts.protection import objectives_for
from dbs_exporter.logs import conceal, set_up_logs
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.memory import give_back
from dbs_exporter.metrics.own import OwnMetrics, Watched, build_revision
from dbs_exporter.polling.poller import Target
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.scheduler import Account, Discovery, Scheduler
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.web.page.overview import Snapshot
from dbs_exporter.web.server import create_app

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What flags say about a configuration's `web` and `log`; empty where they say nothing."""

    listen_addresses: tuple[str, ...] = ()
    telemetry_path: str | None = None
    log_level: str | None = None
    log_format: str | None = None

    def applied(self, config: Config) -> Config:
        """The configuration with the flags' word in it. Raises ConfigError for a path that cannot be served."""
        web: dict[str, object] = {}
        if self.listen_addresses:
            web["listen_addresses"] = self.listen_addresses
        if self.telemetry_path is not None:
            try:
                web["telemetry_path"] = telemetry_path(self.telemetry_path)
            except ValueError as error:
                raise ConfigError(f"--web.telemetry-path: {error}") from None
        said = {"level": self.log_level, "format": self.log_format}
        return config.model_copy(
            update={
                "web": config.web.model_copy(update=web),
                "log": config.log.model_copy(update={key: value for key, value in said.items() if value}),
            }
        )


class Exporter:
    """Every part, wired: `start` begins to poll, `reload` takes another configuration, `close` ends.

    `clock` is the only reader of time. What is scraped stands in `exposition`; `app` serves it.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: SystemClock,
        shard: Shard | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.config = config
        self.clock = clock
        self.runs = Runs(clock)
        self.store = Store(objectives_for(config.objectives))
        self.own = OwnMetrics(
            CollectorRegistry(),
            version=__version__,
            revision=build_revision(environ),
            collector_states=self.runs.states,
            shard=(shard.index, shard.total) if shard else (0, 1),
        )
        self.exposition = Exposition(FAMILIES, own=self.own, on_refused=self.own.on_refused, tidy=give_back)
        self.store.subscribe(self.exposition.update)
        self._sessions = Sessions(clock)
        self._pacers: dict[Scope, tuple[tuple[float, int], Pacer]] = {}
        self._reloading = threading.Lock()
        self._first_page: int | None = None
        self._publisher = threading.Thread(
            target=self.exposition.run, args=(clock,), name="publisher", daemon=True
        )
        self._scheduler = Scheduler(
            store=self.store,
            runs=self.runs,
            clock=clock,
            shard=shard or Shard(),
            unknown=self.own.on_unknown,
            on_targets=self._watch,
        )

    def start(self) -> None:
        """Publish what there is, and begin to poll. Raises CredentialsError if an account names no usable
        source.
        """
        accounts = self._accounts(self.config)
        self.own.on_reload(successful=True, at=self.clock.now())
        self._scheduler.apply(accounts)
        self.exposition.publish()
        self._publisher.start()

    def reload(self, read: Callable[[], Config]) -> None:
        """Take over what `read` gives, wholly or not at all; one reload at a time.

        Raises ConfigError or CredentialsError, and then nothing has changed but the metric that says so.
        """
        with self._reloading:
            try:
                config = read()
                accounts = self._accounts(config)
            except (ConfigError, CredentialsError) as error:
                self.own.on_reload(successful=False, at=self.clock.now())
                _log.error("configuration not reloaded, the old one stays: %s", error)
                raise
            if config.web != self.config.web:
                _log.warning("what changed under `web` needs a restart; the old addresses and path stay")
            set_up_logs(config.log.level, config.log.format)
            self.store.set_objectives(objectives_for(config.objectives))
            self.runs.ask_again()
            self._scheduler.apply(accounts)
            self.config = config.model_copy(update={"web": self.config.web})
            self.own.on_reload(successful=True, at=self.clock.now())
            _log.info("configuration reloaded")
            _warn(config)

    def app(self, reload: Callable[[], None] | None = None) -> ASGIApp:
        """The routes over what is known; `reload` is called by POST /-/reload, None refuses that."""
        return create_app(
            exposition=self.exposition,
            snapshot=self.snapshot,
            missing=self.missing,
            clock=self.clock,
            telemetry_path=self.config.web.telemetry_path,
            reload=reload,
        )

    def missing(self) -> list[str]:
        """What readiness waits for, a line each: first runs, and then one page that holds what they brought."""
        left = self.runs.missing()
        if left:
            return left
        if self._first_page is None:
            self._first_page = self.exposition.ticket()
        if not self.exposition.published(self._first_page):
            return ["metrics: the first whole page is not published yet"]
        return []

    def snapshot(self) -> Snapshot:
        """What the status page shows."""
        return Snapshot(
            plans=self.store.plan_subjects(),
            regions=self.store.region_subjects(),
            collectors=self.runs.states(),
        )

    def close(self) -> None:
        """End all sleeps, then the runs and the publisher; does not wait for answers of the cloud."""
        self.clock.stop()
        self.exposition.close()
        self._scheduler.close()
        self._sessions.close()

    def _accounts(self, config: Config) -> list[Account]:
        """The configuration's accounts as the scheduler takes them; nothing is called yet."""
        intervals = {
            name: getattr(config.collectors, name).interval
            for name in COLLECTOR_DEFAULTS
            if getattr(config.collectors, name).enabled
        }
        return [
            self._account(account, intervals, config.collectors.nodes.interval) for account in config.accounts
        ]

    def _account(self, account: AccountConfig, intervals: Mapping[str, float], discovery: float) -> Account:
        conceal(secrets_of(account))
        source = ExpiryReporter(
            credential_source(
                account.credentials,
                account=account.name,
                clock=self.clock,
                on_refresh_failure=self.own.on_refresh_failure,
            ),
            partial(self.own.on_credentials, account.name),
        )
        fingerprint = (account, tuple(intervals.items()))

        def client(region: str) -> Client:
            return self._client(account, region, source)

        def target(region: str) -> Target:
            return Target(
                scope=Scope(account=account.name, region=region),
                api=client(region),
                concurrency=account.concurrency,
                intervals=intervals,
                selects=partial(selects, account),
                fingerprint=fingerprint,
            )

        def ask() -> tuple[str, ...]:
            return supported_regions(client(DEFAULT_REGION), discovery)

        every = account.regions == "all"
        return Account(
            name=account.name,
            target=target,
            regions=() if account.regions == "all" else account.regions,
            discover=Discovery(region=DEFAULT_REGION, ask=ask, interval=discovery) if every else None,
            fingerprint=fingerprint,
        )

    def _client(self, account: AccountConfig, region: str, source: CredentialSource) -> Client:
        scope = Scope(account=account.name, region=region)
        limits = (account.requests_per_second, account.concurrency)
        before = self._pacers.get(scope)
        if before is not None and before[0] == limits:
            # One for all that ask there, over reloads too: each of several would allow the whole rate.
            pacer = before[1]
        else:
            pacer = Pacer(*limits, self.clock, on_wait=partial(self.own.on_wait, scope))
            self._pacers[scope] = (limits, pacer)
        return Client(
            scope,
            endpoint_url(region, network=account.network, override=account.endpoint),
            source,
            pacer,
            self.clock,
            account.timeout,
            self.own.on_call,
            sessions=self._sessions,
        )

    def _watch(self, targets: Sequence[Target]) -> None:
        """Let the exporter's own metrics have exactly the series of what is polled."""
        self.own.watch(
            Watched(
                scope=target.scope,
                operations=tuple(
                    operation for name in target.intervals for operation in COLLECTORS[name].operations
                ),
                rate=partial(_rate, self._pacers[target.scope][1]),
            )
            for target in targets
        )


def _rate(pacer: Pacer) -> float:
    return pacer.rate


def _warn(config: Config) -> None:
    for warning in warnings_of(config):
        _log.warning(warning)
