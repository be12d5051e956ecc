"""`dbs-exporter check` against a simulated cloud: what is wrong is said, and the exit code says of which kind."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.command_line import config_file, invoke

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.simulator import Simulator, World, start_simulator

OTHERS = [collector.name for collector in TABLE if collector.name != "plans"]


def check(file: str, *flags: str) -> Result:
    """Run `check`."""
    return invoke("check", f"--config.file={file}", *flags)


def rows(result: Result) -> dict[str, list[str]]:
    """Collectors of a row -> its other cells."""
    found = {}
    for line in result.output.splitlines():
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if len(cells) == 5:
            found[cells[0]] = cells[1:]
    return found


def in_json(file: str, *flags: str) -> dict[str, Any]:
    """Run `check --format=json` and return what it prints."""
    found: dict[str, Any] = json.loads(check(file, "--format=json", *flags).output)
    return found


def operations(result: dict[str, Any], region: int = 0) -> dict[str, str]:
    """Operation -> its answer, of a region of the first account."""
    return {
        answer["operation"]: answer["answer"]
        for answer in result["accounts"][0]["regions"][region]["operations"]
    }


def test_a_configuration_that_works_exits_with_0_and_says_what_it_costs(
    tmp_path: Path, cloud: Simulator
) -> None:
    """Every operation of the enabled collectors is asked once, the plans are counted, and what is well and cheap shares a row."""
    result = check(config_file(tmp_path, cloud.url))
    plans = len(cloud.world.plan_ids("demo", "cn-hangzhou"))

    assert result.exit_code == 0, result.output
    assert f"{plans} plans found, {plans} selected" in result.output
    assert [cells[0] for name, cells in rows(result).items() if "plans" in name.split(", ")] == ["ok"]
    assert "stretch 1.00" in result.output
    assert result.output.endswith("All is well.\n")
    assert max(cloud.requests.values()) == 1


def test_every_operation_of_what_is_enabled_is_asked_and_nothing_else(
    tmp_path: Path, cloud: Simulator
) -> None:
    """In JSON each operation has its answer."""
    result = in_json(config_file(tmp_path, cloud.url))

    assert result["ok"] is True
    assert result["exit_code"] == 0
    assert set(operations(result).values()) == {"ok"}
    assert set(operations(result)) == set(cloud.requests)
    assert "DescribeBackupPlanBilling" not in operations(result)


def test_disabled_collectors_are_not_asked_about_and_patterns_are_counted(
    tmp_path: Path, cloud: Simulator
) -> None:
    """What the configuration leaves out costs nothing."""
    first = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    file = config_file(
        tmp_path,
        cloud.url,
        account=f"regions: [cn-hangzhou]\n  plans: {{include: [{first}]}}",
        more="collectors: {restores: {enabled: false}, billing: {enabled: true, interval: 1h, at_rest: 1h}}\n",
    )
    result = in_json(file)
    [region] = result["accounts"][0]["regions"]

    assert "DescribeRestoreTaskList" not in operations(result)
    assert region["plans_selected"] == 1
    assert region["calls_per_hour"]["at_rest"]["billing"] == pytest.approx(1 / 0.95)


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


def test_a_denied_operation_is_named_and_exits_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """The table says what the RAM policy must allow; the rest is asked all the same."""
    cloud.set_faults([{"kind": "deny", "operation": "DescribeRestoreTaskList"}])
    result = check(config_file(tmp_path, cloud.url))

    assert result.exit_code == 3
    assert "allow dbs:DescribeRestoreTaskList" in result.output
    assert "1 question failed." in result.output
    assert operations(in_json(config_file(tmp_path, cloud.url)))["DescribeFullBackupList"] == "ok"


def test_a_wrong_secret_is_told_once_and_exits_with_3(tmp_path: Path, cloud: Simulator) -> None:
    """The first refusal is enough, and the secret is not printed."""
    result = check(config_file(tmp_path, cloud.url, secret="hush-hush"))

    assert result.exit_code == 3
    assert "credentials refused: SignatureDoesNotMatch" in result.output
    assert rows(result)["full_backups"][0] == "not asked"
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


def test_nothing_selected_is_a_warning_and_with_strict_a_failure(tmp_path: Path, cloud: Simulator) -> None:
    """It works and disappoints."""
    file = config_file(tmp_path, cloud.url, account="regions: [cn-hangzhou]\n  plans: [dbsnone]")
    result = check(file)

    assert "prod / cn-hangzhou: warning: no plan is selected" in result.output
    assert result.output.endswith("Everything was answered; 1 warning.\n")
    assert (result.exit_code, check(file, "--strict").exit_code) == (0, 6)
    assert in_json(file, "--strict")["ok"] is False


def test_too_few_calls_exit_with_5_and_say_what_that_does_and_what_would_mend_it(
    tmp_path: Path, cloud: Simulator
) -> None:
    """The calls that are wanted and allowed, by how much everything is late, and the dearest collector are named."""
    often = "{interval: 1s, at_rest: 1s}"
    busy = ", ".join(
        f"{name}: {often}" for name in ("restores", "downloads", "full_backups", "incremental_backups")
    )
    file = Path(config_file(tmp_path, cloud.url, more=f"collectors: {{{busy}}}\n"))
    file.write_text(file.read_text().replace("requests_per_second: 500", "requests_per_second: 10"))
    result = check(str(file))

    assert result.exit_code == 5
    assert "the calls do not suffice: 36,000 an hour are allowed" in result.output
    assert "times as late" in result.output
    assert "Raise requests_per_second" in result.output
    assert "All is well" not in result.output


def test_a_rate_that_cannot_serve_the_list_of_plans_exits_with_5_and_says_which_could(tmp_path: Path) -> None:
    """A list with more pages than the rate allows within a reading would never be known."""
    with start_simulator(World(plans=6_000)) as large:
        file = Path(config_file(tmp_path, large.url))
        slow = file.read_text().replace("requests_per_second: 500", "requests_per_second: 0.1")
        file.write_text(
            slow + "collectors: {" + ", ".join(f"{n}: {{enabled: false}}" for n in OTHERS) + "}\n"
        )
        result = check(str(file))

    assert result.exit_code == 5
    assert "which 0.1 calls a second do not bring within 2m: it would never be read" in result.output
    assert "raise requests_per_second to 0.2 at least" in result.output


def test_objectives_that_hold_for_no_plan_or_cannot_be_met_are_warned_about(
    tmp_path: Path, cloud: Simulator
) -> None:
    """Such as an RPO of five minutes for a plan whose log is not backed up."""
    without = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    cloud.world.set_log_enabled(without, enabled=False)
    more = f"objectives: [{{plans: [none-*], rpo: 1h}}, {{plans: [{without}], rpo: 5m}}, {{plans: ['*'], rpo: 1m}}]\n"
    messages = [
        warning["message"] for warning in in_json(config_file(tmp_path, cloud.url, more=more))["warnings"]
    ]

    assert sorted(message.split(" ")[0] for message in messages) == [
        "objectives[0]:",
        "objectives[1].rpo:",
        "objectives[2].rpo:",
    ]
    assert f"5m cannot be met by 1 plan without log backup ({without})" in "".join(messages)


def test_plans_of_which_nothing_says_how_old_their_backups_may_be_are_named(
    tmp_path: Path, cloud: Simulator
) -> None:
    """Neither a schedule nor log backup nor an objective: nobody judges them."""
    nobody = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    cloud.world.set_log_enabled(nobody, enabled=False)
    cloud.world.change_fields(nobody, {"BackupPeriod": ""})
    asked = [warning["message"] for warning in in_json(config_file(tmp_path, cloud.url))["warnings"]]
    judged = in_json(config_file(tmp_path, cloud.url, more=f"objectives: [{{plans: [{nobody}], rpo: 9d}}]\n"))

    assert f"nothing says how old backups of 1 plan may be ({nobody})" in "".join(asked)
    assert judged["warnings"] == []


def test_where_a_list_could_not_be_read_no_objective_is_said_to_hold_for_nothing(
    tmp_path: Path, cloud: Simulator
) -> None:
    """Its plans may be there."""
    cloud.set_faults([{"kind": "deny", "operation": "DescribeBackupPlanList"}])

    assert (
        in_json(config_file(tmp_path, cloud.url, more="objectives: [{plans: [none-*], rpo: 1h}]\n"))[
            "warnings"
        ]
        == []
    )


def test_two_accounts_that_list_the_same_plans_are_warned_about(tmp_path: Path, cloud: Simulator) -> None:
    """They are one cloud account and share its quota."""
    file = Path(config_file(tmp_path, cloud.url))
    text = file.read_text()
    begin = text.index("- name: prod")
    end = text.index("\ncollectors") if "\ncollectors" in text else len(text)
    file.write_text(
        text[:end].rstrip() + "\n" + text[begin:end].replace("name: prod", "name: twin") + text[end:]
    )
    [warning] = in_json(str(file))["warnings"]

    assert "accounts prod and twin list the same plans" in warning["message"]


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


@pytest.mark.parametrize(
    ("offset", "words"), [(3_600.0, "behind the API's"), (-3_600.0, "ahead of the API's"), (10.0, "")]
)
def test_a_machine_whose_clock_is_wrong_is_warned_of(tmp_path: Path, offset: float, words: str) -> None:
    """Everything is answered all the same, since the exporter goes by the API's time."""
    world = World.healthy(plans=2, clock=lambda: time.time() + offset)
    with start_simulator(world, clock=lambda: time.time() + offset) as simulator:
        result = check(config_file(tmp_path, simulator.url))

    assert result.exit_code == 0, result.output
    assert ("this machine's clock is" in result.output) is bool(words)
    assert words in result.output
