"""Windows in which nobody is paged: once, by a cron line, and several of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dbs_exporter.facts.maintenance import (
    FOREVER,
    Maintenance,
    Mute,
    checked_zone,
    mute_at,
    read_cron,
    read_instant,
)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def nightly(cron: str = "30 1 * * *", hours: float = 2.0, zone: str = "UTC") -> Maintenance:
    return Maintenance(reason="night", cron=read_cron(cron), duration=hours * 3600, zone=zone)


@pytest.mark.parametrize(
    ("cron", "zone", "now", "begin"),
    [
        ("30 1 * * *", "UTC", "2026-11-28T00:00", "2026-11-28T01:30"),
        ("30 1 * * *", "UTC", "2026-11-28T03:29", "2026-11-28T01:30"),
        ("30 1 * * *", "UTC", "2026-11-28T03:30", "2026-11-29T01:30"),
        ("30 1 * * sat", "Asia/Shanghai", "2026-11-26T00:00", "2026-11-27T17:30"),
        ("0 0 1,15 * *", "UTC", "2026-11-28T00:00", "2026-12-01T00:00"),
        ("*/20 6-8 * feb 0", "UTC", "2026-11-28T00:00", "2027-02-07T06:00"),
        ("0 12 13 * 5", "UTC", "2026-11-28T15:00", "2026-12-04T12:00"),
        ("0 12 29 2 *", "UTC", "2097-01-01T00:00", "2104-02-29T12:00"),
        # The clock jumps from two to three that night.
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:30"),
    ],
)
def test_a_cron_line_begins_the_present_or_the_next_window(
    cron: str, zone: str, now: str, begin: str
) -> None:
    """In its time zone; either day is enough where both are restricted."""
    mute = mute_at((nightly(cron, zone=zone),), at(now))

    assert mute is not None
    assert mute.begin == at(begin)


def test_a_day_that_never_comes_begins_nothing() -> None:
    """The thirtieth of February."""
    assert mute_at((nightly("0 0 30 2 *"),), at("2026-11-28T00:00")) is None


def test_windows_that_touch_are_one() -> None:
    """Whatever began them; their reasons are all named."""
    once = Maintenance(reason="move", begin=at("2026-11-28T03:00"), end=at("2026-11-28T05:00"))

    assert mute_at((once, nightly()), at("2026-11-28T02:00")) == Mute(
        at("2026-11-28T01:30"), at("2026-11-28T05:00"), "night; move"
    )
    assert mute_at((nightly("0 * * * *", 1.0),), at("2026-11-28T00:30"))[1] > at("2026-12-01T00:00")  # type: ignore[index]


def test_a_window_that_has_ended_is_no_more() -> None:
    """One without an end mutes for ever."""
    once = Maintenance(begin=1.0, end=5.0)

    assert mute_at((once,), 4.9) == Mute(1.0, 5.0, "")
    assert mute_at((once,), 5.0) is mute_at((), 0.0) is None
    assert mute_at((Maintenance(reason="off"),), 5.0) == Mute(float("-inf"), FOREVER, "off")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 2", "five parts"),
        ("60 1 * * *", "'60' is no minute; write a number from 0 to 59"),
        ("0 1-x * * *", "'1-x' is no hour"),
        ("0 9-8 * * *", "'9-8' is no hour"),
        ("0 */0 * * *", "'*/0' is no hour"),
        ("0 1 0 * *", "'0' is no day"),
        ("0 1 * 13 *", "'13' is no month"),
        ("0 1 * * fry", "'fry' is no weekday"),
    ],
)
def test_a_wrong_cron_line_is_refused_with_what_would_be_right(text: str, problem: str) -> None:
    """The part that is wrong is named."""
    with pytest.raises(ValueError, match=r"five|write") as caught:
        read_cron(text)
    assert problem in str(caught.value)


def test_sunday_has_two_numbers_and_names_may_be_lists() -> None:
    """As cron has it."""
    assert read_cron("0 1 * * 7").weekdays == read_cron("0 1 * * sun").weekdays == (0,)
    assert read_cron("0 1 * jan,mar-apr mon-wed").months == (1, 3, 4)


def test_an_instant_is_in_the_zone_unless_it_says_otherwise() -> None:
    """Dates alone begin at midnight."""
    assert read_instant("2026-12-24T22:00", "Asia/Shanghai") == at("2026-12-24T14:00")
    assert read_instant("2026-12-24T22:00+01:00", "Asia/Shanghai") == at("2026-12-24T21:00")
    assert read_instant("2026-12-24") == at("2026-12-24T00:00")
    with pytest.raises(ValueError, match="'soon' is not a date and time; write one such as"):
        read_instant("soon")


def test_a_zone_that_is_not_known_is_refused() -> None:
    """Nothing else is a path into the machine either."""
    assert checked_zone("Asia/Shanghai") == "Asia/Shanghai"
    for zone in ("Mars/X", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="no time zone"):
            checked_zone(zone)
