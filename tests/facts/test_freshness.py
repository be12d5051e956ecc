"""Until when facts of a plan count as known: as promised, and together until the first of what they rest on."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.subjects import subject_with

from dbs_exporter.facts.freshness import RECOVERY, fresh_until, recovery_fresh_until
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.limits import AHEAD_SECONDS
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import PlanSubject, Scope
from dbs_exporter.facts.windows import Window

SCOPE = Scope(account="prod", region="cn-hangzhou")
PROMISED = {"plans": 300.0, "full_backups": 200.0, "log_backups": 100.0, "downloads": 50.0}
UNLEARNED = Window()
REFUTED = Window(contradictions=2)


def plan(end_at: float | None = 10.0, *, window: Window = UNLEARNED, **promised: float) -> PlanSubject:
    return subject_with(
        PlanSubject(
            scope=SCOPE,
            plan=Plan(plan_id="dbs1", restore_end_at=end_at),
            window=window,
            listed_at=5.0,
            promised=promised or PROMISED,
        ),
        (FULL_BACKUPS, FullBackupHistory()),
    )


def test_each_group_counts_as_known_until_its_own_promise() -> None:
    """And what the recovery point rests on beside them."""
    assert fresh_until(plan()) == {**PROMISED, RECOVERY: 300.0}


def test_a_recovery_point_that_the_plan_list_gives_rests_on_the_plan_list() -> None:
    """The end of a plan's window is one, also before it was learned whether it may stand for other readings."""
    for window in (Window(), Window(confirmed=True), Window(confirmed=True, contradictions=1)):
        assert recovery_fresh_until(plan(window=window), 300.0) == 300.0


@pytest.mark.parametrize(("end_at", "window"), [(None, Window()), (10.0, REFUTED), (None, REFUTED)])
def test_without_a_window_that_says_something_a_recovery_point_rests_on_the_lists_of_backups(
    end_at: float | None, window: Window
) -> None:
    """It is known until the first of them is not, and a plan list that is older still is not known either."""
    subject = plan(end_at, window=window)

    assert fresh_until(subject)[RECOVERY] == 100.0
    assert fresh_until(replace(subject, promised={**PROMISED, "log_backups": 250.0}))[RECOVERY] == 200.0
    assert fresh_until(replace(subject, promised={**PROMISED, "plans": 20.0}))[RECOVERY] == 20.0


def test_what_is_switched_off_or_never_promised_is_not_waited_for() -> None:
    """Without full backups and logs the plan list is all that there is."""
    assert fresh_until(plan(None, plans=300.0)) == {"plans": 300.0, RECOVERY: 300.0}


def test_a_recovery_point_is_not_known_before_full_backups_were_read_or_where_it_lies_far_ahead() -> None:
    """Neither counts as known for longer than since the plan was last listed."""
    unread = replace(plan(None), groups={})

    assert fresh_until(unread)[RECOVERY] == 5.0
    assert fresh_until(plan(5.0 + AHEAD_SECONDS))[RECOVERY] == 300.0
    assert fresh_until(plan(6.0 + AHEAD_SECONDS))[RECOVERY] == 5.0


def test_everything_of_a_plan_rests_on_the_plan_list_too() -> None:
    """A list of backups of a plan that may have been deleted since says nothing; what there is nothing of never gets old."""
    subject = plan(plans=150.0, full_backups=200.0, log_backups=float("inf"))

    assert fresh_until(subject) == {
        "plans": 150.0,
        "full_backups": 150.0,
        "log_backups": float("inf"),
        RECOVERY: 150.0,
    }


def test_other_lists_say_nothing_of_the_recovery_point() -> None:
    """Downloads may be old."""
    assert fresh_until(plan(None))[RECOVERY] > PROMISED["downloads"]


def test_of_a_plan_that_was_never_listed_nothing_is_promised() -> None:
    """It is known from elsewhere, such as a restart, and its list has not come yet."""
    assert fresh_until(plan(full_backups=200.0)) == {}
