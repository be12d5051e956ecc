"""The order in which readings come: what is due, whose promise ends first, and what waits for its share."""

from __future__ import annotations

import random

import pytest

from dbs_exporter.polling.queue import Entry, Key, ReadingQueue

NEVER = float("inf")


def entry(
    plan_id: str, at: float = 0.0, latest: float = 0.0, *, whole: bool = False, urgent: bool = False
) -> Entry:
    key = Key("plans" if urgent else "full_backups", plan_id, whole)
    return Entry(key=key, at=at, latest=latest, wanted_at=at, urgent=urgent)


def queue_of(*entries: Entry) -> ReadingQueue:
    queue = ReadingQueue()
    for each in entries:
        queue.put(each)
    return queue


def taken(queue: ReadingQueue, now: float, *, whole_lists: bool = True) -> list[str]:
    """The plans of everything that is due, in the order in which it comes."""
    found = []
    while (each := queue.take(now, whole_lists=whole_lists)) is not None:
        found.append(each.key.plan_id)
    return found


def test_what_is_due_comes_in_the_order_of_its_promises() -> None:
    """Neither the order of asking nor the time of becoming due counts, only whose promise ends first."""
    queue = queue_of(entry("b", 1.0, 30.0), entry("a", 5.0, 10.0), entry("c", 0.0, 20.0))

    assert taken(queue, 5.0) == ["a", "c", "b"]


def test_nothing_comes_before_it_is_due() -> None:
    """A reading that could bring nothing new yet waits, however early its promise."""
    queue = queue_of(entry("a", 10.0, 11.0), entry("b", 0.0, 99.0))

    assert taken(queue, 9.9) == ["b"]
    assert queue.next_at(9.9) == 10.0
    assert taken(queue, 10.0) == ["a"]
    assert queue.next_at(10.0) is None


def test_lists_of_the_region_come_before_all_else() -> None:
    """They say which plans there are and which of them changed, so no promise of a plan is older."""
    queue = queue_of(entry("a", 0.0, 1.0), entry("", 0.0, 500.0, urgent=True))

    assert queue.most_urgent(0.0) == (False, 500.0)
    assert taken(queue, 0.0) == ["", "a"]
    assert queue.most_urgent(0.0) is None


def test_whole_lists_wait_for_their_share() -> None:
    """Without it they stay where they are, and others pass them; with it they come by their promise."""
    queue = queue_of(entry("long", 0.0, 1.0, whole=True), entry("a", 0.0, 2.0))

    assert queue.next_at(5.0, whole_lists_at=60.0) == 5.0
    assert taken(queue, 5.0, whole_lists=False) == ["a"]
    assert queue.next_at(5.0, whole_lists_at=60.0) == 60.0
    assert queue.next_at(5.0) == 5.0
    assert taken(queue, 5.0) == ["long"]


def test_the_part_of_a_list_and_the_whole_of_it_are_two_readings() -> None:
    """One does not take the other's place, and both go with their plan."""
    queue = queue_of(entry("a", 0.0, 1.0), entry("a", 0.0, 1.0, whole=True), entry("b", 0.0, 2.0))
    assert len(queue) == 3
    queue.remove_plan("a", ["full_backups"])

    assert taken(queue, 0.0) == ["b"]


def test_a_reading_that_is_put_again_takes_the_place_of_the_one_before() -> None:
    """There is never more than one of a kind, whether the one before was due already or still waited."""
    queue = queue_of(entry("a", 0.0, 5.0), entry("b", 0.0, 6.0))
    queue.next_at(0.0)
    queue.put(entry("a", 50.0, 60.0))
    queue.put(entry("b", 0.0, 1.0))
    queue.put(entry("b", 0.0, 2.0))

    assert len(queue) == 2
    assert taken(queue, 0.0) == ["b"]
    assert queue.next_at(0.0) == 50.0
    assert taken(queue, 50.0) == ["a"]


def test_what_was_taken_or_removed_is_gone() -> None:
    """It comes again only when it is put again."""
    queue = queue_of(entry("a"), entry("b", 0.0, 1.0), entry("c", 0.0, 2.0))
    first = queue.take(0.0)
    assert first is not None
    removed = queue.remove(Key("full_backups", "b"))

    assert removed is not None
    assert (first.key in queue, removed.key in queue) == (False, False)
    assert queue.remove(removed.key) is None
    assert taken(queue, 0.0) == ["c"]
    queue.put(first)
    assert taken(queue, 0.0) == ["a"]


def test_readings_that_are_replaced_again_and_again_take_no_more_room() -> None:
    """A fleet is planned anew every two minutes for months."""
    queue = ReadingQueue()
    for now in range(1000):
        for number in range(10):
            queue.put(entry(f"p{number}", now + number, now + 100.0))
        queue.next_at(float(now))

    assert len(queue) == 10
    assert len(queue._waiting) + len(queue._ready) + len(queue._ready_whole) <= 64 + 1.25 * 10


@pytest.mark.parametrize("seed", range(5))
def test_any_mixture_of_puts_and_takes_gives_each_reading_once_and_in_order(seed: int) -> None:
    """What comes is always the due one whose promise ends first, as a search of all of them would find it."""
    chance = random.Random(seed)
    queue, model = ReadingQueue(), dict[str, Entry]()
    now = 0.0
    for _ in range(2000):
        now += chance.random()
        plan_id = f"p{chance.randrange(30)}"
        act = chance.random()
        if act < 0.6:
            model[plan_id] = entry(plan_id, now + chance.uniform(-5, 20), now + chance.random() * 100)
            queue.put(model[plan_id])
        elif act < 0.7:
            model.pop(plan_id, None)
            queue.remove(Key("full_backups", plan_id))
        else:
            due = [each for each in model.values() if each.at <= now]
            expected = min(due, key=lambda each: each.latest, default=None)
            assert queue.take(now) is expected
            if expected is not None:
                del model[expected.key.plan_id]
        times = [max(now, each.at) for each in model.values()]
        assert queue.next_at(now) == min(times, default=None)
