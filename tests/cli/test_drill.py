"""`dbs-exporter drill` as it is called: what it prints, its exit codes, and that no password is ever seen."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml
from click.testing import Result
from support.command_line import invoke
from support.drilling import PASSWORD
from support.simulation import VirtualClock

from dbs_exporter.simulator import Simulator, World, start_simulator

ENDS = ["success", "failed_precheck", "stuck", "failed", "stopped"]
SPELLINGS = (PASSWORD, quote(PASSWORD, safe=""), quote_plus(PASSWORD), quote(PASSWORD))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    """Time that passes when it is slept away, for the commands and the cloud."""
    clock = VirtualClock()
    for name, read in (("now", clock.now), ("monotonic", clock.monotonic)):
        monkeypatch.setattr(f"dbs_exporter.clock.SystemClock.{name}", lambda self, read=read: read())
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: clock.sleep(seconds))
    return clock


@pytest.fixture
def drills(clock: VirtualClock) -> Iterator[Simulator]:
    """A healthy simulated cloud on that time."""
    with start_simulator(World.healthy(plans=16, clock=clock.now)) as simulator:
        yield simulator


def config_file(folder: Path, drills: Simulator, **changes: Any) -> str:
    """Write a configuration that restores a MySQL plan; gives its file's name."""
    plan = next(spec for spec in drills.world.specs("demo") if spec.index == 14)
    place = {
        "name": "spare", "database_type": "MySQL", "instance_type": "rds", "region": "cn-hangzhou", "instance_id": "rm-bp1spare",
        "addresses": ["10.250.0.1"], "user": "restorer", "password": PASSWORD, **changes,
    }  # fmt: skip
    account = {
        "name": "prod", "regions": "all", "plans": [plan.plan_id], "endpoint": drills.url, "requests_per_second": 500.0,
        "credentials": {"type": "access_key", "access_key_id": "testak", "access_key_secret": "testsk"},
    }  # fmt: skip
    path = folder / "drill.yml"
    path.write_text(yaml.safe_dump({"account": account, "destinations": [place]}), encoding="utf-8")
    return str(path)


def drill(command: str, file: str, *words: str) -> Result:
    """Run a drill."""
    return invoke("drill", command, f"--config.file={file}", *words)


def test_without_yes_the_calls_are_shown_and_nothing_is_done(tmp_path: Path, drills: Simulator) -> None:
    """Each call stands there with its parameters, then what it means, then how to do it."""
    result = drill("restore", config_file(tmp_path, drills))

    assert result.exit_code == 0, result.output
    assert "would call CreateRestoreTask in cn-shanghai" in result.output
    assert "  DestinationEndpointPassword=[hidden]" in result.output
    assert "would call StartRestoreTask" in result.output
    assert "may cost money" in result.output
    assert result.output.endswith("Nothing was changed; add --yes to do this.\n")
    assert not drills.world.created_restores()


def test_with_yes_the_data_comes_back(tmp_path: Path, drills: Simulator) -> None:
    """Stages by plain lines where there is no terminal, then how long it took and what to drop; the file for node_exporter is there."""
    textfile = tmp_path / "drill.prom"
    result = drill("restore", config_file(tmp_path, drills), "--yes", f"--textfile={textfile}", "--exec=true")
    (task,) = drills.world.created_restores()

    assert result.exit_code == 0, result.output
    assert f"{task.task_id}: full_data 100%" in result.output
    assert ": restored in " in result.output
    assert f"since it is production data: {', '.join(task.databases)}" in result.output
    assert f'plan_id="{task.plan_id}",command="restore",destination="spare"}} 1\n' in textfile.read_text()


def test_json_is_all_that_is_printed(tmp_path: Path, drills: Simulator) -> None:
    """Results, calls, notes and the exit code for programs; what happens goes to standard error."""
    result = drill("restore", config_file(tmp_path, drills), "--yes", "--output=json")
    document = json.loads(result.stdout)

    assert document["exit_code"] == 0
    assert [found["state"] for found in document["results"]] == ["proven"]
    assert [call["operation"] for call in document["calls"]] == ["CreateRestoreTask", "StartRestoreTask"]
    assert "waiting for the pre-check" in result.stderr


def test_a_refusal_is_told_with_every_reason(tmp_path: Path, drills: Simulator) -> None:
    """Exit code 9, and the sentence that nothing was changed."""
    source = next(spec for spec in drills.world.specs("demo") if spec.source_type == "ecs")
    file = config_file(tmp_path, drills, instance_id=source.instance_id)
    textfile = tmp_path / "drill.prom"
    result = drill("restore", file, "--yes", f"--textfile={textfile}")
    document = json.loads(drill("restore", file, "--yes", "--output=json").stdout)

    assert result.exit_code == document["exit_code"] == 9
    assert f"refused: destination spare: it is the source of plan {source.plan_id}" in result.output
    assert "Nothing was changed." in result.output
    assert 'dbs_drill_run_success{account="prod",command="restore"} 0\n' in textfile.read_text()
    assert document["refusals"][0].startswith("destination spare")
    assert not drills.world.created_restores()


def test_a_dry_run_leaves_the_file_for_node_exporter_alone(tmp_path: Path, drills: Simulator) -> None:
    """It proved nothing, so it says nothing."""
    textfile = tmp_path / "drill.prom"
    drill("restore", config_file(tmp_path, drills), f"--textfile={textfile}")

    assert not textfile.exists()


def test_ctrl_c_says_what_goes_on(
    tmp_path: Path, drills: Simulator, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restore cannot be stopped, so its id is told; the exit code is that of Ctrl-C, and the next run follows it."""

    def interrupt(self: object, seconds: float) -> bool:
        if clock.sleep(seconds) or any(task.started_at for task in drills.world.created_restores()):
            raise KeyboardInterrupt
        return False

    file = config_file(tmp_path, drills)
    with monkeypatch.context() as patched:
        patched.setattr("dbs_exporter.clock.SystemClock.sleep", interrupt)
        result = drill("restore", file, "--yes")
    again = drill("restore", file, "--yes")
    (task,) = drills.world.created_restores()

    assert result.exit_code == 130
    assert f"interrupted: Restore task {task.task_id} ({task.name}) goes on in the cloud" in result.output
    assert again.exit_code == 0, again.output


def test_credentials_that_may_only_read_exit_with_3(tmp_path: Path, drills: Simulator) -> None:
    """Lists can be read, the create is refused."""
    drills.set_faults([{"kind": "deny", "operation": "CreateRestoreTask"}])
    result = drill("restore", config_file(tmp_path, drills), "--yes")

    assert result.exit_code == 3
    assert "CreateRestoreTask: Request.Forbidden" in result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("restore", "--config.file=/not/there.yml"), "/not/there.yml: cannot be read"),
        (("restore", "--exec=echo 'a"), "--exec: No closing quotation"),
        (("prove",), "No such command 'prove'"),
    ],
)
def test_wrong_usage_exits_with_2(words: tuple[str, ...], says: str) -> None:
    """What was wrong stands there."""
    result = invoke("drill", *words)

    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("how", [*ENDS, "echoed", "refused", "broken", "script"])
def test_no_password_is_ever_seen(
    tmp_path: Path, drills: Simulator, how: str, output: str, caplog: pytest.LogCaptureFixture
) -> None:
    """However it ends, and at the highest log level: not on either output, in a log record, in the file, nor in an error."""
    textfile = tmp_path / "drill.prom"
    if how in ENDS:
        drills.world.restores_end = how
    elif how == "echoed":
        drills.set_faults(
            [
                {
                    "kind": "refuse",
                    "operation": "CreateRestoreTask",
                    "message": f"no {PASSWORD} in {quote_plus(PASSWORD)}",
                }
            ]
        )
    elif how == "refused":
        drills.set_faults([{"kind": "deny", "operation": "DescribeBackupPlanList"}])
    elif how == "broken":
        drills.set_faults([{"kind": "reset", "operation": "CreateRestoreTask"}])
    script = f"--exec=sh -c 'echo it is \"$DBS_DRILL_PASSWORD\" >&2; exit {int(how == 'script')}'"
    file = config_file(tmp_path, drills)
    with caplog.at_level(logging.DEBUG):
        dry = drill("restore", file, "--log.level=debug", f"--output={output}")
        done = drill(
            "restore",
            file,
            "--yes",
            "--log.level=debug",
            f"--output={output}",
            f"--textfile={textfile}",
            script,
        )
    seen = "\n".join(
        [dry.stdout, dry.stderr, done.stdout, done.stderr, textfile.read_text() if textfile.exists() else ""]
        + [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    )

    assert done.exit_code in ({0} if how == "success" else {3, 4, 9} if how != "broken" else {0, 4, 9}), (
        done.output
    )
    assert [spelling for spelling in SPELLINGS if spelling in seen] == []
    if how in ("success", "script"):
        assert "| it is [hidden]" in seen
