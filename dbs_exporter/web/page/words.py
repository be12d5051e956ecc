"""How the status page writes times, spans, sizes and shares. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(seconds: float) -> str:
    """A span in its two largest units, such as `3 h 12 min`; from ten days on, days alone."""
    left = int(max(0.0, seconds))
    if left >= 10 * 86_400:
        return f"{left // 86_400:,} d".replace(",", "\u202f")
    for place, (size, unit) in enumerate(_UNITS):
        if left >= size:
            largest = f"{left // size} {unit}"
            below = _UNITS[place + 1] if place + 1 < len(_UNITS) else None
            rest = left % size // below[0] if below else 0
            return f"{largest} {rest} {below[1]}" if below and rest else largest
    return "0 s"


def ago(at: float, now: float) -> str:
    """How long ago an instant is, or how far ahead: `4 min ago`, `in 3 d`."""
    if at > now:
        return f"in {span(at - now)}"
    return "just now" if now - at < 1 else f"{span(now - at)} ago"


def instant(at: float) -> str:
    """An instant in UTC to the second, as ISO 8601; the bare number where no calendar reaches."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f}"


def clock(at: float, zone: str = "UTC") -> str:
    """An instant to the minute as clocks in a time zone show it: `2026-11-28 09:00 +08:00`, `2026-11-28 01:00 UTC`."""
    try:
        moment = datetime.fromtimestamp(at, UTC if zone == "UTC" else ZoneInfo(zone))
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f}"
    offset = "UTC" if zone == "UTC" else moment.isoformat()[-6:]
    return f"{moment:%Y-%m-%d %H:%M} {offset}"


def size(number: float) -> str:
    """Bytes with a binary unit, three digits: `4.00 KiB`, `512 B`."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 999.5:
            digits = 0 if unit == "B" or value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:.{digits}f} {unit}"
        value /= 1024
    return f"{value:,.1f} PiB"


def percent(share: float) -> str:
    """A share as whole percent, never rounded up to 100 %."""
    return f"{int(share * 100)} %"


def times(ratio: float) -> str:
    """A ratio to the usual: `0.31 x`, `1.0 x`, `12 x`."""
    return (
        f"{ratio:.0f} \u00d7"
        if ratio >= 9.5
        else f"{ratio:.1f} \u00d7"
        if ratio >= 0.95
        else f"{ratio:.2f} \u00d7"
    )
