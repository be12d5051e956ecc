"""How collection fares: the state of each collector in each scope."""

from __future__ import annotations

from msgspec import Struct

from dbs_exporter.facts.subjects import Scope


class CollectorState(Struct, frozen=True, kw_only=True):
    """How one collector fares in one scope, for the exporter's own metrics, the status page and readiness."""

    scope: Scope
    collector: str
    interval_seconds: float
    finished_first_run: bool = False
    success: bool = False
    """The last run read everything it should (what RAM does not permit is not counted against it)."""
    permitted: bool = True
    """False while RAM refuses the operation to these credentials."""
    last_run_at: float | None = None
    duration_seconds: float | None = None
    last_success_at: float | None = None
    oldest_success_at: float | None = None
    """The worst subject's last success."""
    subjects: int = 0
    failed_subjects: int = 0
    skipped_runs: int = 0
    last_error: str = ""
    """One sentence with the subject's id; never a secret."""
    last_error_at: float | None = None
