"""Who is read next of all accounts and regions: the most urgent, fairly, and never held up by those that hang."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from functools import partial

import pytest
from support.fake_clock import FakeClock
from support.polling import Held, Inline

from dbs_exporter.clock import SystemClock
from dbs_exporter.polling.dispatcher import AGAIN_SECONDS, BROKEN_SECONDS, Dispatcher
from dbs_exporter.polling.workers import Task, Workers

NEVER = float("inf")
PATIENCE = 20.0


class FakeSource:
    """A source whose readings a test writes down: (from when on, latest) each, in monotonic seconds."""

    def __init__(
        self, log: list[str], name: str, *due: tuple[float, float], places: int = 1, doubtful: bool = False
    ) -> None:
        self.log = log
        self.name = name
        self.due = sorted(due)
        self.places = places
        self.is_doubtful = doubtful
        self.intervals: dict[str, float] = {}
        self.requested: list[str] = []
        self.running = 0
        self.closed = False

    def next_at(self, now: float) -> float | None:
        if self.running >= self.places or not self.due:
            return None
        return max(now, self.due[0][0])

    def urgency(self, now: float) -> tuple[bool, float]:
        return (True, min((latest for at, latest in self.due if at <= now), default=NEVER))

    def take(self, now: float) -> Task | None:
        ready = [each for each in self.due if each[0] <= now]
        if not ready or self.running >= self.places:
            return None
        self.due.remove(min(ready, key=lambda each: each[1]))
        self.running += 1
        self.log.append(self.name)
        return self._end

    def _end(self) -> None:
        self.running -= 1

    def request(self, collector: str) -> None:
        self.requested.append(collector)

    def close(self) -> None:
        self.closed = True


class Stage:
    """A dispatcher with sources whose tasks are carried out when a test says so."""

    def __init__(self, most: int = 8) -> None:
        self.clock = FakeClock()
        self.runner = Held(most)
        self.dispatcher = Dispatcher(self.clock, self.runner)
        self.log: list[str] = []

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def add(
        self,
        name: str,
        *due: tuple[float, float],
        places: int = 1,
        doubtful: bool = False,
        intervals: Mapping[str, float] = {},
    ) -> FakeSource:
        """Add a source; times are from now on."""
        later = [(self.now + at, self.now + latest) for at, latest in due]
        source = FakeSource(self.log, name, *later, places=places, doubtful=doubtful)
        source.intervals = dict(intervals)
        self.dispatcher.add(name, source)
        return source

    def step(self, after: float = 0.0) -> float | None:
        self.clock.advance(after)
        return self.dispatcher.step(self.now)


def test_readings_of_all_sources_come_by_their_promises() -> None:
    """One queue for each region, and one order for all of them."""
    stage = Stage()
    stage.add("a", (0.0, 30.0), (0.0, 50.0), places=2)
    stage.add("b", (0.0, 20.0), (0.0, 40.0), places=2)
    stage.step()

    assert stage.log == ["b", "a", "b", "a"]


def test_nothing_is_handed_out_before_it_is_due_and_the_next_time_is_said() -> None:
    """A step says how long nothing is to do."""
    stage = Stage()
    stage.add("a", (10.0, 11.0))
    stage.add("b", (20.0, 21.0))
    began = stage.now

    assert stage.step() == began + 10.0
    assert stage.log == []
    assert stage.step(10.0) == began + 20.0
    assert stage.log == ["a"]
    assert stage.step(10.0) is None
    assert stage.log == ["a", "b"]


def test_no_more_is_handed_out_than_can_be_carried_out() -> None:
    """What waits for a thread is still ordered by its promise when one is free."""
    stage = Stage(most=2)
    stage.add("a", *((0.0, 10.0 + number) for number in range(4)), places=4)
    stage.step()
    assert stage.log == ["a", "a"]
    stage.add("urgent", (0.0, 1.0))
    stage.runner.finish(1)
    stage.step()

    assert stage.log == ["a", "a", "urgent"]
    stage.runner.finish()
    stage.step()
    assert Counter(stage.log) == {"a": 4, "urgent": 1}


def test_a_source_that_hangs_holds_its_places_and_no_more() -> None:
    """The others go on as if it were not there."""
    stage = Stage(most=8)
    hangs = stage.add("hangs", *((0.0, 1.0) for _ in range(100)), places=4)
    other = stage.add("other", *((float(number), 2.0 + number) for number in range(50)))
    stage.step()
    for _ in range(60):
        # Those that hang were handed out first, and stay.
        for task in stage.runner.held[4:]:
            task()
        del stage.runner.held[4:]
        stage.step(1.0)

    assert hangs.running == 4
    assert other.due == []


def test_sources_that_do_not_answer_hold_half_of_all_threads_at_most() -> None:
    """A cloud that hangs for a hundred accounts leaves the other half to those that answer."""
    stage = Stage(most=8)
    for number in range(20):
        stage.add(f"doubtful{number}", (0.0, 1.0), doubtful=True)
    healthy = stage.add("healthy", *((0.0, 100.0) for _ in range(4)), places=4)
    stage.step()

    assert sum(name.startswith("doubtful") for name in stage.log) == 4
    assert healthy.due == []
    stage.runner.finish(4)
    stage.step()
    assert sum(name.startswith("doubtful") for name in stage.log) == 8


def test_doubtful_sources_that_waited_take_their_turn_when_others_have_ended() -> None:
    """Each is tried in the end, though the API answers none of them."""
    stage = Stage(most=4)
    sources = [stage.add(f"doubtful{number}", (0.0, 1.0), doubtful=True) for number in range(11)]
    for _ in range(11):
        stage.step()
        assert len(stage.runner.held) <= 2
        stage.runner.finish()

    assert all(source.due == [] for source in sources)


def test_a_source_that_answers_again_is_doubtful_no_more() -> None:
    """What it holds then counts for nobody else."""
    stage = Stage(most=4)
    first = [stage.add(f"first{number}", (0.0, 1.0), doubtful=True) for number in range(2)]
    second = stage.add("second", (0.0, 2.0), doubtful=True)
    stage.step()
    assert second.due != []
    for source in first:
        source.is_doubtful = False
    stage.runner.finish(1)
    stage.step()

    assert second.due == []


def test_even_one_thread_tries_a_doubtful_source() -> None:
    """Half of one thread would be none."""
    stage = Stage(most=1)
    source = stage.add("doubtful", (0.0, 1.0), doubtful=True)
    stage.step()

    assert source.due == []


def test_a_reading_that_ends_makes_room_for_the_next_of_its_source() -> None:
    """One reading at a time, one after the other, each of them once."""
    stage = Stage()
    source = stage.add("a", *((0.0, float(number)) for number in range(5)))
    for done in range(1, 6):
        stage.step()
        stage.step()
        assert len(stage.log) == done
        stage.runner.finish()

    assert source.due == []
    stage.step()
    assert len(stage.log) == 5


def test_a_source_that_has_something_earlier_than_it_said_says_so() -> None:
    """A plan list that shows a change has a reading come before the one that was planned."""
    stage = Stage()
    source = stage.add("a", (500.0, 600.0))
    stage.step()
    source.due.insert(0, (stage.now, stage.now))
    assert stage.step(1.0) is not None
    assert stage.log == []
    stage.dispatcher.wake("a")
    stage.dispatcher.wake("unknown")
    stage.step()

    assert stage.log == ["a"]


def test_a_source_whose_reading_was_gone_when_its_turn_came_is_asked_again_shortly() -> None:
    """Such as a plan that was deleted between."""
    stage = Stage()

    class Promising(FakeSource):
        def next_at(self, now: float) -> float | None:
            return now

    source = Promising(stage.log, "a")
    stage.dispatcher.add("a", source)
    now = stage.now

    assert stage.step() == now + AGAIN_SECONDS
    source.due = [(now, now)]
    stage.step(AGAIN_SECONDS)
    assert stage.log == ["a"]


def test_a_source_that_is_removed_is_closed_and_asked_no_more() -> None:
    """What it has under way may end; its place is then free for others."""
    stage = Stage(most=1)
    gone = stage.add("gone", (0.0, 1.0), (0.0, 2.0))
    stage.step()
    stage.dispatcher.remove("gone")
    stage.dispatcher.remove("gone")
    other = stage.add("other", (0.0, 9.0))
    stage.step()
    assert (gone.closed, other.due) == (True, [(stage.now, stage.now + 9.0)])
    stage.runner.finish()
    stage.step()

    assert stage.log == ["gone", "other"]


def test_a_source_that_takes_the_name_of_one_before_is_another() -> None:
    """A reload replaces a region while a reading of the one before is under way."""
    stage = Stage()
    stage.add("a", (0.0, 1.0), (0.0, 2.0))
    stage.step()
    stage.dispatcher.remove("a")
    after = stage.add("a", (0.0, 3.0), (0.0, 4.0), places=2)
    stage.step()
    stage.runner.finish()
    stage.step()

    assert stage.log == ["a", "a", "a"]
    assert after.due == []


def test_what_has_a_cadence_is_asked_for_at_once_and_again_and_again() -> None:
    """Until its source is removed."""
    stage = Stage()
    source = stage.add("a", intervals={"plans": 120.0})
    end = stage.now + 12_000.0
    following = stage.step()
    assert source.requested == ["plans"]
    while following is not None and following < end:
        following = stage.step(following - stage.now)
    count = len(source.requested)
    stage.dispatcher.remove("a")
    stage.step(1_000.0)

    assert 90 <= count <= 110
    assert len(source.requested) == count


@pytest.mark.parametrize("wall", [0.0, 4_000_000_000.0])
def test_a_clock_that_is_set_delays_nothing(wall: float) -> None:
    """Neither back nor forward: cadence and readings go by time that nobody can set."""
    stage = Stage()
    source = stage.add("a", (300.0, 301.0), intervals={"plans": 120.0})
    stage.step()
    stage.clock.set_wall(wall)
    stage.step(150.0)
    assert source.requested == ["plans", "plans"]
    stage.step(150.0)

    assert stage.log == ["a"]
    assert source.requested == ["plans", "plans", "plans"]


@pytest.mark.parametrize("method", ["next_at", "urgency", "take", "request"])
def test_a_source_that_breaks_takes_no_other_with_it(
    method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is let alone for a moment, and each of the others gets its turn."""
    stage = Stage()
    others = [stage.add(f"other{number}", (0.0, 5.0), intervals={"plans": 60.0}) for number in range(3)]
    broken = stage.add("broken", (0.0, 1.0), intervals={"plans": 60.0})
    others += [stage.add(f"more{number}", (0.0, 5.0), intervals={"plans": 60.0}) for number in range(3)]

    def breaks(*_: object) -> None:
        raise ZeroDivisionError("boom")

    with monkeypatch.context() as patched:
        patched.setattr(broken, method, breaks)
        stage.dispatcher.remove("broken")
        stage.dispatcher.add("broken", broken)
        stage.step()

    assert [source.due for source in others] == [[]] * 6
    assert [source.requested for source in others] == [["plans"]] * 6
    assert "boom" in caplog.text
    stage.step(BROKEN_SECONDS)
    assert broken.due == []


def test_a_simulation_needs_no_threads() -> None:
    """A step hands out what is due, and an inline runner has carried it out when it returns."""
    clock = FakeClock()
    runner = Inline()
    dispatcher = Dispatcher(clock, runner)
    source = FakeSource([], "a", *((clock.monotonic() + number, NEVER) for number in range(3)))
    dispatcher.add("a", source)
    threads = threading.active_count()
    following: float | None = clock.monotonic()
    while following is not None:
        clock.advance(max(0.0, following - clock.monotonic()))
        before = runner.tasks
        following = dispatcher.step(clock.monotonic())
        if runner.tasks > before:
            following = clock.monotonic()

    assert runner.tasks == 3
    assert threading.active_count() == threads


# ── with threads ──


class Events(FakeSource):
    """A source whose one task sets an event, or waits for one."""

    def __init__(self, act: Task) -> None:
        super().__init__([], "events", (0.0, 0.0))
        self.act = act

    def take(self, now: float) -> Task | None:
        return self.act if super().take(now) is not None else None


def test_readings_are_carried_out_by_threads() -> None:
    """What is due when it starts, and what becomes due later."""
    dispatcher = Dispatcher(SystemClock(), Workers(2))
    first, second = threading.Event(), threading.Event()
    dispatcher.add("first", Events(first.set))
    dispatcher.start()
    assert first.wait(PATIENCE)
    dispatcher.add("second", Events(second.set))

    assert second.wait(PATIENCE)
    dispatcher.close(PATIENCE)


def test_a_step_that_breaks_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The dispatcher's own thread goes on, whatever happens in it."""
    dispatcher = Dispatcher(SystemClock(), Workers(2))
    broke, done = threading.Event(), threading.Event()
    step = dispatcher.step

    def break_once(now: float) -> float | None:
        if not broke.is_set():
            broke.set()
            raise ZeroDivisionError("boom")
        return step(now)

    monkeypatch.setattr(dispatcher, "step", break_once)
    dispatcher.start()
    assert broke.wait(PATIENCE)
    dispatcher.add("other", Events(done.set))

    assert done.wait(PATIENCE)
    assert "handing out readings broke" in caplog.text
    dispatcher.close(PATIENCE)


def test_closing_hands_out_no_more_and_waits_no_longer_than_it_may() -> None:
    """A reading that hangs is left behind."""
    workers = Workers(2)
    dispatcher = Dispatcher(SystemClock(), workers)
    begun, release = threading.Event(), threading.Event()

    def hangs() -> None:
        begun.set()
        release.wait(PATIENCE)

    dispatcher.add("hangs", Events(hangs))
    dispatcher.start()
    assert begun.wait(PATIENCE)
    dispatcher.close(0.0)
    late = Events(partial(pytest.fail, "handed out"))
    dispatcher.add("late", late)

    assert dispatcher.step(SystemClock().monotonic()) is None
    release.set()
    workers.join(PATIENCE)
    assert workers._threads == []
    assert dispatcher._thread is not None
    dispatcher._thread.join(PATIENCE)
    assert not dispatcher._thread.is_alive()
