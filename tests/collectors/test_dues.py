"""When a group is worth reading again: seldom at rest, soon where something may change, at once where it did."""

from __future__ import annotations

import pytest

from dbs_exporter.collectors.dues import (
    LEAST_PATIENCE_SECONDS,
    SLACK_SHARE,
    Due,
    Pace,
    at_once,
    earliest,
    periodic,
    resting,
    soon,
)
from dbs_exporter.facts.groups import Known

NOW = 1_790_000_000.0
PACE = Pace(now=NOW, interval=120.0, at_rest=3_600.0)


def read(age: float | None = 0.0, unchanged: int = 0) -> Known:
    return Known(facts=(), read_at=None if age is None else NOW - age, unchanged=unchanged)


@pytest.mark.parametrize("period", [60.0, 120.0, 600.0, 3_600.0, 86_400.0])
def test_what_comes_again_is_promised_within_its_period_and_may_come_a_little_earlier(period: float) -> None:
    """So that others have room: a twentieth of the period, half a minute at least, and never more than half of it."""
    due = periodic(read(), period, "why")

    assert due.latest == NOW + period
    assert due.patience == due.latest - due.at == period - due.every
    assert due.patience == max(min(LEAST_PATIENCE_SECONDS, period / 2), SLACK_SHARE * period)
    assert due.patience <= period / 2


def test_at_rest_it_comes_by_the_age_at_rest() -> None:
    """Counted from the last reading; of what was never read that is long ago."""
    assert resting(read(600.0), PACE).latest == NOW - 600.0 + 3_600.0
    assert resting(read(None), PACE).latest < NOW


def test_where_something_may_change_it_comes_soon_and_ever_more_seldom_while_nothing_does() -> None:
    """The interval, doubled each time, up to the age at rest; a change begins it anew."""
    periods = [
        soon(read(unchanged=number), PACE, "why").latest - NOW for number in (0, 1, 2, 3, 4, 5, 60, 9_999)
    ]

    assert periods == [120.0, 240.0, 480.0, 960.0, 1_920.0, 3_600.0, 3_600.0, 3_600.0]


def test_an_age_at_rest_that_is_shorter_than_the_interval_shortens_nothing() -> None:
    """Whatever is configured, nothing is asked more often than its interval."""
    pace = Pace(now=NOW, interval=600.0, at_rest=60.0)

    assert soon(read(), pace, "why").latest == NOW + 600.0


def test_what_is_known_to_have_changed_is_due_since_then() -> None:
    """It is promised within the interval, which is at least half a minute."""
    due = at_once(PACE, NOW - 50.0, "why")
    short = at_once(Pace(now=NOW, interval=5.0, at_rest=60.0), NOW, "why")

    assert (due.at, due.latest, due.every) == (NOW - 50.0, NOW + 70.0, float("inf"))
    assert short.patience == LEAST_PATIENCE_SECONDS


def test_of_several_due_times_the_one_that_is_promised_first_counts() -> None:
    """A reading that may begin early but need not come soon is no reason to wait with another."""
    seldom = Due(at=NOW, patience=3_600.0)
    early = Due(at=NOW + 60.0, patience=60.0)

    assert earliest(seldom, None, early) is early
    assert earliest(seldom) is seldom
