"""When each collector runs: APScheduler's cadence with jitter, region by region; what a run does is `polling`'s.

An account with `regions: all` is asked which regions there are before anything else, and again as often as node networks are
read. A new set of accounts is taken over whole: what did not change goes on untouched, what is gone is dropped at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.table import COLLECTORS
from dbs_exporter.errors import ApiError, CredentialsError, NotPermitted
from dbs_exporter.facts.model import Scope
from dbs_exporter.polling.poller import Poller, Target
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.workers import Workers

DISCOVERY = "regions"
"""The name under which the question for an account's regions is told."""

JITTER_SHARE = 0.1
STOP_SECONDS = 1.0
FINDERS = 8
"""How many accounts are asked for their regions at the same time."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account. With `discover`, its regions come from the API: (region that is asked, the question, seconds between)."""

    name: str
    target: Callable[[str], Target]
    """Makes the target of a region; called once per region that is watched."""
    regions: tuple[str, ...] = ()
    discover: Discovery | None = None
    fingerprint: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """How an account's regions are found: where it is asked, the question, and how often, in seconds."""

    region: str
    ask: Callable[[], tuple[str, ...]]
    interval: float


class Scheduler:
    """Polls the accounts it is given. `on_targets` is told the targets whenever they change."""

    def __init__(
        self,
        *,
        store: Store,
        runs: Runs,
        clock: Clock,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        unknown: Callable[[str], None] = lambda field: None,
        on_targets: Callable[[list[Target]], None] = lambda targets: None,
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._shard = shard
        self._unknown = unknown
        self._on_targets = on_targets
        self._accounts: dict[str, Account] = {}
        self._pollers: dict[Scope, Poller] = {}
        self._finders = Workers(DISCOVERY, FINDERS)
        self._finding: set[int] = set()
        self._lock = threading.RLock()
        # Jobs only hand tasks to threads of their own: those of this pool are waited for when the process ends.
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )
        self._scheduler.start()

    def apply(self, accounts: Iterable[Account]) -> None:
        """Watch exactly these accounts from now on; accounts whose fingerprint is the same go on untouched."""
        wanted = {account.name: account for account in accounts}
        with self._lock:
            for name, before in list(self._accounts.items()):
                after = wanted.get(name)
                if after is None:
                    self._forget_account(name)
                elif after.fingerprint != before.fingerprint:
                    self._stop_account(name)
                    if after.discover is None:
                        self._keep_regions(name, after.regions)
                    del self._accounts[name]
            for name, account in wanted.items():
                if name in self._accounts:
                    continue
                self._accounts[name] = account
                if account.discover is not None:
                    self._discover(account, account.discover)
                else:
                    for region in account.regions:
                        self._watch(account.target(region))
            self._tell()

    def close(self) -> None:
        """Stop all runs; reads under way end by their clock's sleep and their time-outs, and are waited for a second."""
        self._scheduler.shutdown(wait=False)
        with self._lock:
            pollers = list(self._pollers.values())
            self._pollers.clear()
            self._accounts.clear()
        self._finders.close()
        for poller in pollers:
            poller.close()
        for poller in pollers:
            poller.join(STOP_SECONDS / max(1, len(pollers)))

    def _discover(self, account: Account, discovery: Discovery) -> None:
        scope = Scope(account=account.name, region=discovery.region)
        self._runs.expect(scope, DISCOVERY, discovery.interval)
        self._job(
            f"{account.name}/{DISCOVERY}", partial(self._ask_regions, account, discovery), discovery.interval
        )

    def _ask_regions(self, account: Account, discovery: Discovery) -> None:
        """Have the question asked, unless it is under way, which is counted."""
        with self._lock:
            if id(account) in self._finding:
                self._runs.skipped(Scope(account=account.name, region=discovery.region), DISCOVERY)
                return
            self._finding.add(id(account))

        def ask() -> None:
            try:
                self._find_regions(account, discovery)
            finally:
                with self._lock:
                    self._finding.discard(id(account))

        self._finders.submit(account.name, ask)

    def _find_regions(self, account: Account, discovery: Discovery) -> None:
        scope = Scope(account=account.name, region=discovery.region)
        if not self._runs.worth_asking(scope, DISCOVERY, [""]):
            return
        began, began_at = self._clock.monotonic(), self._clock.now()
        found: tuple[str, ...] | None = None
        try:
            found = discovery.ask()
        except NotPermitted as error:
            if self._runs.denied(scope, DISCOVERY, "", str(error)):
                _log.warning(
                    "operation not permitted", account=account.name, collector=DISCOVERY, error=str(error)
                )
        except (ApiError, CredentialsError) as error:
            self._runs.failed(scope, DISCOVERY, "", str(error))
            _log.warning("regions could not be read", account=account.name, error=str(error))
        except Exception as error:
            self._runs.failed(scope, DISCOVERY, "", str(error) or type(error).__name__)
            _log.exception("a collector broke", account=account.name, collector=DISCOVERY)
        if found is not None:
            self._runs.read(scope, DISCOVERY, "", self._clock.now())
            self._take_regions(account, found)
        took = self._clock.monotonic() - began
        self._runs.finished(
            scope, DISCOVERY, began_at=began_at, took_seconds=took, subjects=[""], success=found is not None
        )

    def _take_regions(self, account: Account, regions: tuple[str, ...]) -> None:
        with self._lock:
            if self._accounts.get(account.name) is not account:
                return
            self._keep_regions(account.name, regions)
            self._store.put_supported_regions(account.name, regions)
            for region in regions:
                if Scope(account=account.name, region=region) not in self._pollers:
                    self._watch(account.target(region))
            self._tell()

    def _keep_regions(self, account: str, regions: tuple[str, ...]) -> None:
        for scope in [one for one in self._pollers if one.account == account and one.region not in regions]:
            self._stop(scope)
            self._store.drop(scope)
        # A shard may hold plans of a region without holding the region's own facts.
        known = {one.scope for one in self._store.region_subjects()}
        known |= {one.scope for one in self._store.plan_subjects()}
        for scope in known:
            if scope.account == account and scope.region not in regions:
                self._store.drop(scope)

    def _watch(self, target: Target) -> None:
        poller = Poller(
            target,
            store=self._store,
            runs=self._runs,
            clock=self._clock,
            shard=self._shard,
            unknown=self._unknown,
        )
        self._pollers[target.scope] = poller
        # What is switched off is read no more; what it brought would never change again.
        self._store.keep(target.scope, poller.collectors)
        if "nodes" not in target.intervals:
            self._store.put_supported_regions(target.scope.account, ())
        for name in poller.collectors:
            identity = f"{target.scope.account}/{target.scope.region}/{name}"
            # What needs the plan list begins by itself when that has come; a job of its own at the same moment would be one run too many.
            waits = COLLECTORS[name].level == "plan"
            self._job(identity, partial(poller.run, name), target.intervals[name], at_once=not waits)

    def _job(
        self, identity: str, function: Callable[[], None], interval: float, *, at_once: bool = True
    ) -> None:
        if interval <= 0:
            raise ValueError(f"{identity}: an interval of {interval} s would never rest; it must be above 0")
        self._scheduler.add_job(
            function,
            "interval",
            seconds=interval,
            jitter=interval * JITTER_SHARE,
            id=identity,
            replace_existing=True,
            next_run_time=datetime.now(UTC) + timedelta(seconds=0 if at_once else interval),
        )

    def _stop(self, scope: Scope) -> None:
        poller = self._pollers.pop(scope)
        for name in poller.collectors:
            self._remove_job(f"{scope.account}/{scope.region}/{name}")
        poller.close()

    def _stop_account(self, account: str) -> None:
        for scope in [one for one in self._pollers if one.account == account]:
            self._stop(scope)
        self._remove_job(f"{account}/{DISCOVERY}")

    def _forget_account(self, account: str) -> None:
        self._stop_account(account)
        self._store.drop_account(account)
        del self._accounts[account]

    def _forget_runs(self) -> None:
        """Outcomes of what runs no more would never change again."""
        running = {(scope, name) for scope, poller in self._pollers.items() for name in poller.collectors}
        for account in self._accounts.values():
            if account.discover is not None:
                running.add((Scope(account=account.name, region=account.discover.region), DISCOVERY))
        for state in self._runs.states():
            if (state.scope, state.collector) not in running:
                self._runs.forget(state.scope, state.collector)

    def _remove_job(self, identity: str) -> None:
        if self._scheduler.get_job(identity) is not None:
            self._scheduler.remove_job(identity)

    def _tell(self) -> None:
        self._forget_runs()
        self._on_targets([poller.target for poller in self._pollers.values()])
