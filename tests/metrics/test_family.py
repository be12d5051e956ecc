"""Families: the contract of names, help and labels, and of rows that break it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString
from support.subjects import subject_with

from dbs_exporter.facts.billing import BILLING
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import AccountSubject, PlanSubject, RegionSubject, Scope, SubjectKey
from dbs_exporter.facts.tallies import Tally
from dbs_exporter.metrics.family import (
    Family,
    Row,
    account_family,
    checked_table,
    plan_family,
    region_family,
    render,
    render_changed,
    with_reads,
)

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
    """A family whose groups and fields are the same objects is left out; one that says nothing never is."""
    asked: list[str] = []

    def rows(name: str) -> Callable[[PlanSubject], Iterable[Row]]:
        def asking(_: PlanSubject) -> Iterable[Row]:
            asked.append(name)
            return [((), 1)]

        return asking

    families = [
        family("dbs_plan_any", rows("any")),
        family("dbs_plan_logs", rows("logs"), reads=(LOG_BACKUPS,)),
        family("dbs_plan_billing", rows("billing"), reads=(BILLING,)),
        family("dbs_plan_both", rows("both"), reads=("plan", LOG_BACKUPS)),
        family("dbs_plan_listed", rows("listed"), reads=("plan", "objectives")),
    ]
    after = subject_with(SUBJECT, (LOG_BACKUPS, LogHistory()))

    lines = render_changed(families, KEY, after, SUBJECT, lambda *told: None)

    assert asked == ["any", "logs", "both"]
    assert [line is None for line in lines] == [False, False, True, False, True]
    assert render_changed(families, KEY, after, None, lambda *told: None) == render(
        families, KEY, after, lambda *told: None
    )


def test_a_group_is_another_by_its_facts_or_its_tally_but_not_by_when_it_was_read() -> None:
    """A list that says what it said before costs no rendering."""
    of_log = family(reads=(LOG_BACKUPS,))
    before = subject_with(SUBJECT, (LOG_BACKUPS, LogHistory(), 10.0, Tally(success=1)))

    assert of_log.is_unchanged(subject_with(before, (LOG_BACKUPS, LogHistory(), 20.0)), before)
    assert not of_log.is_unchanged(
        subject_with(before, (LOG_BACKUPS, LogHistory(last_data_at=1.0), 10.0)), before
    )
    assert not of_log.is_unchanged(
        subject_with(before, (LOG_BACKUPS, LogHistory(), 10.0, Tally(success=2))), before
    )
    assert not family().is_unchanged(before, before)


def test_families_may_be_told_together_what_they_look_at() -> None:
    """Nothing else of them changes; one that says it of itself keeps that."""
    made = with_reads((family(), family("dbs_plan_others", reads=("plan",))), LOG_BACKUPS)

    assert [each.name for each in made] == ["dbs_plan_things", "dbs_plan_others"]
    assert [each.reads for each in made] == [(LOG_BACKUPS,), ("plan",)]


def test_a_region_has_no_plan_label() -> None:
    """Families of a region are identified by account and region."""
    made = region_family("dbs_region_things", "Things", "DescribeRegions Things", lambda subject: [((), 1)])
    region = RegionSubject(scope=SUBJECT.scope)

    lines = render([made], ("prod", "cn-hangzhou", ""), region, lambda *told: None)

    assert lines == [b'dbs_region_things{account="prod",region="cn-hangzhou"} 1.0\n']


def test_an_account_has_no_region_label_of_its_own() -> None:
    """Families of an account are identified by it alone, so that a region may be what a row is about."""
    made = account_family(
        "dbs_account_things",
        "Things",
        "DescribeRegions Things",
        lambda subject: [(("cn-beijing",), 1)],
        labels=("region",),
    )

    lines = render([made], ("prod", "", ""), AccountSubject(account="prod"), lambda *told: None)

    assert lines == [b'dbs_account_things{account="prod",region="cn-beijing"} 1.0\n']


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


def test_a_family_is_as_small_as_its_fields() -> None:
    """Families are slotted and frozen: nothing is added to them later."""
    made = family()

    with pytest.raises(AttributeError):
        made.name = "dbs_plan_other"  # type: ignore[misc]
    assert not hasattr(made, "__dict__")
    assert sys.getsizeof(made) < 200
