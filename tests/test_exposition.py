"""The exposition: byte for byte what prometheus_client writes, whatever changes in whatever order."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from dbs_exporter.metrics import shelves
from dbs_exporter.metrics.deflate import GZIP_HEADER, Checksum, combined, deflated
from dbs_exporter.metrics.exposition import LEAST_REST_SECONDS, REST_FACTOR, Exposition, Page
from dbs_exporter.metrics.family import IDENTITY, Family
from dbs_exporter.metrics.text import label_value
from dbs_exporter.model import Plan, PlanSubject, RegionSubject, Scope, Subject, SubjectKey

Facts = dict[str, list[tuple[tuple[str, ...], float]]]
"""What a generated subject carries: rows by the name of their family."""


@dataclass(frozen=True)
class Fleet:
    """A table of families and the rows of each subject; the families look the rows up."""

    families: tuple[Family, ...]
    rows: dict[SubjectKey, Facts] = field(default_factory=dict)


def subject_of(key: SubjectKey) -> Subject:
    scope = Scope(account=key[0], region=key[1])
    return PlanSubject(scope=scope, plan=Plan(plan_id=key[2])) if key[2] else RegionSubject(scope=scope)


def key_of(subject: Subject) -> SubjectKey:
    plan_id = subject.plan.plan_id if isinstance(subject, PlanSubject) else ""
    return subject.scope.account, subject.scope.region, plan_id


def found(rows: dict[SubjectKey, Facts], name: str, subject: Subject) -> list[tuple[tuple[str, ...], float]]:
    """Return a subject's rows of one family."""
    return rows[key_of(subject)].get(name, [])


class SameRows(Collector):
    """The fleet as prometheus_client takes it; families whose header is the same in both formats stand
    first."""

    def __init__(self, fleet: Fleet, rows: dict[SubjectKey, Facts]) -> None:
        self.fleet = fleet
        self.rows = rows

    def collect(self) -> Iterator[Metric]:
        def apart(family: Family) -> bool:
            return family.header(openmetrics=False) != family.header(openmetrics=True)

        for family in sorted(self.fleet.families, key=apart):
            labels = IDENTITY[family.of] + family.labels
            made: GaugeMetricFamily | CounterMetricFamily = (
                CounterMetricFamily(family.name.removesuffix("_total"), family.help, labels=labels)
                if family.type == "counter"
                else GaugeMetricFamily(family.name, family.help, labels=labels)
            )
            for key in sorted(self.rows):
                if bool(key[2]) == (family.of == "plan"):
                    for values, value in self.rows[key].get(family.name, []):
                        identity = key if key[2] else key[:2]
                        made.add_metric([label_value(each) for each in (*identity, *values)], value)
            if made.samples:
                yield made


def oracle(fleet: Fleet, rows: dict[SubjectKey, Facts]) -> tuple[bytes, bytes]:
    registry = CollectorRegistry()
    registry.register(SameRows(fleet, rows))
    return generate_latest(registry), openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]


def identity(page: Page) -> bytes:
    return b"".join(page.identity)


def check(exposition: Exposition, fleet: Fleet, rows: dict[SubjectKey, Facts]) -> None:
    """Compare both pages with the oracle, plain and compressed."""
    expected = oracle(fleet, rows)
    for page, same in zip(pages(exposition), expected, strict=True):
        assert identity(page) == same
        assert gzip.decompress(b"".join(page.gzip)) == same
        assert zlib.decompress(b"".join(page.gzip), wbits=31) == same
        assert page.identity_length == len(same)
        assert page.gzip_length == sum(map(len, page.gzip))
        assert page.series == sum(1 for line in same.splitlines() if not line.startswith(b"#"))


def pages(exposition: Exposition) -> tuple[Page, Page]:
    return exposition.page(openmetrics=False), exposition.page(openmetrics=True)


# ── generated fleets ──

LABELS = st.text(max_size=12) | st.sampled_from(
    ['a"b', "back\\slash", "line\nfeed", "\\n", "备份", "\x00", "x" * 300]
)
VALUES = (
    st.floats(allow_nan=False) | st.integers(-(10**20), 10**20) | st.sampled_from([0, 1, 1.7e9, float("inf")])
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1, max_size=20).map(
    lambda text: f"x{text}x"
)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """Draw a table of families that keeps the contract; labels, help and kind vary."""
    rows: dict[SubjectKey, Facts] = {}
    families = []
    for number in range(draw(st.integers(1, 4))):
        counter = draw(st.booleans())
        name = f"dbs_thing{number}" + ("_total" if counter else "")
        families.append(
            Family(
                name=name,
                what=draw(TEXTS),
                source=draw(TEXTS),
                of=draw(st.sampled_from(["plan", "region"])),
                labels=tuple(
                    draw(st.lists(st.sampled_from(["a", "kind", "status", "z_z"]), max_size=2, unique=True))
                ),
                type="counter" if counter else "gauge",
                rows=partial(found, rows, name),
            )
        )
    return Fleet(tuple(families), rows)


def facts(fleet: Fleet) -> st.SearchStrategy[Facts]:
    """Draw a subject's rows: any labels, no series twice."""
    return st.fixed_dictionaries(
        {
            family.name: st.lists(
                st.tuples(st.tuples(*[LABELS] * len(family.labels)), VALUES),
                max_size=3,
                unique_by=lambda row: tuple(map(label_value, row[0])),
            )
            for family in fleet.families
        }
    )


KEYS = st.tuples(
    st.sampled_from(["prod", 'st"aging', "b\\a"]),
    st.sampled_from(["cn-hangzhou", "r\n"]),
    st.sampled_from(["", *"abcdefgh"]),
)


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


def numbered_fleet() -> Fleet:
    rows: dict[SubjectKey, Facts] = {}
    names = ("dbs_thing_one", "dbs_thing_two", "dbs_things_total")
    return Fleet(
        tuple(
            Family(
                name=name,
                what="Things",
                source="DescribeThings Thing",
                of="plan",
                type="counter" if name.endswith("_total") else "gauge",
                labels=("kind",),
                rows=partial(found, rows, name),
            )
            for name in names
        ),
        rows,
    )


def numbered(fleet: Fleet, value: int) -> Facts:
    """Rows that vary in number: a value gives none to two rows to each family."""
    return {
        family.name: [((f"kind{n}",), value + n) for n in range((value + at) % 3)]
        for at, family in enumerate(fleet.families)
    }


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


def filled(plans: int, fleet: Fleet) -> tuple[Exposition, dict[SubjectKey, Facts]]:
    exposition = Exposition(fleet.families)
    now = {}
    for number in range(plans):
        key = ("prod", "cn-hangzhou", f"dbs{number:05d}")
        now[key] = fleet.rows[key] = numbered(fleet, 7 * number)
        exposition.update(key, subject_of(key))
    exposition.publish()
    return exposition, now


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


class Own:
    """The exporter's own metrics, told the size of the page before."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []
        self.broken = False

    def lines(self, *, series: int, identity_bytes: int) -> tuple[bytes, bytes]:
        if self.broken:
            raise RuntimeError("broken")
        self.told.append((series, identity_bytes))
        return b"# TYPE own_total counter\nown_total 1.0\n", b"# TYPE own counter\nown_total 1.0\n"


def test_own_metrics_close_each_page_in_its_own_format() -> None:
    """They stand after all families, before OpenMetrics' end, and count as series."""
    own = Own()
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, own=own)
    exposition.publish()
    exposition.publish()

    text, open_text = (identity(page) for page in pages(exposition))
    assert text == b"# TYPE own_total counter\nown_total 1.0\n"
    assert open_text == b"# TYPE own counter\nown_total 1.0\n# EOF\n"
    assert own.told == [(0, 0), (1, len(text))]
    assert exposition.page(openmetrics=True).series == 1


def test_a_publish_that_fails_keeps_the_page_and_what_was_noted() -> None:
    """The old page stays; the next publish has everything, and newer words on a subject hold."""
    own = Own()
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families, own=own)
    key, gone = ("prod", "cn-hangzhou", "dbs1"), ("prod", "cn-hangzhou", "dbs2")
    fleet.rows[key] = fleet.rows[gone] = numbered(fleet, 1)
    before = exposition.page(openmetrics=False)
    exposition.update(key, subject_of(key))
    exposition.update(gone, subject_of(gone))
    own.broken = True
    with pytest.raises(RuntimeError):
        exposition.publish()
    assert exposition.page(openmetrics=False) is before

    exposition.update(gone, None)
    own.broken = False
    exposition.publish()

    assert b'plan_id="dbs1"' in identity(exposition.page(openmetrics=False))
    assert b'plan_id="dbs2"' not in identity(exposition.page(openmetrics=False))


class SteppedClock:
    """A clock whose time passes only in publishes, and whose sleeps are noted and answered by the test."""

    def __init__(self, publish_seconds: float, sleeps: Callable[[float], bool]) -> None:
        self.readings = iter([step * publish_seconds for step in range(1000)])
        self.sleeps = sleeps

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return next(self.readings)

    def sleep(self, seconds: float) -> bool:
        return self.sleeps(seconds)


@pytest.mark.parametrize(("took", "rest"), [(0.0, LEAST_REST_SECONDS), (2.0, 2.0 * REST_FACTOR)])
def test_the_loop_publishes_at_once_and_rests_in_proportion(took: float, rest: float) -> None:
    """A change is on the page before the loop rests; publishing takes at most a fifth of the time."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    key = ("prod", "cn-hangzhou", "dbs1")
    fleet.rows[key] = numbered(fleet, 1)
    exposition.update(key, subject_of(key))
    seen: list[tuple[float, bool]] = []

    def sleeps(seconds: float) -> bool:
        seen.append((seconds, bool(identity(exposition.page(openmetrics=False)))))
        return True

    exposition.run(SteppedClock(took, sleeps))

    assert seen == [(rest, True)]


def test_changes_while_the_loop_rests_become_one_publish() -> None:
    """A hundred updates in one rest are published together; close ends the loop."""
    fleet = numbered_fleet()
    own = Own()
    exposition = Exposition(fleet.families, own=own)
    rests = 0

    def sleeps(seconds: float) -> bool:
        nonlocal rests
        rests += 1
        if rests == 1:
            for number in range(100):
                key = ("prod", "cn-hangzhou", f"dbs{number}")
                fleet.rows[key] = numbered(fleet, 1)
                exposition.update(key, subject_of(key))
        else:
            exposition.close()
        return False

    exposition.update(("prod", "cn-hangzhou", "none"), None)
    exposition.run(SteppedClock(0.0, sleeps))

    assert rests == 2
    assert len(own.told) == 2
    assert exposition.page(openmetrics=False).series == 1 + 300


def test_the_loop_ticks_for_the_exporters_own_metrics_and_survives_a_failure() -> None:
    """Without any change a tick publishes; a publish that fails is not the end of the loop."""
    own = Own()
    own.broken = True
    exposition = Exposition((), own=own, tick_seconds=0.0)
    rests = 0

    def sleeps(seconds: float) -> bool:
        nonlocal rests
        rests += 1
        own.broken = rests < 2
        return rests == 3

    exposition.run(SteppedClock(0.0, sleeps))

    assert own.told == [(0, 0)]


def test_updates_from_many_threads_all_arrive() -> None:
    """Writers and a publisher at the same time lose nothing."""
    fleet = numbered_fleet()
    exposition = Exposition(fleet.families)
    keys = [("prod", "cn-hangzhou", f"dbs{number:03d}") for number in range(200)]
    for key in keys:
        fleet.rows[key] = numbered(fleet, 2)

    def write(part: Sequence[SubjectKey]) -> None:
        for key in part:
            exposition.update(key, subject_of(key))

    writers = [threading.Thread(target=write, args=(keys[at::4],)) for at in range(4)]
    for writer in writers:
        writer.start()
    exposition.publish()
    for writer in writers:
        writer.join()
    exposition.publish()

    check(exposition, fleet, {key: fleet.rows[key] for key in keys})


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

    subprocess.run(["gzip", "--test", str(body)], check=True, timeout=60)  # noqa: S607


@given(st.lists(st.binary(max_size=200)))
def test_combined_checksums_are_those_of_the_whole(parts: list[bytes]) -> None:
    """CRC-32 and length of a concatenation follow from those of its parts, all at once or one by one."""
    whole = b"".join(parts)
    one_by_one = Checksum()
    for part in parts:
        one_by_one = one_by_one.then(Checksum.of(part))

    together = combined(map(Checksum.of, parts))

    assert (together.crc, together.length) == (zlib.crc32(whole), len(whole))
    assert together == one_by_one == Checksum.of(whole)
    body = b"".join([GZIP_HEADER, *map(deflated, parts), together.gzip_trailer()])
    assert gzip.decompress(body) == whole
