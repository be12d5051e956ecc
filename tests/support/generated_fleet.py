"""Fleets made up for tests of the exposition, and what prometheus_client writes for the same rows."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import (
    AccountSubject,
    PlanSubject,
    RegionSubject,
    Scope,
    SubjectKey,
    key_of,
    level_of,
)
from dbs_exporter.metrics.exposition import Exposition, Page
from dbs_exporter.metrics.family import IDENTITY, Family
from dbs_exporter.metrics.text import label_value

Facts = dict[str, list[tuple[tuple[str, ...], float]]]
"""What a generated subject carries: rows by the name of their family."""


@dataclass(frozen=True)
class Fleet:
    """A table of families and the rows of each subject; the families look the rows up."""

    families: tuple[Family, ...]
    rows: dict[SubjectKey, Facts] = field(default_factory=dict)


def subject_of(key: SubjectKey) -> Subject:
    match level_of(key):
        case "plan":
            return PlanSubject(scope=Scope(account=key[0], region=key[1]), plan=Plan(plan_id=key[2]))
        case "region":
            return RegionSubject(scope=Scope(account=key[0], region=key[1]))
    return AccountSubject(account=key[0])


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
                if level_of(key) == family.of:
                    for values, value in self.rows[key].get(family.name, []):
                        identity = [part for part in key if part]
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
                of=draw(st.sampled_from(["plan", "region", "account"])),
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


ACCOUNTS = st.sampled_from(["prod", 'st"aging', "b\\a"])
KEYS = st.one_of(
    st.tuples(ACCOUNTS, st.just(""), st.just("")),
    st.tuples(ACCOUNTS, st.sampled_from(["cn-hangzhou", "r\n"]), st.sampled_from(["", *"abcdefgh"])),
)


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


def filled(plans: int, fleet: Fleet) -> tuple[Exposition, dict[SubjectKey, Facts]]:
    exposition = Exposition(fleet.families)
    now = {}
    for number in range(plans):
        key = ("prod", "cn-hangzhou", f"dbs{number:05d}")
        now[key] = fleet.rows[key] = numbered(fleet, 7 * number)
        exposition.update(key, subject_of(key))
    exposition.publish()
    return exposition, now
