"""What explains conditions: from what began after it, renewed by each reading, and ending by itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.page_plans import GOOD, HOUR, LATE_POINT, NOTHING_TO_RESTORE, NOW, with_plan

from dbs_exporter.conditions.causes import explanations
from dbs_exporter.facts.noticed import precheck_key, status_key
from dbs_exporter.facts.subjects import Outage, PlanSubject

AGES = {"recovery_point", "full_backup_age", "last_good_expiring"}


def explained(subject: PlanSubject) -> dict[str, dict[str, float]]:
    """Cause -> condition -> until when."""
    found: dict[str, dict[str, float]] = {}
    for each in explanations(subject):
        found.setdefault(each.cause, {})[each.condition.name] = each.until
    return found


def test_a_pause_explains_what_gets_old_by_it_a_quarter_of_an_hour_after_each_list() -> None:
    """But not before that list is stale; that a plan was stopped explains nothing."""
    paused = replace(with_plan(GOOD, status="pause"), noticed={status_key("pause"): NOW - 90})

    assert explained(paused) == {"pause": dict.fromkeys(AGES, NOW - 30 + 900)}
    assert explained(replace(paused, promised={"plans": NOW + 5000})) == {
        "pause": dict.fromkeys(AGES, NOW + 5000)
    }
    assert explained(replace(with_plan(GOOD, status="stop"), noticed={status_key("stop"): NOW - 90})) == {}


def test_a_cause_explains_only_what_began_after_it() -> None:
    """A recovery point that was too old before the pause wakes somebody all the same."""
    paused = replace(with_plan(LATE_POINT, status="pause"), noticed={status_key("pause"): NOW + 9})

    assert set(explained(paused)["pause"]) == AGES - {"recovery_point"}


def test_a_failed_pre_check_explains_that_the_plan_does_not_run() -> None:
    """It says nothing of backups that are missing."""
    refused = replace(
        with_plan(NOTHING_TO_RESTORE, status="init"), noticed={precheck_key("plan", "dbs1"): NOW - 9e6}
    )

    assert set(explained(refused)["precheck_failed"]) == {"plan_not_running"}


@pytest.mark.parametrize(("known_until", "until"), [(NOW, NOW + 890), (NOW + 4000, NOW + 4000)])
def test_a_gateway_that_is_offline_explains_the_plans_behind_it(known_until: float, until: float) -> None:
    """A quarter of an hour after the last list that showed it, and while that list counts as known."""
    behind = replace(GOOD, outage=Outage(began_at=NOW - HOUR, seen_at=NOW - 10, known_until=known_until))

    assert explained(behind) == {"gateway_offline": dict.fromkeys(AGES, until)}


@pytest.mark.parametrize(
    ("caught_up_at", "until"), [(NOW + 60, NOW + 960), (NOW + 3500, NOW - 10 + HOUR - 10)]
)
def test_a_log_that_catches_up_is_explained_as_long_as_the_outage_lasted_at_most(
    caught_up_at: float, until: float
) -> None:
    """A quarter of an hour after it was last seen to gain on the clock."""
    outage = Outage(began_at=NOW - HOUR, seen_at=NOW - 10, caught_up_at=caught_up_at)

    assert explained(replace(GOOD, outage=outage))["log_catching_up"] == {"recovery_point": until}
