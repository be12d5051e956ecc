"""When each collector runs: APScheduler's cadence with jitter, region by region; what a run does is `polling`'s.

An account with `regions: all` is asked which regions there are before anything else, and again from time to time. A new set of accounts is taken over whole: what did not change goes on untouched, what is gone is dropped at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import AccountCollector, Api, PlanCollector, Reading
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.errors import ApiError, CredentialsError, NotPermitted
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.poller import Poller, Target
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.workers import Workers

JITTER_SHARE = 0.1
STOP_SECONDS = 1.0
ACCOUNTS_AT_ONCE = 8
"""How many accounts are asked about themselves at the same time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account, ready to be polled."""

    name: str
    target: Callable[[str], Target]
    """Makes the target of a region; called once per region that is watched."""
    regions: tuple[str, ...] | None
    """None: those that DBS supports for the account, as they are found."""
    home: str
    """The region that is asked about the account itself."""
    api: Api
    """Calls of the home region."""
    intervals: Mapping[str, float]
    """The enabled collectors of accounts, in seconds."""
    fingerprint: object = None
    """Equal for accounts that a reload need not touch."""

    @property
    def scope(self) -> Scope:
        """The account in its home region."""
        return Scope(account=self.name, region=self.home)


class Scheduler:
    """Polls the accounts it is given. `on_targets` is told the targets whenever they change."""

    def __init__(
        self,
        *,
        table: Table = TABLE,
        store: Store,
        runs: Runs,
        clock: Clock,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        unknown: Callable[[str], None] = lambda field: None,
        on_targets: Callable[[list[Target]], None] = lambda targets: None,
    ) -> None:
        self._table = table
        self._store = store
        self._runs = runs
        self._clock = clock
        self._shard = shard
        self._unknown = unknown
        self._on_targets = on_targets
        self._accounts: dict[str, Account] = {}
        self._pollers: dict[Scope, Poller] = {}
        self._account_workers = Workers("accounts", ACCOUNTS_AT_ONCE)
        self._asking: set[tuple[int, str]] = set()
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
                    if after.regions is not None:
                        self._keep_regions(name, after.regions)
                    del self._accounts[name]
            for name, account in wanted.items():
                if name in self._accounts:
                    continue
                self._accounts[name] = account
                self._store.keep_account(name, [self._table[each] for each in account.intervals])
                for collector, interval in account.intervals.items():
                    self._runs.expect(account.scope, collector, interval)
                    self._job(f"{name}/{collector}", partial(self._ask_account, account, collector), interval)
                for region in account.regions or ():
                    self._watch(account.target(region))
            self._notify()

    def close(self) -> None:
        """Stop all runs; reads under way end by their clock's sleep and their time-outs, and are waited for a second."""
        self._scheduler.shutdown(wait=False)
        with self._lock:
            pollers = list(self._pollers.values())
            self._pollers.clear()
            self._accounts.clear()
        self._account_workers.close()
        for poller in pollers:
            poller.close()
        for poller in pollers:
            poller.join(STOP_SECONDS / max(1, len(pollers)))

    def _ask_account(self, account: Account, name: str) -> None:
        """Have an account-level collector run, unless it is under way, which is counted."""
        collector = self._table[name]
        if not isinstance(collector, AccountCollector):
            raise TypeError(f"{name} is no collector of accounts")
        asking = (id(account), name)
        with self._lock:
            if asking in self._asking:
                self._runs.skipped(account.scope, name)
                return
            self._asking.add(asking)

        def ask() -> None:
            try:
                self._read_account(account, collector)
            finally:
                with self._lock:
                    self._asking.discard(asking)

        self._account_workers.submit(account.name, ask)

    def _read_account(self, account: Account, collector: AccountCollector[Any]) -> None:
        scope, name = account.scope, collector.name
        if not self._runs.worth_asking(scope, name, [""]):
            return
        began, began_at = self._clock.monotonic(), self._clock.now()
        reading = Reading(
            api=account.api,
            region=account.home,
            now=began_at,
            within=account.intervals[name],
            unknown=self._unknown,
        )
        where = {"account": account.name, "region": account.home, "collector": name}
        success = False
        try:
            facts = collector.read(reading)
            success = True
        except NotPermitted as error:
            if self._runs.denied(scope, name, "", str(error)):
                _log.warning("operation not permitted", extra={**where, "error": str(error)})
        except (ApiError, CredentialsError) as error:
            self._runs.failed(scope, name, "", str(error))
            _log.warning("run failed", extra={**where, "error": str(error)})
        except Exception as error:
            self._runs.failed(scope, name, "", str(error) or type(error).__name__)
            _log.exception("a collector broke", extra=where)
        if success:
            at = self._clock.now()
            self._runs.read(scope, name, "", at)
            self._take_account(account, collector, facts, at)
        took = self._clock.monotonic() - began
        self._runs.finished(scope, name, began_at=began_at, took_seconds=took, subjects=[""], success=success)

    def _take_account(
        self, account: Account, collector: AccountCollector[Any], facts: Any, at: float
    ) -> None:
        with self._lock:
            if self._accounts.get(account.name) is not account:
                return
            if self._shard.owns_region(account.scope):
                self._store.put_account(account.name, collector.group, facts, at)
            if collector.group is not REGIONS or account.regions is not None:
                return
            self._keep_regions(account.name, facts)
            for region in facts:
                if Scope(account=account.name, region=region) not in self._pollers:
                    self._watch(account.target(region))
            self._notify()

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
            table=self._table,
            store=self._store,
            runs=self._runs,
            clock=self._clock,
            shard=self._shard,
            unknown=self._unknown,
        )
        self._pollers[target.scope] = poller
        # What is switched off is read no more; what it brought would never change again.
        self._store.keep(target.scope, [self._table[name] for name in poller.collectors])
        for name in poller.collectors:
            identity = f"{target.scope.account}/{target.scope.region}/{name}"
            # What needs the plan list begins by itself when that has come; a job of its own at the same moment would be one run too many.
            waits = isinstance(self._table[name], PlanCollector)
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
        for collector in self._accounts[account].intervals:
            self._remove_job(f"{account}/{collector}")

    def _forget_account(self, account: str) -> None:
        self._stop_account(account)
        self._store.drop_account(account)
        del self._accounts[account]

    def _forget_runs(self) -> None:
        """Outcomes of what runs no more would never change again."""
        running = {(scope, name) for scope, poller in self._pollers.items() for name in poller.collectors}
        for account in self._accounts.values():
            running |= {(account.scope, name) for name in account.intervals}
        for state in self._runs.states():
            if (state.scope, state.collector) not in running:
                self._runs.forget(state.scope, state.collector)

    def _remove_job(self, identity: str) -> None:
        if self._scheduler.get_job(identity) is not None:
            self._scheduler.remove_job(identity)

    def _notify(self) -> None:
        self._forget_runs()
        self._on_targets([poller.target for poller in self._pollers.values()])
