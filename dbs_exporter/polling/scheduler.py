"""Which accounts and regions are watched: pollers come and go with the configuration and with what DBS supports.

An account with `regions: all` is asked which regions there are before anything else, and again from time to time. A new set of
accounts is taken over whole: what did not change goes on untouched, what is gone is dropped at once. When something is read is
the dispatcher's business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import AccountCollector
from dbs_exporter.collectors.learned import Fared, Learned
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.facts.collection import BudgetState
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.account_poller import Account, AccountPoller
from dbs_exporter.polling.cadence import seconds_left
from dbs_exporter.polling.dispatcher import Dispatcher, Runner
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.poller import Poller
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Memory, Target
from dbs_exporter.polling.workers import Workers

STOP_SECONDS = 1.0


class Scheduler:
    """Polls the accounts that `apply` gives. `on_targets` is called with the targets whenever they change."""

    def __init__(
        self,
        *,
        table: Table = TABLE,
        store: Store,
        outcomes: Outcomes,
        clock: Clock,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        unknown: Callable[[str], None] = lambda field: None,
        on_targets: Callable[[list[Target]], None] = lambda targets: None,
        runner: Runner | None = None,
        memory: Memory | None = None,
    ) -> None:
        """`runner` carries out readings; threads of its own if none is given. `memory` is what another process left."""
        self._table = table
        self._store = store
        self._outcomes = outcomes
        self._clock = clock
        self._shard = shard
        self._unknown = unknown
        self._on_targets = on_targets
        self._memory = memory
        self._accounts: dict[str, Account] = {}
        self._account_pollers: dict[str, AccountPoller] = {}
        self._pollers: dict[Scope, Poller] = {}
        self.dispatcher = Dispatcher(clock, runner or Workers())
        self._lock = threading.RLock()

    def start(self) -> None:
        """Begin to read, in threads."""
        self.dispatcher.start()

    def apply(self, accounts: Iterable[Account]) -> None:
        """Watch exactly these accounts from now on; accounts whose fingerprint is the same go on untouched."""
        wanted = {account.name: account for account in accounts}
        with self._lock:
            for name, before in list(self._accounts.items()):
                after = wanted.get(name)
                if after is None:
                    self._stop_account(name)
                    self._store.drop_account(name)
                elif after.fingerprint != before.fingerprint:
                    self._stop_account(name)
                    if after.regions is not None:
                        self._keep_regions(name, after.regions)
            for name, account in wanted.items():
                if name not in self._accounts:
                    self._watch_account(account)
            self._on_change()

    def ask_again(self) -> None:
        """Have what failed or was refused tried again now: somebody may have mended it."""
        self._outcomes.ask_again()
        with self._lock:
            asked = [poller.ask_again for poller in self._account_pollers.values()]
            asked += [poller.ask_again for poller in self._pollers.values()]
        for ask_again in asked:
            ask_again()

    def learned(self) -> dict[Scope, Learned]:
        """Return what was learned besides facts, for another process to take over."""
        with self._lock:
            pollers = list(self._pollers.items())
        return {scope: poller.learned() for scope, poller in pollers}

    def budgets(self) -> list[BudgetState]:
        """Return whether the calls suffice, for each account and region."""
        with self._lock:
            pollers = sorted(self._pollers.items())
        return [poller.budget() for _, poller in pollers]

    def close(self, cut: Callable[[], None] = lambda: None) -> None:
        """Stop. Readings under way end by their clock's sleep and by `cut`, and are waited for a second."""
        with self._lock:
            for account_poller in self._account_pollers.values():
                account_poller.close()
            for poller in self._pollers.values():
                poller.close()
            self._account_pollers.clear()
            self._pollers.clear()
            self._accounts.clear()
        cut()
        self.dispatcher.close(STOP_SECONDS)

    # ── accounts ──

    def _watch_account(self, account: Account) -> None:
        name = account.name
        self._accounts[name] = account
        collectors = {each: self._account_collector(each) for each in account.intervals}
        groups = {each.group.name for each in collectors.values()}
        left = self._memory.account(name, groups) if self._memory is not None else None
        if left is not None:
            self._store.restore_account(left)
        self._store.keep_account(name, collectors.values())
        # The list of regions is needed by all who are to find theirs in it.
        if collectors and (account.regions is None or self._shard.owns_region(account.scope)):
            poller = self._account_pollers[name] = AccountPoller(
                account,
                collectors,
                outcomes=self._outcomes,
                clock=self._clock,
                unknown=self._unknown,
                on_read=self._on_account,
                on_due=partial(self.dispatcher.wake, name),
            )
            read = {
                each: at
                for each, collector in collectors.items()
                if left is not None and (at := left.known(collector.group).read_at) is not None
            }
            for each, at in read.items():
                self._outcomes.restore(account.scope, each, {"": at}, Fared())
            now = account.time.now()
            self.dispatcher.add(
                name,
                poller,
                {each: seconds_left(account.intervals[each], at, now) for each, at in read.items()},
            )
        regions = account.regions
        if regions is None:
            # Those that were known are watched at once; the list says later which there are now.
            listed = left.get(REGIONS) if left is not None else None
            saved = self._memory.regions(name) if self._memory is not None else ()
            regions = saved if listed is None else listed
        for region in regions:
            self._watch(account, region)

    def _account_collector(self, name: str) -> AccountCollector[Any]:
        collector = self._table[name]
        if not isinstance(collector, AccountCollector):
            raise TypeError(f"{name} is no collector of accounts")
        return collector

    def _stop_account(self, name: str) -> None:
        for scope in [known for known in self._pollers if known.account == name]:
            self._stop(scope)
        if self._account_pollers.pop(name, None) is not None:
            self.dispatcher.remove(name)
        del self._accounts[name]

    def _on_account(self, account: Account, collector: AccountCollector[Any], facts: Any, at: float) -> None:
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
                    self._watch(account, region)
            self._on_change()

    # ── regions ──

    def _keep_regions(self, account: str, regions: tuple[str, ...]) -> None:
        for scope in [
            known for known in self._pollers if known.account == account and known.region not in regions
        ]:
            self._stop(scope)
        for scope in self._store.scopes():
            if scope.account == account and scope.region not in regions:
                self._store.drop(scope)

    def _watch(self, account: Account, region: str) -> None:
        scope = Scope(account=account.name, region=region)
        if not self._shard.owns_region(scope):
            return
        target = account.target(region)
        for name, ages in target.collectors.items():
            if ages.interval <= 0:
                raise ValueError(
                    f"{name}: an interval of {ages.interval} s would never rest; it must be above 0"
                )
        # What is switched off is read no more; what it brought would never change again.
        self._store.keep(scope, [self._table[name] for name in target.collectors])
        groups = {self._table[name].group.name for name in target.collectors}
        restored = None
        if self._memory is not None and scope not in self._store.scopes():
            restored = self._memory.region(scope, groups, target.selects)
        if restored is not None:
            self._store.restore(scope, restored)
        poller = self._pollers[scope] = Poller(
            target,
            table=self._table,
            store=self._store,
            outcomes=self._outcomes,
            clock=self._clock,
            unknown=self._unknown,
            on_due=partial(self.dispatcher.wake, _name(scope)),
            restored=restored,
        )
        self.dispatcher.add(_name(scope), poller, poller.first_in() if restored is not None else {})

    def _stop(self, scope: Scope) -> None:
        del self._pollers[scope]
        self.dispatcher.remove(_name(scope))

    def _on_change(self) -> None:
        """Forget the outcomes of what is read no more, which would never change again, and hand on what is watched."""
        read = {(scope, name) for scope, poller in self._pollers.items() for name in poller.target.collectors}
        for account in self._accounts.values():
            read |= {(account.scope, name) for name in account.intervals}
        self._outcomes.keep(read)
        self._on_targets([poller.target for poller in self._pollers.values()])


def _name(scope: Scope) -> str:
    return f"{scope.account}/{scope.region}"
