"""`call --wait`: restores, pre-checks, downloads and the list of a gateway are followed to their ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from support.command_line import config_file, invoke
from support.fake_clock import FakeClock

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.cli.call_wait import follow, followed
from dbs_exporter.errors import ApiError, BadAnswer, NotPermitted, Unreachable
from dbs_exporter.simulator import Simulator, World, start_simulator
from dbs_exporter.simulator.gateway_databases import databases_of, plans_behind


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulated cloud whose time passes where the program sleeps."""
    slept: list[float] = []
    began = time.time()
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: slept.append(seconds))
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.monotonic", lambda self: 1000 + sum(slept))
    # Far less than the fifteen minutes by which the API's clock may be off: what takes longer is the simulator's.
    with start_simulator(World(plans=40, clock=lambda: began + 60 * sum(slept))) as simulator:
        yield simulator


def call(file: str, *words: str) -> Result:
    """Run `call`."""
    return invoke("call", *words, f"--config.file={file}")


def restore_words(cloud: Simulator) -> tuple[str, ...]:
    """A restore of a healthy plan."""
    plan_id = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    return (
        "CreateRestoreTask", f"BackupPlanId={plan_id}", "RestoreTaskName=probe", "RestoreObjects=[]",
        "DestinationEndpointInstanceType=dg", "--write",
    )  # fmt: skip


def test_a_restore_is_followed_from_its_check_to_its_end(tmp_path: Path, passing: Simulator) -> None:
    """Creating waits for the pre-check, starting for the end; what changes is on standard error, the last answer on output."""
    file = config_file(tmp_path, passing.url)
    checked = call(file, *restore_words(passing), "--wait")
    tasks = [task for plan in passing.world.plan_ids("demo") for task in passing.world.restores(plan)]
    task_id = next(task.task_id for task in tasks if task.name == "probe")
    done = call(file, "StartRestoreTask", f"RestoreTaskId={task_id}", "--write", "--wait")
    (record,) = json.loads(done.stdout)["Items"]["RestoreTaskDetail"]

    assert json.loads(checked.stdout)["Status"] == "finish"
    assert record["RestoreStatus"] == "finish"
    assert f"restore {task_id}: running, " in done.stderr
    assert done.stderr.endswith(f"restore {task_id}: finish\n")


def test_a_download_is_followed(tmp_path: Path, passing: Simulator) -> None:
    """A download that was just created is followed until it is finished."""
    history = passing.world.history(passing.world.plan_ids("demo", "cn-hangzhou")[0])
    backup = history.newest_finished()
    assert backup is not None
    words = ("CreateFullBackupSetDownload", f"BackupSetId={backup.set_id}", "--write", "--wait")
    result = call(config_file(tmp_path, passing.url), *words)
    (record,) = json.loads(result.stdout)["Items"]["BackupSetDownloadTaskDetail"]

    assert record["BackupSetDownloadStatus"] == "finish"


def test_the_list_of_a_gateway_is_fetched(tmp_path: Path, passing: Simulator) -> None:
    """The task that looks is created, and its result is what is printed."""
    spec = plans_behind(passing.world.specs("demo"))[0]
    result = call(
        config_file(tmp_path, passing.url), "CreateGetDBListFromAgentTask", f"BackupGatewayId={spec.gateway_id}",
        f"SourceEndpointIP={spec.host}", f"SourceEndpointPort={spec.engine.port}", "--write", "--wait",
    )  # fmt: skip

    assert set(json.loads(result.stdout)["DbList"]["dbName"]) >= set(databases_of(spec))


def test_what_fails_and_what_is_not_there_has_an_exit_code(tmp_path: Path, passing: Simulator) -> None:
    """A restore that stops is 8 with its error, and so is one that never gets into its list."""
    file = config_file(tmp_path, passing.url)
    task_id = json.loads(call(file, *restore_words(passing)).stdout)["RestoreTaskId"]
    task = passing.world.restore(task_id, "demo")
    assert task is not None
    task.started_at, task.failed = passing.world.clock(), True
    failed = call(file, "DescribeRestoreTaskList", f"RestoreTaskId={task_id}", "--wait")
    absent = call(file, "DescribeRestoreTaskList", "RestoreTaskId=nobody", "--wait")

    assert failed.exit_code == 8
    assert f"Error: restore {task_id} failed: " in failed.stderr
    assert (absent.exit_code, "there is no such thing" in absent.stderr) == (8, True)


def test_waiting_ends_at_the_time_allowed(tmp_path: Path, passing: Simulator) -> None:
    """--timeout ends the waiting, not the restore."""
    file = config_file(tmp_path, passing.url)
    task_id = json.loads(call(file, *restore_words(passing)).stdout)["RestoreTaskId"]
    result = call(file, "DescribeRestoreTaskList", f"RestoreTaskId={task_id}", "--wait", "--timeout=30s")

    assert result.exit_code == 8
    assert "check_pass" in result.stderr
    assert "after 30s, the time allowed; it goes on by itself" in result.stderr


class Scripted:
    """A client that answers one thing after the other, the last for ever."""

    def __init__(self, *answers: dict[str, Any] | ApiError) -> None:
        self._answers = list(answers)
        self.calls = 0

    def call(self, operation: str, params: object, *, within: float | None = None) -> dict[str, Any]:
        self.calls += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ApiError):
            raise answer
        return answer


def followed_restore(client: Scripted, clock: FakeClock) -> Any:
    """Follow a restore with this client."""
    thing = followed(OPERATIONS["StartRestoreTask"], {"RestoreTaskId": "s1"}, {})
    return follow(client, thing, clock, timeout=None, show=str)  # type: ignore[arg-type]  # answers as a client does


def listed(status: str, **fields: Any) -> dict[str, Any]:
    """An answer with the restore in this state."""
    record = {"RestoreTaskId": "s1", "RestoreStatus": status, **fields}
    return {"Items": {"RestoreTaskDetail": [record]}}


def test_an_outage_of_minutes_ends_no_waiting() -> None:
    """Failures that may pass are waited out for ten minutes, others end at once."""
    clock = FakeClock()
    outage = [Unreachable("gone")] * 30
    survived = followed_restore(Scripted(listed("running"), *outage, listed("finish")), clock)
    refused = Scripted(listed("running"), NotPermitted("no"))

    assert survived == listed("finish")
    with pytest.raises(Unreachable):
        followed_restore(Scripted(listed("running"), Unreachable("gone")), clock)
    with pytest.raises(NotPermitted):
        followed_restore(refused, clock)
    assert refused.calls == 2


def test_an_end_that_no_document_knows_is_a_success_only_if_all_is_done() -> None:
    """An unknown status with a finish time ends the waiting; without full progress it is no success."""
    finished = {"RestoreTaskFinishTime": 1_790_000_000_000}
    whole = listed("completed", **finished, FullDataRestoreProgress=100)

    assert followed_restore(Scripted(whole), FakeClock()) == whole
    with pytest.raises(click.ClickException):
        followed_restore(Scripted(listed("completed", **finished, FullDataRestoreProgress=99)), FakeClock())


@pytest.mark.parametrize(
    ("operation", "began", "answer", "problem"),
    [
        (
            "CreateRestoreTask",
            {"RestoreTaskId": "s1"},
            {
                "Status": "failed",
                "Items": {
                    "PreCheckProgressDetail": [
                        {"Item": "CHECK_NETWORK", "State": "failed", "ErrMsg": "no way"}
                    ]
                },
            },
            "pre-check of restore s1 failed: CHECK_NETWORK: no way",
        ),
        (
            "CreateFullBackupSetDownload",
            {"BackupSetDownloadTaskId": "d1"},
            {
                "Items": {
                    "BackupSetDownloadTaskDetail": [
                        {"BackupSetDownloadTaskId": "d1", "BackupSetDownloadStatus": "warning"}
                    ]
                }
            },
            "download d1 failed: warning",
        ),
    ],
)
def test_a_failed_check_or_download_is_a_failure(
    operation: str, began: dict[str, str], answer: dict[str, Any], problem: str
) -> None:
    """The sentence has what the API says of it, else its state."""
    thing = followed(OPERATIONS[operation], {}, began)
    with pytest.raises(click.ClickException) as caught:
        follow(Scripted(answer), thing, FakeClock(), timeout=None, show=str)  # type: ignore[arg-type]  # as above

    assert caught.value.message == problem


def test_the_last_pause_ends_with_the_time_allowed() -> None:
    """What is allowed is never exceeded by a pause."""
    thing = followed(OPERATIONS["StartRestoreTask"], {"RestoreTaskId": "s1"}, {})
    clock = FakeClock()
    with pytest.raises(click.ClickException):
        follow(Scripted(listed("running")), thing, clock, timeout=25, show=str)  # type: ignore[arg-type]  # as above

    assert clock.sleeps == [10, 10, 5]


def test_what_was_begun_must_have_a_name() -> None:
    """An answer that does not say what was begun is one that cannot be understood."""
    with pytest.raises(BadAnswer, match="does not say what to follow"):
        followed(OPERATIONS["CreateFullBackupSetDownload"], {}, {"Success": True})


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal the progress of all stages is a bar, beside what is being done."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    running = listed("running", FullStruforeRestoreProgress=100, FullDataRestoreProgress=43)
    followed_restore(Scripted(running, listed("finish")), FakeClock())
    shown = capsys.readouterr().err

    assert "restore s1" in shown
    assert "━" in shown
    assert "finish" in shown


def test_who_interrupts_hears_that_the_work_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends the waiting alone."""
    clock = FakeClock()
    clock.stopped = True
    with pytest.raises(click.Abort):
        followed_restore(Scripted(listed("running")), clock)

    assert capsys.readouterr().err.endswith("restore s1 goes on by itself\n")


def test_a_gateway_that_sees_nothing_is_not_asked_for_ever() -> None:
    """No document says how the answer looks then, so ten minutes is the end of it."""
    thing = followed(OPERATIONS["CreateGetDBListFromAgentTask"], {}, {"TaskId": 7})
    clock = FakeClock()
    with pytest.raises(click.ClickException, match="no database yet after 600s"):
        follow(Scripted({"DbList": ""}), thing, clock, timeout=None, show=str)  # type: ignore[arg-type]  # as above

    assert sum(clock.sleeps) == 600
