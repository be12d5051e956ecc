"""The composition root: builds every part of the exporter from a configuration and connects them.

`Exporter` starts, reloads and closes the parts. Facts flow one way: scheduler, store, exposition, web. A reload reads the
whole configuration first and then changes only what differs, so that the data of unchanged accounts stays. No other module
knows all parts, and this one reads no file and takes no signal.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry

from dbs_exporter import __version__
from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.source import ExpiryReporter, credential_source
from dbs_exporter.api.credentials.types import CredentialSource
from dbs_exporter.api.endpoints import endpoint_url
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.server_time import ServerTime
from dbs_exporter.api.transport import Sessions
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.base import AccountCollector
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.load import DEFAULT_REGION, secrets_of, selects, warnings_of
from dbs_exporter.config.models import AccountConfig, Config, PlanCollectorConfig
from dbs_exporter.errors import ConfigError, CredentialsError
from dbs_exporter.facts.collection import BudgetState, StorageState
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.logs import conceal, set_up_logs
from dbs_exporter.metrics.choosing import chosen
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.memory import trim_memory
from dbs_exporter.metrics.own import OwnMetrics, Watched, build_revision
from dbs_exporter.polling.account_poller import Account
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.scheduler import Scheduler
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Ages, Target
from dbs_exporter.state.saved import State
from dbs_exporter.web.page.overview import Snapshot
from dbs_exporter.web.routes import create_app

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_log = logging.getLogger(__name__)


class _Line(NamedTuple):
    """What all clients of an account and region share: its limits (calls per second, calls at once), and its time."""

    limits: tuple[float, int]
    pacer: Pacer
    time: ServerTime


class Exporter:
    """All parts of a running exporter.

    `start` begins to poll, `reload` takes another configuration, `close` ends. `clock` is the only source of time.
    `exposition` holds what is scraped; `app` serves it.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: SystemClock,
        shard: Shard | None = None,
        environ: Mapping[str, str] = os.environ,
        table: Table = TABLE,
    ) -> None:
        self.config = config
        self.clock = clock
        self._table = table
        self.outcomes = Outcomes(clock)
        self.store = Store(objectives_for(config.objectives))
        self.state = self._opened_state(config)
        self.own = OwnMetrics(
            CollectorRegistry(),
            version=__version__,
            revision=build_revision(environ),
            collector_states=self.outcomes.states,
            budgets=self._budgets,
            storage=self.storage,
            shard=(shard.index, shard.total) if shard else (0, 1),
        )
        self.exposition = Exposition(
            chosen(
                table.families,
                exclude=config.metrics.exclude,
                inactive_states=config.metrics.inactive_states,
            ),
            own=self.own.lines,
            on_refused=self.own.on_refused,
            tidy=trim_memory,
        )
        self.store.subscribe(self.exposition.update)
        if self.state is not None:
            self.store.subscribe(self.state.update)
        self._sessions = Sessions(clock)
        self._lines: dict[Scope, _Line] = {}
        self._reloading = threading.Lock()
        self._first_page: int | None = None
        self._was_ready = False
        self._publisher = threading.Thread(
            target=self.exposition.run, args=(clock,), name="publisher", daemon=True
        )
        self._scheduler = Scheduler(
            table=table,
            store=self.store,
            outcomes=self.outcomes,
            clock=clock,
            shard=shard or Shard(),
            unknown=self.own.on_unknown,
            on_targets=self._watch,
            memory=self.state,
        )

    def start(self) -> None:
        """Publish a first page, with all that was saved, and begin to poll.

        Raises CredentialsError if an account names no usable source of credentials.
        """
        accounts = self._accounts(self.config)
        self.own.on_reload(successful=True, at=self.clock.now())
        self._scheduler.apply(accounts)
        if self.store.region_subjects() and not self.outcomes.missing():
            self._first_page = self.exposition.request_publish()
        self.exposition.publish()
        self._publisher.start()
        self._scheduler.start()
        if self.state is not None:
            self.state.learns_from(self._scheduler.learned)
            self.state.start()

    def reload(self, read: Callable[[], Config]) -> None:
        """Apply the configuration that `read` returns, completely or not at all; one reload runs at a time.

        Raises ConfigError or CredentialsError; then nothing has changed but the metric that reports the failed reload.
        """
        with self._reloading:
            try:
                config = read()
                accounts = self._accounts(config)
            except (ConfigError, CredentialsError) as error:
                self.own.on_reload(successful=False, at=self.clock.now())
                _log.error("configuration not reloaded, the old one stays: %s", error)
                raise
            if config.storage != self.config.storage:
                _log.warning("what changed under `storage` needs a restart; the old path stays")
            if config.web != self.config.web:
                _log.warning("what changed under `web` needs a restart; the old addresses and path stay")
            if config.metrics != self.config.metrics:
                _log.warning("what changed under `metrics` needs a restart; the old families stay")
            set_up_logs(config.log.level, config.log.format)
            self.store.set_objectives(objectives_for(config.objectives))
            self._scheduler.apply(accounts)
            self._scheduler.ask_again()
            self.config = config.model_copy(
                update={
                    "web": self.config.web,
                    "metrics": self.config.metrics,
                    "storage": self.config.storage,
                }
            )
            self.own.on_reload(successful=True, at=self.clock.now())
            _log.info("configuration reloaded")
            _warn(config)

    def app(self, reload: Callable[[], None] | None = None) -> ASGIApp:
        """Return the web application; POST /-/reload calls `reload`, or is refused if that is None."""
        return create_app(
            exposition=self.exposition,
            snapshot=self.snapshot,
            missing=self.missing,
            clock=self.clock,
            telemetry_path=self.config.web.telemetry_path,
            route_prefix=self.config.web.prefix,
            reload=reload,
            grafana=(self.config.web.grafana_url or "").rstrip("/"),
        )

    def missing(self) -> list[str]:
        """Return what readiness waits for, a line each: the first readings, then a page with their results.

        Once there was nothing, there is nothing for good.
        """
        if self._was_ready:
            # A region that a reload added is read while all others are served.
            return []
        unread = self.outcomes.missing()
        if unread:
            return unread
        if self._first_page is None:
            self._first_page = self.exposition.request_publish()
        if not self.exposition.is_published(self._first_page):
            return ["metrics: the first whole page is not published yet"]
        self._was_ready = True
        return []

    def snapshot(self) -> Snapshot:
        """Return what the status page shows."""
        return Snapshot(
            now=self.now(),
            plans=self.store.plan_subjects(),
            regions=self.store.region_subjects(),
            collectors=self.outcomes.states(),
            budgets=self._budgets(),
            storage=self.storage(),
            zone=self.config.web.zone,
        )

    def now(self) -> float:
        """Return the time in Unix seconds as the API has it, the machine's while nobody has answered."""
        offsets = [
            offset for line in list(self._lines.values()) if (offset := line.time.offset_seconds) is not None
        ]
        return self.clock.now() + (median(offsets) if offsets else 0.0)

    def storage(self) -> StorageState | None:
        """Return how saving the state fares; None if it is kept in memory only."""
        return self.state.health() if self.state is not None else None

    def _opened_state(self, config: Config) -> State | None:
        if config.storage.path is None:
            _log.info("no storage.path: what is known is kept in memory only, and read anew after a restart")
            return None
        groups = [collector.group for collector in self._table]
        return State(config.storage.path, groups, counters=self.store, clock=self.clock)

    def _budgets(self) -> list[BudgetState]:
        return self._scheduler.budgets()

    def close(self) -> None:
        """End all sleeps, then the readings and the publisher; answers of the API are cut off."""
        self.clock.stop()
        self.exposition.close()
        self._scheduler.close(self._sessions.cut)
        self._sessions.close()
        if self.state is not None:
            self.state.close()

    def _accounts(self, config: Config) -> list[Account]:
        """Return the configuration's accounts as the scheduler takes them; no call is made yet."""
        return [self._account(account, config) for account in config.accounts]

    def _account(self, account: AccountConfig, config: Config) -> Account:
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
        settings = {collector: config.collectors.of(collector.name) for collector in self._table}
        account_intervals = {
            collector.name: setting.interval
            for collector, setting in settings.items()
            if isinstance(collector, AccountCollector)
            and (setting.enabled or (collector.group is REGIONS and account.regions == "all"))
        }
        ages = {
            collector.name: Ages(
                interval=setting.interval,
                at_rest=setting.at_rest if isinstance(setting, PlanCollectorConfig) else setting.interval,
            )
            for collector, setting in settings.items()
            if setting.enabled and not isinstance(collector, AccountCollector)
        }
        fingerprint = (account, tuple(account_intervals.items()), tuple(ages.items()))
        home = DEFAULT_REGION if account.regions == "all" else account.regions[0]

        def target(region: str) -> Target:
            scope = Scope(account=account.name, region=region)
            client = self._client(account, region, source)
            line = self._lines[scope]
            return Target(
                scope=scope,
                api=client,
                rate=line.pacer,
                time=line.time,
                concurrency=account.concurrency,
                collectors=ages,
                selects=partial(selects, account),
                fingerprint=fingerprint,
            )

        client = self._client(account, home, source)
        return Account(
            name=account.name,
            target=target,
            regions=None if account.regions == "all" else account.regions,
            home=home,
            api=client,
            time=client.time,
            intervals=account_intervals,
            fingerprint=fingerprint,
        )

    def _client(self, account: AccountConfig, region: str, source: CredentialSource) -> Client:
        scope = Scope(account=account.name, region=region)
        limits = (account.requests_per_second, account.concurrency)
        line = self._lines.get(scope)
        # Shared by all clients of the scope, over reloads too: each of several pacers would allow the whole rate.
        if line is None or line.limits != limits:
            pacer = Pacer(*limits, self.clock, on_wait=partial(self.own.on_wait, scope))
            line = _Line(limits, pacer, line.time if line else ServerTime(self.clock))
            self._lines[scope] = line
        return Client(
            scope,
            endpoint_url(region, network=account.network, override=account.endpoint),
            source,
            line.pacer,
            self.clock,
            account.timeout,
            self.own.on_call,
            sessions=self._sessions,
            time=line.time,
        )

    def _watch(self, targets: Sequence[Target]) -> None:
        """Keep the series of the exporter's own metrics in step with the targets that are polled."""
        self.own.watch(
            Watched(
                scope=target.scope,
                operations=tuple(
                    operation
                    for collector in self._table
                    if collector.name in target.collectors or isinstance(collector, AccountCollector)
                    for operation in collector.operations
                ),
                rate=partial(_rate, self._lines[target.scope].pacer),
            )
            for target in targets
        )


def _rate(pacer: Pacer) -> float:
    return pacer.rate


def _warn(config: Config) -> None:
    for warning in warnings_of(config):
        _log.warning(warning)
