"""When nobody is to be paged about a plan: windows of maintenance, once or again and again. Pure; reads no clock.

A window that comes again begins by a cron line in a time zone: minute, hour, day of the month, month, day of the week. As cron has
it, where both days are restricted either will do.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

FOREVER = float("inf")
_DAYS_AHEAD = 8 * 366
"""A day that does not come in so many, such as the 30th of February, comes never; the 29th comes at least every eight years."""
_TOUCHING = 512
"""So many windows are looked at whether they touch."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class Cron(Struct, frozen=True, kw_only=True):
    """A cron line; each part is the numbers that fit, days of the week from 0, Sunday."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either_day: bool
    """Whether days and weekdays are both restricted, so that one of them is enough."""

    def fits(self, day: date) -> bool:
        """Return whether it comes on a day."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday


class Maintenance(Struct, frozen=True, kw_only=True):
    """One window, from `begin` to `end` in Unix seconds, or the windows that a cron line begins."""

    reason: str = ""
    begin: float = float("-inf")
    end: float = FOREVER
    cron: Cron | None = None
    duration: float = 0.0
    """Of a window that a cron line begins, in seconds."""
    zone: str = "UTC"
    """In which the cron line is."""


class Mute(NamedTuple):
    """From when until when nobody is paged, in Unix seconds, and why."""

    begin: float
    end: float
    reason: str


@lru_cache(maxsize=512)
def mute_at(maintenance: tuple[Maintenance, ...], at: float) -> Mute | None:
    """Return the window at an instant, else the next one; None if there is none. Windows that touch are one."""
    windows = [mute for each in maintenance for mute in _windows(each, at)]
    first = min(windows, default=None)
    if first is None:
        return None
    end = first.end
    while (later := max((each.end for each in windows if each.begin <= end), default=end)) > end:
        end = later
    reasons = dict.fromkeys(each.reason for each in sorted(windows) if each.begin < end and each.reason)
    return Mute(first.begin, end, "; ".join(reasons))


def _windows(maintenance: Maintenance, at: float) -> Iterator[Mute]:
    """Yield what does not end before an instant: the window, or the next that a cron line begins, with those that touch it."""
    begin, end = maintenance.begin, maintenance.end
    if maintenance.cron is not None:
        starts = islice(_starts(maintenance.cron, maintenance.zone, at - maintenance.duration), _TOUCHING)
        found = next(starts, None)
        if found is None:
            return
        begin, end = found, found + maintenance.duration
        for start in starts:
            if start > end:
                break
            end = start + maintenance.duration
    if end > at:
        yield Mute(begin, end, maintenance.reason)


def _starts(cron: Cron, zone: str, after: float) -> Iterator[float]:
    """Yield when a cron line comes, after an instant."""
    where = _zone(zone)
    day = datetime.fromtimestamp(after, where).date()
    for _ in range(_DAYS_AHEAD):
        if cron.fits(day):
            for hour in cron.hours:
                for minute in cron.minutes:
                    # An hour that a change of the clock leaves out comes an hour later; one that comes twice, the first time.
                    start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=where).timestamp()
                    if start > after:
                        yield start
        day += timedelta(days=1)


def _zone(name: str) -> tzinfo:
    # UTC is known where no other zone is.
    return UTC if name == "UTC" else ZoneInfo(name)


def read_cron(text: str) -> Cron:
    """Read a cron line. Raises ValueError with what is wrong and what would be right."""
    parts = text.split()
    if len(parts) != 5:
        raise ValueError(
            f"{text!r} is not a cron line of five parts; write minute, hour, day, month and weekday, such as 30 1 * * sat"
        )
    minutes, hours, days, months, weekdays = (
        _numbers(part, name, low, high, names)
        for part, (name, low, high, names) in zip(parts, _PARTS, strict=True)
    )
    return Cron(
        minutes=minutes, hours=hours, days=days, months=months,
        weekdays=tuple(sorted({number % 7 for number in weekdays})),
        either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )  # fmt: skip


_PARTS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, ("", *_MONTHS)),
    ("weekday", 0, 7, _WEEKDAYS),
)


def _numbers(part: str, name: str, low: int, high: int, names: tuple[str, ...]) -> tuple[int, ...]:
    found: set[int] = set()
    for piece in part.lower().split(","):
        span, stepped, step_text = piece.partition("/")
        step = (
            int(step_text) if stepped and step_text.isascii() and step_text.isdigit() else 0 if stepped else 1
        )
        begin_text, is_range, end_text = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(begin_text, names)
            end = _number(end_text, names) if is_range else high if stepped else begin
        if step < 1 or not low <= begin <= end <= high:
            raise ValueError(f"{piece!r} is no {name}; write a number from {low} to {high}, a-b, */n or *")
        found |= set(range(begin, end + 1, step))
    return tuple(sorted(found))


def _number(text: str, names: tuple[str, ...]) -> int:
    if text and text in names:
        return names.index(text)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


def read_instant(text: str, zone: str = "UTC") -> float:
    """Read a date and time, which is in `zone` unless it says otherwise, as Unix seconds. Raises ValueError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date and time; write one such as 2026-12-24T22:00") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=_zone(zone))).timestamp()


def checked_zone(text: str) -> str:
    """Return the name of a time zone unchanged. Raises ValueError if there is none of that name."""
    try:
        _zone(text)
    except (OSError, ValueError, LookupError):
        raise ValueError(
            f"{text!r} is no time zone that is known here; write one such as Asia/Shanghai or UTC"
        ) from None
    return text
