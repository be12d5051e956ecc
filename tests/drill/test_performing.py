"""A restore from the first call to its end, by every way that it can end."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.drilling import DAY, PASSWORD, DrillGround, ground, write_config

from dbs_exporter.drill.naming import day_of

CREATED = ["CreateRestoreTask", "StartRestoreTask"]


@pytest.fixture
def drills(tmp_path: Path) -> DrillGround:
    """A healthy account."""
    return ground(tmp_path)


def test_a_restore_comes_back(drills: DrillGround) -> None:
    """It is created, checked, started and followed to its end; the result has its times, its size and what to drop."""
    plan = drills.plan("MySQL", "logical", index=14)
    (result,) = drills.restore(drills.load(plan))
    (task,) = drills.tasks(plan)
    status, finished, _, _ = task.at(drills.clock.now())

    assert (result.state, status) == ("proven", "finish")
    assert result.task_id == task.task_id
    assert result.finished_at == pytest.approx(finished, abs=0.001)
    assert result.duration_seconds == pytest.approx((finished or 0) - task.created_at, abs=0.01)
    assert result.size_bytes == task.size_bytes
    assert result.to_drop == task.databases
    assert all(name.startswith(f"drill_{day_of(task.created_at)}_app_") for name in task.databases)
    assert drills.made == CREATED
    assert drills.report.exit_code == 0


def test_the_stages_are_followed_as_they_move(drills: DrillGround) -> None:
    """Progress goes up to 1 for each stage that the plan's restore has."""
    plan = drills.plan("MySQL", "logical", index=14)
    drills.restore(drills.load(plan))
    stages = [dict(found) for _, found in drills.heard.progress]

    assert set(stages[-1].values()) == {1.0}
    assert [found["full_data"] for found in stages] == sorted(found["full_data"] for found in stages)
    assert len({found["full_data"] for found in stages}) > 3


def test_a_failed_precheck_ends_it_before_it_starts(drills: DrillGround) -> None:
    """What the pre-check found is the reason, and nothing is started."""
    drills.world.restores_end = "failed_precheck"
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical", index=14)))

    assert result.state == "failed"
    assert result.message.startswith(
        "the pre-check failed: CHECK_ACCOUNT_PRIVILEGE (failed): The account lacks"
    )
    assert drills.made == ["CreateRestoreTask"]
    assert drills.report.exit_code == 9


def test_a_start_that_is_refused_is_a_failure(drills: DrillGround) -> None:
    """The API's words are the reason."""
    drills.service.set_faults(
        [{"kind": "refuse", "operation": "StartRestoreTask", "status": 200, "message": "not in this state"}]
    )
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical", index=14)))

    assert result.state == "failed"
    assert "the start was refused: StartRestoreTask: InvalidParameter: not in this state" in result.message


def test_a_stage_that_stands_still_is_given_up(drills: DrillGround) -> None:
    """After limits.stage_timeout without progress the command ends, and says what goes on in the cloud."""
    drills.world.restores_end = "stuck"
    plan = drills.plan("MySQL", "logical", index=14)
    (result,) = drills.restore(drills.load(plan, limits={"stage_timeout": "20m"}))
    (task,) = drills.tasks(plan)
    last_moved = max(
        number
        for number, (_, stages) in enumerate(drills.heard.progress)
        if number == 0 or stages != drills.heard.progress[number - 1][1]
    )

    assert result.state == "timed_out"
    assert f"restore task {task.task_id} has stood still for 20m" in result.message
    assert f"Restore task {task.task_id} ({task.name}) goes on in the cloud" in result.message
    assert 20 * 60 / 30 <= len(drills.heard.progress) - last_moved <= 20 * 60 / 5
    assert drills.report.exit_code == 9


def test_a_restore_that_moves_for_too_long_is_given_up(drills: DrillGround) -> None:
    """limits.timeout holds however well it moves."""
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical"), limits={"timeout": "3m"}))

    assert result.state == "timed_out"
    assert "has not ended after 3m" in result.message


def test_a_task_that_someone_stops_is_a_failure(drills: DrillGround) -> None:
    """The API gives no reason for it, which is said."""
    drills.world.restores_end = "stopped"
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical", index=14)))

    assert result.state == "failed"
    assert "the API gives no reason; somebody may have stopped it" in result.message


def test_a_task_that_fails_is_told_with_the_apis_code(drills: DrillGround) -> None:
    """Code and message of DescribeJobErrorCode, and what may lie on the destination now."""
    drills.world.restores_end = "failed"
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical", index=14)))

    assert result.state == "failed"
    assert "DBS.RestoreObjectConflict: Duplicate object found on the destination" in result.message
    assert result.to_drop


def test_a_task_that_is_not_listed_any_more_is_a_failure(drills: DrillGround) -> None:
    """A plan that is released takes its tasks along; that is no success and no endless wait."""
    plan = drills.plan("MySQL", "logical", index=14)
    drills.heard.on_each_line = lambda line: (
        drills.world.delete_plan(plan.plan_id) if ": running" in line else None
    )
    (result,) = drills.restore(drills.load(plan))

    assert result.state == "failed"
    assert "is not listed any more" in result.message


@pytest.mark.parametrize(
    ("after", "hours"),
    [
        ("waiting for the pre-check", 0),
        ("waiting for the pre-check", 60),
        (": running", 0.1),
        (": running", 15),
    ],
)
def test_a_run_that_was_killed_is_followed_by_the_next(drills: DrillGround, after: str, hours: float) -> None:
    """The first task is found by its name and followed, also on another day; no second one is created."""

    def kill(line: str) -> None:
        if after in line:
            raise KeyboardInterrupt

    plan = drills.plan("MySQL", "logical", index=14)
    config = drills.load(plan)
    drills.heard.on_each_line = kill
    with pytest.raises(KeyboardInterrupt):
        drills.restore(config)
    (killed,) = drills.report.results
    drills.heard.on_each_line = lambda line: None
    drills.clock.sleep(hours * 3600)
    (result,) = drills.restore(config)
    (task,) = drills.tasks(plan)

    assert killed.state == "interrupted"
    assert f"Restore task {task.task_id} ({task.name}) goes on in the cloud" in killed.message
    assert (result.state, result.task_id, result.is_followed) == ("proven", task.task_id, True)
    assert drills.made == CREATED


def test_a_second_run_on_the_same_day_restores_nothing_again(drills: DrillGround) -> None:
    """The proof of the day counts, and the user's own test is run once more."""
    plan = drills.plan("MySQL", "logical", index=14)
    config = drills.load(plan)
    drills.restore(config)
    (again,) = drills.restore(config, verify=["check"])

    assert (again.state, again.is_followed) == ("proven", True)
    assert [words for words, _ in drills.commands.runs] == [["check"]]
    assert drills.made == CREATED


def test_after_a_failure_the_next_run_tries_anew(drills: DrillGround) -> None:
    """It has a name of its own on the same day, for its task and for its databases."""
    plan = drills.plan("MySQL", "logical", index=14)
    config = drills.load(plan)
    for how in ("failed_precheck", "failed", "success"):
        drills.world.restores_end = how
        (result,) = drills.restore(config)
    first, second, third = drills.tasks(plan)

    assert result.state == "proven"
    assert second.name == f"{first.name}-2"
    assert third.name == f"{first.name}-3"
    assert not set(third.databases) & {*first.databases, *second.databases}


def test_a_create_without_an_answer_is_looked_up_by_name(drills: DrillGround) -> None:
    """The task that was created all the same is followed, and no second one is created."""
    plan = drills.plan("MySQL", "logical", index=14)
    answer_once = drills.service.answer

    def unanswered(account: str, operation: str, params: object, faults: object) -> object:
        answer = answer_once(account, operation, params, faults)  # type: ignore[arg-type]
        if operation in ("CreateRestoreTask", "StartRestoreTask"):
            answer.clear()
            answer.update({"Success": True, "RequestId": "R"})
        return answer

    drills.service.answer = unanswered  # type: ignore[assignment,method-assign]
    (result,) = drills.restore(drills.load(plan))

    assert result.state == "proven"
    assert drills.made == CREATED


def test_credentials_that_may_only_read_end_it(drills: DrillGround) -> None:
    """The refusal is told as the API gives it, with the exit code of a missing permission."""
    drills.service.set_faults([{"kind": "deny", "operation": "CreateRestoreTask"}])
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical", index=14)))

    assert result.state == "failed"
    assert "CreateRestoreTask: Request.Forbidden" in result.message
    assert drills.report.exit_code == 3


def test_throttled_calls_are_made_again(drills: DrillGround) -> None:
    """What was refused for too many calls was not carried out, so it is sent again, a write too."""
    drills.service.set_faults(
        [
            {"kind": "throttle", "operation": name, "times": 2}
            for name in (*CREATED, "DescribeRestoreTaskList")
        ]
    )
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical", index=14)))

    assert result.state == "proven"
    assert len(drills.world.created_restores()) == 1


def test_answers_that_fail_while_it_runs_are_asked_again(drills: DrillGround) -> None:
    """An API that does not answer for minutes ends no drill."""
    drills.heard.on_each_line = lambda line: (
        drills.service.set_faults(
            [{"kind": "refuse", "status": 500, "code": "InternalError", "for_seconds": 200}]
        )
        if ": running" in line
        else None
    )
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "logical", index=14)))

    assert result.state == "proven"


def test_the_users_own_test_decides(drills: DrillGround) -> None:
    """Its failure is the drill's, and it finds the destination and what was restored in its environment."""
    drills.commands.problem = "check ended with exit code 3"
    plan = drills.plan("MySQL", "logical", index=14)
    (result,) = drills.restore(drills.load(plan), verify=["check", "it"])
    ((words, environment),) = drills.commands.runs

    assert result.state == "failed"
    assert "the data came back, and did not stand the test: check ended with exit code 3" in result.message
    assert words == ["check", "it"]
    assert environment["DBS_DRILL_PASSWORD"] == PASSWORD
    assert environment["DBS_DRILL_RESTORED"].splitlines() == list(result.to_drop)
    assert (environment["DBS_DRILL_INSTANCE_ID"], environment["DBS_DRILL_PLAN_ID"]) == (
        "rm-bp1spare",
        plan.plan_id,
    )


def test_it_ends_at_the_first_failure(drills: DrillGround) -> None:
    """Restores after the one that failed are not begun, and told so."""
    plans = [drills.plan("MySQL", "logical", index=index) for index in (0, 14)]
    values = drills.values(plans[0])
    values["account"]["plans"] = [plan.plan_id for plan in plans]
    drills.world.restores_end = "failed"
    results = drills.restore(write_config(drills.folder, values))

    assert [result.state for result in results] == ["failed", "not_begun"]
    assert drills.made == CREATED


def test_months_go_by_and_each_drill_has_names_of_its_own(drills: DrillGround) -> None:
    """The second and third month restore beside the first on the same destination; with `cleanup` the oldest goes."""
    plan = drills.plan("MySQL", "logical", index=14)
    config = drills.load(plan, {"keep": 1, "cleanup": ["drop"]})
    for _ in range(3):
        (result,) = drills.restore(config)
        assert result.state == "proven"
        drills.clock.sleep(28 * DAY)
    first, second, third = (task.databases for task in drills.tasks(plan))
    dropped = [environment["DBS_DRILL_DROP"].splitlines() for _, environment in drills.commands.runs]

    assert len({*first, *second, *third}) == 3 * len(first)
    # After the second drill the first one's, after the third the first two's: a command may be asked again for what is gone.
    assert dropped == [list(first), list(first), [*first, *second]]
    assert result.to_drop == third


def test_a_cleanup_that_fails_beforehand_restores_nothing(drills: DrillGround) -> None:
    """Nothing is put beside what should have gone."""
    config = drills.load(drills.plan("MySQL", "logical", index=14), {"keep": 0, "cleanup": ["drop"]})
    drills.restore(config)
    drills.clock.sleep(28 * DAY)
    drills.commands.problem = "drop ended with exit code 1"
    (result,) = drills.restore(config)

    assert result.state == "failed"
    assert "cleanup failed, and nothing was restored" in result.message
    assert drills.made == CREATED


def test_a_collision_on_the_destination_is_a_failure(drills: DrillGround) -> None:
    """DuplicateConflict is `failure`: a database that is there already is never overwritten nor renamed."""
    plan = drills.plan("Redis")
    config = drills.load(plan, {"dedicated": True, "keep": 5})
    drills.restore(config)
    drills.clock.sleep(DAY)
    (result,) = drills.restore(config)

    assert result.state == "failed"
    assert "exists already" in result.message
    assert all(call.parameters["DuplicateConflict"] == "failure" for call in drills.heard.calls[::2])


def test_a_dry_run_changes_nothing(drills: DrillGround) -> None:
    """Each call that would be made is shown with its parameters, and no call is made that changes anything."""
    plan = drills.plan("MySQL", "logical", index=14)
    (result,) = drills.restore(drills.load(plan), yes=False)
    create, start = drills.heard.calls

    assert result.state == "planned"
    assert drills.made == []
    assert (create.operation, start.operation) == ("CreateRestoreTask", "StartRestoreTask")
    assert create.parameters["RestoreTaskName"] == f"drill-{plan.plan_id}-spare-{day_of(drills.clock.now())}"
    assert create.parameters["DestinationEndpointPassword"] == "[hidden]"
    assert drills.report.exit_code == 0


@pytest.mark.parametrize("how", ["success", "failed_precheck", "stuck", "failed", "stopped"])
def test_no_password_is_told(drills: DrillGround, how: str) -> None:
    """Neither lines, calls, progress nor results hold it, however the restore ends."""
    drills.world.restores_end = how
    config = drills.load(drills.plan("MySQL", "logical", index=14))
    results = [*drills.restore(config, yes=False), *drills.restore(config)]

    assert PASSWORD not in drills.heard.text + repr(results) + repr(drills.report) + repr(config)
