"""Every limit by which facts are judged or shortened, once. Shares are of an objective, times are seconds."""

from __future__ import annotations

DAY_SECONDS = 86_400.0

AT_RISK_SHARE = 0.8
"""A recovery point that log keeps young is at risk beyond this share of its RPO."""
LATE_SHARE = 0.9
"""What a schedule sets is late beyond this share: a backup that comes when it is due reaches 1 / 1.2."""
AHEAD_SECONDS = 900.0
"""A recovery point that lies this far in the future is not believed."""
HEARTBEAT_LATE_SECONDS = 300.0
"""A gateway that was not heard of for this long is late."""
GATEWAY_GONE_SECONDS = 900.0
"""A gateway that was not heard of for this long is gone."""
EXPLAINED_SECONDS = 900.0
"""A cause explains what it brought about for this long after the last reading that showed it."""
GONE_PLAN_SECONDS = 7 * DAY_SECONDS
"""A plan that is gone is mentioned for this long."""
STEPS_KEPT = 8
"""Full backups kept for what can be restored once newer ones have expired."""

FULL_BACKUP_GRACE = 1.2
"""A full backup may come this many of the schedule's largest gaps after the last one, unless an objective is configured."""
DEFAULT_LOG_RPO_SECONDS = 1_800.0
"""The RPO of a plan with log backup, unless an objective is configured."""

CHAIN_TOLERANCE_SECONDS = 60.0
"""Log files whose ends are this close count as joined: the API's times are rounded, and rotation takes a moment."""
SPANS_KEPT = 64
"""Spans of contiguous log kept of a plan, the newest."""
MEDIAN_SETS = 30
"""Finished full backups that a median is taken of, at most."""
RECENT_JOBS = 30
"""Full backups of a plan of which time, outcome and size are kept."""
MEDIAN_AT_LEAST = 5
"""Finished full backups that a median needs."""
SUCCESSES_KEPT = 8
"""Restores that succeeded kept of a plan, of different objects, the newest."""
PROOFS_KEPT = 3
"""Restores of all that a plan names whose pace is remembered, the newest: the slowest of them says how long another takes."""
ENDED_TASKS_KEPT = 5
"""Ended restore and download tasks kept of a plan, the newest."""

WINDOW_LIST_SECONDS = 120.0
"""How often plan lists, and so windows, are usually read."""
WINDOW_TOLERANCE_SECONDS = 60.0
"""An end counts as seen in a plan's window if that ends no earlier than this before it."""
WINDOW_LISTS = 2
"""Plan lists within which an end must show in the window."""
WINDOW_CONTRADICTIONS = 2
"""Ends that did not show, after which the window is trusted no more."""
CLOCK_OFFSET_SECONDS = 30.0
"""A machine's clock that differs more from the API's is wrong (rules: DBSExporterClockOffset)."""
LOG_LATE_SHARE = 0.5
"""Log counts as late for reading its list when the window's end is older than this share of the RPO."""

FRESH_GRACE_SECONDS = 210.0
"""Facts count as known this long after the reading that was promised: two scrapes of 60 s, an evaluation of 60 s, and the 30 s
by which some engines answer late."""

HOUR_SECONDS = 3_600.0
FULL_BACKUP_TOLERANCE_SECONDS = 3_600.0
"""A scheduled full backup may start this much later than the largest gap of its schedule."""
UNUSUAL_RATIO = 2.0
"""A full backup is unusually large or slow beyond this many medians, unusually small below the reciprocal."""
SHRUNKEN_SHARE = 0.1
"""With too few backups for a median: unusually small below this share of the largest."""
SLOW_LEAST_SECONDS = 600.0
"""A full backup that took no longer than this is not slow."""
STUCK_MEDIANS = 3.0
STUCK_LEAST_SECONDS = 3_600.0
"""A full backup is stuck after this many of its usual durations, but not before this."""
