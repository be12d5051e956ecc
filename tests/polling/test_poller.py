"""Readings of one region: what fails alone, what is asked slowly, what survives, and what a region that was given up brings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.polling import (
    DAY,
    HANGZHOU,
    HOUR,
    FakeApi,
    FakeCloud,
    Held,
    Polling,
    Records,
    WorldCloud,
    account_of,
    ages_of,
    full_backup,
    ms,
    polling_of,
    restore_task,
)

from dbs_exporter import errors
from dbs_exporter.collectors import full_backups, gateways
from dbs_exporter.collectors.base import PlanReading, Read, Reading
from dbs_exporter.collectors.dues import Dues, Pace
from dbs_exporter.collectors.table import TABLE, AnyCollector, Table
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.job_errors import JOB_ERRORS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.plans import PLANS
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.polling.target import Ages
from dbs_exporter.simulator import World

FULL = "DescribeFullBackupList"
LOGS = "DescribeIncrementBackupList"
PLAN_LIST = "DescribeBackupPlanList"
RESTORE_LIST = "DescribeRestoreTaskList"
GROUPS: tuple[Group[Any], ...] = (FULL_BACKUPS, LOG_BACKUPS, RESTORES, RANGES)
"""Groups that every plan of the simulated cloud has."""


def of_world(
    *, plans: int = 24, incidents: tuple[str, ...] = (), rate: float = 20.0
) -> tuple[Polling, WorldCloud]:
    """Polling of one region of a simulated cloud."""
    clock = FakeClock()
    world = World(plans=plans, incidents=incidents, clock=clock.now, anchor=clock.now())
    cloud = WorldCloud(clock, world, rate=rate)
    polling = Polling(clock)
    polling.apply(account_of(cloud, collectors=ages_of(eased=False)))
    return polling, cloud


def raising(error: BaseException, operation: str = "", *plans: str) -> Callable[[str, str], None]:
    """Have an operation fail ("": any), of these plans alone if some are named."""

    def before(asked: str, plan: str) -> None:
        if operation in ("", asked) and (not plans or plan in plans):
            raise error

    return before


def with_collector(collector: AnyCollector, **changes: Any) -> Table:
    """The table with one collector changed."""
    return Table(replace(each, **changes) if each is collector else each for each in TABLE)


# ── what is read ──


def test_everything_is_read_once_the_plans_are_known() -> None:
    """The plan list lets all other readings begin, and each plan has all its groups in the end."""
    polling, cloud = of_world()
    polling.run(60.0)
    subjects = polling.store.plans_of(HANGZHOU)

    assert len(subjects) == len(cloud.world.plan_ids("demo", "cn-hangzhou")) > 0
    for subject in subjects:
        for group in GROUPS:
            assert subject.get(group) is not None
            assert subject.known(group).read_at is not None
    region = polling.region()
    assert region is not None
    assert region.get(GATEWAYS)
    assert region.known(PLANS).read_at is not None
    assert all(state.success for state in polling.outcomes.states() if state.tried)
    assert not polling.unknown


def test_only_reads_are_ever_called() -> None:
    """Whatever a collector does, it asks Describe operations only, within a time that it has."""
    polling, cloud = of_world(incidents=("failed_full_backup", "failed_restore", "failed_precheck"))
    polling.run(HOUR)

    assert {asked.operation for asked in cloud.asked} > {FULL, LOGS, PLAN_LIST, RESTORE_LIST}
    assert all(asked.operation.startswith("Describe") for asked in cloud.asked)


def test_lists_of_the_region_are_read_before_anything_of_a_plan_and_full_backups_of_all_before_the_rest() -> (
    None
):
    """First things first at a start: what there is, then what can be restored, then tasks and downloads."""
    polling, cloud = polling_of(40)
    polling.run(120.0)
    operations = [asked.operation for asked in cloud.asked if asked.plan]
    kinds = list(dict.fromkeys(operations))

    assert {asked.operation for asked in cloud.asked[:3]} == {
        PLAN_LIST,
        "DescribeBackupGatewayList",
        "DescribeNodeCidrList",
    }
    assert kinds == [FULL, LOGS, RESTORE_LIST, "DescribeBackupSetDownloadTaskList"]
    assert operations[:160] == [kind for kind in kinds for _ in range(40)]


def test_plans_that_look_bad_are_read_before_the_others() -> None:
    """One that does not run is looked at first."""
    polling, cloud = polling_of(0)
    for number in range(100):
        cloud.add_plan(f"p{number:03}", BackupPlanStatus="stop" if number == 70 else "running")
    polling.run(60.0)

    assert cloud.questions(FULL)[0].plan == "p070"


def test_a_plan_that_appears_later_is_read_with_the_list_that_shows_it() -> None:
    """It does not wait for the turn of those that rest."""
    polling, cloud = polling_of(10)
    polling.run(HOUR)
    cloud.add_plan("new")
    took = polling.run_until(
        lambda: bool(cloud.questions(FULL, "new") and cloud.questions(RESTORE_LIST, "new")), within=300.0
    )

    assert took <= 140.0


def test_an_unknown_status_is_kept_and_counted() -> None:
    """A status the documents lack is a fact like others, and its field is counted."""
    polling, cloud = polling_of(1)
    cloud.lists["DescribeBackupGatewayList", ""] = [
        {"BackupGatewayId": "7", "BackupGatewayStatus": "brand_new"}
    ]
    polling.run(60.0)
    region = polling.region()

    assert polling.unknown["BackupGatewayStatus"]
    assert region is not None
    assert [gateway.status for gateway in region.get(GATEWAYS) or ()] == ["brand_new"]


def test_what_needs_no_question_takes_no_turn() -> None:
    """Ranges of plans without a window are none, which a thousand plans are known to have at once."""
    ages = ages_of(("plans", "restore_ranges")) | {"restore_ranges": Ages(interval=300.0, at_rest=300.0)}
    polling, cloud = polling_of(200, rate=1.0, collectors=ages)
    polling.run(20.0)

    assert [subject.get(RANGES) for subject in polling.store.plans_of(HANGZHOU)] == [()] * 200
    assert {asked.operation for asked in cloud.asked} == {PLAN_LIST}
    assert dict(polling.budget().wanted_per_second).get("restore_ranges", 0.0) == 0.0


# ── job errors ──


def test_an_error_code_is_asked_once_for_each_failed_job() -> None:
    """Later readings keep the answer as long as the job stands failed."""
    polling, cloud = of_world(incidents=("failed_full_backup",), plans=40)
    polling.run(4 * HOUR)
    failed = [
        plan_id
        for plan_id in cloud.world.incident_plans["failed_full_backup"]
        if plan_id in polling.plan_ids()
    ]

    assert len(failed) == 1
    assert [error.error_code for error in polling.plan(failed[0]).get(JOB_ERRORS) or ()] == [
        "DBS.SourceAccessDenied"
    ]
    assert len(cloud.questions("DescribeJobErrorCode")) == 1


def test_error_codes_do_not_wait_for_what_is_switched_off() -> None:
    """Without the collectors that would find failed jobs there is none to ask about."""
    polling, cloud = polling_of(2, collectors=("plans", "job_errors"))
    polling.run(600.0)

    assert cloud.questions("DescribeJobErrorCode") == []
    assert polling.fresh_for("p000", "job_errors") == float("inf")


def test_error_codes_are_asked_once_the_lists_that_name_failed_jobs_were_read() -> None:
    """A job that failed is explained within minutes of the reading that found it."""
    polling, cloud = polling_of(3)
    cloud.lists[FULL, ""] = [full_backup("s1", polling.clock.now() - HOUR, status="stop")]
    polling.run(300.0)

    found = [polling.plan(plan).get(JOB_ERRORS) for plan in cloud.plans]
    assert [len(job_errors) for job_errors in found if job_errors is not None] == [1, 1, 1]


# ── refusals ──


def test_a_plan_that_is_refused_fails_alone() -> None:
    """The others are read, the collector stays successful, and the refused plan is asked ever more seldom."""
    polling, cloud = polling_of(12)
    polling.run(600.0)
    cloud.before = raising(errors.NotPermitted("no"), FULL, "p003")
    asked = len(cloud.questions(FULL, "p003"))
    polling.run(2 * HOUR)
    state = polling.state("full_backups")

    assert (state.success, state.permitted, state.failed_subjects) == (True, True, 0)
    assert "p003" in state.last_error
    assert 5 <= len(cloud.questions(FULL, "p003")) - asked <= 8
    read_at = polling.plan("p004").known(FULL_BACKUPS).read_at
    assert read_at is not None
    assert polling.clock.now() - read_at < HOUR


def test_an_operation_that_is_refused_is_not_hammered() -> None:
    """Refused for every plan, it is reported as not permitted and asked for a few plans only."""
    polling, cloud = polling_of(60)
    cloud.before = raising(errors.NotPermitted("no"), RESTORE_LIST)
    polling.run(600.0)

    assert polling.state("restores").permitted is False
    assert polling.state("restores").success is True
    assert polling.state("full_backups").success is True
    assert len(cloud.questions(RESTORE_LIST)) <= 3 + 4


def test_an_operation_that_is_refused_from_now_on_takes_no_turns_from_the_others() -> None:
    """What costs no call costs no time either: plans of an operation that was taken away pass the queue at once."""
    polling, cloud = polling_of(300, collectors=("plans", "full_backups", "restores"), rate=2.0)
    polling.run(600.0)
    cloud.before = raising(errors.NotPermitted("no"), RESTORE_LIST)
    polling.run(2 * HOUR)
    before = Counter(asked.operation for asked in cloud.asked)
    tasks = polling.runner.tasks
    polling.run(HOUR)
    after = Counter(asked.operation for asked in cloud.asked)

    assert after[FULL] - before[FULL] >= 300
    assert after[RESTORE_LIST] - before[RESTORE_LIST] <= 2
    assert polling.budget().stretch == 1.0
    assert dict(polling.budget().wanted_per_second).get("restores", 0.0) < 0.01
    assert polling.runner.tasks - tasks <= sum((after - before).values())


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_policy_that_was_mended_lets_all_plans_in_again(from_the_start: bool) -> None:
    """The one plan that is asked now and then is enough: the others follow at once, not an hour later."""
    polling, cloud = polling_of(100, collectors=("plans", "full_backups"))
    polling.run(0.0 if from_the_start else 600.0)
    cloud.before = raising(errors.NotPermitted("no"), FULL)
    polling.run(3 * HOUR)
    assert polling.state("full_backups").permitted is False
    cloud.before = lambda _operation, _plan: None
    asked = len(cloud.questions(FULL))
    polling.run_until(lambda: len(cloud.questions(FULL)) > asked, within=HOUR + 60.0)
    polling.run(90.0)

    assert {question.plan for question in cloud.questions(FULL)[asked:]} == set(cloud.plans)
    assert polling.state("full_backups").permitted is True


def test_who_mends_a_policy_and_reloads_need_not_wait() -> None:
    """What was refused is asked for at once."""
    polling, cloud = polling_of(20, collectors=("plans", "full_backups"))
    cloud.before = raising(errors.NotPermitted("no"), FULL)
    polling.run(3 * HOUR)
    cloud.before = lambda _operation, _plan: None
    asked = len(cloud.questions(FULL))
    polling.scheduler.ask_again()
    polling.run(30.0)

    assert {question.plan for question in cloud.questions(FULL)[asked:]} == set(cloud.plans)


# ── failures ──


def test_a_broken_plan_keeps_its_last_good_facts() -> None:
    """A wrong answer fails that plan's group; what was known stays, and others are renewed."""
    polling, cloud = polling_of(5)
    cloud.lists[FULL, ""] = [full_backup("s1", polling.clock.now() - HOUR)]
    polling.run(60.0)
    before = polling.plan("p001").known(FULL_BACKUPS)
    cloud.before = raising(errors.BadAnswer("odd", field="TotalElements"), FULL, "p001")
    polling.run(HOUR)
    after, renewed = polling.plan("p001").known(FULL_BACKUPS), polling.plan("p002").known(FULL_BACKUPS)

    assert after == before
    assert (renewed.read_at or 0.0) > (before.read_at or 0.0)
    state = polling.state("full_backups")
    assert (state.success, state.failed_subjects) == (False, 1)
    assert "p001" in state.last_error
    cloud.before = lambda _operation, _plan: None
    polling.run(2 * HOUR)
    assert polling.state("full_backups").success is True


def test_plans_that_fail_do_not_starve_those_behind_them() -> None:
    """However many fail in a row, every healthy plan is read."""
    polling, cloud = polling_of(40)
    broken = [f"p{number:03}" for number in range(20)]
    cloud.before = raising(errors.BadAnswer("odd"), FULL, *broken)
    polling.run(120.0)
    read = [plan for plan in cloud.plans if polling.plan(plan).get(FULL_BACKUPS) is not None]

    assert read == [f"p{number:03}" for number in range(20, 40)]


@pytest.mark.parametrize("raised", [ZeroDivisionError("boom"), SystemExit(3), KeyboardInterrupt()])
def test_a_collector_that_breaks_is_a_failure_of_that_plan(
    raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises: the other plans are read, and it is tried again."""
    polling, cloud = polling_of(3)
    cloud.before = raising(raised, FULL, "p001")
    polling.run(60.0)
    state = polling.state("full_backups")

    assert (state.success, state.failed_subjects) == (False, 1)
    assert "p001" in state.last_error
    assert [plan for plan in cloud.plans if polling.plan(plan).get(FULL_BACKUPS) is None] == ["p001"]
    assert "a collector broke" in caplog.text
    cloud.before = lambda _operation, _plan: None
    polling.run(300.0)
    assert polling.state("full_backups").success is True


def test_a_collector_of_a_region_that_breaks_takes_nothing_with_it() -> None:
    """An unexpected exception is told like any other failure."""

    def broken(_reading: Reading) -> tuple[Gateway, ...]:
        raise ZeroDivisionError("boom")

    polling, _ = polling_of(3, table=with_collector(gateways.COLLECTOR, read=broken))
    polling.run(300.0)

    assert polling.state("gateways").success is False
    assert "boom" in polling.state("gateways").last_error
    assert polling.state("plans").success is True
    assert polling.state("full_backups").success is True


def test_a_due_time_that_cannot_be_told_costs_its_group_alone(caplog: pytest.LogCaptureFixture) -> None:
    """One plan with odd facts must not keep the list of its region from being taken, nor other plans from being read."""

    def due(subject: PlanSubject, pace: Pace) -> Dues:
        if subject.plan.plan_id == "p001":
            raise ZeroDivisionError("boom")
        return full_backups.due(subject, pace)

    polling, cloud = polling_of(3, table=with_collector(full_backups.COLLECTOR, due=due))
    polling.run(3 * HOUR)

    assert polling.state("plans").success is True
    assert len(cloud.questions(FULL, "p001")) >= 3
    assert len(cloud.questions(FULL, "p002")) >= 3
    assert "a due time could not be computed" in caplog.text


def test_dead_credentials_are_not_tried_once_per_plan() -> None:
    """A key that stopped working is tried by one reading at a time, and ever more slowly."""
    polling, cloud = polling_of(200)
    polling.run(600.0)
    cloud.before = raising(errors.BadCredentials("SignatureDoesNotMatch"))
    asked = len(cloud.asked)
    polling.run(HOUR)

    assert len(cloud.asked) - asked <= 70
    assert polling.state("plans").success is False
    assert "SignatureDoesNotMatch" in polling.state("plans").last_error


def test_an_api_that_does_not_answer_is_asked_slowly() -> None:
    """After a few readings of a collector in a row there are pauses, whatever is due of it."""
    polling, cloud = polling_of(200)
    polling.run(600.0)
    cloud.before = raising(errors.Timeout("no answer"))
    polling.run(600.0)
    asked = Counter(question.operation for question in cloud.asked)
    polling.run(HOUR)
    after = Counter(question.operation for question in cloud.asked) - asked

    assert set(after.values()) <= set(range(70))
    # Four lists of plans and one of gateways each once a minute, and the list of plans at its interval.
    assert 200 <= after.total() <= 360


@pytest.mark.parametrize(
    "error", [errors.ServerError("broken"), errors.Timeout("no answer"), errors.BadAnswer("odd")]
)
def test_one_operation_that_is_broken_starves_no_other(error: Exception) -> None:
    """All else is read as if it were well, and the budget does not go to what fails."""
    polling, cloud = polling_of(
        150, collectors=("plans", "gateways", "full_backups", "restores", "downloads")
    )
    polling.run(300.0)
    cloud.before = raising(error, FULL)
    polling.run(2 * HOUR)
    asked = len(cloud.asked)
    polling.run(HOUR)
    after = Counter(question.operation for question in cloud.asked[asked:])

    assert after[RESTORE_LIST] >= 2 * 150
    assert after["DescribeBackupSetDownloadTaskList"] >= 150
    assert after[FULL] <= 3 * 150
    for plan in cloud.plans:
        assert polling.fresh_for(plan, "restores") > 0
        assert polling.fresh_for(plan, "downloads") > 0
        assert polling.fresh_for(plan, "full_backups") < 0


def test_plans_that_time_out_starve_none_that_answer() -> None:
    """Neither those behind them nor what else is to be read, though each that answers might mean that all do."""
    polling, cloud = polling_of(100, collectors=("plans", "full_backups", "restores"))
    broken = [f"p{number:03}" for number in range(20)]
    cloud.before = raising(errors.Timeout("no answer"), FULL, *broken)
    polling.run(HOUR)
    asked = len(cloud.asked)
    polling.run(2 * HOUR)
    after = Counter((question.operation, question.plan) for question in cloud.asked[asked:])

    assert all(polling.fresh_for(plan, "full_backups") > 0 for plan in cloud.plans if plan not in broken)
    assert all(polling.fresh_for(plan, "restores") > 0 for plan in cloud.plans)
    assert sum(after[FULL, plan] for plan in broken) <= 20 * 2 * 20


@pytest.mark.parametrize("first", [None, errors.NotPermitted("no"), errors.Invalid("odd")])
def test_when_the_api_answers_again_what_failed_is_tried_at_once(first: Exception | None) -> None:
    """Also where the first answers are refusals: the silence is over, and nobody waits for an hour any more."""
    polling, cloud = polling_of(100, collectors=("plans", "gateways", "full_backups", "restores"))
    polling.run(300.0)
    cloud.before = raising(errors.Timeout("no answer"))
    polling.run(6 * HOUR)

    def before(operation: str, _plan: str) -> None:
        if first is not None and operation not in (FULL, RESTORE_LIST):
            raise first

    cloud.before = before
    asked = len(cloud.asked)
    polling.run(150.0)

    for operation in (FULL, RESTORE_LIST):
        assert {each.plan for each in cloud.asked[asked:] if each.operation == operation} == set(cloud.plans)
    assert polling.state("full_backups").success is True


# ── plan lists ──


@pytest.mark.parametrize(
    "error",
    [
        errors.ServerError("down"),
        errors.BadAnswer("torn"),
        errors.NotPermitted("no"),
        ZeroDivisionError("boom"),
    ],
)
def test_a_failed_plan_list_deletes_nothing(error: Exception) -> None:
    """Whatever came instead, the plans stay, and are read on."""
    polling, cloud = polling_of(5)
    polling.run(60.0)
    cloud.before = raising(error, PLAN_LIST)
    asked = len(cloud.questions(FULL))
    polling.run(3 * HOUR)

    assert polling.plan_ids() == list(cloud.plans)
    assert polling.state("plans").success is isinstance(error, errors.NotPermitted)
    assert len(cloud.questions(FULL)) > asked


def test_a_deleted_plan_is_gone_after_the_next_list_and_asked_about_no_more() -> None:
    """A complete list without the plan removes it, and nothing of it is waited for."""
    polling, cloud = polling_of(5)
    polling.run(60.0)
    del cloud.plans["p002"]
    polling.run_until(lambda: "p002" not in polling.plan_ids(), within=150.0)
    asked = len(cloud.asked)
    polling.run(3 * HOUR)

    assert [question for question in cloud.asked[asked:] if question.plan == "p002"] == []
    planner = polling.scheduler._pollers[HANGZHOU]._planner
    remembered = {
        key.plan_id for known in (planner._costs, planner._failures, planner._running) for key in known
    }
    assert remembered | {entry.key.plan_id for entry in planner._queue} == {
        "",
        "p000",
        "p001",
        "p003",
        "p004",
    }
    assert polling.state("full_backups").subjects == 4
    assert len(polling.plan_ids()) == 4


def test_a_plan_that_is_deleted_while_it_is_read_does_not_come_back() -> None:
    """Neither as a plan nor as one that its collector would have to read again."""
    polling, cloud = polling_of(2, runner=Held())
    for _ in range(4):
        polling.step()
        polling.runner.finish()  # type: ignore[union-attr]
        polling.clock.advance(1.0)
    polling.step()
    reading = polling.runner.held.pop()  # type: ignore[union-attr]
    asked = len(cloud.asked)
    plan = "p000"

    def delete(_operation: str, asked_plan: str) -> None:
        nonlocal plan
        plan = asked_plan
        del cloud.plans[plan]
        polling.scheduler._pollers[HANGZHOU].request("plans")
        cloud.before = lambda _operation, _plan: None
        polling.runner.held.clear()  # type: ignore[union-attr]
        polling.clock.advance(1.0)
        polling.step()
        polling.runner.finish()  # type: ignore[union-attr]
        assert plan not in polling.plan_ids()

    cloud.before = delete
    reading()

    assert len(cloud.asked) > asked + 1
    assert plan not in polling.plan_ids()
    assert polling.state("full_backups").subjects == 1


def test_a_plan_list_with_a_record_that_cannot_be_read_takes_no_plan_away() -> None:
    """The record may be that of the plan that is missing; once the list can be read again, the plan is gone."""
    polling, cloud = polling_of(3)
    polling.run(60.0)
    del cloud.plans["p002"]
    cloud.plans["odd"] = {"BackupPlanStatus": "running"}
    polling.run(600.0)
    assert polling.plan_ids() == ["p000", "p001", "p002"]
    del cloud.plans["odd"]
    polling.run(150.0)

    assert polling.plan_ids() == ["p000", "p001"]


class TornApi(FakeApi):
    """Gives the first page of each plan list, and then the connection is gone."""

    def pages(
        self, operation: str, params: Any, *, within: float | None = None, on_page: Any = None
    ) -> Records:
        def page_and_end(page: Records, total: int) -> None:
            on_page(page, total)
            raise errors.Unreachable("gone", operation=operation)

        take = page_and_end if operation == PLAN_LIST else on_page
        return super().pages(operation, params, within=within, on_page=take)


def test_plans_of_a_page_are_facts_though_the_list_comes_to_no_end() -> None:
    """A region whose list is torn each time is not blind; who is not on the page stays, but is not known to be there."""
    polling, cloud = polling_of(150)
    polling.run(300.0)
    api = polling.targets[0].api
    assert isinstance(api, FakeApi)
    torn = TornApi(cloud, "cn-hangzhou")
    api.pages = torn.pages  # type: ignore[method-assign]
    cloud.plans["p000"]["BackupPlanStatus"] = "pause"
    polling.run(HOUR)

    assert polling.state("plans").success is False
    assert len(polling.plan_ids()) == 150
    assert polling.plan("p000").plan.status == "pause"
    assert polling.fresh_for("p000", "plans") > 0
    assert polling.fresh_for("p149", "plans") < 0
    assert polling.fresh_for("p149", "recovery") < 0


def test_a_window_has_two_lists_to_show_an_end_of_log_however_many_pages_they_have() -> None:
    """One that follows the log with the delay of one list is a detector all the same."""
    polling, cloud = polling_of(0, collectors=("plans", "incremental_backups"))
    clock = polling.clock

    def logs(now: float) -> Records:
        # A file every 100 s, each half an hour long.
        return [
            {
                "BackupSetId": "log.1",
                "BackupSetJobId": "job",
                "BackupStatus": "FILLING",
                "StartTime": ms(now - 1800.0),
                "EndTime": ms(now),
            }
        ]

    for number in range(110):
        cloud.add_plan(f"p{number:03}", EnableBackupLog=True)
    cloud.lists[LOGS, ""] = logs
    shown = [clock.now(), clock.now()]

    def windows(operation: str, _plan: str) -> None:
        # Each list shows how far the log had come at the list before.
        if operation == PLAN_LIST and clock.now() - shown[1] > 60.0:
            shown[:] = [shown[1], clock.now()]
        for plan in cloud.plans.values():
            plan["EndTimestampForRestore"] = ms(shown[0])
            plan["BeginTimestampForRestore"] = ms(shown[0] - DAY)

    cloud.before = windows
    polling.run(HOUR)
    found = Counter(
        (subject.window.trusted, subject.window.refuted) for subject in polling.store.plans_of(HANGZHOU)
    )

    assert found == {(True, False): 110}


# ── restores that run ──


def with_restores(count: int, plans: int = 50, **more: Any) -> tuple[Polling, FakeCloud]:
    """A fleet of which so many plans have a restore under way."""
    polling, cloud = polling_of(plans, **more)
    for number in range(count):
        cloud.lists[RESTORE_LIST, f"p{number:03}"] = [
            restore_task(f"r{number:03}", FullDataRestoreProgress=10, BackupPlanId=f"p{number:03}")
        ]
    return polling, cloud


def follows(cloud: FakeCloud, since: int = 0) -> list[list[str]]:
    """The ids of tasks that were asked about together, by each question."""
    return [
        str(question.params["RestoreTaskId"]).split(",")
        for question in cloud.asked[since:]
        if "RestoreTaskId" in question.params and question.operation == RESTORE_LIST
    ]


def progress(polling: Polling, plan: str) -> float:
    history = polling.plan(plan).get(RESTORES)
    assert history is not None
    return dict(history.tasks[0].progress)["full_data"]


def test_restores_that_run_are_followed_together() -> None:
    """Their progress is at most two minutes old, at the cost of one call for thirty of them and not one for each."""
    polling, cloud = with_restores(40)
    polling.run(300.0)
    asked = len(cloud.asked)
    for percent in range(20, 90, 10):
        for number in range(40):
            cloud.lists[RESTORE_LIST, f"p{number:03}"] = [
                restore_task(f"r{number:03}", FullDataRestoreProgress=percent)
            ]
        polling.run(120.0)
        assert {progress(polling, f"p{number:03}") for number in range(40)} == {percent / 100}
    found = follows(cloud, asked)

    assert {len(ids) for ids in found} == {30, 10}
    assert len(found) <= 2 * 7 * 120 / 60 + 2
    assert all(
        "BackupPlanId" not in question.params
        for question in cloud.asked
        if "RestoreTaskId" in question.params
    )


def test_a_restore_that_ends_has_its_list_read_and_is_counted_once() -> None:
    """What the list says besides, such as the last success, follows from it within minutes."""
    polling, cloud = with_restores(1)
    polling.run(300.0)
    at = polling.clock.now()
    cloud.lists[RESTORE_LIST, "p000"] = [
        restore_task("r000", "finish", RestoreTaskFinishTime=ms(at), RestoreTaskCreateTime=ms(at - HOUR))
    ]
    polling.run_until(lambda: polling.plan("p000").tally(RESTORES).success == 1, within=240.0)
    history = polling.plan("p000").get(RESTORES)
    assert history is not None
    assert (history.overtaken, history.last_success_at) == (False, float(int(at * 1000) / 1000))
    asked = len(cloud.asked)
    polling.run(HOUR)

    assert polling.plan("p000").tally(RESTORES).success == 1
    assert follows(cloud, asked) == []


def test_an_id_that_the_api_does_not_know_fails_alone_and_sends_its_plan_back_to_its_list() -> None:
    """The others are read each alone, and the list of that plan, which says what became of it, is read soon."""
    polling, cloud = with_restores(5)
    polling.run(300.0)
    cloud.unknown_tasks = {"r003"}
    cloud.lists[RESTORE_LIST, "p003"] = []
    for number in (0, 1, 2, 4):
        cloud.lists[RESTORE_LIST, f"p{number:03}"] = [
            restore_task(f"r{number:03}", FullDataRestoreProgress=70)
        ]
    asked = len(cloud.questions(RESTORE_LIST, "p003"))
    others = len(cloud.questions(RESTORE_LIST, "p000"))
    polling.run(180.0)

    assert len(cloud.questions(RESTORE_LIST, "p000")) == others
    assert [progress(polling, f"p{number:03}") for number in (0, 1, 2, 4)] == [0.7] * 4
    assert len(cloud.questions(RESTORE_LIST, "p003")) == asked + 1
    history = polling.plan("p003").get(RESTORES)
    assert history is not None
    assert history.tasks == ()
    assert polling.state("restores").success is True
    found = follows(cloud)
    polling.run(180.0)
    assert {tuple(ids) for ids in follows(cloud)[len(found) :]} == {("r000", "r001", "r002", "r004")}


def test_an_id_that_is_left_out_of_the_answer_sends_its_plan_back_too() -> None:
    """Some lists leave out what they do not know, instead of refusing."""
    polling, cloud = with_restores(2)
    polling.run(300.0)
    cloud.lists[RESTORE_LIST, "p001"] = []
    polling.run(180.0)
    history = polling.plan("p001").get(RESTORES)

    assert history is not None
    assert history.tasks == ()


def test_following_that_fails_shows_and_is_over_when_it_succeeds() -> None:
    """Otherwise one bad minute would be held against the collector for ever."""
    polling, cloud = with_restores(3)
    polling.run(300.0)
    fails = [True]
    answer = cloud.answer

    def answer_or_fail(operation: str, params: Any, region: str) -> Records:
        if fails[0] and "RestoreTaskId" in params:
            raise errors.BadAnswer("odd", operation=operation)
        return answer(operation, params, region)

    cloud.answer = answer_or_fail  # type: ignore[method-assign]
    polling.run(150.0)
    state = polling.state("restores")
    assert (state.success, state.failed_subjects) == (False, 3)
    assert "odd" in state.last_error
    fails[0] = False
    polling.run(240.0)
    state = polling.state("restores")

    assert (state.success, state.failed_subjects, state.subjects) == (True, 0, 50)


def test_following_that_is_refused_is_a_failure_and_no_word_on_the_lists() -> None:
    """Each plan's own list says what is permitted of it."""
    polling, cloud = with_restores(4)
    polling.run(300.0)
    answer = cloud.answer

    def answer_or_refuse(operation: str, params: Any, region: str) -> Records:
        if "RestoreTaskId" in params:
            raise errors.NotPermitted("no", operation=operation)
        return answer(operation, params, region)

    cloud.answer = answer_or_refuse  # type: ignore[method-assign]
    asked = len(cloud.asked)
    polling.run(HOUR)
    state = polling.state("restores")

    assert (state.permitted, state.success, state.failed_subjects) == (True, False, 4)
    assert 40 <= len(follows(cloud, asked)) <= 62


# ── a region that is given up ──


@pytest.mark.parametrize("operation", [PLAN_LIST, FULL])
@pytest.mark.parametrize(
    "error", [None, errors.BadAnswer("odd"), errors.NotPermitted("no"), ZeroDivisionError()]
)
def test_what_a_region_brings_after_it_was_given_up_is_not_taken(
    operation: str, error: Exception | None
) -> None:
    """Nobody would ever take it away again; neither its facts nor its outcomes reach what came in its place."""
    clock = FakeClock()
    cloud, after = FakeCloud(clock, 2), FakeCloud(clock, 0)
    polling = Polling(clock)
    given_up: list[str] = []

    def give_up(asked: str, _plan: str) -> None:
        if asked == operation and not given_up:
            given_up.append(asked)
            polling.apply(account_of(after, fingerprint=2))
            if operation == FULL:
                polling.store.drop(HANGZHOU)
            if error is not None:
                raise error

    cloud.before = give_up
    polling.apply(account_of(cloud))
    polling.run(5.0)

    assert given_up == [operation]
    assert polling.store.plan_subjects() == []
    failed = [
        state.collector for state in polling.outcomes.states() if state.failed_subjects or state.last_error
    ]
    assert failed == []
    asked = len(cloud.asked)
    polling.run(600.0)
    assert len(cloud.asked) == asked
    assert polling.store.plan_subjects() == []


def test_what_a_collector_reads_of_a_plan_tells_its_ends_once() -> None:
    """However often its list is read."""

    def read(reading: PlanReading) -> Read[FullBackupHistory]:
        return full_backups.read_full_backups(reading)

    polling, cloud = polling_of(1, table=with_collector(full_backups.COLLECTOR, read=read))
    began = polling.clock.now()
    cloud.lists[FULL, ""] = lambda now: [
        full_backup(f"s{number}", began + 600.0 * number, took=60.0)
        for number in range(-5, int((now - began) // 600.0))
    ]
    polling.run(2 * HOUR)

    assert 9 <= polling.plan("p000").tally(FULL_BACKUPS).success <= 12
