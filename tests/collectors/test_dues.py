"""When a group is worth reading again: seldom at rest, soon where something may change, at once where it did."""

from __future__ import annotations

import pytest

from dbs_exporter.collectors.dues import (
    EARLY_SHARE,
    LEAST_PATIENCE_SECONDS,
    NEVER,
    PATIENCE_SHARE,
    Due,
    Pace,
    at_once,
    periodic,
    resting,
    soon,
)
from dbs_exporter.facts.groups import Known

NOW = 1_790_000_000.0
PACE = Pace(now=NOW, interval=120.0, at_rest=3_600.0, at_most=3_600.0)
EASED = Pace(now=NOW, interval=120.0, at_rest=600.0, at_most=3_600.0)
"""Of a fleet so small that calls are to spare."""


def read(age: float | None = 0.0, unchanged: int = 0) -> Known:
    return Known(facts=(), read_at=None if age is None else NOW - age, unchanged=unchanged)


def period_of(due: Due) -> float:
    return due.spacing / (1 - EARLY_SHARE)


@pytest.mark.parametrize("period", [60.0, 120.0, 600.0, 3_600.0, 86_400.0])
def test_what_comes_again_comes_a_little_early_and_is_promised_a_little_late(period: float) -> None:
    """So that others have room: a fifth of the period passes between the two, and half a minute at least."""
    due = periodic(read(), period, "why")

    assert due.at == NOW + due.spacing == pytest.approx(NOW + 0.95 * period)
    assert due.wanted_spacing == due.spacing
    assert due.latest == due.at + max(LEAST_PATIENCE_SECONDS, PATIENCE_SHARE * period)
    assert due.why == "why"


def test_it_is_known_how_often_would_do_if_calls_were_few() -> None:
    """What is read more often because calls are to spare gives that up before any promise is stretched."""
    assert periodic(read(), 600.0, "why", 3_600.0).wanted_spacing == pytest.approx(0.95 * 3_600.0)
    assert periodic(read(), 600.0, "why", 60.0).wanted_spacing == pytest.approx(0.95 * 600.0)


def test_at_rest_it_comes_by_the_age_at_rest() -> None:
    """Counted from the last reading; of what was never read that is long ago."""
    due = resting(read(600.0), EASED)

    assert due.at == pytest.approx(NOW - 600.0 + 0.95 * 600.0)
    assert period_of(due) == pytest.approx(600.0)
    assert due.wanted_spacing == pytest.approx(0.95 * 3_600.0)
    assert resting(read(None), PACE).latest < NOW


def test_where_something_may_change_it_comes_soon_and_ever_more_seldom_while_nothing_does() -> None:
    """The interval, doubled each time, up to the age at rest; a change begins it anew."""
    dues = [soon(read(unchanged=number), PACE, "why") for number in (0, 1, 2, 3, 4, 5, 60, 9_999)]
    ages = [120.0, 240.0, 480.0, 960.0, 1_920.0, 3_600.0, 3_600.0, 3_600.0]

    assert [period_of(due) for due in dues] == pytest.approx(ages)
    assert [due.wanted_spacing for due in dues] == [due.spacing for due in dues]
    assert [due.at - NOW for due in dues] == pytest.approx([0.95 * age for age in ages])


def test_calls_to_spare_make_it_come_soon_more_often_in_the_end() -> None:
    """What would do is the doubled interval up to the age at rest as it is configured."""
    due = soon(read(unchanged=4), EASED, "why")

    assert period_of(due) == pytest.approx(600.0)
    assert due.wanted_spacing == pytest.approx(0.95 * 1_920.0)
    assert soon(read(unchanged=9), EASED, "why").wanted_spacing == pytest.approx(0.95 * 3_600.0)


def test_an_age_at_rest_that_is_shorter_than_the_interval_shortens_nothing() -> None:
    """Whatever is configured, nothing is asked more often than its interval."""
    pace = Pace(now=NOW, interval=600.0, at_rest=60.0, at_most=60.0)
    due = soon(read(), pace, "why")

    assert period_of(due) == pytest.approx(600.0)
    assert due.wanted_spacing == due.spacing


def test_what_is_known_to_have_changed_is_due_since_then() -> None:
    """It is promised within the interval, which is at least half a minute; it is a look, and comes but once."""
    due = at_once(PACE, NOW - 50.0, "why")
    short = at_once(Pace(now=NOW, interval=5.0, at_rest=60.0), NOW, "why")

    assert (due.at, due.latest, due.spacing) == (NOW - 50.0, NOW + 70.0, NEVER)
    assert short.patience == LEAST_PATIENCE_SECONDS
