"""The algebra: least, sum, stages, and what holds at an instant."""

from __future__ import annotations

import pytest

from dbs_exporter.conditions.algebra import Condition, Stage, after, first, holding, stage
from dbs_exporter.facts.limits import FRESH_GRACE_SECONDS


def always(*stages: Stage) -> Condition:
    """A condition that has these stages."""
    return Condition(name="it", of="plan", basis="plans", alerts={}, stages=lambda _subject: stages)


def test_what_is_not_there_counts_for_nothing_in_the_least_and_for_everything_in_a_sum() -> None:
    """The least of what is known; a sum only of what is known wholly."""
    assert (first(None, 3.0, 2.0), first(None), after(2.0, 3.0), after(2.0, None)) == (2.0, None, 5.0, None)


def test_a_stage_that_ends_before_it_begins_is_none() -> None:
    """Neither is one without a begin."""
    assert list(stage("breached", 5.0, 9.0, of="t")) == [Stage("breached", 5.0, 9.0, "t")]
    assert [*stage("breached", 9.0, 9.0), *stage("breached", None)] == []


@pytest.mark.parametrize(
    ("since", "until", "known_until", "now", "holds"),
    [
        (10.0, None, 1000.0, 11.0, True),
        (10.0, None, 1000.0, 10.0, False),
        (10.0, 20.0, 1000.0, 19.0, True),
        (10.0, 20.0, 1000.0, 20.0, False),
        # It passed before the facts were stale, and goes on as last known; after that nobody knows.
        (10.0, None, 11.0 + FRESH_GRACE_SECONDS, 9000.0, True),
        (10.0, None, 10.0 + FRESH_GRACE_SECONDS, 9000.0, False),
    ],
)
def test_a_condition_holds_if_its_deadline_passed_while_its_facts_were_known(
    since: float, until: float | None, known_until: float, now: float, holds: bool
) -> None:
    """And as long as it has not ended by itself."""
    one = always(Stage("at_risk", since, until))

    assert bool(list(holding([one], None, {"plans": known_until}, now))) is holds


def test_a_condition_is_absent_until_its_basis_was_promised() -> None:
    """Nothing is said of what nobody reads."""
    assert list(holding([always(Stage("at_risk", 1.0))], None, {}, 9.0)) == []
