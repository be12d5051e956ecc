"""`dbs-exporter check` against a simulated cloud: what is wrong is said, and the exit code says of which kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from support.command_line import config_file, invoke

from dbs_exporter.simulator import Simulator


def check(file: str, *flags: str) -> Result:
    """Run `check`."""
    return invoke("check", f"--config.file={file}", *flags)


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
    result = check(config_file(tmp_path, cloud.url))
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
    file = config_file(
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
    result = check(config_file(tmp_path, cloud.url, account="regions: all"))

    assert result.exit_code == 0, result.output
    assert "prod / cn-hangzhou" in result.output
    assert "prod / cn-shanghai" in result.output


def test_what_belongs_to_an_account_is_asked_once_and_what_belongs_to_a_region_in_each(
    tmp_path: Path, cloud: Simulator
) -> None:
    """The list of regions is the account's; it stands in the table of the first region, with its cost."""
    result = check(config_file(tmp_path, cloud.url, account="regions: [cn-hangzhou, cn-shanghai]"))

    assert result.exit_code == 0, result.output
    assert cloud.requests["DescribeRegions"] == 1
    assert cloud.requests["DescribeNodeCidrList"] == 2
    assert rows(result)["DescribeRegions"] == ["regions", "ok", "1"]


def test_a_denied_operation_is_named_and_exits_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """The table says what the RAM policy must allow; the rest is asked all the same."""
    cloud.set_faults([{"kind": "deny", "operation": "DescribeRestoreTaskList"}])
    result = check(config_file(tmp_path, cloud.url))

    assert result.exit_code == 3
    assert "allow dbs:DescribeRestoreTaskList" in result.output
    assert rows(result)["DescribeFullBackupList"][1] == "ok"
    assert "1 question failed." in result.output


def test_a_wrong_secret_is_told_once_and_exits_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """The first refusal is enough, and the secret is not printed."""
    result = check(config_file(tmp_path, cloud.url, secret="hush-hush"))

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
    result = check(config_file(tmp_path, cloud.url))

    assert result.exit_code == 4
    assert "Connection refused" in result.output


def test_a_cloud_that_breaks_exits_with_4(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is a server error."""
    monkeypatch.setattr("dbs_exporter.clock.SystemClock.sleep", lambda self, seconds: False)
    cloud.set_faults([{"kind": "unavailable", "operation": "DescribeNodeCidrList"}])

    assert check(config_file(tmp_path, cloud.url)).exit_code == 4


def test_offline_asks_nothing(tmp_path: Path, cloud: Simulator) -> None:
    """Only the file is validated; warnings are told."""
    result = check(config_file(tmp_path, "http://dbs.example.com"), "--offline")

    assert result.exit_code == 0
    assert "valid; 1 account" in result.output
    assert "warning: accounts[0].endpoint: plain http to dbs.example.com" in result.output
    assert not cloud.requests


def test_nothing_selected_and_a_limit_too_near_are_warned_about(tmp_path: Path, cloud: Simulator) -> None:
    """Both are configurations that work and disappoint."""
    nothing = check(config_file(tmp_path, cloud.url, account="regions: [cn-hangzhou]\n  plans: [dbsnone]"))
    file = Path(config_file(tmp_path, cloud.url, more="collectors: {restores: {interval: 1s}}\n"))
    file.write_text(file.read_text().replace("requests_per_second: 500", "requests_per_second: 3"))
    near = check(str(file))

    assert "warning: no plan is selected" in nothing.output
    assert "warning: too near the limit" in near.output
    assert (nothing.exit_code, near.exit_code) == (0, 0)


def test_missing_credentials_exit_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """No source gave any: said with the account's name, and nothing is called."""
    file = config_file(tmp_path, cloud.url)
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
