"""Things that are under way, read by their ids: together, so many at a time, and each alone where some are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.fake_api import FakeApi, reading_of, subject_of
from support.subjects import subject_with

from dbs_exporter.collectors import downloads, restores
from dbs_exporter.collectors.base import Follow, Reading
from dbs_exporter.errors import BadAnswer, Invalid
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.polling.following import plans_by_id, things_by_id


def following(
    asked: list[list[str]], *, unknown: frozenset[str] = frozenset(), most: int = 30
) -> Follow[RestoreHistory]:
    """How things are read of which some are refused."""

    def read(_reading: Reading, ids: Sequence[str]) -> Mapping[str, Any]:
        asked.append(list(ids))
        if unknown & set(ids):
            raise Invalid("no such task")
        return {thing_id: thing_id.upper() for thing_id in ids}

    follow = restores.COLLECTOR.follow
    assert follow is not None
    return replace(follow, read=read, most=most)


def test_each_thing_that_is_under_way_is_known_by_its_plan() -> None:
    """What has ended is not followed, and neither is anything of a list that was never read."""
    tasks = tuple(
        RestoreTask(task_id=f"r{number}", plan_id="", status=status)
        for number, status in enumerate(["running", "finish", "init", "stop", "pause"])
    )
    busy = subject_with(subject_of(Plan(plan_id="dbs1")), (RESTORES, RestoreHistory(tasks=tasks)))

    assert plans_by_id(restores.COLLECTOR, [busy, subject_of(Plan(plan_id="dbs2"))]) == {
        "r0": "dbs1",
        "r2": "dbs1",
        "r4": "dbs1",
    }
    assert plans_by_id(downloads.COLLECTOR, [busy]) == {}


def test_things_are_read_so_many_at_a_time() -> None:
    """Thirty ids fit into a question."""
    asked: list[list[str]] = []
    found = things_by_id(following(asked), reading_of(FakeApi()), [f"r{number:03}" for number in range(70)])

    assert [len(ids) for ids in asked] == [30, 30, 10]
    assert len(found) == 70


def test_where_some_are_refused_each_is_read_alone() -> None:
    """Only those that the API does not know are left out, and the next thirty are together again."""
    asked: list[list[str]] = []
    follow = following(asked, unknown=frozenset({"b"}), most=3)
    found = things_by_id(follow, reading_of(FakeApi()), ["e", "d", "c", "b", "a"])

    assert found == {"a": "A", "c": "C", "d": "D", "e": "E"}
    assert asked == [["a", "b", "c"], ["a"], ["b"], ["c"], ["d", "e"]]


def test_other_failures_are_not_taken_for_unknown_ids() -> None:
    """An odd answer says nothing of any of them."""

    def read(_reading: Reading, _ids: Sequence[str]) -> Mapping[str, Any]:
        raise BadAnswer("odd")

    with pytest.raises(BadAnswer):
        things_by_id(replace(following([]), read=read), reading_of(FakeApi()), ["a"])


def test_nothing_under_way_asks_nothing() -> None:
    """There is no question without an id."""
    asked: list[list[str]] = []

    assert things_by_id(following(asked), reading_of(FakeApi()), []) == {}
    assert asked == []
