"""The state of a running exporter: given back to the store at the start, saved every few seconds from then on.

Counters are published when the transaction that holds them is over, so that no restart takes back what was scraped. What cannot
be saved is kept in memory and tried again; after five minutes counters go on without the file, which the lineage of the
directory says to whoever starts next. A scrape never waits for this, and the store for no more than a note.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Protocol

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.learned import Learned, Restored
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.collection import StorageState
from dbs_exporter.facts.groups import Group, Subject
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import AccountSubject, GonePlan, Scope, SubjectKey
from dbs_exporter.facts.tallies import Tally
from dbs_exporter.state.bodies import Bodies
from dbs_exporter.state.database import FILE_NAME, Batch, Damaged, Database, ReadOnly, set_aside
from dbs_exporter.state.differing import Changes, Contents
from dbs_exporter.state.directory import Directory
from dbs_exporter.state.recalling import Recalled, account_from, recalled, region_from

SAVE_SECONDS = 5.0
"""How often what changed is saved."""
STAND_STILL_SECONDS = 300.0
"""How long counters stand still while they cannot be saved."""
STRANGE_SECONDS = 7 * 86_400.0
"""How long an account or region is kept that is not configured any more."""


_log = logging.getLogger(__name__)


class Counters(Protocol):
    """What publishes counters, and remembers those of plans that are gone (`polling.store.Store`)."""

    def hold(self) -> None:
        """Publish counters only as far as `publish` says."""
        ...

    def release(self) -> None:
        """Publish all counters."""
        ...

    def publish(self, saved: Iterable[tuple[SubjectKey, Mapping[str, Tally]]]) -> None:
        """Publish counters that are saved."""
        ...

    def gone_plan(self, key: SubjectKey) -> GonePlan | None:
        """Return what is remembered of a plan that is gone."""
        ...


class State:
    """The state in a directory. `update` is called by the store; everything else from any thread."""

    def __init__(self, path: str, groups: Iterable[Group[Any]], *, counters: Counters, clock: Clock) -> None:
        """Hold the directory and open what is in it. Raises ConfigError if another process holds it."""
        self._directory = Directory(path)
        self._path = self._directory.path / FILE_NAME
        self._bodies = Bodies(groups)
        self._file = Contents(self._bodies, clock)
        self._counters = counters
        self._clock = clock
        self._learned: Callable[[], Mapping[Scope, Learned]] = dict
        self._last_learned: Mapping[Scope, Learned] = {}
        self._database: Database | None = None
        self._was_open = False
        self._pending: dict[SubjectKey, Subject | None] = {}
        self._noting = threading.Lock()
        self._saving = threading.Lock()
        self._health = StorageState(path=path)
        self._is_free = False
        """Counters are published without being saved; the lineage says so."""
        self._complained: set[str] = set()
        self._thread: threading.Thread | None = None
        self._begin()

    def _begin(self) -> None:
        try:
            is_new = not self._path.exists()
        except OSError:
            is_new = False
        try:
            self._database = self._ready()
        except OSError as error:
            # Where nothing was saved, nothing that is published can contradict it.
            self._is_free = is_new
            self._on_failure(error)
        if not self._is_free:
            self._counters.hold()

    def learns_from(self, learned: Callable[[], Mapping[Scope, Learned]]) -> None:
        """Take what returns what was learned of each region that is watched."""
        self._learned = learned

    def start(self) -> None:
        """Begin to save, in a thread; what has not been configured for a week is forgotten."""
        with self._saving:
            try:
                self._forget_strangers()
            except (OSError, Damaged) as error:
                self._on_failure(error)
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self._thread.start()

    def _forget_strangers(self) -> None:
        if self._database is None:
            return
        before = self._clock.now() - STRANGE_SECONDS
        places = [place for place in self._database.scopes() if not self._file.holds(place)]
        old = [place for place in places if (self._saved_at(*place) or 0.0) < before]
        if old:
            self._database.write(Batch(dropped=old))

    def _saved_at(self, account: str, region: str) -> float | None:
        if self._database is None:
            return None
        rows, reads = self._database.rows(account, region), self._database.reads(account, region)
        return recalled(self._bodies, account, region, rows, reads, self._directory.lineage).newest_at

    def _run(self) -> None:
        while not self._clock.sleep(SAVE_SECONDS):
            try:
                self.save()
            except Exception:
                _log.exception("saving the state broke; it is tried again")

    def close(self) -> None:
        """Save what is left, and let another process have the directory. The clock must be stopped."""
        if self._thread is not None:
            self._thread.join()
        self._file.hurry()
        self.save()
        with self._saving:
            self._close_files()

    def health(self) -> StorageState:
        """Return how saving fares."""
        return self._health

    # ── the store's changes ──

    def update(self, key: SubjectKey, subject: Subject | None) -> None:
        """Note that a subject changed, or is gone (None)."""
        with self._noting:
            self._pending[key] = subject

    def save(self) -> None:
        """Write what changed in one transaction, and publish the counters in it; what fails is tried again with the next."""
        # Before the lock: whoever is asked may be waiting for what this holds.
        learned = self._learned()
        with self._saving:
            # At the end nobody is left who could be asked.
            self._last_learned = {**self._last_learned, **learned}
            self._save(self._last_learned)

    def _save(self, learned: Mapping[Scope, Learned]) -> None:
        changes = Changes()
        try:
            database = self._ready()
            if self._is_free:
                self._counters.hold()
            with self._noting:
                noted, self._pending = self._pending, {}
            changes.subjects = noted
            self._file.differ(changes, learned, self._counters.gone_plan, self._directory.lineage)
            if changes.batch:
                database.write(changes.batch)
        except (Damaged, ReadOnly) as error:
            self._take_back(changes)
            self._close_files()
            self._on_failure(error)
        except (OSError, ConfigError) as error:
            self._take_back(changes)
            self._on_failure(error)
        else:
            self._on_success(database, changes)

    def _take_back(self, changes: Changes) -> None:
        with self._noting:
            self._pending = {**changes.subjects, **self._pending}

    def _write_all_again(self) -> None:
        """Have everything written that is known, whatever the file holds."""
        known = self._file.forget_all()
        with self._noting:
            self._pending = {**known, **self._pending}

    # ── the files ──

    def _ready(self) -> Database:
        """Return the open file; open or make it if need be. Raises OSError, and ConfigError if another process holds it."""
        if self._database is not None and not (self._directory.is_there() and self._path.exists()):
            self._close_files()
        if self._database is not None:
            return self._database
        now = self._clock.now()
        self._directory.claim(now)
        if self._health.failing_since is not None and not self._was_open and self._path.exists():
            # It could not be read at the start, and this process has counted without it.
            self._set_aside("unread", "it could not be read at the start", now)
        try:
            self._database = Database.open(self._path)
        except Damaged as damage:
            self._set_aside(damage.kind, str(damage), now)
            self._database = Database.open(self._path)
        self._was_open = True
        self._write_all_again()
        return self._database

    def _set_aside(self, kind: str, reason: str, now: float) -> None:
        aside = set_aside(self._path, kind, now)
        _log.error(
            "the saved state cannot be used and was set aside",
            extra={"path": str(self._path), "problem": reason, "renamed_to": str(aside)},
        )

    def _close_files(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        self._directory.close()

    # ── outcomes ──

    def _on_success(self, database: Database, changes: Changes) -> None:
        self._file.on_written(changes)
        self._is_free = False
        self._counters.publish(changes.tallies)
        before = self._health
        if before.error:
            _log.info("the state is saved again", extra={"path": str(self._path)})
        self._complained = set(changes.problems)
        for problem in changes.problems:
            _log.error(problem, extra={"path": str(self._path)})
        self._health = StorageState(
            path=before.path,
            last_write_at=self._clock.now() if changes.batch else before.last_write_at,
            size_bytes=database.size_bytes(),
        )

    def _on_failure(self, error: Exception) -> None:
        now = self._clock.now()
        before = self._health
        since = before.failing_since if before.failing_since is not None else now
        problem = str(error)
        self._complain(f"the state cannot be saved; it goes on in memory: {problem}")
        self._health = StorageState(
            path=before.path,
            error=problem,
            failing_since=since,
            last_write_at=before.last_write_at,
            size_bytes=before.size_bytes,
        )
        if not self._is_free and now - since >= STAND_STILL_SECONDS:
            self._go_free(now)
        if self._is_free:
            self._counters.release()

    def _go_free(self, now: float) -> None:
        """Publish counters that are not saved, once whoever starts next can know of it."""
        try:
            self._directory.claim(now)
            self._directory.begin_lineage(now)
        except (OSError, ConfigError) as error:
            self._complain(f"counters stand still, for nothing can be written: {error}")
            return
        self._is_free = True
        self._write_all_again()
        _log.warning(
            "counters go on without being saved; after a restart they would begin at 0",
            extra={"path": str(self._path)},
        )

    def _complain(self, sentence: str) -> None:
        if sentence not in self._complained:
            self._complained.add(sentence)
            _log.error(sentence, extra={"path": str(self._path)})

    # ── what another process left ──

    def account(self, account: str, groups: Container[str]) -> AccountSubject | None:
        """Return what was known of an account, these groups of it."""
        with self._saving:
            found = self._recalled(account, "")
            subject = account_from(found, account, groups) if found is not None else None
            if subject is not None:
                self._file.take_over((account, ""), {"": subject})
            return subject

    def regions(self, account: str) -> tuple[str, ...]:
        """Return the regions of an account of which something was known."""
        with self._saving:
            try:
                scopes = self._database.scopes() if self._database is not None else []
            except (OSError, Damaged) as error:
                self._on_failure(error)
                return ()
        return tuple(sorted(region for name, region in scopes if name == account and region))

    def region(
        self, scope: Scope, groups: Container[str], selects: Callable[[Plan], bool]
    ) -> Restored | None:
        """Return what was known of an account's region, these groups of it, and of its plans those that are selected."""
        with self._saving:
            found = self._recalled(scope.account, scope.region)
            if found is None:
                return None
            restored = region_from(found, scope, groups, selects, self._clock.now())
            if restored is None:
                return None
            written: dict[str, Subject] = {plan.plan.plan_id: plan for plan in restored.plans}
            left = found.present - written.keys() - restored.gone.keys() - {""}
            if restored.region is not None:
                written[""] = restored.region
            self._file.take_over((scope.account, scope.region), written)
        for plan_id in left:
            # What is not taken over must not come back later, with counters of long ago.
            self.update((scope.account, scope.region, plan_id), None)
        return restored

    def _recalled(self, account: str, region: str) -> Recalled | None:
        with self._noting:
            waits = any(key[:2] == (account, region) for key in self._pending)
        if waits:
            # It was watched a moment ago.
            self._save(self._last_learned)
        if self._database is None or self._health.error:
            return None
        try:
            with self._database.snapshot():
                rows = self._database.rows(account, region)
                reads = self._database.reads(account, region)
        except (OSError, Damaged) as error:
            self._on_failure(error)
            return None
        found = recalled(self._bodies, account, region, rows, reads, self._directory.lineage)
        if found.unreadable:
            _log.warning(
                "a part of the saved state cannot be read and is left out",
                extra={
                    "account": account,
                    "region": region,
                    "parts": len(found.unreadable),
                    "first": found.unreadable[0],
                },
            )
        return found
