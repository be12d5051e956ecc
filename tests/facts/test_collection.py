"""The state of a collector."""

from __future__ import annotations

from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import Scope


def test_before_the_first_run_nothing_is_claimed() -> None:
    """No success, no failure, no time and no refusal: nothing was tried yet."""
    state = CollectorState(
        scope=Scope(account="prod", region="cn-hangzhou"), collector="plans", interval_seconds=60.0
    )

    assert (state.finished_first_run, state.success, state.permitted) == (False, False, True)
    assert (state.last_run_at, state.last_success_at, state.oldest_success_at) == (None, None, None)
    assert (state.subjects, state.failed_subjects, state.last_error) == (0, 0, "")
