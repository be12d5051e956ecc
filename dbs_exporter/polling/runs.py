"""How each collector fares in each account and region: what /-/ready, the exporter's own metrics and the status page ask.

It keeps outcomes, not facts. A denied operation is kept apart from a failed one: the first is asked again seldom, and does not
count as a failure.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from dbs_exporter.clock import Clock
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.permission import Permission


@dataclass(slots=True, kw_only=True)
class _Record:
    interval_seconds: float
    permission: Permission
    finished: bool = False
    success: bool = False
    last_run_at: float | None = None
    duration_seconds: float | None = None
    last_success_at: float | None = None
    subjects: dict[str, float | None] = field(default_factory=dict)
    """Subject -> when it was last read whole."""
    failed: set[str] = field(default_factory=set)
    skipped: int = 0
    error: str = ""
    error_at: float | None = None


class Runs:
    """The outcome of every run; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[tuple[Scope, str], _Record] = {}
        self._lock = threading.Lock()

    def expect(self, scope: Scope, collector: str, interval_seconds: float) -> None:
        """A collector is going to run; what is known of it stays."""
        with self._lock:
            record = self._records.get((scope, collector))
            if record is None:
                permission = Permission(self._clock)
                self._records[scope, collector] = _Record(
                    interval_seconds=interval_seconds, permission=permission
                )
            else:
                record.interval_seconds = interval_seconds

    def forget(self, scope: Scope, collector: str) -> None:
        """A collector will not run any more."""
        with self._lock:
            self._records.pop((scope, collector), None)

    def ask_again(self) -> None:
        """Wait no longer before asking for what was refused."""
        with self._lock:
            for record in self._records.values():
                record.permission.ask_again()

    def worth_asking(self, scope: Scope, collector: str, subjects: Iterable[str]) -> list[str]:
        """Which subjects are not refused to these credentials, or due to be asked again."""
        with self._lock:
            record = self._records.get((scope, collector))
            return record.permission.worth_asking(subjects) if record else []

    def wholly_denied(self, scope: Scope, collector: str) -> bool:
        """Whether the operation is taken to be refused altogether."""
        with self._lock:
            record = self._records.get((scope, collector))
            return record is not None and record.permission.wholly_denied

    def read(self, scope: Scope, collector: str, subject: str, at: float) -> None:
        """A subject was read whole."""
        with self._lock:
            if record := self._records.get((scope, collector)):
                record.subjects[subject] = at
                record.failed.discard(subject)
                record.permission.granted(subject)

    def denied(self, scope: Scope, collector: str, subject: str, error: str) -> bool:
        """A subject was refused; True if that is news and worth a line in the log."""
        with self._lock:
            record = self._records.get((scope, collector))
            if record is None:
                return False
            record.failed.discard(subject)
            record.error, record.error_at = error, self._clock.now()
            before = record.permission.wholly_denied
            return record.permission.denied(subject) and not before

    def failed(self, scope: Scope, collector: str, subject: str, error: str) -> None:
        """A subject could not be read."""
        with self._lock:
            if record := self._records.get((scope, collector)):
                record.failed.add(subject)
                record.error, record.error_at = error, self._clock.now()

    def skipped(self, scope: Scope, collector: str) -> None:
        """A run was due while the last one still ran."""
        with self._lock:
            if record := self._records.get((scope, collector)):
                record.skipped += 1

    def finished(
        self,
        scope: Scope,
        collector: str,
        *,
        began_at: float,
        took_seconds: float,
        subjects: Iterable[str],
        success: bool,
    ) -> None:
        """A whole run has ended; `subjects` are all there are, `success` says that everything permitted was read."""
        with self._lock:
            record = self._records.get((scope, collector))
            if record is None:
                return
            present = set(subjects)
            record.finished = True
            record.success = success
            record.last_run_at = began_at
            record.duration_seconds = took_seconds
            # A run in which everything was refused has read nothing: its data grow old like any other's.
            if success and (not present or any((at or 0.0) >= began_at for at in record.subjects.values())):
                record.last_success_at = self._clock.now()
            if success:
                record.error = "" if not record.permission.refused_of(present) else record.error
            record.subjects = {one: record.subjects.get(one) for one in present}
            record.failed &= present
            record.permission.forget(present)

    def states(self) -> list[CollectorState]:
        """Every collector in every scope, as it stands."""
        with self._lock:
            return [
                self._state(scope, name, record)
                for (scope, name), record in sorted(self._records.items(), key=_place)
            ]

    def missing(self) -> list[str]:
        """What has not finished its first run, a line each; empty means ready."""
        with self._lock:
            return [
                f"{scope.account} {scope.region}: {name} has not finished its first run"
                for (scope, name), record in sorted(self._records.items(), key=_place)
                if not record.finished
            ]

    @staticmethod
    def _state(scope: Scope, name: str, record: _Record) -> CollectorState:
        refused = record.permission.refused_of(record.subjects) if record.subjects else 0
        refuses = record.permission.refuses
        # A refusal is told by `permitted`; its age must not pass for data that grew old by failure.
        read = [at for one, at in record.subjects.items() if at is not None and not refuses(one)]
        return CollectorState(
            scope=scope,
            collector=name,
            interval_seconds=record.interval_seconds,
            finished_first_run=record.finished,
            success=record.success,
            permitted=not record.permission.wholly_denied
            and not (refused and refused == len(record.subjects)),
            last_run_at=record.last_run_at,
            duration_seconds=record.duration_seconds,
            last_success_at=record.last_success_at,
            oldest_success_at=min(read, default=None),
            subjects=len(record.subjects),
            failed_subjects=len(record.failed),
            skipped_runs=record.skipped,
            last_error=record.error,
            last_error_at=record.error_at,
        )


def _place(item: tuple[tuple[Scope, str], _Record]) -> tuple[Scope, str]:
    return item[0]
