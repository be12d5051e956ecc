"""Which families are exported, and of states which rows."""

from __future__ import annotations

import pytest
from support.known_subjects import PLAN

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.metrics.choosing import chosen

STATES = {family.name: family for family in TABLE.families if family.is_state}


def test_everything_is_exported_unless_something_is_excluded() -> None:
    """The families stay the same objects."""
    assert chosen(TABLE.families) == TABLE.families


def test_what_a_pattern_matches_is_left_out() -> None:
    """Whole names count, and case."""
    names = {
        family.name for family in chosen(TABLE.families, exclude=("dbs_plan_billing_*", "dbs_plan", "DBS_*"))
    }

    assert {family.name for family in TABLE.families} - names == {
        family.name for family in TABLE.families if family.name.startswith("dbs_plan_billing_")
    }
    assert len(names) < len(TABLE.families)


def test_every_family_that_says_so_is_a_state_and_no_other() -> None:
    """Its help says which row has 1, and its last label is the status."""
    for family in TABLE.families:
        assert family.is_state == family.what.startswith("1 for the status "), family.name
        assert not family.is_state or family.labels[-1] == "status"


@pytest.mark.parametrize("name", sorted(name for name in STATES if STATES[name].of == "plan"))
def test_without_inactive_states_only_the_row_that_holds_is_left(name: str) -> None:
    """A state that is not known has no row in either case."""
    [family] = [family for family in chosen(TABLE.families, inactive_states=False) if family.name == name]
    before, after = list(STATES[name].rows(PLAN)), list(family.rows(PLAN))

    assert after == [row for row in before if row[1] == 1]
    assert len(after) < len(before)


@pytest.mark.parametrize(
    "name",
    [
        "dbs_full_backup_sets",
        "dbs_full_backup_sets_bytes",
        "dbs_restore_tasks",
        "dbs_plan_recoverable_ranges",
    ],
)
def test_without_inactive_states_nothing_is_counted_that_is_not_there(name: str) -> None:
    """A kind that has something keeps its count."""
    [family] = [family for family in chosen(TABLE.families, inactive_states=False) if family.name == name]
    before = [row for each in TABLE.families if each.name == name for row in each.rows(PLAN)]

    assert list(family.rows(PLAN)) == [row for row in before if row[1]]
    assert 0 < len(list(family.rows(PLAN))) < len(before)


def test_other_rows_with_0_stay() -> None:
    """No failure since the last success is a number too."""
    before = {family.name: family for family in TABLE.families}
    for family in chosen(TABLE.families, inactive_states=False):
        if (
            family.labels[-1:] not in (("status",), ("storage_class",), ("range_type",))
            and family.of == "plan"
        ):
            assert list(family.rows(PLAN)) == list(before[family.name].rows(PLAN))
