"""What no document says of the API, and what a client must therefore not take for granted; a world is given one of each.

window        whether and how the plan list's EndTimestampForRestore follows what can be restored
log filter    what StartTimestamp and EndTimestamp of DescribeIncrementBackupList compare, and in which unit
zone          the time zone of BackupStartTime
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Window = Literal["follows", "absent", "full_backups"]
LogFilter = Literal["any", "ms", "s", "ignored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """How the simulated API behaves where the documents say nothing."""

    window: Window = "follows"
    """`full_backups`: its end moves with full backups alone; `absent`: the list shows none."""
    window_lag_seconds: float = 0.0
    """How far the window's end is behind what can be restored."""
    log_filter: LogFilter = "any"
    """The unit of the filter's times; `any`: each is taken for what it looks like; `ignored`: there is no filter."""
    log_filter_field: Literal["start", "end"] = "end"
    """Which time of a log file is compared."""
    log_filter_includes_begin: bool = True
    log_filter_includes_filling: bool = True
    """Whether a filtered list holds the file that is still written."""
    schedule_zone_hours: float = 0.0
    """BackupStartTime is this many hours ahead of UTC."""
