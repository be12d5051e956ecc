"""What a query makes of the overview: filters, sorting, pages, links, and the headline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.page_plans import (
    GOOD,
    HOLES,
    LATE_POINT,
    NOTHING_TO_RESTORE,
    NOW,
    SCOPE,
    collectors,
    fleet,
    good_plan,
    overview_of,
    stale_for,
    with_backups,
)

from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.web.page.view import PAGE_ROWS, SIDE_ROWS, SORTS, Query, view


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (b"state=breached", ["late"]),
        (b"account=staging&q=PLAN+002", ["n2"]),
        (b"q=rm-77", ["late"]),
        (b"q=g1", ["holes"]),
        (b"account=prod&region=cn-beijing", []),
        (b"account=prod&sort=plan", ["holes", "late", "none", "p1"]),
        (b"account=prod&sort=-plan", ["p1", "none", "late", "holes"]),
        (b"account=prod&sort=point", ["holes", "p1", "late", "none"]),
        (b"account=prod&sort=-point", ["late", "holes", "p1", "none"]),
    ],
)
def test_a_query_filters_and_sorts_plans(query: bytes, ids: list[str]) -> None:
    """Filters add up; a plan without the value that is sorted by comes last whichever way round."""
    found = view(fleet(), Query.parse(query))

    assert [row.subject.plan.plan_id for row in found.plans] == ids


def test_a_large_fleet_comes_in_pages_and_a_page_beyond_the_end_is_the_last() -> None:
    """Rows of a view are bounded, numbers are of the whole."""
    facts = fleet(PAGE_ROWS)
    first = view(facts, Query.parse(b""))
    last = view(facts, Query.parse(b"page=99"))

    assert (first.found, first.first, first.page, first.pages) == (PAGE_ROWS + 4, 1, 1, 2)
    assert len(first.plans) == PAGE_ROWS
    assert (last.first, last.page, len(last.plans)) == (PAGE_ROWS + 1, 2, 4)


def test_the_smaller_tables_are_bounded_and_say_what_they_leave_out() -> None:
    """What does not fit is counted."""
    states = [replace(collectors()["plans"], collector=f"c{number}") for number in range(SIDE_ROWS + 7)]
    found = view(overview_of(collectors=states), Query())

    assert len(found.collectors) == SIDE_ROWS
    assert found.left_out["collectors"] == 7


@pytest.mark.parametrize(
    ("plans", "mood", "headline"),
    [
        ([], "unknown", "No backup plans found"),
        ([GOOD], "good", "The one plan is protected"),
        ([GOOD, good_plan("b")], "good", "All 2 plans are protected"),
        (
            [GOOD, with_backups(GOOD, consecutive_failures=1, first_failure_at=NOW - 9)],
            "warn",
            "1 plan of 2 at risk, none beyond its objective",
        ),
        ([GOOD, HOLES], "good", "No plan is at risk; 1 plan of 2 need a look"),
        ([HOLES, stale_for(GOOD, 1.0, "full_backups")], "unknown", "Nothing certain is known of 1 plan of 2"),
        ([HOLES, LATE_POINT], "bad", "1 plan of 2 cannot be restored as it should"),
        ([LATE_POINT, NOTHING_TO_RESTORE], "bad", "2 plans of 2 cannot be restored as they should"),
    ],
)
def test_the_headline_answers_at_once_whether_anything_is_wrong(
    plans: list[PlanSubject], mood: str, headline: str
) -> None:
    """The worst state speaks."""
    found = view(overview_of(plans, collectors=list(collectors().values())), Query())

    assert (found.mood, found.headline) == (mood, headline)


def test_before_the_first_plan_list_the_headline_says_that_it_is_looking() -> None:
    """An empty list that was never read is not "no plans"."""
    waiting = CollectorState(scope=SCOPE, collector="plans")

    assert view(overview_of(collectors=[waiting]), Query()).headline == "Still looking for plans"


@given(
    st.binary(max_size=300)
    | st.from_regex(rb"(sort|page|state|q|gateways)=[-%&=a-z0-9]{0,30}(&[a-z]{1,5}=.{0,9})*")
)
def test_any_query_string_is_answered_and_comes_back_as_it_was_understood(query_string: bytes) -> None:
    """What is not understood counts as not asked."""
    query = Query.parse(query_string)

    assert Query.parse(query.string().encode()) == query
    assert 1 <= view(fleet(), query).page <= 2


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in SORTS.items() for column in columns]
)
def test_every_column_sorts_up_then_down_then_worst_first(table: str, column: str) -> None:
    """Three clicks on a heading come back to the start, and every column can be sorted."""
    facts = fleet()
    query = Query()
    orders = []
    for _ in range(3):
        query = Query.parse(query.sort_link(table, column).removeprefix("?").encode())
        orders.append(query.order(table, column))
        view(facts, query)

    assert orders == ["ascending", "descending", "none"]
    assert query == Query()


def test_links_keep_what_is_asked_and_go_back_to_the_first_page() -> None:
    """A filter on page three shows its own first page."""
    query = Query.parse(b"account=prod&sort=-full&page=3")

    assert query.link(state="breached") == "?account=prod&state=breached&sort=-full"
    assert query.link(page=4) == "?account=prod&page=4&sort=-full"
