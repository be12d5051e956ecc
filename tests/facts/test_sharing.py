"""Sharing: equal values become one object, and nothing else changes."""

from __future__ import annotations

from msgspec import Struct
from msgspec.msgpack import decode, encode

from dbs_exporter.facts.sharing import MOST_VALUES, Sharing


class Task(Struct, frozen=True, kw_only=True):
    """Facts as answers and files bring them."""

    task_id: str
    status: str
    created_at: float | None = None
    progress: tuple[tuple[str, float | None], ...] = ()
    labels: dict[str, str] = {}


class History(Struct, frozen=True, kw_only=True):
    """Facts that hold other facts."""

    last: Task | None
    tasks: tuple[Task, ...]
    count: int = 0


def read(number: int) -> History:
    """Return facts that share no object with others, as if they were read."""
    task = Task(
        task_id=f"task {number}",
        status="finished well",
        created_at=1000.5,
        progress=(("data", 0.5),),
        labels={"a": "b"},
    )
    return decode(encode(History(last=task, tasks=(task, task), count=1000)), type=History)


def test_equal_texts_and_tuples_become_one_object_at_any_depth() -> None:
    """Those of a kind of facts and a field, wherever these facts stand."""
    sharing = Sharing()
    first, second = read(1), read(2)
    sharing.share((first, None))
    sharing.share((second,))
    tasks = [task for facts in (first, second) for task in (facts.last, *facts.tasks) if task is not None]

    assert len(tasks) == 6
    assert len({id(task.status) for task in tasks}) == len({id(task.progress) for task in tasks}) == 1
    assert len({id(task.task_id) for task in tasks}) == 2


def test_no_value_changes() -> None:
    """Facts are equal to what they were, to the last type."""
    sharing = Sharing()
    for number in range(3):
        facts = read(number)
        sharing.share(facts)

        assert facts == read(number)
        assert encode(facts) == encode(read(number))


def test_values_that_all_differ_are_not_remembered() -> None:
    """However many ids come, memory does not grow, and a status is still shared after them."""
    sharing = Sharing()
    for number in range(3 * MOST_VALUES):
        sharing.share(read(number))
        assert all(
            len(seen) <= MOST_VALUES for kind in sharing._kinds.values() for seen in kind.seen.values()
        )
    first, second = read(1), read(2)
    sharing.share(first)
    sharing.share(second)

    assert first.tasks[0].status is second.tasks[0].status


def test_what_is_no_facts_is_left_alone() -> None:
    """None, numbers and lists pass."""
    sharing = Sharing()
    values = (None, 1, "text", ["a"])
    for value in values:
        sharing.share(value)

    assert values == (None, 1, "text", ["a"])
