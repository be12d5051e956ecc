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
    collectors,
    until_then,
    with_backups,
    with_group,
    with_plan,
    with_read,
)

from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.web.page import verdict
from dbs_exporter.web.page.verdict import STATES, judge


@pytest.mark.parametrize(
    ("plan", "state", "reason"),
    [
        (GOOD, "protected", ""),
        (with_group(GOOD, FULL_BACKUPS, None), "protected", ""),
        (with_read(GOOD, FULL_BACKUPS, None), "unknown", "full backups never read"),
        (with_read(GOOD, LOG_BACKUPS, None), "unknown", "incremental backups never read"),
        (with_read(GOOD, FULL_BACKUPS, 180.0), "protected", ""),
        (with_read(GOOD, RANGES, 181.0), "unknown", "restore ranges last read 3 min 1 s ago"),
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
    found, reasons = judge(plan, collectors(), NOW)

    assert found == state
    assert reason in (reasons[0] if reasons else "")
    assert bool(reasons) == (state != "protected")


def test_what_applies_first_wins_and_a_graver_state_still_tells_the_rest() -> None:
    """Unknown before unprotected before breached before at risk; the weaknesses are told with a breach."""
    wrong = with_backups(with_plan(LATE_POINT, status="pause"), consecutive_failures=2)
    stale = with_read(wrong, FULL_BACKUPS, 1000.0)
    running = with_plan(wrong, status="running")

    assert judge(stale, collectors(), NOW)[0] == "unknown"
    assert judge(wrong, collectors(), NOW)[0] == "unprotected"
    assert "last 2 full backups failed" in judge(wrong, collectors(), NOW)[1]
    assert judge(running, collectors(), NOW)[0] == "breached"
    assert "last 2 full backups failed" in judge(running, collectors(), NOW)[1]


def test_a_plan_list_older_than_three_intervals_makes_every_plan_of_it_unknown() -> None:
    """A plan that may have been paused meanwhile is not called protected."""
    old = {**collectors(), "plans": replace(collectors()["plans"], last_success_at=NOW - 181)}

    assert judge(GOOD, old, NOW)[0] == "unknown"
    assert judge(GOOD, old, NOW - 1)[0] == "protected"


def test_what_ram_never_permitted_is_left_out_but_full_backups_are_needed() -> None:
    """Without the ranges a plan is judged by its backups; without the backups nothing is known; what was read stays needed."""
    refused = collectors(permitted=False)
    without_ranges = with_read(GOOD, RANGES, None)
    without_backups = with_read(GOOD, FULL_BACKUPS, None)

    assert judge(without_ranges, refused, NOW)[0] == "protected"
    assert judge(without_ranges, collectors(), NOW)[0] == "unknown"
    assert judge(without_backups, refused, NOW) == ("unknown", ("full backups never read (not permitted)",))
    assert judge(without_backups, {}, NOW) == ("unknown", ("full backups never read (collector is off)",))
    assert judge(with_read(GOOD, RANGES, 181.0), refused, NOW)[0] == "unknown"


def test_every_state_is_in_the_table_of_the_module() -> None:
    """The rules are written once, and the rules helper mirrors that table."""
    assert verdict.__doc__ is not None
    assert all(f"| {state}" in verdict.__doc__ for state in STATES)
