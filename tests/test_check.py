"""`dbs-exporter check` and `call` against a simulated cloud: what is wrong is said, and the exit code says of which kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dbs_exporter.cli.main import cli
from dbs_exporter.simulator import Simulator, World, start_simulator


@pytest.fixture
def cloud() -> Iterator[Simulator]:
    """A small simulated cloud."""
    with start_simulator(World(plans=10)) as simulator:
        yield simulator


def config(path: Path, url: str, *, secret: str = "testsk", account: str = "", more: str = "") -> str:
    """A configuration with one account; gives its file's name."""
    file = path / "dbs-exporter.yml"
    file.write_text(
        "accounts:\n- name: prod\n"
        f"  endpoint: {url}\n"
        "  requests_per_second: 500\n"
        "  credentials: {type: access_key, access_key_id: testak, access_key_secret: " + secret + "}\n"
        f"  {account or 'regions: [cn-hangzhou]'}\n{more}"
    )
    return str(file)


def check(file: str, *flags: str) -> Result:
    """Run `check`, or another command with a configuration, in this process."""
    return CliRunner().invoke(cli, ["check", f"--config.file={file}", *flags])


def call(file: str, *words: str) -> Result:
    """Run `call` in this process."""
    return CliRunner().invoke(cli, ["call", *words, f"--config.file={file}"])


def rows(result: Result) -> dict[str, list[str]]:
    """Operation -> the cells of its row."""
    found = {}
    for line in result.output.splitlines():
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if len(cells) == 4 and cells[0].startswith("Describe"):
            found[cells[0]] = cells[1:]
    return found


def test_a_configuration_that_works_exits_with_0_and_tells_what_it_costs(
    tmp_path: Path, cloud: Simulator
) -> None:
    """Every operation of the enabled collectors is asked once, and the plans are counted."""
    result = check(config(tmp_path, cloud.url))
    plans = len(cloud.world.plan_ids("demo", "cn-hangzhou"))

    assert result.exit_code == 0, result.output
    assert f"plans: {plans} found, {plans} selected" in result.output
    assert rows(result)["DescribeBackupPlanList"] == ["plans", "ok", "30"]
    assert rows(result)["DescribeRestoreTaskList"] == ["restores", "ok", str(plans * 60)]
    assert "DescribeBackupPlanBilling" not in rows(result)
    assert result.output.endswith("All is well.\n")
    assert max(cloud.requests.values()) == 1
    assert set(cloud.requests) == set(rows(result))


def test_disabled_collectors_are_not_asked_about_and_patterns_are_counted(
    tmp_path: Path, cloud: Simulator
) -> None:
    """What the configuration leaves out costs nothing."""
    first = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    file = config(
        tmp_path,
        cloud.url,
        account=f"regions: [cn-hangzhou]\n  plans: {{include: [{first}]}}",
        more="collectors: {restores: {enabled: false}, billing: {enabled: true, interval: 1h}}\n",
    )
    result = check(file)

    assert result.exit_code == 0, result.output
    assert "DescribeRestoreTaskList" not in rows(result)
    assert rows(result)["DescribeBackupPlanBilling"] == ["billing", "ok", "1"]
    assert ", 1 selected" in result.output


def test_all_regions_are_those_that_the_account_has(tmp_path: Path, cloud: Simulator) -> None:
    """`regions: all` asks DescribeRegions first, and then each."""
    result = check(config(tmp_path, cloud.url, account="regions: all"))

    assert result.exit_code == 0, result.output
    assert "prod / cn-hangzhou" in result.output
    assert "prod / cn-shanghai" in result.output


def test_a_denied_operation_is_named_and_exits_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """The table says what the RAM policy must allow; the rest is asked all the same."""
    cloud.set_faults([{"kind": "deny", "operation": "DescribeRestoreTaskList"}])
    result = check(config(tmp_path, cloud.url))

    assert result.exit_code == 3
    assert "allow dbs:DescribeRestoreTaskList" in result.output
    assert rows(result)["DescribeFullBackupList"][1] == "ok"
    assert "1 question failed." in result.output


def test_a_wrong_secret_is_told_once_and_exits_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """The first refusal is enough, and the secret is not printed."""
    result = check(config(tmp_path, cloud.url, secret="hush-hush"))

    assert result.exit_code == 3
    assert "credentials refused: SignatureDoesNotMatch" in result.output
    assert rows(result)["DescribeFullBackupList"][1] == "not asked"
    assert "hush-hush" not in result.output


def test_a_cloud_that_is_not_there_exits_with_4(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unreachable is not the operator's configuration."""
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: False)
    cloud.close()
    result = check(config(tmp_path, cloud.url))

    assert result.exit_code == 4
    assert "Connection refused" in result.output


def test_a_cloud_that_breaks_exits_with_4(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is a server error."""
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: False)
    cloud.set_faults([{"kind": "unavailable", "operation": "DescribeNodeCidrList"}])

    assert check(config(tmp_path, cloud.url)).exit_code == 4


def test_offline_asks_nothing(tmp_path: Path, cloud: Simulator) -> None:
    """Only the file is validated; warnings are told."""
    result = check(config(tmp_path, "http://dbs.example.com"), "--offline")

    assert result.exit_code == 0
    assert "valid; 1 account" in result.output
    assert "warning: accounts[0].endpoint: plain http to dbs.example.com" in result.output
    assert not cloud.requests


def test_nothing_selected_and_a_limit_too_near_are_warned_about(tmp_path: Path, cloud: Simulator) -> None:
    """Both are configurations that work and disappoint."""
    nothing = check(config(tmp_path, cloud.url, account="regions: [cn-hangzhou]\n  plans: [dbsnone]"))
    file = Path(config(tmp_path, cloud.url, more="collectors: {restores: {interval: 1s}}\n"))
    file.write_text(file.read_text().replace("requests_per_second: 500", "requests_per_second: 3"))
    near = check(str(file))

    assert "warning: no plan is selected" in nothing.output
    assert "warning: too near the limit" in near.output
    assert (nothing.exit_code, near.exit_code) == (0, 0)


def test_missing_credentials_exit_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """No source gave any: said with the account's name, and nothing is called."""
    file = config(tmp_path, cloud.url)
    text = Path(file).read_text()
    start = text.index("  credentials:")
    Path(file).write_text(
        text[:start]
        + "  credentials: {type: credentials_uri, credentials_uri: 'http://127.0.0.1:1/'}\n"
        + text[text.index("\n", start) + 1 :]
    )
    result = check(file)

    assert result.exit_code == 3
    assert "prod: credentials (credentials_uri): account prod" in result.output
    assert not cloud.requests


def test_call_prints_the_answer_as_json(tmp_path: Path, cloud: Simulator) -> None:
    """With the configured account, its region and endpoint."""
    answer = json.loads(call(config(tmp_path, cloud.url), "DescribeBackupPlanList", "PageSize=30").output)

    assert answer["TotalElements"] == len(cloud.world.plan_ids("demo", "cn-hangzhou"))


def test_call_reads_all_pages_of_another_region(tmp_path: Path, cloud: Simulator) -> None:
    """--all-pages prints the items alone."""
    found = call(config(tmp_path, cloud.url), "DescribeBackupPlanList", "--all-pages", "--region=cn-shanghai")

    listed = {one["BackupPlanId"] for one in json.loads(found.output)}

    assert listed == set(cloud.world.plan_ids("demo", "cn-shanghai"))


def test_call_writes_only_when_told_to(tmp_path: Path, cloud: Simulator) -> None:
    """Without --write nothing is sent; with it the operation is carried out."""
    file = config(tmp_path, cloud.url)
    plan_id = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    words = ("ModifyBackupPlanName", f"BackupPlanId={plan_id}", "BackupPlanName=another")
    refused = call(file, *words)
    asked = cloud.requests["ModifyBackupPlanName"]
    done = call(file, *words, "--write")

    assert (refused.exit_code, asked) == (2, 0)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["Success"] is True


@pytest.mark.parametrize(
    ("fault", "code"), [("deny", 3), ("refuse", 1), ("html", 4)]
)  # fmt: skip
def test_call_says_how_a_call_failed_by_its_exit_code(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch, fault: str, code: int
) -> None:
    """3 for permission, 4 for a cloud that breaks, 1 for a request that it calls wrong."""
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: False)
    cloud.set_faults([{"kind": fault}])
    result = call(config(tmp_path, cloud.url), "DescribeRegions")

    assert result.exit_code == code, result.output
    assert result.output.startswith("Error: DescribeRegions: ")


def test_call_with_an_account_that_is_not_there_names_the_nearest(tmp_path: Path, cloud: Simulator) -> None:
    """A misspelt account is told."""
    result = call(config(tmp_path, cloud.url), "DescribeRegions", "--account=prd")

    assert result.exit_code == 2
    assert "has no account 'prd'; did you mean 'prod'?" in result.output
