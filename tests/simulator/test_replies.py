"""The pieces of answers: pages in every order, empty lists in every form, parameters that are checked."""

from __future__ import annotations

from typing import Any

import pytest
from support.simulated_cloud import all_plans, ask, standing_world

from dbs_exporter.simulator import World
from dbs_exporter.simulator.replies import Refused, flag, integer, ms, page, position, record, required


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_pages_together_are_the_list(order: str) -> None:
    """In every order each record comes once, and the totals say how many."""
    world = standing_world(order=order)
    plan_id = next(each for each in all_plans(world) if world.history(each).log_count() > 60)
    seen: list[tuple[str, int]] = []
    for number in range(20):
        answer = ask(world, "DescribeIncrementBackupList", BackupPlanId=plan_id, PageSize=30, PageNum=number)
        items = answer["Items"]
        seen += (
            [(each["BackupSetId"], each["StartTime"]) for each in items["IncrementBackupFile"]]
            if items
            else []
        )
        if number >= answer["TotalPages"]:
            assert items == ""

    assert len(seen) == len(set(seen)) == answer["TotalElements"]
    times = [start for _, start in seen]
    assert (times == sorted(times, reverse=True)) is (order == "newest")
    assert (times == sorted(times)) is (order == "oldest")


@pytest.mark.parametrize("count", [1, 2, 3, 10, 97, 168, 1000])
def test_shuffling_loses_nothing(count: int) -> None:
    """The shuffled order is a permutation for every length."""
    assert sorted(position("shuffled", place, count) for place in range(count)) == list(range(count))


@pytest.mark.parametrize(
    ("form", "items"),
    [("string", ""), ("null", None), ("object", {}), ("list", {"BackupGateway": []}), ("missing", "absent")],
)
def test_an_empty_list_comes_in_the_form_that_was_chosen(form: str, items: Any) -> None:
    """The documents' form is the default; the others can be chosen for a world."""
    answer = ask(World(empty=form), "DescribeBackupGatewayList", Region="cn-qingdao")

    assert answer.get("Items", "absent") == items
    assert answer["TotalElements"] == 0


def test_only_the_page_that_is_asked_for_is_made() -> None:
    """A page of a list of a million costs its own records."""
    made: list[int] = []

    def make(place: int) -> dict[str, Any]:
        made.append(place)
        return {"Place": place}

    answer = page(
        {"PageSize": "3", "PageNum": "2"}, (3,), 1_000_000, make, "Record", order="newest", empty="string"
    )

    assert answer["Items"] == {"Record": [{"Place": 999_993}, {"Place": 999_992}, {"Place": 999_991}]}
    assert (answer["TotalElements"], answer["TotalPages"], len(made)) == (1_000_000, 333_334, 3)


def test_parameters_are_read_as_the_service_reads_them() -> None:
    """Missing, empty and wrong ones are told apart."""
    given = {"Number": "7", "Empty": "", "Word": "seven", "Yes": "TRUE", "No": "false"}

    assert (integer(given, "Number", 1), integer(given, "Empty", 1), integer(given, "None", 1)) == (7, 1, 1)
    assert (flag(given, "Yes", False), flag(given, "No", True), flag(given, "Empty", True)) == (
        True,
        False,
        True,
    )
    with pytest.raises(Refused) as wrong:
        integer(given, "Word", 1)
    with pytest.raises(Refused) as forbidden:
        integer(given, "Number", 1, (30, 50))
    with pytest.raises(Refused) as missing:
        required(given, "Empty")
    assert [caught.value.code for caught in (wrong, forbidden, missing)] == [
        "InvalidParameterValid", "InvalidParameterValid", "MissingEmpty",
    ]  # fmt: skip


def test_what_is_not_known_is_left_out() -> None:
    """Times are whole milliseconds, and a record has no empty fields."""
    assert record(At=ms(1.5), Never=ms(None), Zero=0) == {"At": 1500, "Zero": 0}
