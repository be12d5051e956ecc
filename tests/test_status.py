"""The state of a plan, its reasons, and what a query makes of the overview."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.full_backups import FullBackup, FullBackupHistory
from dbs_exporter.facts.gateways import Gateway
from dbs_exporter.facts.job_errors import JobError
from dbs_exporter.facts.log_backups import LogHistory
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.prechecks import Precheck, PrecheckItem
from dbs_exporter.facts.restore_ranges import RestoreRange
from dbs_exporter.facts.restores import RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject, Scope
from dbs_exporter.web.page import words
from dbs_exporter.web.page.overview import Overview, Snapshot, collector_row, overview, plan_row
from dbs_exporter.web.page.verdict import STATES, judge
from dbs_exporter.web.page.view import PAGE_ROWS, SIDE_ROWS, SORTS, Query, view

NOW = 1_800_000_000.0
HOUR = 3600.0
SCOPE = Scope(account="prod", region="cn-hangzhou")
READ = ("full_backups", "incremental_backups", "restore_ranges")


def backup(age: float = HOUR, status: str = "finish", size_bytes: int | None = 1000) -> FullBackup:
    """A full backup that came to its end so long ago."""
    return FullBackup(
        backup_set_id="set1",
        status=status,
        finished_at=NOW - age,
        ended_at=NOW - age,
        size_bytes=size_bytes,
    )


def good_plan(plan_id: str = "dbs1", *, scope: Scope = SCOPE, name: str = "orders") -> PlanSubject:
    """A plan of which nothing is wrong: a full backup an hour ago, log of a minute ago, everything read just now."""
    return PlanSubject(
        scope=scope,
        plan=Plan(plan_id=plan_id, name=name, status="running", log_backup_enabled=True),
        objectives=Objectives(rpo=1800.0, full_backup_interval=25 * HOUR),
        full_backups=FullBackupHistory(
            last_success=backup(),
            last_attempt=backup(),
            newest_recovery_point_at=NOW - HOUR,
            size_median_bytes=1000.0,
            last_good_expires_at=NOW + 700 * HOUR,
        ),
        logs=LogHistory(last_data_at=NOW - 60, spans=((NOW - 2 * HOUR, NOW - 60),)),
        ranges=(RestoreRange(range_type="range", begin_at=NOW - 90 * HOUR, end_at=NOW - 600),),
        restores=RestoreHistory(last_success_at=NOW - 100 * HOUR),
        read_at=tuple((name, NOW - 30) for name in READ),
    )


def collectors(**changes: object) -> dict[str, CollectorState]:
    """The collectors of a scope, all well, each on a minute's interval."""
    state = CollectorState(
        scope=SCOPE,
        collector="",
        interval_seconds=60.0,
        finished_first_run=True,
        success=True,
        last_success_at=NOW - 30,
        oldest_success_at=NOW - 30,
    )
    return {
        name: replace(state, collector=name, **changes)  # type: ignore[arg-type]
        for name in ("plans", *READ)
    }


def with_backups(plan: PlanSubject, **changes: object) -> PlanSubject:
    assert plan.full_backups is not None
    return replace(plan, full_backups=replace(plan.full_backups, **changes))  # type: ignore[arg-type]


def with_read(plan: PlanSubject, **ages: float | None) -> PlanSubject:
    read = {**dict(plan.read_at), **{name: None if age is None else NOW - age for name, age in ages.items()}}
    return replace(plan, read_at=tuple((name, at) for name, at in read.items() if at is not None))


GOOD = good_plan()
NOTHING_TO_RESTORE = replace(with_backups(GOOD, newest_recovery_point_at=None), ranges=(), logs=None)
HOLES = replace(
    GOOD,
    ranges=(
        RestoreRange(range_type="range", begin_at=NOW - 90 * HOUR, end_at=NOW - 50 * HOUR),
        RestoreRange(range_type="range", begin_at=NOW - 48 * HOUR, end_at=NOW - 600),
    ),
)


def until_then(at: float) -> PlanSubject:
    """A plan that can be restored up to an instant, by the ranges alone."""
    return replace(
        GOOD, logs=None, ranges=(RestoreRange(range_type="range", begin_at=NOW - 90 * HOUR, end_at=at),)
    )


LATE_POINT = replace(
    GOOD, logs=None, ranges=(RestoreRange(range_type="range", begin_at=0.0, end_at=NOW - 1801),)
)
LATE_POINT = with_backups(LATE_POINT, newest_recovery_point_at=None)


@pytest.mark.parametrize(
    ("plan", "state", "reason"),
    [
        (GOOD, "protected", ""),
        (replace(GOOD, full_backups=None), "protected", ""),
        (with_read(GOOD, full_backups=None), "unknown", "full backups never read"),
        (with_read(GOOD, incremental_backups=None), "unknown", "incremental backups never read"),
        (with_read(GOOD, full_backups=180.0), "protected", ""),
        (with_read(GOOD, restore_ranges=181.0), "unknown", "restore ranges last read 3 min 1 s ago"),
        *(
            (
                replace(GOOD, plan=replace(GOOD.plan, status=status)),
                "unprotected",
                f"plan is not running: {status}",
            )
            for status in ("wait", "init", "check_pass", "stop", "pause", "locked")
        ),
        (replace(GOOD, plan=replace(GOOD.plan, status="a_new_one")), "protected", ""),
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
    wrong = with_backups(
        replace(LATE_POINT, plan=replace(LATE_POINT.plan, status="pause")), consecutive_failures=2
    )
    stale = with_read(wrong, full_backups=1000.0)
    running = replace(wrong, plan=replace(wrong.plan, status="running"))

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
    without_ranges = with_read(GOOD, restore_ranges=None)
    without_backups = with_read(GOOD, full_backups=None)

    assert judge(without_ranges, refused, NOW)[0] == "protected"
    assert judge(without_ranges, collectors(), NOW)[0] == "unknown"
    assert judge(without_backups, refused, NOW) == ("unknown", ("full backups never read (not permitted)",))
    assert judge(without_backups, {}, NOW) == ("unknown", ("full backups never read (collector is off)",))
    assert judge(with_read(GOOD, restore_ranges=181.0), refused, NOW)[0] == "unknown"


def test_a_row_has_ages_ratios_and_lags_against_the_objectives() -> None:
    """Numbers are of the facts and the given time alone."""
    row = plan_row(with_backups(GOOD, last_success=backup(5 * HOUR, size_bytes=250)), collectors(), NOW)

    assert (row.recovery_point_age, row.recovery_point_ratio) == (60.0, 60 / 1800)
    assert (row.last_full_age, row.last_full_ratio) == (5 * HOUR, 0.2)
    assert row.size_ratio == 0.25
    assert row.log_lag == 60.0
    assert row.expires_at == NOW + 700 * HOUR
    assert row.urgency == 0.2


def test_log_lag_is_absent_where_log_backup_is_off_and_a_restore_test_can_be_late() -> None:
    """Old log files of a switched-off log backup are no lag."""
    off = replace(GOOD, plan=replace(GOOD.plan, log_backup_enabled=False))
    tested = replace(GOOD, objectives=replace(GOOD.objectives, restore_test_interval=99 * HOUR))
    never = replace(tested, restores=RestoreHistory())
    unread = replace(tested, restores=None)

    assert plan_row(off, collectors(), NOW).log_lag is None
    assert [plan_row(one, collectors(), NOW).proven_late for one in (GOOD, tested, never, unread)] == [
        False,
        True,
        True,
        False,
    ]


def test_messages_say_what_failed_in_the_apis_words_once_each() -> None:
    """The last failure, the plan's message, job errors and failed pre-check items; a mended failure is not told."""
    plan = replace(
        with_backups(GOOD, consecutive_failures=1, last_failure_message="disk full"),
        plan=replace(GOOD.plan, error_message="disk full"),
        job_errors=(JobError(job="full_backup", job_id="j1", error_code="DBS.X", error_message="no room"),),
        prechecks=(
            Precheck(
                subject="plan",
                subject_id="dbs1",
                status="failed",
                progress=None,
                items=(
                    PrecheckItem(item="CHECK_CONN", state="failed", error_message="refused"),
                    PrecheckItem(item="CHECK_VERSION", state="finish"),
                ),
            ),
        ),
    )
    mended = with_backups(GOOD, last_failure_message="disk full")

    assert plan_row(plan, collectors(), NOW).messages == (
        "disk full",
        "full backup j1: DBS.X: no room",
        "pre-check of plan: CHECK_CONN: refused",
    )
    assert plan_row(mended, collectors(), NOW).messages == ()


def fleet(count: int = 3) -> Overview:
    """Plans of every gravity in two accounts, with a gateway, a restore under way and collectors."""
    other = Scope(account="staging", region="cn-beijing")
    running = RestoreTask(task_id="t1", plan_id="p1", status="running", created_at=NOW - 2 * HOUR)
    ended = replace(running, task_id="t2", status="finish", finished_at=NOW - HOUR)
    restoring = replace(
        good_plan("p1", name="with restore"),
        restores=RestoreHistory(tasks=(running, ended)),
        objectives=Objectives(rpo=1800.0, restore_time=HOUR),
    )
    plans = [
        restoring,
        replace(LATE_POINT, plan=replace(GOOD.plan, plan_id="late", name="late", source_instance_id="rm-77")),
        replace(HOLES, plan=replace(GOOD.plan, plan_id="holes", name="holes", gateway_id="g1")),
        replace(NOTHING_TO_RESTORE, plan=replace(GOOD.plan, plan_id="none", name="none")),
        *(good_plan(f"n{number}", scope=other, name=f"plan {number:03}") for number in range(count)),
    ]
    gateways = (
        Gateway(gateway_id="g2", status="ONLINE", last_heartbeat_at=NOW - 10),
        Gateway(gateway_id="g1", status="OFFLINE", last_heartbeat_at=NOW - HOUR),
        Gateway(gateway_id="g3", status="ONLINE", last_heartbeat_at=NOW - 301),
    )
    region = RegionSubject(scope=SCOPE, gateways=gateways, gateway_plans=(("g1", 4),))
    states = [
        *collectors().values(),
        replace(
            collectors()["plans"], collector="billing", permitted=False, success=False, oldest_success_at=None
        ),
    ]
    return overview(Snapshot(plans=plans, regions=[region], collectors=states), NOW)


def test_the_overview_puts_what_is_wrong_first() -> None:
    """Plans by state, then by how much of an objective is used; gateways, restores and collectors in trouble first."""
    found = fleet()

    assert [row.state for row in found.plans[:3]] == ["unprotected", "breached", "at_risk"]
    assert {row.state for row in found.plans[3:]} == {"protected"}
    assert found.counts() == {"unprotected": 1, "breached": 1, "unknown": 0, "at_risk": 1, "protected": 4}
    assert [(row.gateway.gateway_id, row.trouble, row.plans) for row in found.gateways] == [
        ("g1", True, 4),
        ("g3", True, 0),
        ("g2", False, 0),
    ]
    assert [(row.task.task_id, row.elapsed, row.late) for row in found.restores] == [("t1", 2 * HOUR, True)]
    assert found.collectors[0].state.collector == "billing"
    assert [row.trouble for row in found.collectors] == [True, False, False, False, False]


def test_the_oldest_data_is_told_against_its_interval() -> None:
    """A minute-old read of every minute is older than an hour-old read of every day."""
    hourly = CollectorState(
        scope=SCOPE, collector="nodes", interval_seconds=86_400.0, oldest_success_at=NOW - HOUR
    )
    never = CollectorState(scope=SCOPE, collector="billing", interval_seconds=1.0)
    found = overview(Snapshot(plans=[], regions=[], collectors=[hourly, never, *collectors().values()]), NOW)

    assert found.oldest is not None
    assert found.oldest.age == 30.0
    assert found.first_runs_pending == 2
    assert collector_row(never, NOW).trouble is False
    assert overview(Snapshot(plans=[], regions=[], collectors=[]), NOW).oldest is None


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (b"state=breached", ["late"]),
        (b"account=staging&q=PLAN+002", ["n2"]),
        (b"q=rm-77", ["late"]),
        (b"q=g1", ["holes"]),
        (b"account=prod&region=cn-beijing", []),
        (b"account=prod&sort=plan", ["holes", "late", "none", "p1"]),
        (b"account=prod&sort=-plan", ["p1", "none", "late", "holes"]),
        (b"account=prod&sort=point", ["holes", "p1", "late", "none"]),
        (b"account=prod&sort=-point", ["late", "holes", "p1", "none"]),
    ],
)
def test_a_query_filters_and_sorts_plans(query: bytes, ids: list[str]) -> None:
    """Filters add up; a plan without the value that is sorted by comes last whichever way round."""
    found = view(fleet(), Query.parse(query))

    assert [row.subject.plan.plan_id for row in found.plans] == ids


def test_a_large_fleet_comes_in_pages_and_a_page_beyond_the_end_is_the_last() -> None:
    """Rows of a view are bounded, numbers are of the whole."""
    facts = fleet(PAGE_ROWS)
    first = view(facts, Query.parse(b""))
    last = view(facts, Query.parse(b"page=99"))

    assert (first.found, first.first, first.page, first.pages) == (PAGE_ROWS + 4, 1, 1, 2)
    assert len(first.plans) == PAGE_ROWS
    assert (last.first, last.page, len(last.plans)) == (PAGE_ROWS + 1, 2, 4)


def test_the_smaller_tables_are_bounded_and_say_what_they_leave_out() -> None:
    """What does not fit is counted."""
    states = [replace(collectors()["plans"], collector=f"c{number}") for number in range(SIDE_ROWS + 7)]
    found = view(overview(Snapshot(plans=[], regions=[], collectors=states), NOW), Query())

    assert len(found.collectors) == SIDE_ROWS
    assert found.left_out["collectors"] == 7


@pytest.mark.parametrize(
    ("plans", "mood", "headline"),
    [
        ([], "unknown", "No backup plans found"),
        ([GOOD], "good", "The one plan is protected"),
        ([GOOD, good_plan("b")], "good", "All 2 plans are protected"),
        ([GOOD, HOLES], "warn", "1 plan of 2 at risk, none beyond its objective"),
        ([HOLES, with_read(GOOD, full_backups=None)], "unknown", "Nothing certain is known of 1 plan of 2"),
        ([HOLES, LATE_POINT], "bad", "1 plan of 2 cannot be restored as it should"),
        ([LATE_POINT, NOTHING_TO_RESTORE], "bad", "2 plans of 2 cannot be restored as they should"),
    ],
)
def test_the_headline_answers_at_once_whether_anything_is_wrong(
    plans: list[PlanSubject], mood: str, headline: str
) -> None:
    """The gravest state speaks."""
    found = view(
        overview(Snapshot(plans=plans, regions=[], collectors=list(collectors().values())), NOW), Query()
    )

    assert (found.mood, found.headline) == (mood, headline)


def test_before_the_first_plan_list_the_headline_says_that_it_is_looking() -> None:
    """An empty list that was never read is not "no plans"."""
    waiting = CollectorState(scope=SCOPE, collector="plans", interval_seconds=60.0)

    assert view(overview(Snapshot(plans=[], regions=[], collectors=[waiting]), NOW), Query()).headline == (
        "Still looking for plans"
    )


@given(
    st.binary(max_size=300)
    | st.from_regex(rb"(sort|page|state|q|gateways)=[-%&=a-z0-9]{0,30}(&[a-z]{1,5}=.{0,9})*")
)
def test_any_query_string_is_answered_and_comes_back_as_it_was_understood(query_string: bytes) -> None:
    """What is not understood counts as not asked."""
    query = Query.parse(query_string)

    assert Query.parse(query.string().encode()) == query
    assert 1 <= view(fleet(), query).page <= 2


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in SORTS.items() for column in columns]
)
def test_every_column_sorts_up_then_down_then_worst_first(table: str, column: str) -> None:
    """Three clicks on a heading come back to the start, and every column can be sorted."""
    facts = fleet()
    query = Query()
    orders = []
    for _ in range(3):
        query = Query.parse(query.sort_link(table, column).removeprefix("?").encode())
        orders.append(query.order(table, column))
        view(facts, query)

    assert orders == ["ascending", "descending", "none"]
    assert query == Query()


def test_links_keep_what_is_asked_and_go_back_to_the_first_page() -> None:
    """A filter on page three shows its own first page."""
    query = Query.parse(b"account=prod&sort=-full&page=3")

    assert query.link(state="breached") == "?account=prod&state=breached&sort=-full"
    assert query.link(page=4) == "?account=prod&page=4&sort=-full"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.span(0.4), "0 s"),
        (words.span(59.9), "59 s"),
        (words.span(60), "1 min"),
        (words.span(11_520), "3 h 12 min"),
        (words.span(864_000 - 1), "9 d 23 h"),
        (words.span(864_000), "10 d"),
        (words.ago(NOW - 90, NOW), "1 min 30 s ago"),
        (words.ago(NOW, NOW), "just now"),
        (words.ago(NOW + 7200, NOW), "in 2 h"),
        (words.instant(0), "1970-01-01T00:00:00Z"),
        (words.instant(1e30), f"{1e30:.0f}"),
        (words.size(0), "0 B"),
        (words.size(1024), "1.00 KiB"),
        (words.size(95.84 * 2**30), "95.8 GiB"),
        (words.size(999.9 * 2**20), "0.98 GiB"),
        (words.size(2**60), "1,024.0 PiB"),
        (words.percent(0.999), "99 %"),
        (words.times(0.3), "0.30 ×"),
        (words.times(1.0), "1.0 ×"),
        (words.times(40.2), "40 ×"),
    ],
)
def test_spans_instants_sizes_and_shares_read_as_people_say_them(said: str, expected: str) -> None:
    """Two units at most, nothing rounded up into what it has not reached."""
    assert said == expected


def test_every_state_is_in_the_table_of_the_module() -> None:
    """The rules are written once, and the rules helper mirrors that table."""
    from dbs_exporter.web.page import overview as status

    assert status.__doc__ is not None
    assert all(f"| {state}" in status.__doc__ for state in STATES)
