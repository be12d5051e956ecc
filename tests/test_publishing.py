"""Publishing: at once, together, at a bounded cost, and never the end of the page before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from support.generated_fleet import (
    check,
    identity,
    numbered,
    numbered_fleet,
    pages,
    subject_of,
)

from dbs_exporter.facts.subjects import SubjectKey
from dbs_exporter.metrics.exposition import LEAST_REST_SECONDS, REST_FACTOR, Exposition
from dbs_exporter.metrics.family import plan_family
from dbs_exporter.metrics.memory import give_back
from dbs_exporter.metrics.shelves import Shelves


class Own:
    """The exporter's own metrics, told the size of the page before."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []
        self.broken = False
        self.meanwhile: Callable[[], None] = lambda: None

    def lines(self, *, series: int, identity_bytes: int) -> tuple[bytes, bytes]:
        self.meanwhile()
        if self.broken:
            raise RuntimeError("broken")
        self.told.append((series, identity_bytes))
        return b"# TYPE own_total counter\nown_total 1.0\n", b"# TYPE own counter\nown_total 1.0\n"


def test_own_metrics_close_each_page_in_its_own_format() -> None:
    """They stand after all families, before OpenMetrics' end, and count as series."""
    own = Own()
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, own=own)
    exposition.publish()
    exposition.publish()

    text, open_text = (identity(page) for page in pages(exposition))
    assert text == b"# TYPE own_total counter\nown_total 1.0\n"
    assert open_text == b"# TYPE own counter\nown_total 1.0\n# EOF\n"
    assert own.told == [(0, 0), (1, len(text))]
    assert exposition.page(openmetrics=True).series == 1


def test_a_publish_that_fails_keeps_the_page_and_what_was_noted() -> None:
    """The old page stays; the next publish has everything, and newer words on a subject hold."""
    own = Own()
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, own=own)
    key, gone = ("prod", "cn-hangzhou", "dbs1"), ("prod", "cn-hangzhou", "dbs2")
    fleet.rows[key] = fleet.rows[gone] = numbered(fleet, 1)
    before = exposition.page(openmetrics=False)
    exposition.update(key, subject_of(key))
    exposition.update(gone, subject_of(gone))
    own.broken = True
    own.meanwhile = lambda: exposition.update(gone, None)
    with pytest.raises(RuntimeError):
        exposition.publish()
    assert exposition.page(openmetrics=False) is before

    own.broken = False
    own.meanwhile = lambda: None
    exposition.publish()

    assert b'plan_id="dbs1"' in identity(exposition.page(openmetrics=False))
    assert b'plan_id="dbs2"' not in identity(exposition.page(openmetrics=False))


class SteppedClock:
    """A clock whose time passes only in publishes, and whose sleeps are noted and answered by the test."""

    def __init__(self, publish_seconds: float, sleeps: Callable[[float], bool]) -> None:
        self.readings = iter([step * publish_seconds for step in range(1000)])
        self.sleeps = sleeps

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return next(self.readings)

    def sleep(self, seconds: float) -> bool:
        return self.sleeps(seconds)


@pytest.mark.parametrize(("took", "rest"), [(0.0, LEAST_REST_SECONDS), (2.0, 2.0 * REST_FACTOR)])
def test_the_loop_publishes_at_once_and_rests_in_proportion(took: float, rest: float) -> None:
    """A change is on the page before the loop rests; publishing takes at most a fifth of the time."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    key = ("prod", "cn-hangzhou", "dbs1")
    fleet.rows[key] = numbered(fleet, 1)
    exposition.update(key, subject_of(key))
    seen: list[tuple[float, bool]] = []

    def sleeps(seconds: float) -> bool:
        seen.append((seconds, bool(identity(exposition.page(openmetrics=False)))))
        return True

    exposition.run(SteppedClock(took, sleeps))

    assert seen == [(rest, True)]


def test_changes_while_the_loop_rests_become_one_publish() -> None:
    """A hundred updates in one rest are published together; close ends the loop."""
    fleet = numbered_fleet()
    own = Own()
    exposition = Exposition(fleet.families, own=own)
    rests = 0

    def sleeps(seconds: float) -> bool:
        nonlocal rests
        rests += 1
        if rests == 1:
            for number in range(100):
                key = ("prod", "cn-hangzhou", f"dbs{number}")
                fleet.rows[key] = numbered(fleet, 1)
                exposition.update(key, subject_of(key))
        else:
            exposition.close()
        return False

    exposition.update(("prod", "cn-hangzhou", "none"), None)
    exposition.run(SteppedClock(0.0, sleeps))

    assert rests == 2
    assert len(own.told) == 2
    assert exposition.page(openmetrics=False).series == 1 + 300


def test_the_loop_ticks_for_the_exporters_own_metrics_and_survives_a_failure() -> None:
    """Without any change a tick publishes; a publish that fails is not the end of the loop."""
    own = Own()
    own.broken = True
    exposition = Exposition((), own=own, tick_seconds=0.0)
    rests = 0

    def sleeps(seconds: float) -> bool:
        nonlocal rests
        rests += 1
        own.broken = rests < 2
        return rests == 3

    exposition.run(SteppedClock(0.0, sleeps))

    assert own.told == [(0, 0)]


def test_updates_from_many_threads_all_arrive() -> None:
    """Writers and a publisher at the same time lose nothing."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    keys = [("prod", "cn-hangzhou", f"dbs{number:03d}") for number in range(200)]
    for key in keys:
        fleet.rows[key] = numbered(fleet, 2)

    def write(part: Sequence[SubjectKey]) -> None:
        for key in part:
            exposition.update(key, subject_of(key))

    writers = [threading.Thread(target=write, args=(keys[at::4],)) for at in range(4)]
    for writer in writers:
        writer.start()
    exposition.publish()
    for writer in writers:
        writer.join()
    exposition.publish()

    check(exposition, fleet, {key: fleet.rows[key] for key in keys})


def test_a_ticket_is_answered_by_a_publish_that_began_after_it() -> None:
    """A publish already under way does not count, since it may lack what was noted meanwhile; a failed one neither."""
    own = Own()
    exposition = Exposition(numbered_fleet().families, own=own)
    taken: list[int] = []
    own.meanwhile = lambda: taken.append(exposition.ticket()) if not taken else None
    exposition.publish()
    after_the_first = exposition.published(taken[0])
    own.broken = True
    with pytest.raises(RuntimeError):
        exposition.publish()
    after_the_failed = exposition.published(taken[0])
    own.broken = False
    exposition.publish()

    assert (after_the_first, after_the_failed) == (False, False)
    assert exposition.published(taken[0])


def test_memory_is_given_back_after_a_publish_but_not_after_each() -> None:
    """The first publish is followed by it, those within the next seconds are not."""
    tidied: list[float] = []
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, tick_seconds=0.0, tidy=lambda: tidied.append(rests[-1]))
    rests = [0.0]

    def sleeps(seconds: float) -> bool:
        rests.append(rests[-1] + 1)
        return len(rests) == 10

    exposition.run(SteppedClock(1.0, sleeps))

    # Each publish takes a second and the clock is read twice: the third reading after the first is TIDY_SECONDS later.
    assert tidied == [0.0, 3.0, 6.0]


def test_giving_memory_back_is_always_possible() -> None:
    """Where the C library knows nothing of it, nothing happens; what is in use is not touched."""
    kept = [bytes(1000) for _ in range(1000)]
    give_back()

    assert kept == [bytes(1000)] * 1000


def test_after_a_failure_nothing_is_taken_to_be_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a publish rendered before it failed is rendered again, although the facts are the same objects."""
    value = 1.0
    family = plan_family(
        "dbs_plan_things", "Things", "DescribeBackupPlanList Things", lambda _: [((), value)], reads=("plan",)
    )
    exposition = Exposition([family])
    key = ("prod", "cn-hangzhou", "dbs1")
    subject = subject_of(key)
    exposition.update(key, subject)
    exposition.publish()
    value = 2.0
    exposition.update(key, subject)
    exposition.publish()
    assert identity(exposition.page(openmetrics=False)).endswith(b" 1.0\n")

    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as broken:
        broken.setattr(Shelves, "apply", fails)
        exposition.update(key, subject)
        with pytest.raises(RuntimeError):
            exposition.publish()
    exposition.publish()

    assert identity(exposition.page(openmetrics=False)).endswith(b" 2.0\n")
