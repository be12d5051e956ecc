"""Lists that change, repeat or miscount while they are read: a pass over one is whole, or it is told why it is not."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.api_caller import FULL_LIST, PLAN, Caller, MakeCaller, Serve
from support.scripted_server import ListScript, Server, http, in_turn

from dbs_exporter import errors
from dbs_exporter.api import paging
from dbs_exporter.api.paging import ListPass


def test_a_list_that_changed_is_read_once_more(serve: Serve, make_caller: MakeCaller) -> None:
    """A set that appears between two pages moves all the others: the list is read again, and is whole then."""

    def grow(listed: ListScript, request: int) -> None:
        if request == 1:
            listed.items.insert(0, {"BackupSetId": "new"})

    listed = ListScript(150, grow)
    found = make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN)

    assert found == listed.items
    assert listed.requests == 4


def test_one_gone_and_one_new_is_noticed(serve: Serve, make_caller: MakeCaller) -> None:
    """The count stays the same when one set goes as another comes; the set that came twice gives it away."""

    def swap(listed: ListScript, request: int) -> None:
        if request == 1:
            listed.items.insert(0, {"BackupSetId": "new"})
            listed.items.pop()

    listed = ListScript(150, swap)
    found = make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN)

    assert found == listed.items
    assert listed.requests == 4


def test_a_list_that_keeps_changing_fails(serve: Serve, make_caller: MakeCaller) -> None:
    """After two readings that do not add up the read has failed; nothing half is given."""

    def grow(listed: ListScript, request: int) -> None:
        listed.items.insert(0, {"BackupSetId": f"new{request}"})

    with pytest.raises(errors.BadAnswer, match="cannot be trusted") as caught:
        make_caller(serve(ListScript(150, grow)).url).client.pages(FULL_LIST, PLAN)

    assert (caught.value.field, caught.value.operation) == ("TotalElements", FULL_LIST)


@pytest.mark.parametrize("total", [2, 4, 250, 0, -1, None, "many", {}])
def test_a_count_that_is_wrong_fails_the_read(serve: Serve, make_caller: MakeCaller, total: object) -> None:
    """Three items where the API counts anything else are not three items; the list is read twice, then fails."""
    listed = ListScript(3)
    listed.extra = {"TotalElements": total}
    with pytest.raises(errors.BadAnswer) as caught:
        make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN)

    assert caught.value.field == "TotalElements"
    assert listed.requests <= 2


def test_a_server_that_ignores_the_page_number_ends(serve: Serve, make_caller: MakeCaller) -> None:
    """The same page again and again is noticed at the second."""
    page = [{"BackupSetId": f"set{number}"} for number in range(100)]
    answer = {"Success": True, "TotalElements": 1000, "Items": {"FullBackupFile": page}}
    server = serve(in_turn(http(answer)))
    with pytest.raises(errors.BadAnswer, match="twice"):
        make_caller(server.url).client.pages(FULL_LIST, PLAN)

    assert len(server.seen) == 4


def test_items_that_are_the_apis_own_twins_are_accepted(serve: Serve, make_caller: MakeCaller) -> None:
    """Where two readings agree in full, a repeated item is no change under the reader."""
    listed = ListScript(150)
    listed.items[120] = listed.items[10]

    assert make_caller(serve(listed).url).client.pages(FULL_LIST, PLAN) == listed.items


@given(
    st.integers(0, 260),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 259), st.booleans()), max_size=4),
)
def test_what_pages_gives_adds_up(count: int, changes: list[tuple[int, int, bool]]) -> None:
    """However the list changes under the reader, nothing comes twice, nothing is made up, and the count is the API's; or BadAnswer.

    That an item went as another came behind it cannot be seen in one reading; the next one mends it.
    """
    states: list[list[dict[str, Any]]] = []

    def change(listed: ListScript, request: int) -> None:
        for number, (when, where, insert) in enumerate(changes):
            if when == request:
                if insert:
                    listed.items.insert(min(where, len(listed.items)), {"BackupSetId": f"new{number}"})
                elif listed.items:
                    listed.items.pop(min(where, len(listed.items) - 1))
        states.append(list(listed.items))

    with closing(Server(ListScript(count, change))) as server:
        caller = Caller(server.url)
        try:
            found = caller.client.pages(FULL_LIST, PLAN)
        except errors.BadAnswer:
            assert changes
        else:
            ids = [item["BackupSetId"] for item in found]
            assert len(ids) == len(set(ids)) == len(states[-1])
            assert set(ids) <= {item["BackupSetId"] for state in states for item in state}
            assert changes or found == states[-1]
        finally:
            caller.client.close()


def test_a_list_above_any_account_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that grows for ever ends at a bound, and is not taken for whole."""
    monkeypatch.setattr(paging, "MAX_ITEMS", 3)
    list_pass = ListPass(identity=("Id",))

    assert list_pass.add_page([{"Id": 1}, {"Id": 2}], 4)
    assert not list_pass.add_page([{"Id": 3}, {"Id": 4}], 4)
    assert list_pass.is_complete
    assert list_pass.problem == "the list cannot be trusted: more than 3 items"


def test_a_page_that_is_the_one_before_is_told_from_others() -> None:
    """It is not added, and whoever takes pages as they come leaves it out."""
    list_pass, empty = ListPass(identity=("Id",)), ListPass(identity=("Id",))
    repeats = []
    for _ in range(2):
        list_pass.add_page([{"Id": 1}, {"Id": 2}], 4)
        repeats.append(list_pass.repeats)
    empty.add_page([], 0)

    assert repeats == [False, True]
    assert list_pass.items == [{"Id": 1}, {"Id": 2}]
    assert empty.repeats is False


def test_a_pass_that_adds_up_has_no_problem() -> None:
    """Pages that hold as many items as are counted, none of them twice, are a whole list; an empty page ends it."""
    list_pass = ListPass(identity=("Id",))

    assert list_pass.add_page([{"Id": 1}, {"Id": 2}], 3)
    assert list_pass.problem == "the list cannot be trusted: 2 items came where the API counts 3"
    assert list_pass.add_page([{"Id": 3}], 3)
    assert not list_pass.add_page([], 3)
    assert (list_pass.problem, list_pass.items) == ("", [{"Id": 1}, {"Id": 2}, {"Id": 3}])
