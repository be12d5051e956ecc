"""Shelves: they fill, split and empty without tearing a page, and what did not change stays the same bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.generated_fleet import (
    Facts,
    check,
    filled,
    identity,
    numbered,
    numbered_fleet,
    subject_of,
)
from support.known_subjects import PLAN, REGION

from dbs_exporter.collectors.freshness import PLAN_FAMILIES, REGION_FAMILIES
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.subjects import SubjectKey, key_of, level_of
from dbs_exporter.metrics import shelves
from dbs_exporter.metrics.deflate import Checksum
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.family import render_changed
from dbs_exporter.metrics.shelves import Lines, Segment


@pytest.fixture
def small_shelves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shelves of six and leaves of two, so that few subjects fill, split and empty them."""
    monkeypatch.setattr(shelves, "SHELF_SUBJECTS", 6)
    monkeypatch.setattr(shelves, "LEAF_SUBJECTS", 2)


@pytest.mark.usefixtures("small_shelves")
@settings(deadline=None, suppress_health_check=[])
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.none() | st.integers(0, 6)), max_size=30),
        min_size=1,
        max_size=6,
    )
)
def test_shelves_that_fill_split_and_empty_stay_exact(portions: list[list[tuple[int, int | None]]]) -> None:
    """Inserting, replacing and removing across the edges of shelves and leaves never tears a page."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    now: dict[SubjectKey, Facts] = {}
    for portion in portions:
        for number, value in portion:
            key = ("prod", "cn-hangzhou", f"dbs{number:03d}")
            if value is None:
                now.pop(key, None)
                exposition.update(key, None)
            else:
                now[key] = fleet.rows[key] = numbered(fleet, value)
                exposition.update(key, subject_of(key))
        exposition.publish()
        check(exposition, fleet, now)


def test_a_change_replaces_one_leaf_and_no_page_that_is_being_sent() -> None:
    """When one plan of thousands changes, all other leaves are those of before, and who reads the page before goes on."""
    fleet = numbered_fleet()
    exposition, now = filled(5000, fleet)
    check(exposition, fleet, now)
    before = {id(leaf) for leaf in leaves(exposition)}
    held = exposition.page(openmetrics=False)
    old, half_read = identity(held), held.identity
    first = next(half_read)
    key = ("prod", "cn-hangzhou", "dbs02500")
    fleet.rows[key] = {**now[key], "dbs_thing_one": [(("new",), 5)]}
    now[key] = fleet.rows[key]

    exposition.update(key, subject_of(key))
    exposition.publish()

    check(exposition, fleet, now)
    assert len([leaf for leaf in leaves(exposition) if id(leaf) not in before]) == 1
    assert first + b"".join(half_read) == identity(held) == old


def leaves(exposition: Exposition) -> list[Lines]:
    """All leaves of plans."""
    shelf = exposition._shelves["plan"]
    return [leaf for family in range(3) for segment in shelf.segments(family) for leaf in segment.leaves]


@pytest.mark.usefixtures("small_shelves")
@pytest.mark.parametrize(
    ("changes", "whole", "kept_leaves"),
    [
        ({2: b"C\n"}, b"a\nb\nC\nd\n", [0]),
        ({0: b"", 3: b"dd\nd\n"}, b"b\nc\ndd\nd\n", []),
        ({0: b"A\n", 1: b"B\n", 2: b"c\n", 3: b"d\n"}, b"A\nB\nc\nd\n", [1]),
    ],
)
def test_a_segment_compresses_only_the_leaves_that_changed(
    changes: dict[int, bytes], whole: bytes, kept_leaves: list[int]
) -> None:
    """Its bytes, lengths, series and checksum are those of the new lines."""
    before = Segment.of([b"a\n", b"b\n", b"c\n", b"d\n"])
    after = before.replaced(changes)

    assert b"".join(after.parts()) == whole
    assert (after.series, after.checksum) == (whole.count(b"\n"), Checksum.of(whole))
    assert [leaf for leaf in (0, 1) if after.leaves[leaf] is before.leaves[leaf]] == kept_leaves
    assert before.parts() == [b"a\n", b"b\n", b"c\n", b"d\n"]


def test_a_segment_whose_lines_are_as_they_were_is_the_same_one() -> None:
    """So nobody takes it for changed."""
    segment = Segment.of([b"a\n", b"b\n"])

    assert segment.replaced({0: b"a\n"}) is segment


def test_lines_that_move_a_subjects_end_are_a_change() -> None:
    """Though the bytes of the leaf are the same, each subject keeps its own lines."""
    segment = Segment.of([b"a\n", b"b\n"])

    assert segment.replaced({0: b"", 1: b"a\nb\n"}).parts() == [b"", b"a\nb\n"]


def rendered_again(subject: Subject, before: Subject) -> set[str]:
    """The families whose lines are made anew when one subject takes the place of another."""
    families = [family for family in TABLE.families if family.of == level_of(key_of(subject))]
    lines = render_changed(families, key_of(subject), subject, before, lambda *_: None)
    return {family.name for family, line in zip(families, lines, strict=True) if line is not None}


def test_a_promise_that_is_newer_has_nothing_rendered_but_promises() -> None:
    """Each plan list renews those of every plan, every two minutes, and facts that did not change stay on their shelves."""
    plan = replace(PLAN, promised={**PLAN.promised, "plans": 9_999.0}, listed_at=9_000.0)
    region = replace(REGION, promised={**REGION.promised, "gateways": 9_999.0})

    assert rendered_again(plan, PLAN) == {
        *(family.name for family in PLAN_FAMILIES),
        # A cause explains for as long as it is known.
        "dbs_plan_condition_explained_until_timestamp_seconds",
        # What had expired when a list last showed the plan counts no more; a window of maintenance opens and closes.
        "dbs_plan_recovery_point_timestamp_seconds",
        "dbs_plan_restore_estimate_seconds",
        "dbs_plan_muted_from_timestamp_seconds",
        "dbs_plan_muted_info",
        "dbs_plan_muted_until_timestamp_seconds",
    }
    assert rendered_again(region, REGION) == {family.name for family in REGION_FAMILIES}


def test_shelves_of_promises_hold_the_newest_and_no_other_shelf_changes() -> None:
    """However often promises are renewed, the segments of facts are the same objects as before."""
    exposition = Exposition(TABLE.families)
    plans = [replace(PLAN, plan=replace(PLAN.plan, plan_id=f"dbs{number}")) for number in range(200)]
    for plan in plans:
        exposition.update(key_of(plan), plan)
    exposition.publish()
    families = [family for family in TABLE.families if family.of == "plan"]
    shelf = exposition._shelves["plan"]
    before = [list(shelf.segments(index)) for index in range(len(families))]
    for until in (5_000.0, 6_000.0):
        for plan in plans:
            promised = replace(plan, promised={"plans": until, "full_backups": until - 1.0})
            exposition.update(key_of(plan), promised)
        exposition.publish()
    changed = {
        family.name
        for index, family in enumerate(families)
        if any(new is not old for new, old in zip(shelf.segments(index), before[index], strict=True))
    }
    page = b"".join(exposition.page(openmetrics=False).identity).decode()
    lines = [line for line in page.splitlines() if line.startswith("dbs_plan_fresh_until_timestamp_seconds{")]

    assert changed == {"dbs_plan_fresh_until_timestamp_seconds"}
    assert len(lines) == 3 * 200
    assert {line.rpartition(" ")[2] for line in lines} == {"5999.0", "6000.0"}
