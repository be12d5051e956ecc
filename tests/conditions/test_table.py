"""The table as a whole: what every condition has, and what holds for made-up plans at any instant."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    with_backups,
    with_group,
    with_plan,
)

from dbs_exporter.conditions.algebra import STATES, Condition, State, holding
from dbs_exporter.conditions.causes import explanations
from dbs_exporter.conditions.rules import alerts
from dbs_exporter.conditions.table import CONDITIONS, ONE_CRITICAL, conditions_of, judge, worse_from
from dbs_exporter.facts.freshness import fresh_until
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.noticed import noticing
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import PlanSubject


def state(subject: PlanSubject, now: float = NOW) -> State:
    return judge(subject, now)[0]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (GOOD, "protected"),
        (with_group(GOOD, FULL_BACKUPS, None), "protected"),
        (with_group(NOTHING_TO_RESTORE, FULL_BACKUPS, None), "unknown"),
        (stale_for(GOOD, 0.0, "full_backups"), "protected"),
        (stale_for(GOOD, 1.0, "full_backups"), "unknown"),
        (stale_for(GOOD, 1.0, "plans"), "unknown"),
        (stale_for(GOOD, 9 * HOUR, "ranges", "restores"), "protected"),
        (NOTHING_TO_RESTORE, "unprotected"),
        (LATE_POINT, "breached"),
        (with_backups(GOOD, last_success=backup(23 * HOUR)), "at_risk"),
        (HOLES, "attention"),
        (with_backups(HOLES, oldest_kept_at=NOW - 47 * HOUR), "protected"),
        (with_plan(GOOD, status="a_new_one"), "protected"),
    ],
)
def test_a_plan_is_in_the_gravest_state_of_what_holds(plan: PlanSubject, expected: State) -> None:
    """Unknown where what its recovery point rests on is stale, whatever was last known."""
    assert state(plan) == expected


def test_what_was_last_known_is_kept_beside_unknown() -> None:
    """The reasons stay when the reading stops."""
    stale = stale_for(LATE_POINT, -300.0, "plans", "full_backups", "log_backups")
    found, held = judge(stale, NOW + 9000)

    assert found == "unknown"
    assert "recovery_point" in {each.condition.name for each in held}


def test_a_task_makes_its_plan_need_a_look_at_most() -> None:
    """A restore that failed is grave, and says nothing of the backups."""
    task = RestoreTask(task_id="r", plan_id="dbs1", status="stop", created_at=NOW - 9, finished_at=NOW - 5)

    assert state(with_group(GOOD, RESTORES, RestoreHistory(tasks=(task,)))) == "attention"


def test_how_long_a_plan_stays_well_is_known_ahead() -> None:
    """Until the first deadline of a state that is worse than attention, and worse than its own."""
    assert worse_from(GOOD, "protected", NOW) == NOW - 60 + 0.8 * 1800
    assert worse_from(GOOD, "at_risk", NOW) == NOW - 60 + 1800
    assert worse_from(GOOD, "protected", NOW + 9 * HOUR) == NOW - HOUR + 0.9 * 25 * HOUR


def test_names_of_conditions_and_alerts_are_unique_and_lesser_states_come_later() -> None:
    """The key of an alert is condition and state."""
    names = [condition.name for condition in CONDITIONS]
    raised = Counter(alert.name for _, _, alert in alerts())

    assert len(names) == len(set(names))
    assert set(raised.values()) == {1}
    for condition in CONDITIONS:
        assert list(condition.alerts) == sorted(condition.alerts, key=STATES.index)


def test_what_alerts_as_critical_or_warning_is_not_protected() -> None:
    """A note may be."""
    assert [
        alert.name for _, state, alert in alerts() if state == "protected" and alert.severity != "info"
    ] == []


def critical(subject: PlanSubject, now: float) -> list[Condition]:
    """The conditions of which the rules raise a critical alert about the plan itself."""
    explained = {each.condition.name for each in explanations(subject) if each.until > now}
    held = [
        each.condition
        for each in holding(conditions_of("plan"), subject, fresh_until(subject), now)
        if (alert := each.condition.alerts.get(each.stage.state)) is not None and alert.severity == "critical"
    ]
    alerting = [condition for condition in held if condition.name not in explained]
    return [*alerting[:1], *(condition for condition in alerting if condition not in ONE_CRITICAL)]


instants = st.none() | st.floats(NOW - 40 * 24 * HOUR, NOW + 40 * 24 * HOUR)


@st.composite
def plans(draw: st.DrawFn) -> PlanSubject:
    """A plan of which anything may be so, and that was read at its latest some time ago."""
    finished = draw(instants)
    last = (
        None
        if finished is None
        else replace(backup(), ended_at=finished, finished_at=draw(st.sampled_from((finished, None))))
    )
    points = () if finished is None else ((finished, draw(st.floats(finished, finished + 90 * 24 * HOUR))),)
    failures = draw(st.integers(0, 3))
    subject = with_backups(
        GOOD, last_success=last, last_attempt=last, points=points, consecutive_failures=failures,
        first_failure_at=draw(instants) if failures else None, last_good_expires_at=draw(instants),
    )  # fmt: skip
    at = draw(instants)
    subject = with_group(
        subject,
        LOG_BACKUPS,
        None if at is None else LogHistory(last_data_at=at, spans=((at - 90 * HOUR, at),)),
    )
    subject = with_group(subject, RANGES, draw(st.sampled_from((None, ()))))
    subject = with_plan(
        subject, status=draw(st.sampled_from(("running", "wait", "init", "stop", "pause", "locked", "new", ""))),
        restore_end_at=draw(instants), created_at=draw(instants), expires_at=draw(instants),
        log_backup_enabled=draw(st.sampled_from((True, False, None))),
    )  # fmt: skip
    return noticing(replace(subject, first_listed_at=None, groups={}), subject, NOW - 30)


@given(plans(), st.floats(NOW - 20 * 24 * HOUR, NOW + 20 * 24 * HOUR))
def test_at_any_instant_a_plan_has_one_state_and_at_most_one_critical_alert(
    subject: PlanSubject, now: float
) -> None:
    """And none with an alert of warning or worse is called protected."""
    found, held = judge(subject, now)
    severities = {
        alert.severity for each in held if (alert := each.condition.alerts.get(each.stage.state)) is not None
    }

    assert found in STATES
    assert len(critical(subject, now)) <= 1
    assert found != "protected" or severities <= {"info"}


@given(plans(), st.floats(60.0, 30 * 24 * HOUR))
def test_a_deadline_never_moves_back_when_something_good_arrives(subject: PlanSubject, later: float) -> None:
    """A newer full backup, or newer log, makes no condition of an age come earlier."""
    history = subject.get(FULL_BACKUPS)
    assert history is not None
    end = max([NOW, *(at for at, _ in history.points)]) + later
    newer = with_backups(
        subject, last_success=backup(NOW - end), last_attempt=backup(NOW - end), points=((end, end + 900 * HOUR), *history.points),
        consecutive_failures=0, first_failure_at=None,
    )  # fmt: skip
    for condition in ONE_CRITICAL[1:3]:
        before = {stage.state: stage.since for stage in condition.stages(subject)}
        for stage in condition.stages(newer):
            assert stage.since >= before.get(stage.state, float("-inf"))


@given(plans(), st.floats(1.0, 30 * 24 * HOUR))
def test_in_an_outage_nothing_that_was_well_comes_to_hold(subject: PlanSubject, later: float) -> None:
    """What would come to hold once nothing is read any more is not known."""
    until = fresh_until(subject)
    end = max(at for at in until.values() if at < float("inf"))
    before = {each.condition.name for each in holding(CONDITIONS[:-2], subject, until, end)}
    after = {each.condition.name for each in holding(CONDITIONS[:-2], subject, until, end + later)}

    assert after <= before
