"""The state of a collector, and of a call budget."""

from __future__ import annotations

from dbs_exporter.facts.collection import BudgetState, CollectorState
from dbs_exporter.facts.subjects import Scope

SCOPE = Scope(account="prod", region="cn-hangzhou")


def test_before_the_first_reading_nothing_is_claimed() -> None:
    """No success, no failure, no time and no refusal: nothing was tried yet."""
    state = CollectorState(scope=SCOPE, collector="plans")

    assert (state.tried, state.success, state.permitted) == (False, False, True)
    assert (state.last_success_at, state.oldest_success_at, state.last_error_at) == (None, None, None)
    assert (state.subjects, state.failed_subjects, state.last_error) == (0, 0, "")


def test_a_budget_suffices_until_it_was_weighed() -> None:
    """Nothing is stretched, nothing is wanted, and nobody knows whether the clock is right."""
    state = BudgetState(scope=SCOPE, allowed_per_second=5.0)

    assert (state.stretch, state.wanted_per_second, state.clock_offset_seconds) == (1.0, (), None)
