"""`dbs-exporter backfill` against a simulated cloud: files of the past, what is refused, and that nothing is changed."""

from __future__ import annotations

import re
import subprocess
import time
from errno import ENOSPC
from pathlib import Path

import pytest
from click.testing import Result
from support.command_line import config_file, invoke
from support.programs import tool

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.simulator import Simulator

DAY = 86_400.0
LABELS = ("--label=job=dbs", "--label=instance=dbs:10033")


def backfill(folder: Path, url: str, *flags: str) -> Result:
    """Run `backfill` into the folder `history`."""
    return invoke(
        "backfill", f"--config.file={config_file(folder, url)}", f"--output={folder / 'history'}", *flags
    )


def day_files(folder: Path) -> dict[str, str]:
    """Name -> text of each file of a day."""
    return {path.name: path.read_text() for path in sorted((folder / "history").glob("*.om"))}


def samples(files: dict[str, str]) -> list[str]:
    """The sample lines of all files."""
    return [line for text in files.values() for line in text.splitlines() if not line.startswith("#")]


def test_days_are_written_and_nothing_is_changed(tmp_path: Path, cloud: Simulator) -> None:
    """Each day has its file, every plan is in it with the labels that were given, and only lists are read."""
    result = backfill(tmp_path, cloud.url, "--from=2d", "--step=1h", *LABELS)
    files = day_files(tmp_path)
    lines = samples(files)
    plans = cloud.world.plan_ids("demo", "cn-hangzhou")
    stamps = sorted({int(line.rsplit(" ", 1)[1]) for line in lines})

    assert result.exit_code == 0, result.output
    assert len(files) in (2, 3)
    assert all(text.endswith("# EOF\n") for text in files.values())
    assert {match[1] for line in lines if (match := re.search(r'plan_id="(\w+)"', line))} == set(plans)
    assert all('{job="dbs",instance="dbs:10033",' in line for line in lines)
    assert [stamp % 3600 for stamp in stamps] == [0] * 45
    assert -60 < stamps[0] - (time.time() - 2 * DAY) < 3600
    assert any(line.startswith("dbs_full_backup_last_success_timestamp_seconds{") for line in lines)
    assert f"add up to {len(lines)}:" in result.output
    assert "--storage.tsdb.retention.time=4d" in result.output
    assert set(cloud.requests) == {
        "DescribeBackupPlanList",
        "DescribeFullBackupList",
        "DescribeRestoreTaskList",
    }
    assert not any(OPERATIONS[name].writes for name in cloud.requests)


def test_promtool_loads_what_was_written(tmp_path: Path, cloud: Simulator) -> None:
    """By the command that is printed, as many samples as the command counted."""
    promtool = tool("promtool")
    printed = backfill(tmp_path, cloud.url, "--from=30h", "--step=1h", *LABELS).output
    command = printed.splitlines()[-1].replace("DATA_OF_PROMETHEUS", str(tmp_path / "data"))
    done = subprocess.run(
        ["sh", "-c", command.replace("do promtool", f"do {promtool}")],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = [int(line.split()[-4]) for line in done.stdout.splitlines() if re.match(r"01\w{24}", line)]

    assert f"add up to {sum(loaded)}:" in printed, done.stdout


def test_only_chosen_plans_are_read(tmp_path: Path, cloud: Simulator) -> None:
    """A pattern chooses plans, and without labels it is said what boards will show."""
    first = cloud.world.plan_ids("demo", "cn-hangzhou")[0]
    result = backfill(tmp_path, cloud.url, "--from=1d", "--step=6h", f"--plan={first}")

    assert result.exit_code == 0, result.output
    assert all(f'plan_id="{first}"' in line for line in samples(day_files(tmp_path)))
    assert cloud.requests["DescribeFullBackupList"] == 1
    assert "each plan twice" in result.output


def test_plans_that_the_configuration_leaves_out_stay_out(tmp_path: Path, cloud: Simulator) -> None:
    """The history is of the plans that the exporter would watch."""
    first, *_ = cloud.world.plan_ids("demo", "cn-hangzhou")
    file = config_file(tmp_path, cloud.url, account=f"regions: [cn-hangzhou]\n  plans: [{first}]")
    flags = (f"--output={tmp_path / 'history'}", "--from=1d", "--step=6h")
    result = invoke("backfill", f"--config.file={file}", *flags)

    assert result.exit_code == 0, result.output
    assert all(f'plan_id="{first}"' in line for line in samples(day_files(tmp_path)))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--to=2100-01-01",), "--to: '2100-01-01' is no time"),
        (("--to=2069-01-01",), "--to: 2069-01-01T00:00:00Z is in the future"),
        (("--to=1h",), "is within the last three hours"),
        (("--from=1d", "--to=2d"), "is not before --to"),
        (("--from=yesterday",), "--from: 'yesterday' is no time since 1970"),
        (("--from=nan",), "--from: 'nan' is no time since 1970"),
        (("--step=14s",), "--step: 14s is too fine"),
        (("--step=15500ms",), "give whole seconds"),
        (("--from=4h", "--step=30d"), "no step of 30d lies between"),
        (("--plan=nobody-*",), "has the name or id 'nobody-*'"),
        (("--step=15s", "--max-samples=1000"), "samples are more than --max-samples=1000"),
        (("--label=job",), "'job' is not NAME=VALUE"),
        (("--label=plan_id=x",), "plan_id is there already"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, cloud: Simulator, flags: tuple[str, ...], sentence: str
) -> None:
    """With a sentence, exit code 2, and no folder left behind."""
    result = backfill(tmp_path, cloud.url, *flags)

    assert (result.exit_code, (tmp_path / "history").exists()) == (2, False), result.output
    assert sentence in result.output
    assert not cloud.requests["DescribeFullBackupList"]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path, cloud: Simulator) -> None:
    """It is refused before anything is read, and keeps what it holds."""
    other = tmp_path / "history" / "notes.txt"
    other.parent.mkdir()
    other.write_text("mine")
    result = backfill(tmp_path, cloud.url)

    assert (result.exit_code, other.read_text(), sum(cloud.requests.values())) == (2, "mine", 0)
    assert "holds other things, such as notes.txt" in result.output


def test_the_same_run_writes_anew_and_another_is_refused(tmp_path: Path, cloud: Simulator) -> None:
    """What an interrupted run left is replaced as a whole; files of two runs never stand side by side."""
    flags = ("--from=1d", "--step=6h", *LABELS)
    assert backfill(tmp_path, cloud.url, *flags).exit_code == 0
    (tmp_path / "history" / "history-2001-01-01.om").write_text("old")
    again = backfill(tmp_path, cloud.url, *flags)
    another = backfill(tmp_path, cloud.url, "--from=2d", *flags[1:])

    assert again.exit_code == 0, again.output
    assert "history-2001-01-01.om" not in day_files(tmp_path)
    assert another.exit_code == 2
    assert "holds the files of another run" in another.output


def test_credentials_that_are_refused_leave_no_files(tmp_path: Path, cloud: Simulator) -> None:
    """The exit code is that of credentials, as for every command."""
    file = config_file(tmp_path, cloud.url, secret="wrong")
    result = invoke("backfill", f"--config.file={file}", f"--output={tmp_path / 'history'}", "--from=1d")

    assert (result.exit_code, (tmp_path / "history").exists()) == (3, False), result.output


def test_a_folder_that_may_not_be_written_is_refused_before_anything_is_read(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is named in which the new one would be."""
    monkeypatch.setattr("os.access", lambda path, _mode: path != tmp_path)
    result = backfill(tmp_path, cloud.url, "--from=1d", "--step=6h")

    assert result.exit_code == 2
    assert f"--output: {tmp_path} may not be written" in result.output
    assert not cloud.requests


def test_a_disk_that_is_full_is_named(
    tmp_path: Path, cloud: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file has the name of a day that is not whole."""

    def full(*_: object) -> int:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr("dbs_exporter.cli.backfill.write_day", full)
    result = backfill(tmp_path, cloud.url, "--from=1d", "--step=6h")

    assert result.exit_code == 2
    assert f"{tmp_path / 'history'} cannot be written: No space left on device" in result.output
    assert day_files(tmp_path) == {}
