"""The exposition: byte for byte what prometheus_client writes, whatever changes in whatever order."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.generated_fleet import (
    KEYS,
    Facts,
    check,
    facts,
    filled,
    fleets,
    identity,
    numbered,
    numbered_fleet,
    subject_of,
)

from dbs_exporter.facts.subjects import SubjectKey
from dbs_exporter.metrics import shelves
from dbs_exporter.metrics.exposition import Exposition


@settings(deadline=None)
@given(st.data())
def test_pages_are_what_prometheus_client_writes_after_any_changes(data: st.DataObject) -> None:
    """Any updates and removals in any portions leave exactly the oracle's bytes, in both formats and
    encodings."""
    fleet = data.draw(fleets())
    exposition = Exposition(fleet.families)
    check(exposition, fleet, {})
    now: dict[SubjectKey, Facts] = {}
    for _ in range(data.draw(st.integers(1, 4))):
        for key in data.draw(st.lists(KEYS, max_size=8)):
            if data.draw(st.booleans()) or key not in now:
                now[key] = fleet.rows[key] = data.draw(facts(fleet))
                exposition.update(key, subject_of(key))
            else:
                del now[key]
                exposition.update(key, None)
        exposition.publish()
        check(exposition, fleet, now)


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


def test_a_subject_whose_lines_are_as_they_were_changes_nothing() -> None:
    """A poll that found nothing new leaves the very same compressed body in place."""
    fleet = numbered_fleet()
    exposition, now = filled(3000, fleet)
    before = exposition.page(openmetrics=True)
    for key in list(now)[:50]:
        exposition.update(key, subject_of(key))

    exposition.publish()

    after = exposition.page(openmetrics=True)
    assert after == before
    assert after.gzip[0] is before.gzip[0] or len(after.gzip) == 1
    assert all(
        one is other for one, other in zip(after.identity, before.identity, strict=True) if len(one) >= 2**16
    )


def test_the_last_word_on_a_subject_holds() -> None:
    """Updates between two publishes are taken in order: a plan that came and went is not there."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    key = ("prod", "cn-hangzhou", "dbs1")
    fleet.rows[key] = numbered(fleet, 1)
    exposition.update(key, subject_of(key))
    exposition.update(key, None)
    exposition.publish()

    assert identity(exposition.page(openmetrics=False)) == b""
    assert identity(exposition.page(openmetrics=True)) == b"# EOF\n"


def test_an_update_is_seen_only_after_publish() -> None:
    """A page never changes under its reader; update only notes."""
    fleet = numbered_fleet()
    exposition, now = filled(3, fleet)
    before = exposition.page(openmetrics=False)

    exposition.update(next(iter(now)), None)

    assert exposition.page(openmetrics=False) is before


def test_a_family_that_fails_is_told_and_costs_only_itself() -> None:
    """One family raising for one plan leaves the page whole otherwise."""
    told: list[tuple[str, SubjectKey, str]] = []
    fleet = numbered_fleet()
    exposition = Exposition(
        fleet.families, on_refused=lambda family, key, reason, sentence: told.append((family, key, reason))
    )
    good, bad = ("prod", "cn-hangzhou", "dbs1"), ("prod", "cn-hangzhou", "dbs2")
    fleet.rows[good] = {"dbs_thing_one": [(("x",), 1)], "dbs_thing_two": [(("x",), 1)]}
    fleet.rows[bad] = {"dbs_thing_one": [(("x", "y"), 1)], "dbs_thing_two": [(("x",), 2)]}
    for key in (good, bad):
        exposition.update(key, subject_of(key))

    exposition.publish()

    check(exposition, fleet, {good: fleet.rows[good], bad: {"dbs_thing_two": [(("x",), 2)]}})
    assert told == [("dbs_thing_one", bad, "labels")]


def test_openmetrics_parses() -> None:
    """The strict parser of prometheus_client reads the OpenMetrics page."""
    fleet = numbered_fleet()
    exposition, _ = filled(20, fleet)

    families = list(
        text_string_to_metric_families(  # type: ignore[no-untyped-call]
            identity(exposition.page(openmetrics=True)).decode()
        )
    )

    assert {family.name for family in families} == {"dbs_thing_one", "dbs_thing_two", "dbs_things"}


@pytest.mark.skipif(shutil.which("gzip") is None, reason="gzip is not installed")
def test_gzip_itself_accepts_the_body(tmp_path: Path) -> None:
    """The program reads the concatenated pieces as one sound file."""
    exposition, _ = filled(3000, numbered_fleet())
    body = tmp_path / "metrics.gz"
    body.write_bytes(b"".join(exposition.page(openmetrics=True).gzip))

    done = subprocess.run(["gzip", "--test", str(body)], capture_output=True, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (0, b"")
