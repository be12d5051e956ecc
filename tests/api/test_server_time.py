"""The time as the API has it: learned from its answers, and moved by no clock that is set."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from support.fake_clock import FakeClock

from dbs_exporter.api.server_time import ANSWERS, ServerTime

HOUR = 3_600.0


def date(at: float) -> str:
    """An instant as a header says it, in whole seconds."""
    return formatdate(int(at), usegmt=True)


class Cloud:
    """A machine whose clock is so far ahead of the API's, and what it learns of that."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.clock = FakeClock(now=1_790_000_000.5 + ahead, monotonic=5_000.0)
        self.ahead = ahead
        self.time = ServerTime(self.clock)

    @property
    def now(self) -> float:
        """The API's own time."""
        return 1_790_000_000.5 + self.clock.monotonic() - 5_000.0

    def answer(self, *, took: float = 0.2, off: float = 0.0, afresh: bool = False) -> None:
        """An answer whose request took so long, with a Date that is so far off."""
        sent_at = self.clock.monotonic()
        self.clock.advance(took / 2)
        said = date(self.now + off)
        self.clock.advance(took / 2)
        self.time.observe(said, sent_at, afresh=afresh)


def test_until_the_first_answer_the_machine_is_believed() -> None:
    """There is nothing better, and nothing is claimed about it."""
    cloud = Cloud(ahead=2 * HOUR)

    assert cloud.time.now() == cloud.clock.now()
    assert cloud.time.offset_seconds is None


@pytest.mark.parametrize("ahead", [0.0, 2 * HOUR, -2 * HOUR, 40.0, -400 * 24 * HOUR])
def test_one_answer_sets_a_clock_right(ahead: float) -> None:
    """To a second, which is what a Date tells, however wrong the machine is."""
    cloud = Cloud(ahead)
    cloud.answer()

    assert cloud.time.now() == pytest.approx(cloud.now, abs=1.0)
    assert cloud.time.offset_seconds == pytest.approx(-ahead, abs=1.0)


def test_time_goes_on_between_answers() -> None:
    """By the monotonic clock."""
    cloud = Cloud(ahead=600.0)
    cloud.answer()
    before = cloud.time.now()
    cloud.clock.advance(HOUR)

    assert cloud.time.now() == before + HOUR


@pytest.mark.parametrize("wall", [0.0, 1_789_999_000.0, 4_000_000_000.0])
def test_a_clock_that_is_set_moves_nothing(wall: float) -> None:
    """Neither before the first answer nor after; how far it is off is told as it is then."""
    cloud = Cloud()
    untaught = ServerTime(cloud.clock)
    cloud.answer()
    before, other = cloud.time.now(), untaught.now()
    cloud.clock.set_wall(wall)

    assert (cloud.time.now(), untaught.now()) == (before, other)
    assert cloud.time.offset_seconds == pytest.approx(before - wall)


def test_many_answers_tell_the_time_better_than_a_second() -> None:
    """On average a Date lies half a second behind."""
    cloud = Cloud(ahead=600.0)
    wrong = []
    for number in range(200):
        cloud.answer(took=0.1)
        cloud.clock.advance(0.37 * number)
        wrong.append(cloud.time.now() - cloud.now)

    assert sum(wrong) / len(wrong) == pytest.approx(0.0, abs=0.1)
    assert max(map(abs, wrong)) < 0.6


def test_a_slow_answer_counts_from_the_middle_of_its_way() -> None:
    """Nobody knows on which of both ways it was held up; half of it is at most what is wrong."""
    cloud = Cloud(ahead=600.0)
    cloud.answer(took=8.0)

    assert cloud.time.now() == pytest.approx(cloud.now, abs=1.0)


def test_one_odd_date_among_answers_moves_nothing() -> None:
    """As of a machine behind a load balancer whose clock is wrong."""
    cloud = Cloud()
    for number in range(ANSWERS):
        cloud.answer(off=2 * HOUR if number % 3 == 1 else 0.0)

    assert cloud.time.now() == pytest.approx(cloud.now, abs=1.0)


def test_an_odd_date_at_first_is_outvoted() -> None:
    """The first answer is believed for want of others, and no longer than until there are some."""
    cloud = Cloud()
    cloud.answer(off=2 * HOUR)
    assert cloud.time.now() == pytest.approx(cloud.now + 2 * HOUR, abs=1.0)
    for _ in range(2):
        cloud.answer()

    assert cloud.time.now() == pytest.approx(cloud.now, abs=1.0)


def test_the_last_answers_count() -> None:
    """A clock that drifts is followed."""
    cloud = Cloud()
    for number in range(100):
        cloud.answer(off=float(number))

    assert cloud.time.now() == pytest.approx(cloud.now + 99.0 - ANSWERS / 2, abs=1.5)


def test_after_a_sleep_what_was_learned_is_dropped() -> None:
    """Monotonic time stands still while a machine sleeps; the answer to the refused request begins anew."""
    cloud = Cloud()
    for _ in range(ANSWERS):
        cloud.answer()
    cloud.answer(off=8 * HOUR, afresh=True)

    assert cloud.time.now() == pytest.approx(cloud.now + 8 * HOUR, abs=1.0)
    cloud.answer(off=8 * HOUR)
    assert cloud.time.now() == pytest.approx(cloud.now + 8 * HOUR, abs=1.0)


def test_the_date_of_a_refusal_is_a_clock_that_goes_on() -> None:
    """It teaches nothing by itself: it is believed once an answer signed by it succeeds."""
    cloud = Cloud(ahead=2 * HOUR)
    clock = cloud.time.by_date(date(cloud.now))
    assert clock is not None
    cloud.clock.advance(60.0)

    assert clock() == pytest.approx(cloud.now, abs=1.0)
    assert cloud.time.now() == cloud.clock.now()
    assert cloud.time.offset_seconds is None


ODD = [
    "",
    "soon",
    "1790000000",
    "Fri, 32 Nov 2026 10:00:00 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 27 Nov 2026 10:00:00 +9999",
    "\u0661, 27 Nov 2026",
]


@pytest.mark.parametrize("odd", ODD)
def test_a_date_that_is_none_teaches_nothing(odd: str) -> None:
    """Nor one of a year in which nobody would sign anything."""
    cloud = Cloud(ahead=600.0)
    cloud.answer()
    before = cloud.time.now()
    cloud.time.observe(odd, cloud.clock.monotonic(), afresh=True)

    assert cloud.time.now() == before
    assert cloud.time.by_date(odd) is None


@pytest.mark.parametrize(
    "spelled",
    [
        "Fri, 27 Nov 2026 10:00:00 GMT",
        "Fri, 27 Nov 2026 10:00:00 -0000",
        "Fri, 27 Nov 2026 10:00:00",
        "27 Nov 2026 10:00 +0000",
    ],
)
def test_a_date_is_gmt_whatever_the_machines_time_zone(spelled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it does not say so."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        clock = Cloud().time.by_date(spelled)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert clock is not None
    assert clock() == pytest.approx(1_795_773_600.0, abs=1.0)
