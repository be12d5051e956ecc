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
    catching_up: bool = False
    """After a long absence not everything was read again yet."""


class StorageState(Struct, frozen=True, kw_only=True):
    """How saving the state fares."""

    path: str
    error: str = ""
    """Why the state could not be saved when that was last tried; "" if it was."""
    failing_since: float | None = None
    """Since when it cannot be saved, in Unix seconds."""
    last_write_at: float | None = None
    """When it was last saved, in Unix seconds; None if never."""
    size_bytes: int | None = None
