"""The end of a plan's window as a detector: believed once it was seen to follow, and no more once it was twice seen not to."""

from __future__ import annotations

import pytest

from dbs_exporter.facts.limits import WINDOW_LISTS, WINDOW_TOLERANCE_SECONDS
from dbs_exporter.facts.windows import Window, after_list, after_reading

NOW = 1_790_000_000.0
EVERY = 120.0


class Plan:
    """A plan whose lists come every two minutes; `listed` and `read` bring an end, in seconds from the beginning."""

    def __init__(self) -> None:
        self.window = Window()
        self.at = NOW

    def listed(self, end: float | None, *, again: bool = False) -> Window:
        self.at += 0.0 if again else EVERY
        self.window = after_list(self.window, None if end is None else NOW + end, self.at, again=again)
        return self.window

    def read(self, end: float | None) -> Window:
        self.window = after_reading(self.window, None if end is None else NOW + end)
        return self.window


def test_a_window_is_not_believed_before_it_was_seen_to_follow() -> None:
    """That it moves proves nothing: it might follow something else."""
    plan = Plan()
    for end in range(0, 1000, 100):
        plan.listed(float(end))

    assert not plan.window.trusted
    assert not plan.window.refuted


def test_an_end_that_showed_before_it_was_read_proves_a_window() -> None:
    """Which is what a detector does."""
    plan = Plan()
    plan.listed(500.0)

    assert plan.read(500.0 + WINDOW_TOLERANCE_SECONDS).trusted


@pytest.mark.parametrize("lists", range(1, WINDOW_LISTS + 1))
def test_an_end_that_shows_within_two_lists_proves_a_window(lists: int) -> None:
    """The list may be a little behind, and times are rounded."""
    plan = Plan()
    plan.listed(0.0)
    plan.read(600.0)
    for _ in range(lists - 1):
        assert not plan.listed(100.0).trusted
    plan.listed(600.0 - WINDOW_TOLERANCE_SECONDS)

    assert plan.window.trusted
    assert plan.window.contradictions == 0


def test_an_end_that_does_not_show_within_two_lists_contradicts_a_window() -> None:
    """Once may be an accident: a window that was believed still is. Twice is not."""
    plan = Plan()
    plan.listed(500.0)
    plan.read(500.0)
    for expected in (True, False):
        plan.read(1000.0)
        plan.listed(900.0)
        plan.listed(900.0)
        assert plan.window.trusted is expected

    assert plan.window.refuted


def test_a_window_that_follows_after_all_starts_anew() -> None:
    """A contradiction is forgotten with the next proof, and a window that was given up is believed again."""
    plan = Plan()
    plan.listed(0.0)
    for _ in range(3):
        plan.read(1000.0)
        plan.listed(0.0)
        plan.listed(0.0)
    assert plan.window.refuted
    plan.read(1000.0)
    plan.listed(1000.0)

    assert plan.window.trusted
    assert not plan.window.refuted


def test_a_window_that_was_given_up_is_not_believed_because_it_stands_where_it_stood() -> None:
    """An end that lies behind it proves nothing that two contradictions have disproved."""
    plan = Plan()
    plan.listed(2000.0)
    for end in (2500.0, 2600.0):
        plan.read(end)
        plan.listed(2000.0)
        plan.listed(2000.0)
    assert plan.window.refuted
    plan.read(1000.0)

    assert not plan.window.trusted
    assert plan.window.refuted


def test_a_plan_without_a_window_contradicts_too() -> None:
    """Nothing can be restored, says the list, though backups say otherwise."""
    plan = Plan()
    plan.read(1000.0)
    plan.listed(None)
    plan.listed(None)

    assert plan.window.contradictions == 1


def test_an_end_that_is_awaited_is_not_replaced_by_a_later_one() -> None:
    """Log is read between two lists, and each reading would put the proof off for ever."""
    plan = Plan()
    plan.listed(0.0)
    plan.read(500.0)
    for end in (700.0, 900.0):
        plan.listed(0.0)
        plan.read(end)

    assert plan.window.contradictions == 1
    assert plan.window.awaited_at == NOW + 900.0


def test_a_list_that_gives_nothing_to_compare_changes_nothing() -> None:
    """A list of backups without any says nothing of the window."""
    plan = Plan()
    before = plan.listed(100.0)

    assert plan.read(None) is before


def test_one_list_counts_once() -> None:
    """Pages and second passes of it show the same, and the next list is the second."""
    plan = Plan()
    plan.listed(0.0)
    plan.read(500.0)
    for _ in range(5):
        plan.listed(0.0, again=True)
    assert plan.window.awaited_lists == WINDOW_LISTS
    plan.listed(0.0)
    plan.listed(0.0, again=True)
    assert plan.window.contradictions == 0
    plan.listed(500.0, again=True)

    assert plan.window.trusted


def test_it_is_remembered_when_the_end_moved_and_how_long_it_had_stood() -> None:
    """A window that stood for long and moves again may have left a hole."""
    plan = Plan()
    plan.listed(0.0)
    first = plan.at
    plan.listed(0.0)
    plan.listed(0.0)
    assert (plan.window.end_at, plan.window.moved_at, plan.window.stood_seconds) == (NOW, first, 0.0)
    plan.listed(300.0)

    assert (plan.window.end_at, plan.window.moved_at) == (NOW + 300.0, plan.at)
    assert plan.window.stood_seconds == 3 * EVERY
