"""Reading what belongs to an account and to no region: one reading at a time, by the cadence of each collector.

What could not be read is tried again long before its next turn: without the list of regions, an account that watches all of
them is blind.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.base import AccountCollector, Api, Reading
from dbs_exporter.errors import ApiError, CredentialsError, NotPermitted
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.health import Health
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.target import Target, Time
from dbs_exporter.polling.workers import Task

READING_SECONDS = 60.0
RETRY_SECONDS = 60.0
"""After a failure; doubled with each one that follows, up to the collector's interval."""

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
    time: Time
    intervals: Mapping[str, float]
    """The enabled collectors of accounts, in seconds."""
    fingerprint: object = None
    """Equal for accounts that a reload need not touch."""

    @property
    def scope(self) -> Scope:
        """The account in its home region."""
        return Scope(account=self.name, region=self.home)


class AccountPoller:
    """Reads the collectors of one account; `on_read` takes what they bring, with its time in Unix seconds."""

    def __init__(
        self,
        account: Account,
        collectors: Mapping[str, AccountCollector[Any]],
        *,
        outcomes: Outcomes,
        clock: Clock,
        unknown: Callable[[str], None],
        on_read: Callable[[Account, AccountCollector[Any], Any, float], None],
        on_due: Callable[[], None],
    ) -> None:
        self._account = account
        self._collectors = collectors
        self._outcomes = outcomes
        self._clock = clock
        self._unknown = unknown
        self._on_read = on_read
        self._on_due = on_due
        self._health = Health()
        self._wanted: dict[str, float] = {}
        """Collector -> from when on it is to be read, in monotonic seconds."""
        self._failures: dict[str, int] = {}
        self._running = False
        self._closed = False
        self._lock = threading.Lock()
        for name, collector in collectors.items():
            outcomes.expect(account.scope, name, collector.group.name)
            outcomes.set_subjects(account.scope, name, [""])

    @property
    def intervals(self) -> Mapping[str, float]:
        """How often each collector is read, in seconds."""
        return self._account.intervals

    @property
    def is_doubtful(self) -> bool:
        """Whether the API did not answer the last reading, or no reading yet."""
        return self._health.is_doubtful

    def next_at(self, now: float) -> float | None:
        """Return when a reading may be carried out, in monotonic seconds; None while nothing is to come."""
        with self._lock:
            if self._closed or self._running or not self._wanted:
                return None
            return max(now, self._health.paused_until, min(self._wanted.values()))

    def urgency(self, now: float) -> tuple[bool, float]:
        """Return the place of the next reading: before all that was due later, since it shows which regions there are."""
        with self._lock:
            return (False, min((now, *self._wanted.values())))

    def take(self, now: float) -> Task | None:
        """Return the reading that is to be carried out now."""
        with self._lock:
            due = sorted((at, name) for name, at in self._wanted.items() if at <= now)
            if self._closed or self._running or not due or now < self._health.paused_until:
                return None
            self._running = True
            name = due[0][1]
            del self._wanted[name]
            return partial(self._carry_out, self._collectors[name])

    def request(self, collector: str) -> None:
        """Have a collector read next."""
        with self._lock:
            now = self._clock.monotonic()
            self._wanted[collector] = min(now, self._wanted.get(collector, now))
        self._on_due()

    def ask_again(self) -> None:
        """Have everything read now: somebody may have mended what failed."""
        for name in self._collectors:
            self.request(name)

    def close(self) -> None:
        """Stop; what a reading under way brings is not taken."""
        with self._lock:
            self._closed = True

    def _carry_out(self, collector: AccountCollector[Any]) -> None:
        read = False
        try:
            read = self._read(collector)
        finally:
            with self._lock:
                self._running = False
                if read:
                    self._failures.pop(collector.name, None)
                else:
                    self._try_again(collector.name)
            self._on_due()

    def _try_again(self, name: str) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        wait = min(self._account.intervals[name], RETRY_SECONDS * 2.0 ** min(failures - 1, 16))
        self._wanted.setdefault(name, self._clock.monotonic() + wait)

    def _read(self, collector: AccountCollector[Any]) -> bool:
        """Read a collector and hand on what it brings; return whether that succeeded."""
        name = collector.name
        try:
            facts = collector.read(
                Reading(
                    api=self._account.api,
                    region=self._account.home,
                    now=self._account.time.now(),
                    within=max(READING_SECONDS, self._account.intervals[name]),
                    unknown=self._unknown,
                )
            )
        except BaseException as error:
            # SystemExit too: in a thread nobody would hear of it.
            if not self._is_closed():
                self._on_error(name, error)
            return False
        if not self._is_closed():
            at = self._account.time.now()
            self._health.on_answer(name, self._clock.monotonic())
            self._outcomes.on_read(self._account.scope, name, "", at)
            self._on_read(self._account, collector, facts, at)
        return True

    def _on_error(self, name: str, error: BaseException) -> None:
        scope, at = self._account.scope, self._account.time.now()
        where = {"account": scope.account, "region": scope.region, "collector": name}
        sentence = str(error) or type(error).__name__
        if isinstance(error, NotPermitted):
            self._health.on_answer(name, self._clock.monotonic())
            if self._outcomes.on_denied(scope, name, "", sentence, at):
                _log.warning("operation not permitted", extra={**where, "error": sentence})
            return
        self._health.on_error(name, error, self._clock.monotonic())
        first = self._outcomes.on_failed(scope, name, "", sentence, at)
        if not isinstance(error, ApiError | CredentialsError):
            _log.exception("a collector broke", extra=where)
        elif first:
            _log.warning("a reading failed", extra={**where, "error": sentence})

    def _is_closed(self) -> bool:
        with self._lock:
            return self._closed
