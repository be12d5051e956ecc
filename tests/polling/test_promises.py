"""Until when first readings and lists of a region are promised."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from msgspec.structs import replace
from support.fake_api import SCOPE, FakeApi, subject_of
from support.fake_clock import FakeClock

from dbs_exporter.collectors import downloads, full_backups
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS
from dbs_exporter.polling.budget import Stretch
from dbs_exporter.polling.cadence import JITTER_SHARE
from dbs_exporter.polling.promises import REGION_PATIENCE_SHARE, START_SHARE, Promises
from dbs_exporter.polling.target import Ages, Target


@dataclass
class FixedRate:
    """So many calls per second."""

    rate: float = 2.0

    def ready_in(self) -> float:
        return 0.0


class TrueTime:
    """The API's time, of a clock that may be off."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.offset_seconds: float | None = 0.0

    def now(self) -> float:
        return self.clock.now() + (self.offset_seconds or 0.0)


class Promised:
    """Promises of a region of a thousand plans, and what they follow from."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.began = self.clock.now()
        self.rate = FixedRate()
        self.time = TrueTime(self.clock)
        self.stretch = Stretch()
        self.target = target = Target(
            scope=SCOPE,
            api=FakeApi(),
            rate=self.rate,
            time=self.time,
            concurrency=1,
            collectors={
                "plans": Ages(interval=120.0, at_rest=120.0),
                "full_backups": Ages(interval=120.0, at_rest=3_600.0),
                "downloads": Ages(interval=120.0, at_rest=3_600.0),
            },
            selects=lambda _plan: True,
            fingerprint=1,
        )
        self.promises = Promises(target, self.stretch, self.clock)
        self.promises.plans = 1_000

    def first(self, listed: float | None = 0.0, collector: object = full_backups.COLLECTOR) -> float:
        """Seconds from the start to what is promised for a plan's first reading, without the grace."""
        at = None if listed is None else self.began + listed
        subject = replace(subject_of(), first_listed_at=at)
        until = self.promises.of_first(subject, collector)  # type: ignore[arg-type]
        return until - self.began - FRESH_GRACE_SECONDS


SWEEP = START_SHARE * 1_000 / 2.0


def test_first_readings_have_their_turn_kind_after_kind() -> None:
    """Each kind takes as long as all plans do at the rate, and a fifth more."""
    promised = Promised()

    assert promised.first() == pytest.approx(SWEEP)
    assert promised.first(collector=downloads.COLLECTOR) == pytest.approx(5 * SWEEP)


def test_a_plan_that_is_listed_later_has_its_turn_from_then_on() -> None:
    """It is new, and nobody could ask about it earlier."""
    promised = Promised()
    promised.clock.advance(9_000.0)

    assert promised.first(listed=8_000.0) == pytest.approx(8_000.0 + SWEEP)


@pytest.mark.parametrize("listed", [None, -86_400.0])
def test_a_plan_that_is_known_from_before_has_its_turn_from_the_start(listed: float | None) -> None:
    """As after a restart: nobody read anything while the process was down."""
    promised = Promised()
    promised.clock.advance(60.0)

    assert promised.first(listed) == pytest.approx(SWEEP)


def test_the_start_is_told_by_the_time_of_the_api() -> None:
    """A clock that is learned to be off moves promises with it, and one that is set moves none."""
    promised = Promised()
    promised.clock.advance(60.0)
    promised.clock.set_wall(promised.clock.now() + 7_200.0)
    promised.time.offset_seconds = -7_200.0

    assert promised.first(None) == pytest.approx(SWEEP)


def test_first_readings_are_promised_later_where_calls_are_few() -> None:
    """By the present stretch, and by the present rate."""
    promised = Promised()
    promised.stretch.update(2.0, 1.0, 0.0)
    assert promised.first() == pytest.approx(promised.stretch.factor * SWEEP)
    promised.rate.rate = 1.0

    assert promised.first() == pytest.approx(2 * promised.stretch.factor * SWEEP)


def test_first_readings_of_a_small_fleet_are_promised_within_the_interval() -> None:
    """Nobody promises seconds because there are three plans."""
    promised = Promised()
    promised.promises.plans = 3

    assert promised.first() == promised.first(collector=downloads.COLLECTOR) == 120.0


def test_a_list_of_the_region_is_promised_a_little_after_its_next_turn() -> None:
    """Its cadence has some jitter, and the list takes its time."""
    promised = Promised()
    late = promised.promises.of_region("plans", promised.began) - promised.began

    assert late == pytest.approx(120.0 * (1 + JITTER_SHARE + REGION_PATIENCE_SHARE) + FRESH_GRACE_SECONDS)


@pytest.mark.parametrize(("wanted", "by"), [(1.0, 1.0), (3.5, 1.0), (8.0, 2.0)])
def test_lists_of_the_region_are_stretched_last(wanted: float, by: float) -> None:
    """Only by what goes beyond four: they find what is worth reading."""
    promised = Promised()
    usual = promised.promises.of_region("plans", 0.0) - FRESH_GRACE_SECONDS
    promised.stretch.update(wanted, 1.0, 0.0)

    assert promised.promises.of_region("plans", 0.0) - FRESH_GRACE_SECONDS == pytest.approx(
        by * usual, rel=0.05
    )


def test_a_rate_of_nothing_promises_no_instant_soon() -> None:
    """Where all calls are throttled away, there is no division by nothing."""
    promised = Promised()
    promised.rate.rate = 0.0

    assert promised.first() > 1e8


def test_a_restart_does_not_put_off_first_readings() -> None:
    """They are promised from when another process began; a collector that is new, from now on."""
    first = Promised()
    since = first.promises.since()
    began = first.clock.now()
    first.clock.advance(50.0)
    second = Promises(first.target, first.stretch, first.clock)
    second.plans = first.promises.plans
    second.restore({"full_backups": since["full_backups"], "plans": began + 1e6})
    subject = replace(subject_of(), first_listed_at=None)

    assert second.since()["full_backups"] == began
    assert second.since()["downloads"] == began + 50.0
    assert second.since()["plans"] == began + 50.0
    assert second.of_first(subject, full_backups.COLLECTOR) == first.promises.of_first(
        subject, full_backups.COLLECTOR
    )
