"""How collection fares: the state of each collector, and of each call budget."""

from __future__ import annotations

from msgspec import Struct

from dbs_exporter.facts.subjects import Scope


class CollectorState(Struct, frozen=True, kw_only=True):
    """How one collector fares in one scope, as of the latest reading of each of its subjects."""

    scope: Scope
    collector: str
    facts: str = ""
    """The group that it brings."""
    tried: bool = False
    """Something was read, refused or failed."""
    success: bool = False
    """The latest reading of every subject read everything it should (what RAM does not permit is not counted against it)."""
    permitted: bool = True
    """False while RAM refuses the operation to these credentials."""
    last_success_at: float | None = None
    """The newest reading that succeeded."""
    oldest_success_at: float | None = None
    """The worst subject's last success."""
    subjects: int = 0
    failed_subjects: int = 0
    last_error: str = ""
    """One sentence with the subject's id; never a secret."""
    last_error_at: float | None = None


class BudgetState(Struct, frozen=True, kw_only=True):
    """Whether the calls suffice in one scope."""

    scope: Scope
    allowed_per_second: float
    stretch: float = 1.0
    """By how much readings come later than wanted."""
    wanted_per_second: tuple[tuple[str, float], ...] = ()
    """(collector, calls) within the next half hour."""
    clock_offset_seconds: float | None = None
    """How far the machine's clock is behind the API's; None before the first answer."""
