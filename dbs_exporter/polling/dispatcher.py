"""Which reading of which account and region is carried out next, by threads that all of them share.

It owns the threads and their fair use, and a cadence. What is to be read, and when, is the source's to decide. One thread decides;
`step` is all that it does, so that a simulation can do without it.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from dbs_exporter.clock import Clock
from dbs_exporter.polling.cadence import Cadence
from dbs_exporter.polling.workers import Task

LONGEST_WAIT_SECONDS = 1.0
"""It looks again at least so often by the machine's clock: the demo's runs faster."""
AGAIN_SECONDS = 0.05
BROKEN_SECONDS = 5.0
DOUBTFUL_SHARE = 0.5
"""Of the threads: what sources may hold that do not answer, or have not answered yet."""

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Something to read from: one account in one region, or an account itself. Methods may be called from any thread."""

    @property
    def intervals(self) -> Mapping[str, float]:
        """What comes by a cadence, in seconds; `request` is called for each."""
        ...

    @property
    def is_doubtful(self) -> bool:
        """Whether the API did not answer the last reading, or no reading yet."""
        ...

    def next_at(self, now: float) -> float | None:
        """Return when a reading may be carried out, in monotonic seconds; None while nothing is to come."""
        ...

    def urgency(self, now: float) -> tuple[bool, float]:
        """Return the place of the next reading in the order of all; smaller comes first."""
        ...

    def take(self, now: float) -> Task | None:
        """Return the reading that is to be carried out now."""
        ...

    def request(self, collector: str) -> None:
        """Have something read that comes by a cadence."""
        ...

    def close(self) -> None:
        """Stop."""
        ...


class Runner(Protocol):
    """Carries out tasks (`polling.workers.Workers`)."""

    @property
    def most(self) -> int:
        """How many tasks run at a time."""
        ...

    def start(self) -> None:
        """Begin; raises RuntimeError if that is not possible."""
        ...

    def submit(self, task: Task) -> None:
        """Have a task carried out."""
        ...

    def close(self) -> None:
        """Take no more tasks."""
        ...

    def join(self, seconds: float) -> None:
        """Wait for those that run, so long at most."""
        ...


@dataclass(slots=True, eq=False)
class _Place:
    """A source and its places on the heaps; only those of the current `version` count, others were left behind."""

    name: str
    source: Source
    version: int = 0
    running: int = 0


@dataclass(slots=True)
class _Changes:
    """What other threads hand to the dispatcher; they hold this lock alone, and shortly."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    due: set[str] = field(default_factory=set)
    ended: list[_Place] = field(default_factory=list)


class Dispatcher:
    """Gives the readings of its sources to a runner, most urgent first and none twice."""

    def __init__(self, clock: Clock, runner: Runner) -> None:
        self._clock = clock
        self._runner = runner
        self._cadence = Cadence()
        self._places: dict[str, _Place] = {}
        self._waiting: list[tuple[float, int, _Place]] = []
        self._ready: list[tuple[tuple[bool, float], int, _Place]] = []
        self._held_back: list[_Place] = []
        """Doubtful ones that have to wait until others of their kind have ended."""
        self._running = 0
        self._busy: set[_Place] = set()
        self._versions = itertools.count(1)
        self._changes = _Changes()
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to hand out readings, in a thread. Raises RuntimeError if the system gives no thread."""
        self._runner.start()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Hand out no more; readings under way are waited for so long in all at most."""
        with self._lock:
            self._closed = True
        self._wake.set()
        self._runner.close()
        self._runner.join(seconds)

    def add(self, name: str, source: Source, first_in: Mapping[str, float] = {}) -> None:
        """Read from a source from now on; what comes by a cadence in so many seconds for the first time, at once if not given."""
        now = self._clock.monotonic()
        with self._lock:
            self._places[name] = _Place(name, source)
            for collector, interval in source.intervals.items():
                self._cadence.add(
                    f"{name}/{collector}",
                    interval,
                    partial(source.request, collector),
                    now=now + first_in.get(collector, 0.0),
                )
        self.wake(name)

    def remove(self, name: str) -> None:
        """Read from a source no more."""
        with self._lock:
            place = self._places.pop(name, None)
            if place is not None:
                for collector in place.source.intervals:
                    self._cadence.remove(f"{name}/{collector}")
                place.source.close()

    def wake(self, name: str) -> None:
        """Note that a source may have something to read earlier than it announced."""
        with self._changes.lock:
            self._changes.due.add(name)
        self._wake.set()

    def step(self, now: float) -> float | None:
        """Hand out what is due; return when something is due next, in monotonic seconds (None: nothing ever is)."""
        with self._lock:
            if self._closed:
                return None
            self._cadence.run(now)
            self._take_changes(now)
            while self._waiting and self._waiting[0][0] <= now:
                _, version, place = heapq.heappop(self._waiting)
                if place.version == version and self._is_here(place):
                    self._put(place, now)
            while self._ready and self._running < self._runner.most:
                _, version, place = heapq.heappop(self._ready)
                if place.version != version or not self._is_here(place):
                    continue
                if self._is_held_back(place):
                    self._held_back.append(place)
                    continue
                self._hand_out(place, now)
            times = [self._cadence.next_at(), self._waiting[0][0] if self._waiting else None]
            return min((at for at in times if at is not None), default=None)

    def _hand_out(self, place: _Place, now: float) -> None:
        try:
            task = place.source.take(now)
        except Exception:
            self._put_aside(place, now)
            return
        if task is None:
            # It was due a moment ago; whatever took it away announces the next.
            self._wait(place, now + AGAIN_SECONDS)
            return
        self._running += 1
        place.running += 1
        self._busy.add(place)
        self._runner.submit(partial(self._carry_out, place, task))
        self._put(place, now)

    def _carry_out(self, place: _Place, task: Task) -> None:
        try:
            task()
        finally:
            with self._changes.lock:
                self._changes.ended.append(place)
            self._wake.set()

    def _take_changes(self, now: float) -> None:
        with self._changes.lock:
            due, self._changes.due = self._changes.due, set()
            ended, self._changes.ended = self._changes.ended, []
        for place in ended:
            self._running -= 1
            place.running -= 1
            if not place.running:
                self._busy.discard(place)
        changed = {self._places[name] for name in due if name in self._places} | set(ended)
        if ended:
            changed |= set(self._held_back)
            self._held_back.clear()
        for place in changed:
            if self._is_here(place):
                self._put(place, now)

    def _put(self, place: _Place, now: float) -> None:
        """Put a source where it belongs by when it wants to read now."""
        try:
            at = place.source.next_at(now)
            if at is not None and at > now:
                self._wait(place, at)
                return
            place.version = next(self._versions)
            if at is not None:
                heapq.heappush(self._ready, (place.source.urgency(now), place.version, place))
        except Exception:
            self._put_aside(place, now)

    def _wait(self, place: _Place, at: float) -> None:
        place.version = next(self._versions)
        heapq.heappush(self._waiting, (at, place.version, place))

    def _put_aside(self, place: _Place, now: float) -> None:
        """Let a source alone for a moment that broke, so that no other is held up by it."""
        _log.exception("handing out readings broke", extra={"source": place.name})
        self._wait(place, now + BROKEN_SECONDS)

    def _is_here(self, place: _Place) -> bool:
        return self._places.get(place.name) is place

    def _is_held_back(self, place: _Place) -> bool:
        """Return whether a source that may hang must wait, lest all threads hang with it."""
        if not place.source.is_doubtful:
            return False
        held = sum(other.running for other in self._busy if other.source.is_doubtful)
        return held >= max(1, int(DOUBTFUL_SHARE * self._runner.most))

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            now = self._clock.monotonic()
            try:
                at = self.step(now)
            except Exception:
                _log.exception("handing out readings broke; it goes on in a second")
                at = now + 1.0
            left = LONGEST_WAIT_SECONDS if at is None else at - self._clock.monotonic()
            if left > 0:
                self._wake.wait(min(left, LONGEST_WAIT_SECONDS))
