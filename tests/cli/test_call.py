"""`dbs-exporter call` against a simulated cloud: one operation, its answer, and the exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import Result
from support.command_line import config_file, invoke

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.cli.call import describe
from dbs_exporter.simulator import Simulator

FORM = Path(__file__).resolve().parent.parent.parent / ".github" / "ISSUE_TEMPLATE" / "live-account.yml"


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


def test_call_reads_all_pages_as_one_answer(tmp_path: Path, cloud: Simulator) -> None:
    """--all-pages keeps the form of an answer: the request's id, how many there are, and all items where a page has its own."""
    found = call(
        config_file(tmp_path, cloud.url),
        "DescribeBackupPlanList",
        "PageSize=1",
        "--all-pages",
        "--region=cn-shanghai",
    )
    answer = json.loads(found.output)
    plan_ids = set(cloud.world.plan_ids("demo", "cn-shanghai"))

    assert {plan["BackupPlanId"] for plan in answer["Items"]["BackupPlanDetail"]} == plan_ids
    assert answer["TotalElements"] == len(plan_ids) == cloud.requests["DescribeBackupPlanList"]
    assert answer["RequestId"]


def test_call_of_an_unpaged_list_is_whole_anyway(tmp_path: Path, cloud: Simulator) -> None:
    """--all-pages of a list without pages prints the answer as it comes."""
    plan_id = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    words = ("DescribePreCheckProgressList", f"BackupPlanId={plan_id}", "--all-pages")
    answer = json.loads(call(config_file(tmp_path, cloud.url), *words).output)

    assert answer["Status"] == "finish"
    assert len(answer["Items"]["PreCheckProgressDetail"]) == 5


def test_call_asks_several_regions(tmp_path: Path, cloud: Simulator) -> None:
    """The answers of several regions are an object by region; `all` are those that the API names."""
    file = config_file(tmp_path, cloud.url)
    two = json.loads(
        call(file, "DescribeBackupPlanList", "--all-pages", "--region=cn-hangzhou,cn-shanghai").output
    )
    everywhere = json.loads(call(file, "DescribeBackupGatewayList", "--region=all").output)
    supported = json.loads(call(file, "DescribeRegions").output)["Regions"]["RegionCode"]

    assert {region: answer["TotalElements"] for region, answer in two.items()} == {
        region: len(cloud.world.plan_ids("demo", region)) for region in ("cn-hangzhou", "cn-shanghai")
    }
    assert list(everywhere) == supported


def test_call_prints_what_came_from_other_regions(tmp_path: Path, cloud: Simulator) -> None:
    """A region that fails is named on standard error, and the exit code is its failure's."""
    cloud.set_faults([{"kind": "refuse", "region": "cn-shanghai"}])
    result = call(
        config_file(tmp_path, cloud.url),
        "DescribeBackupPlanList",
        "--region=cn-hangzhou",
        "--region=cn-shanghai",
    )

    assert result.exit_code == 7
    assert list(json.loads(result.stdout)) == ["cn-hangzhou"]
    assert result.stderr.startswith("Error: cn-shanghai: DescribeBackupPlanList: ")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("DescribeBackupPlanList", "--all-pages", "PageNum=1"), "leave PageNum out"),
        (("DescribeBackupPlanList", "PageSize=0"), "PageSize must be 1 to 100, not 0"),
        (("DescribeRegions", "--all-pages"), "has no list"),
        (("DescribeRegions", "RegionId=a", "--region=b"), "leave RegionId out"),
        (("StartBackupPlan", "BackupPlanId=a", "--write", "--region=all"), "one region at a time"),
        (
            ("StartBackupPlan", "BackupPlanId=a", "--write", "--wait"),
            "has nothing to follow after StartBackupPlan",
        ),
        (("DescribeRestoreTaskList", "BackupPlanId=a", "--wait"), "name it: RestoreTaskId=ID"),
        (("DescribeRestoreTaskList", "RestoreTaskId=a,b", "--wait"), "name it: RestoreTaskId=ID"),
        (("DescribeRestoreTaskList", "RestoreTaskId=a", "--wait", "--region=a,b"), "in one region"),
        (("StartRestoreTask", "RestoreTaskId=a", "--dry-run", "--wait"), "nothing for --wait"),
        (("DescribeFullBackupList", "--BackupPlanId", "dbs1"), "without dashes: BackupPlanId=dbs1"),
        (("DescribeFullBackupList", "--backup-plan-id=dbs1"), "without dashes: BackupPlanId=dbs1"),
        (("DescribeRegions", "--RegionId=cn-x"), "without dashes: --region=cn-x"),
        (("DescribeRegions", "--nonsense"), "No such option"),
    ],
)
def test_call_says_what_would_be_right(
    tmp_path: Path, cloud: Simulator, words: tuple[str, ...], problem: str
) -> None:
    """A command line that cannot be meant sends nothing, and the sentence has the right form."""
    result = call(config_file(tmp_path, cloud.url), *words)

    assert result.exit_code == 2
    assert problem in result.output
    assert not cloud.requests


def test_a_dry_run_shows_the_signed_call_and_sends_nothing(tmp_path: Path, cloud: Simulator) -> None:
    """All that would be sent is there but the signature and the password, and no --write is asked for."""
    password = tmp_path / "password"
    password.write_text("s3same öffne dich\n", encoding="utf-8")
    given = (
        "BackupPlanId=dbs1", "RestoreTaskName=probe", "DestinationEndpointInstanceType=agent", "BackupGatewayId=1",
        "DestinationEndpointRegion=r", "DestinationEndpointIP=10.0.0.9", "DestinationEndpointPort=3306",
        f"DestinationEndpointPassword=@{password}", "--dry-run",
    )  # fmt: skip
    result = call(config_file(tmp_path, cloud.url), "CreateRestoreTask", *given)

    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"POST {cloud.url}/?\n  BackupGatewayId=1\n")
    assert re.search(r"^  ClientToken=[0-9a-f]{32}$", result.output, re.MULTILINE)
    assert "\n  DestinationEndpointPassword=***\n" in result.output
    assert re.search(r"^authorization: .*Credential=testak,.*Signature=\*\*\*$", result.output, re.MULTILINE)
    assert "s3same" not in result.output
    assert not cloud.requests


def test_a_dry_run_of_a_list_shows_its_first_page(tmp_path: Path, cloud: Simulator) -> None:
    """With --all-pages it is the call with which the list begins."""
    result = call(config_file(tmp_path, cloud.url), "DescribeBackupPlanList", "--all-pages", "--dry-run")

    assert "\n  PageNum=0\n  PageSize=100\n" in result.output


def test_a_write_whose_end_is_unknown_can_be_repeated(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write has a token; after a failure the sentence has it, and with it the API carries the write out once."""
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: False)
    file = config_file(tmp_path, cloud.url)
    gateway = "SourceEndpointPort=3306"
    cloud.set_faults([{"kind": "html"}])
    lost = call(file, "CreateGetDBListFromAgentTask", gateway, "--write")
    token = re.search(r"ClientToken=\w+", lost.output)
    cloud.set_faults([])

    assert lost.exit_code == 4
    assert token is not None
    assert call(file, "CreateGetDBListFromAgentTask", gateway, token[0], "--write").exit_code == 0


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
    assert ("the API refuses the request as wrong" in result.output) is (code == 7)


def test_an_answer_can_be_shared(tmp_path: Path, cloud: Simulator) -> None:
    """--redact leaves no id, name or address of the account in an answer of several regions, nor in an error."""
    file = config_file(tmp_path, cloud.url)
    plan_id = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    words = ("DescribeBackupPlanList", "--all-pages", "--region=cn-hangzhou,cn-shanghai")
    plain, redacted = call(file, *words).output, call(file, *words, "--redact").output
    again = call(file, "DescribeBackupPlanList", "--redact", f"BackupPlanId={plan_id}").output
    (known_as,) = re.findall(r'"BackupPlanId": "(\w+)"', again)
    refused = call(file, "DescribeFullBackupList", "BackupPlanId=dbsnobody1", "--redact").output

    for value in re.findall(r'"(?:BackupPlanId|BackupPlanName|SourceEndpointHost)": "(.*?)"', plain):
        assert value not in redacted
    assert plan_id in plain
    assert f'"BackupPlanId": "{known_as}"' in redacted
    assert re.findall(r'"(?:\w+Status|\w+Time|\w+Region|\w+Period)": .*', plain) == re.findall(
        r'"(?:\w+Status|\w+Time|\w+Region|\w+Period)": .*', redacted
    )
    assert re.search(r"\(request r[0-9a-f]{10}\)", refused)


def test_call_with_an_account_that_is_not_there_names_the_nearest(tmp_path: Path, cloud: Simulator) -> None:
    """A misspelt account is told."""
    result = call(config_file(tmp_path, cloud.url), "DescribeRegions", "--account=prd")

    assert result.exit_code == 2
    assert "has no account 'prd'; did you mean 'prod'?" in result.output


def test_what_the_form_of_an_issue_asks_for_can_be_run(tmp_path: Path, cloud: Simulator) -> None:
    """Each command of the form answers, redacts, and keeps the names of a plan to itself."""
    form = FORM.read_text(encoding="utf-8")
    plan_id = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    commands = [line.split() for line in re.findall(r"^ +dbs-exporter call (.+)$", form, re.MULTILINE)]
    file = config_file(tmp_path, cloud.url)
    results = [call(file, *(word.replace("$PLAN", plan_id) for word in words)) for words in commands]

    assert len(commands) == 7
    assert [words for words in commands if "--redact" not in words] == []
    assert [result.output for result in results if result.exit_code] == []
    assert [result.output for result in results if plan_id in result.output] == []
