"""Conditions of plans themselves, each with its deadlines to the second."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.condition_plans import deadlines
from support.page_plans import GOOD, HOUR, NOW, with_plan
from support.subjects import subject_with

from dbs_exporter.conditions.plans import (
    log_backup_off,
    no_objective,
    plan_expiry,
    plan_not_running,
    plan_weakened,
    precheck_failed,
    retention_short,
)
from dbs_exporter.facts.billing import BILLING, Billing
from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.noticed import LOG_OFF, NO_OBJECTIVE, RETENTION_SHORT, precheck_key, status_key
from dbs_exporter.facts.prechecks import PRECHECKS, Precheck, PrecheckItem
from dbs_exporter.facts.subjects import Weakening

SEEN = NOW - 77.0


@pytest.mark.parametrize("status", ["stop", "pause", "locked"])
def test_a_plan_does_not_run_since_that_was_first_seen(status: str) -> None:
    """One that was never started has a day."""
    stopped = replace(with_plan(GOOD, status=status), noticed={status_key(status): SEEN})

    assert deadlines(plan_not_running, stopped) == {"unprotected": (SEEN, None)}
    assert deadlines(plan_not_running, with_plan(GOOD, status="init")) == {
        "unprotected": (NOW - 1000 * HOUR + DAY_SECONDS, None)
    }
    # GOOD had log a minute ago.
    first = replace(stopped, noticed={status_key(status): NOW - 1000 * HOUR}, first_listed_at=NOW)
    assert deadlines(plan_not_running, first) == {"unprotected": (NOW - 60, None)}
    assert (
        deadlines(plan_not_running, GOOD) == deadlines(plan_not_running, with_plan(GOOD, status="new")) == {}
    )


def test_a_prepaid_plan_ends_in_three_steps() -> None:
    """By the plan list, else by its bill."""
    days = {
        "attention": (NOW - 14 * DAY_SECONDS, None),
        "at_risk": (NOW - 3 * DAY_SECONDS, None),
        "unprotected": (NOW, None),
    }
    billed = subject_with(GOOD, (BILLING, Billing(expires_at=NOW)))

    assert deadlines(plan_expiry, with_plan(GOOD, expires_at=NOW)) == days
    assert deadlines(plan_expiry, billed) == days
    assert deadlines(plan_expiry, GOOD) == {}


def test_what_carries_no_time_counts_from_when_it_was_first_seen() -> None:
    """And is absent where it was not."""
    for condition, key in (
        (log_backup_off, LOG_OFF),
        (retention_short, RETENTION_SHORT),
        (no_objective, NO_OBJECTIVE),
    ):
        assert deadlines(condition, replace(GOOD, noticed={key: SEEN})) == {"attention": (SEEN, None)}
        assert deadlines(condition, GOOD) == {}


def test_a_plan_is_weaker_for_a_week_after_the_last_change() -> None:
    """Since the first of them."""
    weaker = {"databases": Weakening(was=3.0, at=SEEN), "schedule": Weakening(was=1.0, at=SEEN + 9.0)}

    assert deadlines(plan_weakened, replace(GOOD, weakened=weaker)) == {
        "attention": (SEEN, SEEN + 9.0 + 7 * DAY_SECONDS)
    }
    assert deadlines(plan_weakened, GOOD) == {}


def test_a_failed_pre_check_keeps_the_plan_from_starting_or_a_restore() -> None:
    """The earliest of several counts."""
    checks = tuple(
        Precheck(subject=subject, subject_id=name, status="failed", progress=None)  # type: ignore[arg-type]
        for subject, name in (("plan", "dbs1"), ("restore_task", "r1"), ("restore_task", "r2"))
    )
    noticed = {precheck_key(each.subject, each.subject_id): SEEN + place for place, each in enumerate(checks)}
    failed = replace(subject_with(GOOD, (PRECHECKS, checks)), noticed=noticed)

    assert deadlines(precheck_failed, failed) == {"at_risk": (SEEN, None), "attention": (SEEN + 1, None)}
    assert deadlines(precheck_failed, replace(failed, noticed={})) == {}
    item = PrecheckItem(item="A", state="warning", finished_at=SEEN - 50)
    timed = subject_with(failed, (PRECHECKS, (replace(checks[0], items=(item,)),)))
    assert deadlines(precheck_failed, timed) == {"at_risk": (SEEN - 50, None)}
