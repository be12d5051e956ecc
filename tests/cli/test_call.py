"""`dbs-exporter call` against a simulated cloud: one operation, its answer, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from support.command_line import config_file, invoke

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.cli.call import describe
from dbs_exporter.simulator import Simulator


def call(file: str, *words: str) -> Result:
    """Run `call`."""
    return invoke("call", *words, f"--config.file={file}")


def test_call_lists_operations_and_parameters() -> None:
    """One can find out what there is without the vendor's site."""
    everything = invoke("call", "--list").output
    operation = invoke("call", "DescribeFullBackupList", "--list").output

    assert "DescribeBackupPlanList" in everything
    assert "StartRestoreTask" in everything
    assert "BackupPlanId: string, required" in operation
    assert "BackupSetStatus: string, one of schedule, running, finish, stop, pause" in operation


def test_every_operation_can_be_described() -> None:
    """Each says whether it writes, what it is for, and what goes with what."""
    for name, operation in OPERATIONS.items():
        kind = "write" if operation.writes else "read"
        assert describe(name).startswith(f"{name} ({kind}): {operation.summary}\n")
    assert "exactly one of BackupPlanId and RestoreTaskId must be given" in describe(
        "DescribeRestoreTaskList"
    )
    assert "required when DestinationEndpointInstanceType is agent" in describe("CreateRestoreTask")


def test_call_prints_the_answer_as_json(tmp_path: Path, cloud: Simulator) -> None:
    """With the configured account, its region and endpoint."""
    answer = json.loads(
        call(config_file(tmp_path, cloud.url), "DescribeBackupPlanList", "PageSize=30").output
    )

    assert answer["TotalElements"] == len(cloud.world.plan_ids("demo", "cn-hangzhou"))


def test_call_reads_all_pages_of_another_region(tmp_path: Path, cloud: Simulator) -> None:
    """--all-pages prints the items alone."""
    found = call(
        config_file(tmp_path, cloud.url), "DescribeBackupPlanList", "--all-pages", "--region=cn-shanghai"
    )
    listed = {plan["BackupPlanId"] for plan in json.loads(found.output)}

    assert listed == set(cloud.world.plan_ids("demo", "cn-shanghai"))


def test_call_writes_only_when_told_to(tmp_path: Path, cloud: Simulator) -> None:
    """Without --write nothing is sent; with it the operation is carried out."""
    file = config_file(tmp_path, cloud.url)
    plan_id = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    words = ("ModifyBackupPlanName", f"BackupPlanId={plan_id}", "BackupPlanName=another")
    refused = call(file, *words)
    asked = cloud.requests["ModifyBackupPlanName"]
    done = call(file, *words, "--write")

    assert (refused.exit_code, asked) == (2, 0)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["Success"] is True


@pytest.mark.parametrize(
    ("fault", "code"), [("deny", 3), ("refuse", 7), ("html", 4)]
)  # fmt: skip
def test_call_says_how_a_call_failed_by_its_exit_code(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch, fault: str, code: int
) -> None:
    """3 for permission, 4 for a cloud that breaks, 7 for a request that it calls wrong."""
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: False)
    cloud.set_faults([{"kind": fault}])
    result = call(config_file(tmp_path, cloud.url), "DescribeRegions")

    assert result.exit_code == code, result.output
    assert result.output.startswith("Error: DescribeRegions: ")


def test_call_with_an_account_that_is_not_there_names_the_nearest(tmp_path: Path, cloud: Simulator) -> None:
    """A misspelt account is told."""
    result = call(config_file(tmp_path, cloud.url), "DescribeRegions", "--account=prd")

    assert result.exit_code == 2
    assert "has no account 'prd'; did you mean 'prod'?" in result.output
