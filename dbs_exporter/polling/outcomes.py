"""How each collector fares in each account and region, as of the latest reading of each of its subjects.

It keeps outcomes, not facts; the exporter's own metrics, the status page and /-/ready ask it. A denied operation is kept apart
from a failed one: it is asked again seldom, and does not count as a failure.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from dbs_exporter.clock import Clock
from dbs_exporter.collectors.learned import Fared
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.permission import Permission

READY_SECONDS = 120.0
"""After so long the exporter counts as ready, whatever was not read yet."""


@dataclass(slots=True, kw_only=True)
class _Record:
    permission: Permission
    facts: str
    gates_readiness: bool
    subjects: dict[str, float | None] = field(default_factory=dict)
    """Subject -> when it was last read, in Unix seconds."""
    tried: set[str] = field(default_factory=set)
    """Subjects that were read, refused, or failed once."""
    failed: dict[str, str] = field(default_factory=dict)
    last_success_at: float | None = None
    error: str = ""
    error_at: float | None = None


class Outcomes:
    """The outcome of every reading; safe to use from several threads. Times of readings are Unix seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._records: dict[tuple[Scope, str], _Record] = {}
        self._lock = threading.Lock()

    def expect(self, scope: Scope, collector: str, facts: str, *, gates_readiness: bool = False) -> None:
        """Have a collector that brings these facts; what is known of it stays.

        One that `gates_readiness` is waited for by `missing`.
        """
        with self._lock:
            if (scope, collector) not in self._records:
                self._records[scope, collector] = _Record(
                    permission=Permission(self._clock), facts=facts, gates_readiness=gates_readiness
                )

    def restore(self, scope: Scope, collector: str, read: Mapping[str, float], fared: Fared) -> None:
        """Take over how a collector fared in another process, and when it last read each subject; nothing is waited for."""
        with self._lock:
            record = self._records.get((scope, collector))
            if record is None:
                return
            present = record.subjects.keys()
            read = {subject: at for subject, at in read.items() if subject in present}
            record.gates_readiness = record.gates_readiness and not read
            record.subjects.update(read)
            record.failed = {subject: error for subject, error in fared.failed.items() if subject in present}
            denied = {subject: was for subject, was in fared.denied.items() if subject in present}
            record.permission.restore(denied, read)
            record.tried |= read.keys() | record.failed.keys() | denied.keys()
            record.last_success_at = max(
                (at for at in (fared.last_success_at, *read.values()) if at is not None), default=None
            )
            record.error, record.error_at = fared.error, fared.error_at

    def fared(self, scope: Scope, collectors: Iterable[str]) -> dict[str, Fared]:
        """Return how collectors fare, for another process to take over."""
        with self._lock:
            records = {name: self._records.get((scope, name)) for name in collectors}
            return {
                name: Fared(
                    denied=record.permission.denied(),
                    failed=dict(record.failed),
                    error=record.error,
                    error_at=record.error_at,
                    last_success_at=record.last_success_at,
                )
                for name, record in records.items()
                if record is not None and record.tried
            }

    def keep(self, read: Collection[tuple[Scope, str]]) -> None:
        """Have only these collectors from now on."""
        with self._lock:
            self._records = {key: record for key, record in self._records.items() if key in read}

    def set_subjects(self, scope: Scope, collector: str, subjects: Iterable[str]) -> None:
        """Take what a collector is to read: ids of plans, or "" for the region itself."""
        with self._lock:
            record = self._records.get((scope, collector))
            if record is None:
                return
            present = set(subjects)
            record.subjects = {subject: record.subjects.get(subject) for subject in present}
            record.failed = {subject: error for subject, error in record.failed.items() if subject in present}
            record.tried &= present
            record.permission.forget(present)

    def ask_again(self) -> None:
        """Wait no longer before asking for what was refused."""
        with self._lock:
            for record in self._records.values():
                record.permission.ask_again()

    def retry_after(self, scope: Scope, collector: str, subject: str) -> float:
        """Return in how many seconds a subject may be asked about; 0 unless it was refused."""
        with self._lock:
            record = self._records.get((scope, collector))
            return record.permission.retry_after(subject) if record else 0.0

    def on_read(self, scope: Scope, collector: str, subject: str, at: float) -> bool:
        """Note that a subject was read; True if the operation had been refused altogether."""
        with self._lock:
            record = self._record(scope, collector, subject)
            if record is None:
                return False
            record.subjects[subject] = at
            record.tried.add(subject)
            record.failed.pop(subject, None)
            record.last_success_at = at
            ended = record.permission.on_granted(subject)
            if record.error and not record.failed and not record.permission.refused_of(record.subjects):
                record.error = ""
            return ended

    def on_followed(self, scope: Scope, collector: str, subjects: Iterable[str]) -> None:
        """Note that what is under way in these subjects was read, so that a failure to do so is over."""
        with self._lock:
            for subject in subjects:
                record = self._record(scope, collector, subject)
                if record is not None:
                    record.failed.pop(subject, None)

    def on_denied(self, scope: Scope, collector: str, subject: str, error: str, at: float) -> bool:
        """Note that a subject was refused; True if that is news and worth a line in the log."""
        with self._lock:
            record = self._record(scope, collector, subject)
            if record is None:
                return False
            record.tried.add(subject)
            record.failed.pop(subject, None)
            record.error, record.error_at = error, at
            before = record.permission.wholly_denied
            return record.permission.on_denied(subject) and not before

    def on_failed(self, scope: Scope, collector: str, subject: str, error: str, at: float) -> bool:
        """Note that a subject could not be read; True if its collector had no failed subject before."""
        with self._lock:
            record = self._record(scope, collector, subject)
            if record is None:
                return False
            first = not record.failed
            record.tried.add(subject)
            record.failed[subject] = error
            record.error, record.error_at = error, at
            return first

    def _record(self, scope: Scope, collector: str, subject: str) -> _Record | None:
        """Return the record of a subject that is read; None if it is not, or no more by the time that its reading ends."""
        record = self._records.get((scope, collector))
        return record if record is not None and subject in record.subjects else None

    def states(self) -> list[CollectorState]:
        """Return every collector in every scope, as it stands."""
        with self._lock:
            return [
                _state(scope, collector, record)
                for (scope, collector), record in sorted(self._records.items(), key=lambda item: item[0])
            ]

    def missing(self) -> list[str]:
        """Return what was neither read nor failed once, a line each; empty means ready. After two minutes nothing is waited for."""
        if self._clock.monotonic() - self._began >= READY_SECONDS:
            return []
        with self._lock:
            lines = []
            for (scope, collector), record in sorted(self._records.items(), key=lambda item: item[0]):
                if record.gates_readiness and (left := len(record.subjects) - len(record.tried)) > 0:
                    what = (
                        f"{left} of {len(record.subjects)} plans"
                        if "" not in record.subjects
                        else "not read yet"
                    )
                    lines.append(f"{scope.account} {scope.region}: {collector}: {what}")
            return lines


def _state(scope: Scope, collector: str, record: _Record) -> CollectorState:
    permission = record.permission
    refused = permission.refused_of(record.subjects) if record.subjects else 0
    # A refusal shows in `permitted`; its age must not pass for data that grew old by failure.
    read = [
        at for subject, at in record.subjects.items() if at is not None and not permission.refuses(subject)
    ]
    return CollectorState(
        scope=scope,
        collector=collector,
        facts=record.facts,
        tried=bool(record.tried),
        success=bool(record.tried) and not record.failed,
        permitted=not permission.wholly_denied and not (refused and refused == len(record.subjects)),
        last_success_at=record.last_success_at,
        oldest_success_at=min(read, default=None),
        subjects=len(record.subjects),
        failed_subjects=len(record.failed),
        last_error=record.error,
        last_error_at=record.error_at,
    )
