"""What comes again at fixed intervals: at once, then evenly, and by time that nobody can set."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dbs_exporter.polling.cadence import JITTER_SHARE, Cadence, seconds_left


class Log:
    """A cadence, and when each of its jobs was called."""

    def __init__(self) -> None:
        self.cadence = Cadence()
        self.called: list[tuple[str, float]] = []
        self.now = 100.0

    def add(self, name: str, seconds: float) -> None:
        self.cadence.add(name, seconds, lambda: self.called.append((name, self.now)), now=self.now)

    def run(self, seconds: float) -> None:
        """Let time pass from one job to the next."""
        end = self.now + seconds
        while (at := self.cadence.next_at()) is not None and at <= end:
            self.now = max(self.now, at)
            self.cadence.run(self.now)
        self.now = end


def test_a_job_is_called_at_once_and_then_at_its_interval_more_or_less_a_tenth() -> None:
    """The jitter keeps the lists of many regions from coming at one moment for ever."""
    log = Log()
    log.add("plans", 120.0)
    log.run(12_000.0)
    times = [at for _, at in log.called]
    gaps = [later - earlier for earlier, later in pairwise(times)]

    assert times[0] == 100.0
    assert all(120.0 * (1 - JITTER_SHARE) - 1e-3 <= gap <= 120.0 * (1 + JITTER_SHARE) + 1e-3 for gap in gaps)
    assert len({round(gap) for gap in gaps}) > 5
    assert 95 <= len(times) <= 105


def test_jobs_of_many_intervals_keep_their_own_pace() -> None:
    """One that comes often takes no turn from one that comes seldom."""
    log = Log()
    log.add("gateways", 60.0)
    log.add("nodes", 3_600.0)
    log.run(36_000.0)
    counts = {name: sum(each == name for each, _ in log.called) for name in ("gateways", "nodes")}

    assert 550 <= counts["gateways"] <= 660
    assert 10 <= counts["nodes"] <= 12


def test_what_was_missed_is_made_up_for_once() -> None:
    """A machine that slept for a day does not ask for each list seven hundred times."""
    log = Log()
    log.add("plans", 120.0)
    log.cadence.run(log.now)
    log.now += 86_400.0
    log.cadence.run(log.now)

    assert len(log.called) == 2
    following = log.cadence.next_at()
    assert following is not None
    assert log.now + 100.0 < following < log.now + 140.0


def test_a_job_that_is_removed_or_replaced_is_called_no_more() -> None:
    """Also not by an entry that still waits for its turn."""
    log = Log()
    log.add("a", 60.0)
    log.add("b", 60.0)
    log.cadence.run(log.now)
    log.called.clear()
    log.cadence.remove("a")
    log.cadence.remove("unknown")
    log.add("b", 600.0)
    log.run(599.0)

    assert {name for name, _ in log.called} == {"b"}
    assert len(log.called) <= 2
    log.cadence.remove("b")
    assert log.cadence.next_at() is None


def test_a_job_may_remove_others_that_are_due_at_the_same_moment() -> None:
    """A region that is given up by what an account says is not asked once more."""
    log = Log()
    log.cadence.add("first", 60.0, lambda: log.cadence.remove("second"), now=log.now)
    log.add("second", 60.0)
    log.cadence.run(log.now)

    assert log.called == []


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_an_interval_that_would_never_rest_is_refused(seconds: float) -> None:
    """The message names the job."""
    with pytest.raises(ValueError, match=r"plans: an interval of .* would never rest"):
        Log().add("plans", seconds)


def test_what_was_read_is_read_again_when_its_interval_is_over() -> None:
    """At once if that is long ago, and never later than an interval, whatever the clock says."""
    assert seconds_left(120.0, 1_000.0, now=1_030.0) == 90.0
    assert seconds_left(120.0, 1_000.0, now=5_000.0) == 0.0
    assert seconds_left(120.0, 1_000.0, now=0.0) == 120.0
