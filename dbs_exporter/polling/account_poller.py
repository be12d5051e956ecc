"""Reading what belongs to an account and to no region: one reading of each collector at a time, by its cadence."""

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
        self._wanted: list[str] = []
        self._wanted_at = float("inf")
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
            return max(now, self._health.paused_until)

    def urgency(self, now: float) -> tuple[bool, float]:
        """Return the place of the next reading: before all that was due later, since it says which regions there are."""
        return (False, min(now, self._wanted_at))

    def take(self, now: float) -> Task | None:
        """Return the reading that is to be carried out now."""
        with self._lock:
            if self._closed or self._running or not self._wanted or now < self._health.paused_until:
                return None
            self._running = True
            return partial(self._carry_out, self._collectors[self._wanted.pop(0)])

    def request(self, collector: str) -> None:
        """Have a collector read next."""
        with self._lock:
            if not self._wanted:
                self._wanted_at = self._clock.monotonic()
            if collector not in self._wanted:
                self._wanted.append(collector)
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
        try:
            self._read(collector)
        finally:
            with self._lock:
                self._running = False
            self._on_due()

    def _read(self, collector: AccountCollector[Any]) -> None:
        scope, name = self._account.scope, collector.name
        where = {"account": scope.account, "region": scope.region, "collector": name}
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
        except NotPermitted as error:
            self._health.on_answer()
            if self._outcomes.on_denied(scope, name, "", str(error), self._account.time.now()):
                _log.warning("operation not permitted", extra={**where, "error": str(error)})
        except (ApiError, CredentialsError) as error:
            self._health.on_error(error, self._clock.monotonic())
            if self._outcomes.on_failed(scope, name, "", str(error), self._account.time.now()):
                _log.warning("a reading failed", extra={**where, "error": str(error)})
        except BaseException as error:
            sentence = str(error) or type(error).__name__
            self._outcomes.on_failed(scope, name, "", sentence, self._account.time.now())
            _log.exception("a collector broke", extra=where)
        else:
            self._health.on_answer()
            at = self._account.time.now()
            self._outcomes.on_read(scope, name, "", at)
            with self._lock:
                closed = self._closed
            if not closed:
                self._on_read(self._account, collector, facts, at)
