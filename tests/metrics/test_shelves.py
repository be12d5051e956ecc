"""Shelves: they fill, split and empty without tearing a page, and what did not change stays the same bytes."""

from __future__ import annotations

import zlib

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
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.family import render_changed
from dbs_exporter.metrics.shelves import Segment


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


def test_a_large_page_keeps_large_chunks_and_changes_few_of_them() -> None:
    """When one plan of thousands changes, the chunks of other shelves and families are those of the page
    before."""
    fleet = numbered_fleet()
    exposition, now = filled(5000, fleet)
    check(exposition, fleet, now)
    before = {id(chunk) for chunk in exposition.page(openmetrics=False).identity}
    held = exposition.page(openmetrics=False)
    old = identity(held)
    key = ("prod", "cn-hangzhou", "dbs02500")
    fleet.rows[key] = {**now[key], "dbs_thing_one": [(("new",), 5)]}
    now[key] = fleet.rows[key]

    exposition.update(key, subject_of(key))
    exposition.publish()

    check(exposition, fleet, now)
    new = [chunk for chunk in exposition.page(openmetrics=False).identity if id(chunk) not in before]
    large = [chunk for chunk in new if len(chunk) >= 64 * 1024]
    assert len(large) == 1
    assert identity(held) == old


def inflated(segment: Segment) -> bytes:
    """The lines of a segment, from its compressed leaves."""
    # Pieces have no end of their own; the exposition adds it to the page.
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(b"".join(segment.pieces))


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
    before = Segment([b"a\n", b"b\n", b"c\n", b"d\n"])
    after = before.replaced(changes)

    assert after.identity == b"".join(after.parts()) == inflated(after) == whole
    assert (after.series, after.checksum.crc) == (whole.count(b"\n"), zlib.crc32(whole))
    assert [leaf for leaf in (0, 1) if after.pieces[leaf] is before.pieces[leaf]] == kept_leaves
    assert before.identity == b"a\nb\nc\nd\n"


def test_a_segment_whose_lines_are_as_they_were_is_the_same_one() -> None:
    """So nobody takes it for changed."""
    segment = Segment([b"a\n", b"b\n"])

    assert segment.replaced({0: b"a\n"}) is segment


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
