"""The end of a plan's restorable window as a detector of new backups, once it was proved to be one.

Plan lists give the window's edges of a hundred plans in one call (EndTimestampForRestore). That its end follows the log, or the
full backups, is documented nowhere, so it is learned for each plan: an end that was read otherwise must show in the window
within two lists. Twice contradicted, the window is trusted no more.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from dbs_exporter.facts.limits import WINDOW_CONTRADICTIONS, WINDOW_LISTS, WINDOW_TOLERANCE_SECONDS


class Window(Struct, frozen=True, kw_only=True):
    """What is remembered of the end of a plan's window."""

    end_at: float | None = None
    """The end in the newest plan list."""
    moved_at: float | None = None
    """When a list first showed this end."""
    stood_seconds: float = 0.0
    """How long the end before had stood when it moved."""
    confirmed: bool = False
    """An end that was read otherwise showed in the window."""
    contradictions: int = 0
    awaited_at: float | None = None
    """An end that was read otherwise and is still to show."""
    awaited_lists: int = 0
    """Lists in which it may still show."""

    @property
    def trusted(self) -> bool:
        """Whether the end stands for readings of the lists behind it."""
        return self.confirmed and self.contradictions < WINDOW_CONTRADICTIONS

    @property
    def refuted(self) -> bool:
        """Whether the end was shown to follow nothing."""
        return self.contradictions >= WINDOW_CONTRADICTIONS


def after_list(window: Window, end_at: float | None, at: float, *, again: bool = False) -> Window:
    """Return what is known after a plan list that was read at `at` (Unix seconds) and gave this end.

    `again` means that this list had shown the plan before, as one does that is read twice; it still counts as one.
    """
    if window.awaited_at is not None:
        if end_at is not None and end_at >= window.awaited_at - WINDOW_TOLERANCE_SECONDS:
            window = replace(window, confirmed=True, contradictions=0, awaited_at=None, awaited_lists=0)
        elif again:
            pass
        elif window.awaited_lists <= 1:
            window = replace(
                window, contradictions=window.contradictions + 1, awaited_at=None, awaited_lists=0
            )
        else:
            window = replace(window, awaited_lists=window.awaited_lists - 1)
    if end_at != window.end_at:
        stood = at - window.moved_at if window.moved_at is not None else 0.0
        window = replace(window, end_at=end_at, moved_at=at, stood_seconds=max(0.0, stood))
    return window


def after_reading(window: Window, end_at: float | None) -> Window:
    """Return what is known after a list of backups gave this end of what can be restored (None: it gave none)."""
    if end_at is None or window.awaited_at is not None:
        return window
    if window.end_at is not None and window.end_at >= end_at - WINDOW_TOLERANCE_SECONDS:
        # It showed before it was read, which is what a detector does.
        return window if window.confirmed else replace(window, confirmed=True)
    return replace(window, awaited_at=end_at, awaited_lists=WINDOW_LISTS)
