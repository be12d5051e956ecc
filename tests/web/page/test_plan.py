"""The page of one plan: what is wrong and what will be, what can be restored, and what that rests on."""

from __future__ import annotations

from msgspec.structs import replace
from support.page_plans import (
    GOOD,
    HOUR,
    NOW,
    SCOPE,
    backup,
    overview_of,
    with_backups,
    with_group,
    with_plan,
)
from support.subjects import subject_with

from dbs_exporter.facts.full_backups import FullBackup, full_backup_history
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.noticed import backup_progress_key, progress_key
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import Outage, PlanSubject, RegionSubject, Scope
from dbs_exporter.web.page.plan import PlanView, plan_view


def view_of(subject: PlanSubject, *regions: RegionSubject) -> PlanView:
    """The page of a plan."""
    found = plan_view(
        overview_of([subject], regions=regions), SCOPE.account, SCOPE.region, subject.plan.plan_id
    )
    assert found is not None
    return found


def test_there_is_no_page_of_a_plan_that_is_not_known() -> None:
    """Nor of one of another account or region."""
    facts = overview_of([GOOD])

    assert plan_view(facts, SCOPE.account, SCOPE.region, "dbs-other") is None
    assert plan_view(facts, "other", SCOPE.region, GOOD.plan.plan_id) is None
    assert plan_view(facts, SCOPE.account, "other", GOOD.plan.plan_id) is None


def test_what_will_be_wrong_comes_after_what_is_the_soonest_first() -> None:
    """Each with its instant, its alert and whether it holds."""
    late = with_backups(GOOD, last_success=backup(30 * HOUR), last_attempt=backup(30 * HOUR))
    rows = view_of(late).conditions
    held = [row for row in rows if row.holds]
    coming = [row for row in rows if not row.holds]

    assert list(rows) == [*held, *coming]
    assert ("full_backup_age", "breached", "DBSFullBackupOverdue", "critical") in [
        (row.name, row.state, row.alert, row.severity) for row in held
    ]
    assert [row.since for row in coming] == sorted(row.since for row in coming)
    assert all(row.since < NOW for row in held)
    assert all(row.since >= NOW for row in coming)
    assert "recovery_point" in {row.name for row in coming}


def test_what_explains_a_condition_stands_beside_it_only_while_it_holds() -> None:
    """What will be is not explained by what is now."""
    out = replace(
        with_plan(GOOD, gateway_id="7", restore_end_at=NOW - HOUR),
        outage=Outage(began_at=NOW - 2 * HOUR, seen_at=NOW - 60, known_until=NOW + HOUR),
        promised={**GOOD.promised, "gateways": NOW + HOUR},
    )
    rows = view_of(with_group(out, RANGES, ())).conditions

    assert {row.cause for row in rows if not row.holds} == {""}


def test_the_window_is_drawn_to_scale_with_its_holes_and_sets() -> None:
    """From the oldest instant that can be restored until now; what is short is drawn wide enough to be seen."""
    ranges = (
        RestoreRange(range_type="range", begin_at=NOW - 100 * HOUR, end_at=NOW - 50 * HOUR),
        RestoreRange(range_type="range", begin_at=NOW - 40 * HOUR, end_at=NOW - HOUR),
    )
    jobs = [
        FullBackup(
            backup_set_id="s", status="finish", created_at=NOW - 76 * HOUR, ended_at=NOW - 75 * HOUR, expires_at=NOW + HOUR
        )
    ]  # fmt: skip
    subject = with_group(GOOD, RANGES, ranges)
    window = view_of(with_backups(subject, recent=full_backup_history(jobs, NOW).recent)).window

    assert window is not None
    assert window.begin_at <= NOW - 100 * HOUR
    whole = NOW - window.begin_at
    [hole] = window.holes
    [drawn] = window.sets
    assert (hole.begin_at, hole.end_at) == (NOW - 50 * HOUR, NOW - 40 * HOUR)
    assert hole.left == (NOW - 50 * HOUR - window.begin_at) / whole
    assert round(hole.width, 9) == round(10 * HOUR / whole, 9)
    assert drawn.left == (NOW - 75 * HOUR - window.begin_at) / whole
    assert 0.95 < window.point <= 1.0


def test_a_plan_with_nothing_to_restore_has_no_window_and_no_bars() -> None:
    """Nothing is drawn that is not there."""
    empty = with_plan(
        with_group(with_backups(GOOD, last_success=None, points=()), RANGES, ()), restore_end_at=None
    )
    without_log = with_plan(empty, log_backup_enabled=False)

    assert view_of(without_log).window is None
    assert view_of(without_log).bars == ()


def test_the_strip_has_a_bar_for_each_of_the_last_full_backups() -> None:
    """Its height is its size against the largest, its mood its outcome."""
    jobs = [
        FullBackup(backup_set_id=str(number), status=status, created_at=NOW - (9 - number) * HOUR, size_bytes=size)
        for number, (status, size) in enumerate([("finish", 50), ("stop", None), ("finish", 100), ("running", None), ("odd", 10)])
    ]  # fmt: skip
    bars = view_of(with_backups(GOOD, recent=full_backup_history(jobs, NOW).recent)).bars

    assert [bar.mood for bar in bars] == ["good", "bad", "good", "running", "unknown"]
    assert [bar.height for bar in bars] == [0.5, 0.08, 1.0, 0.08, 0.1]


def test_a_running_backup_has_the_time_when_it_should_end_and_since_when_it_has_not_moved() -> None:
    """By how long the last ones took, none where it has not started; and by the reading that first saw it so far."""
    running = FullBackup(
        backup_set_id="r", status="running", created_at=NOW - 900, started_at=NOW - 600, data_progress=0.5
    )
    begun = view_of(with_backups(GOOD, running=running, duration_median_seconds=1800.0)).running
    waiting = view_of(with_backups(GOOD, running=replace(running, started_at=None))).running
    watched = replace(with_backups(GOOD, running=running), noticed={backup_progress_key(running): NOW - 300})
    still = view_of(watched).running

    assert begun is not None
    assert (begun.began_at, begun.progress, begun.ends_at) == (NOW - 600, 0.5, NOW + 1200)
    assert waiting is not None
    assert (waiting.began_at, waiting.ends_at) == (NOW - 900, None)
    assert still is not None
    assert (begun.still_since, still.still_since) == (None, NOW - 300)


def test_a_restore_shows_since_when_it_has_not_moved() -> None:
    """One that has ended stands still for good, which is not worth a word."""
    moving = RestoreTask(task_id="a", plan_id="dbs1", status="running", progress=(("full_data", 0.5),))
    ended = RestoreTask(task_id="b", plan_id="dbs1", status="finish")
    subject = replace(
        with_group(GOOD, RESTORES, RestoreHistory(tasks=(moving, ended))),
        noticed={progress_key(moving): NOW - 700.0, progress_key(ended): NOW - 900.0},
    )

    assert [(each.still_since, each.ended) for each in view_of(subject).restores] == [
        (NOW - 700.0, False),
        (None, True),
    ]


def test_the_gateway_is_found_in_whatever_region_it_is_listed() -> None:
    """By account and id; a plan without one has none."""
    gateway = Gateway(gateway_id="7", status="OFFLINE", last_heartbeat_at=NOW - 900)
    elsewhere = subject_with(
        RegionSubject(scope=Scope(account=SCOPE.account, region="elsewhere")), (GATEWAYS, (gateway,))
    )
    found = view_of(with_plan(GOOD, gateway_id="7"), elsewhere).gateway

    assert found is not None
    assert found.gateway == gateway
    assert view_of(with_plan(GOOD, gateway_id="8"), elsewhere).gateway is None
    assert view_of(with_plan(GOOD, gateway_id=""), elsewhere).gateway is None


def test_what_the_page_rests_on_is_named_with_its_age() -> None:
    """Stale where a reading that was promised did not come."""
    sources = {each.name: each for each in view_of(GOOD).sources}
    stale = replace(GOOD, promised={**GOOD.promised, "full_backups": NOW - 1})

    assert set(sources) == set(GOOD.promised)
    assert not any(each.stale for each in sources.values())
    assert [each.name for each in view_of(stale).sources if each.stale] == ["full_backups"]


def test_the_command_lines_name_the_plan_and_only_what_it_has() -> None:
    """Log files of a plan without log backup and gateways of a plan without one are not asked for."""
    with_all = " ".join(view_of(with_plan(GOOD, log_backup_enabled=True, gateway_id="7")).calls)
    with_less = " ".join(view_of(with_plan(GOOD, log_backup_enabled=False, gateway_id="")).calls)

    for operation in ("DescribeIncrementBackupList", "DescribeBackupGatewayList"):
        assert operation in with_all
        assert operation not in with_less
    assert f"BackupPlanId={GOOD.plan.plan_id}" in with_less
