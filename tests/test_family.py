"""Families: the contract of names, help and labels, and of rows that break it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from dbs_exporter.facts.log_backups import LogHistory
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import PlanSubject, Scope, SubjectKey
from dbs_exporter.metrics.family import (
    Family,
    Row,
    checked_table,
    plan_family,
    region_family,
    render,
    render_changed,
)
from dbs_exporter.metrics.text import LABEL_VALUE_LIMIT, escaped_label, format_value, label_value

KEY: SubjectKey = ("prod", "cn-hangzhou", "dbs1")
SUBJECT = PlanSubject(scope=Scope(account="prod", region="cn-hangzhou"), plan=Plan(plan_id="dbs1"))


def family(
    name: str = "dbs_plan_things",
    rows: Callable[[PlanSubject], Iterable[Any]] = lambda subject: [((), 1.0)],
    **changed: Any,
) -> Family:
    what = {"what": "Things of the plan", "source": "DescribeBackupPlanList Things", **changed}
    return plan_family(name, what.pop("what"), what.pop("source"), rows, **what)


def rendered(*families: Family) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Render the families for the one subject; also what was refused, as (family, reason)."""
    refused: list[tuple[str, str]] = []
    lines = render(families, KEY, SUBJECT, lambda name, key, reason, sentence: refused.append((name, reason)))
    return lines, refused


@pytest.mark.parametrize(
    "name",
    [
        "plan_things",
        "dbs_Plan_things",
        "dbs_plan__things",
        "dbs_plan_things_",
        "dbs_plan_things_count",
        "dbs_plan_things_bucket",
        "dbs_plan_things_created",
        "dbs_exporter_things",
        "dbs_plan_things_total",
        "dbs_plan_timestamp",
        "dbs_plan_timestamp_ms",
        "dbs_plan:things",
    ],
)
def test_a_gauge_with_a_name_against_the_rules_cannot_be_made(name: str) -> None:
    """A wrong name is refused when the table is made, with the name in the error."""
    with pytest.raises(ValueError, match=name):
        family(name)


def test_a_counter_without_total_cannot_be_made() -> None:
    """A counter ends in _total."""
    with pytest.raises(ValueError, match="_total"):
        family("dbs_plan_things", type="counter")


@pytest.mark.parametrize("text", ["", " ", "Two\nlines", "A full stop.", " leading"])
@pytest.mark.parametrize("part", ["what", "source"])
def test_help_is_one_line_of_text(part: str, text: str) -> None:
    """Both parts of HELP are needed, on one line."""
    with pytest.raises(ValueError, match="one line"):
        family(**dict[str, Any]({part: text}))


@pytest.mark.parametrize(
    "labels", [("le",), ("quantile",), ("__name__",), ("plan_id",), ("a", "a"), ("A",), ("",)]
)
def test_labels_that_clash_or_are_reserved_cannot_be_had(labels: tuple[str, ...]) -> None:
    """Labels are lower-case words, each once, none of them an identity label or Prometheus' own."""
    with pytest.raises(ValueError, match="label"):
        family(labels=labels)


def test_help_says_meaning_source_and_that_the_value_is_polled() -> None:
    """HELP holds everything that a reader of a scrape needs."""
    help_text = family().help

    assert help_text == "Things of the plan (DescribeBackupPlanList Things; polled)."


def test_two_families_of_one_name_make_no_table() -> None:
    """A name is in the table once."""
    with pytest.raises(ValueError, match="already belongs"):
        checked_table([family(), family()])


@pytest.mark.parametrize("gauge", ["dbs_plan_things", "dbs_plan_other"])
def test_a_gauge_may_not_have_the_name_openmetrics_gives_a_counter(gauge: str) -> None:
    """OpenMetrics cuts _total off, so the rest must be free too."""
    counter = family("dbs_plan_things_total", type="counter")

    if gauge == "dbs_plan_things":
        with pytest.raises(ValueError, match="already belongs"):
            checked_table([counter, family(gauge)])
    else:
        assert checked_table([counter, family(gauge)])[1].name == gauge


def test_labels_are_written_in_the_order_of_their_names() -> None:
    """Identity labels and the family's own are sorted together."""
    lines, _ = rendered(
        family(labels=("status", "backup_type"), rows=lambda subject: [(("running", "full"), 2)])
    )

    assert lines == [
        b'dbs_plan_things{account="prod",backup_type="full",plan_id="dbs1",region="cn-hangzhou",'
        b'status="running"} 2.0\n'
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (((), 1), "labels"),
        ((("a", "b"), 1), "labels"),
        (("a", 1), "labels"),
        (((3,), 1), "labels"),
        (((None,), 1), "labels"),
        ((("x",),), "labels"),
        (None, "labels"),
        ((("x",), None), "value"),
        ((("x",), "1"), "value"),
        ((("x",), math.nan), "value"),
        ((("x",), 10**400), "value"),
        ((("good",), 7), "duplicate"),
    ],
)
def test_a_bad_row_costs_only_itself(bad: Any, reason: str) -> None:
    """The rows around it and the families beside it are there, and the row is told with its reason."""
    rows = [(("good",), 1), bad, (("better",), 2)]

    lines, refused = rendered(family(labels=("kind",), rows=lambda subject: rows), family("dbs_plan_others"))

    assert [line.split(b'kind="')[1].split(b'"')[0] for line in lines[0].splitlines()] == [b"good", b"better"]
    assert b" 1.0\n" in lines[0]
    assert lines[1].startswith(b"dbs_plan_others{")
    assert refused == [("dbs_plan_things", reason)]


@pytest.mark.parametrize("when", ["called", "iterated"])
def test_a_family_that_raises_costs_only_itself(when: str) -> None:
    """A bug in one family gives no lines for it, and the other families of the subject are there."""

    def call(subject: PlanSubject) -> Iterable[Row]:
        raise KeyError("unforeseen")

    def iterate(subject: PlanSubject) -> Iterable[Row]:
        yield (), 1
        raise KeyError("unforeseen")

    lines, refused = rendered(family(rows=call if when == "called" else iterate), family("dbs_plan_others"))

    assert lines[0] == b""
    assert lines[1] != b""
    assert refused == [("dbs_plan_things", "error")]


def test_a_subject_that_is_gone_has_no_lines() -> None:
    """None renders to nothing, for as many families as there are."""
    assert render([family(), family("dbs_plan_others")], KEY, None, lambda *told: None) == [b"", b""]


def test_only_families_whose_facts_are_others_are_rendered_again() -> None:
    """A family that reads a field that is the same object is left out; one that says nothing never is."""
    asked: list[str] = []

    def rows(name: str) -> Callable[[PlanSubject], Iterable[Row]]:
        def asking(_: PlanSubject) -> Iterable[Row]:
            asked.append(name)
            return [((), 1)]

        return asking

    families = [
        family("dbs_plan_any", rows("any")),
        family("dbs_plan_logs", rows("logs"), reads=("logs", "log_tally")),
        family("dbs_plan_billing", rows("billing"), reads=("billing",)),
    ]
    after = replace(SUBJECT, logs=LogHistory())

    lines = render_changed(families, KEY, after, SUBJECT, lambda *told: None)

    assert asked == ["any", "logs"]
    assert [line is None for line in lines] == [False, False, True]
    assert render_changed(families, KEY, after, None, lambda *told: None) == render(
        families, KEY, after, lambda *told: None
    )


def test_a_region_has_no_plan_label() -> None:
    """Families of a region are identified by account and region."""
    made = region_family("dbs_region_things", "Things", "DescribeRegions Things", lambda subject: [((), 1)])

    lines = render([made], ("prod", "cn-hangzhou", ""), SUBJECT, lambda *told: None)

    assert lines == [b'dbs_region_things{account="prod",region="cn-hangzhou"} 1.0\n']


@given(st.floats() | st.integers(-(2**70), 2**70).map(float))
def test_numbers_are_written_as_prometheus_client_writes_them(value: float) -> None:
    """Every float, the infinities and NaN have the oracle's digits."""
    assert format_value(value) == floatToGoString(value)  # type: ignore[no-untyped-call]


@given(
    st.sampled_from(
        [0, 1, -1, True, False, 0.0, -0.0, 1.0, math.inf, -math.inf, 2**53, 1_700_000_000, 10**22]
    )
)
def test_a_row_takes_every_kind_of_number(value: float) -> None:
    """Ints, booleans, negative zero and infinities come out as the oracle writes them."""
    lines, refused = rendered(family(rows=lambda subject: [((), value)]))

    expected: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    assert lines[0].decode().split("} ")[1] == expected + "\n"
    assert refused == []


@given(st.text(st.characters(codec=None, categories=["C", "L", "Z", "P", "S", "M", "N"]), max_size=300))
def test_a_label_value_is_bounded_and_can_be_sent(value: str) -> None:
    """Whatever the API says, the label is short, encodable, and free of control characters but the line
    feed."""
    cleaned = label_value(value)

    assert len(cleaned) <= LABEL_VALUE_LIMIT
    cleaned.encode()
    assert not any(each != "\n" and (each < " " or "\x7f" <= each <= "\x9f") for each in cleaned)
    assert label_value(cleaned) == cleaned


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=LABEL_VALUE_LIMIT))
def test_an_ordinary_label_value_is_left_alone(value: str) -> None:
    """Letters of any script, digits, punctuation and symbols stay as they are."""
    assert label_value(value) == value


@pytest.mark.parametrize(
    ("one", "other"),
    [("a\x00", "a\x01"), ("a" * 200 + "b", "a" * 200 + "c"), ("a\x00", "a\ufffd"), ("\ud800", "\udfff")],
)
def test_two_values_that_had_to_be_changed_stay_two(one: str, other: str) -> None:
    """Cleaning never makes one series of two."""
    assert label_value(one) != label_value(other)


@given(st.text())
def test_an_escaped_label_reads_back_as_the_label(value: str) -> None:
    """The short cut for harmless values and the long way agree; JSON's reader undoes the same three
    escapes."""
    escaped = escaped_label(value)

    assert json.loads(f'"{escaped}"', strict=False) == label_value(value)


def test_a_family_is_as_small_as_its_fields() -> None:
    """Families are slotted and frozen: nothing is added to them later."""
    made = family()

    with pytest.raises(AttributeError):
        made.name = "dbs_plan_other"  # type: ignore[misc]
    assert not hasattr(made, "__dict__")
    assert sys.getsizeof(made) < 200
