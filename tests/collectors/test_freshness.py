"""Families of freshness: when each list was read, and until when what it said counts as known."""

from __future__ import annotations

from msgspec.structs import replace
from support.family_lines import lines
from support.known_subjects import PLAN, REGION

from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.facts.windows import Window

FRESH = "dbs_plan_fresh_until_timestamp_seconds"


def test_what_was_read_has_its_time() -> None:
    """A list that was never read has none."""
    assert lines(PLAN, "dbs_plan_last_read_timestamp_seconds") == [
        '{collector="full_backups"} 5000.0',
        '{collector="restores"} 5001.0',
    ]


def test_each_kind_of_facts_has_its_promise_and_so_has_the_recovery_point() -> None:
    """By their names: whatever is promised, read before or not; none outlives the plan list."""
    assert sorted(lines(PLAN, FRESH)) == [
        '{facts="full_backups"} 5400.0',
        '{facts="log_backups"} 5400.0',
        '{facts="plans"} 5400.0',
        '{facts="recovery"} 5400.0',
        '{facts="restores"} 5400.0',
    ]


def test_the_recovery_point_is_as_fresh_as_what_it_rests_on() -> None:
    """The plan list alone where it shows a window that was not refuted; else the first list that becomes stale."""

    def recovery(subject: PlanSubject) -> str:
        later = replace(subject, promised={**subject.promised, "plans": 9900.0})
        [line] = [line for line in lines(later, FRESH) if "recovery" in line]
        return line

    shown = replace(PLAN, plan=replace(PLAN.plan, restore_end_at=5000.0))

    assert recovery(shown) == '{facts="recovery"} 9900.0'
    assert recovery(replace(shown, window=Window(contradictions=2))) == '{facts="recovery"} 7000.0'
    assert recovery(PLAN) == '{facts="recovery"} 7000.0'


def test_a_plan_that_was_never_listed_promises_nothing() -> None:
    """Promises of its lists may stand before its own record is taken; they say nothing without it."""
    unlisted = replace(PLAN, promised={"full_backups": 9000.0})

    assert lines(unlisted, FRESH) == []


def test_lists_of_a_region_have_their_promises() -> None:
    """Each by its name."""
    assert sorted(lines(REGION, "dbs_region_fresh_until_timestamp_seconds")) == [
        '{facts="gateways"} 5500.0',
        '{facts="plans"} 5400.0',
    ]
