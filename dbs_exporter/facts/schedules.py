"""When a plan's next full backup starts: its documented schedule, and the hour that its past backups show.

The time zone of BackupStartTime is not documented, so the hour of day is learned from the CreateTime of past backups, and the
weekdays of BackupPeriod are shifted by a day where the past shows that. BackupStartTime itself, taken as UTC, stands in only
where there is no past.
"""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.plans import Schedule

_BIN_SECONDS = 600.0
_LEARNED_FROM = 14
_MONDAY_OF_1970 = 3
"""The first of January 1970 was a Thursday."""


def learned_start(created: Iterable[float]) -> float | None:
    """Return the CreateTime of the newest of the past jobs that began at the usual hour; None if there are none.

    `created` are CreateTimes in Unix seconds, oldest first. The usual hour is the ten minutes of day in which most of the last
    jobs began, so a backup that was started by hand does not move it.
    """
    recent = list(created)[-_LEARNED_FROM:]
    if not recent:
        return None
    bins: dict[int, list[float]] = {}
    for at in recent:
        bins.setdefault(int(at % DAY_SECONDS // _BIN_SECONDS), []).append(at)
    # Neighbours count too: a schedule at the edge of ten minutes begins on either side of it.
    per_day = int(DAY_SECONDS // _BIN_SECONDS)
    weight = {
        number: len(members)
        + len(bins.get((number + 1) % per_day, ()))
        + len(bins.get((number - 1) % per_day, ()))
        for number, members in bins.items()
    }
    best = max(bins, key=lambda number: (weight[number], len(bins[number]), bins[number][-1]))
    return bins[best][-1]


def next_start(schedule: Schedule | None, learned: float | None, after: float) -> float | None:
    """Return the first scheduled start after an instant, in Unix seconds; None for a plan without a schedule.

    `learned` is what `learned_start` gave.
    """
    if schedule is None or not schedule.weekdays:
        return None
    shift = 0
    if learned is not None:
        time_of_day = learned % DAY_SECONDS
        shift = next((days for days in (0, -1, 1) if (_weekday(learned) - days) % 7 in schedule.weekdays), 0)
    elif schedule.start_minute is not None:
        time_of_day = schedule.start_minute * 60.0
    else:
        return None
    today = after // DAY_SECONDS * DAY_SECONDS
    starts = (today + days * DAY_SECONDS + time_of_day for days in range(9))
    return next((at for at in starts if at > after and (_weekday(at) - shift) % 7 in schedule.weekdays), None)


def _weekday(at: float) -> int:
    """Return the weekday of an instant in UTC, Monday is 0."""
    return (int(at // DAY_SECONDS) + _MONDAY_OF_1970) % 7
