"""The state of a plan and its reasons, at the edges of every rule."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.page_plans import (
    GOOD,
    HOLES,
    HOUR,
    LATE_POINT,
    NOTHING_TO_RESTORE,
    NOW,
    backup,
    stale_for,
    until_then,
    with_backups,
    with_group,
    with_plan,
)

from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.facts.windows import Window
from dbs_exporter.web.page import verdict
from dbs_exporter.web.page.verdict import STATES, judge


@pytest.mark.parametrize(
    ("plan", "state", "reason"),
    [
        (GOOD, "protected", ""),
        (with_group(GOOD, FULL_BACKUPS, None), "protected", ""),
        (with_group(NOTHING_TO_RESTORE, FULL_BACKUPS, None), "unknown", "full backups not read yet"),
        (stale_for(GOOD, 0.0, "full_backups"), "protected", ""),
        (stale_for(GOOD, 1.0, "full_backups"), "unknown", "full backups not read in time, for 1 s"),
        (stale_for(GOOD, 61.0, "log_backups"), "unknown", "log backups not read in time, for 1 min 1 s"),
        (stale_for(GOOD, 1.0, "plans"), "unknown", "plans not read in time, for 1 s"),
        (stale_for(GOOD, 9 * HOUR, "ranges", "restores"), "protected", ""),
        *(
            (
                with_plan(GOOD, status=status),
                "unprotected",
                f"plan is not running: {status}",
            )
            for status in ("wait", "init", "check_pass", "stop", "pause", "locked")
        ),
        (with_plan(GOOD, status="a_new_one"), "protected", ""),
        (NOTHING_TO_RESTORE, "unprotected", "nothing to restore from"),
        (until_then(NOW + 900), "protected", ""),
        (until_then(NOW + 901), "unknown", "recovery point lies 15 min 1 s in the future"),
        (LATE_POINT, "breached", "recovery point is 30 min 1 s old, objective 30 min"),
        (replace(LATE_POINT, objectives=Objectives()), "protected", ""),
        (
            with_backups(GOOD, last_success=backup(25 * HOUR + 1)),
            "breached",
            "last full backup is 1 d 1 h old, objective 1 d 1 h",
        ),
        (with_backups(GOOD, last_success=backup(22.5 * HOUR)), "protected", ""),
        (
            with_backups(GOOD, last_success=backup(22.5 * HOUR + 1)),
            "at_risk",
            "last full backup is 22 h 30 min old",
        ),
        (replace(LATE_POINT, objectives=Objectives(rpo=2200.0, full_backup_interval=2201.0)), "breached", ""),
        (
            replace(LATE_POINT, objectives=Objectives(rpo=2200.0, full_backup_interval=25 * HOUR)),
            "at_risk",
            "recovery point is 30 min 1 s old",
        ),
        (replace(LATE_POINT, objectives=Objectives(rpo=2200.0)), "protected", ""),
        (
            replace(LATE_POINT, objectives=Objectives(rpo=2000.0)),
            "at_risk",
            "recovery point is 30 min 1 s old, objective 33 min 20 s",
        ),
        (with_backups(GOOD, consecutive_failures=1), "at_risk", "last full backup failed"),
        (with_backups(GOOD, consecutive_failures=3), "at_risk", "last 3 full backups failed"),
        (HOLES, "at_risk", "1 hole in recoverability, 2 h in all"),
        (with_backups(HOLES, oldest_kept_at=NOW - 47 * HOUR), "protected", ""),
    ],
)
def test_each_rule_of_the_table_holds_where_it_says_and_not_a_second_earlier(
    plan: PlanSubject, state: str, reason: str
) -> None:
    """The state and its first reason, at the edges of every rule."""
    found, reasons = judge(plan, NOW)

    assert found == state
    assert reason in (reasons[0] if reasons else "")
    assert bool(reasons) == (state != "protected")


def test_what_applies_first_wins_and_a_graver_state_still_tells_the_rest() -> None:
    """Unknown before unprotected before breached before at risk; the weaknesses are told with a breach."""
    wrong = with_backups(with_plan(LATE_POINT, status="pause"), consecutive_failures=2)
    stale = stale_for(wrong, 1000.0, "full_backups")
    running = with_plan(wrong, status="running")

    assert judge(stale, NOW)[0] == "unknown"
    assert judge(wrong, NOW)[0] == "unprotected"
    assert "last 2 full backups failed" in judge(wrong, NOW)[1]
    assert judge(running, NOW)[0] == "breached"
    assert "last 2 full backups failed" in judge(running, NOW)[1]


WITH_WINDOW = with_plan(GOOD, restore_end_at=NOW - 30.0)


def test_a_recovery_point_that_the_plan_list_gives_is_known_as_long_as_that_list() -> None:
    """Its backups may be read seldom meanwhile; where the window was shown to say nothing, they are needed."""
    lists = ("full_backups", "log_backups")
    refuted = replace(WITH_WINDOW, window=Window(contradictions=2))

    assert judge(stale_for(WITH_WINDOW, 9 * HOUR, *lists), NOW) == ("protected", ())
    assert judge(stale_for(WITH_WINDOW, 1.0, "plans"), NOW) == (
        "unknown",
        ("plans not read in time, for 1 s",),
    )
    assert judge(stale_for(refuted, 60.0, *lists), NOW) == (
        "unknown",
        ("full backups not read in time, for 1 min", "log backups not read in time, for 1 min"),
    )


def test_a_plan_that_may_have_been_paused_meanwhile_is_not_called_protected() -> None:
    """Its status is as old as the plan list; from the second on that this is not known, nothing is."""
    old = stale_for(GOOD, 0.0, "plans")

    assert judge(old, NOW)[0] == "protected"
    assert judge(old, NOW + 1.0)[0] == "unknown"


def test_what_was_never_read_is_waited_for_until_its_first_promise() -> None:
    """Also where RAM refuses it: what is never read is unknown, not silent."""
    unread = with_group(with_group(GOOD, FULL_BACKUPS, None), LOG_BACKUPS, None)
    refused = stale_for(unread, 1.0, "full_backups")

    assert judge(unread, NOW)[0] == "protected"
    assert judge(refused, NOW) == ("unknown", ("full backups not read in time, for 1 s",))
    assert judge(with_plan(refused, restore_end_at=NOW - 30.0), NOW)[0] == "protected"


def test_what_is_switched_off_is_not_waited_for() -> None:
    """Nothing of it is promised."""
    without_logs = replace(GOOD, promised={"plans": NOW + 60.0, "full_backups": NOW + 60.0})

    assert judge(without_logs, NOW)[0] == "protected"


def test_every_state_is_in_the_table_of_the_module() -> None:
    """The rules are written once, and the rules helper mirrors that table."""
    assert verdict.__doc__ is not None
    assert all(f"| {state}" in verdict.__doc__ for state in STATES)
