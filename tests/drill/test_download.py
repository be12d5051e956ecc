"""`drill download`: backups that are brought out of DBS, and what automatic downloads do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.drilling import DrillGround, ground, write_config

from dbs_exporter.config.drill_file import DrillConfig
from dbs_exporter.drill.download import download
from dbs_exporter.drill.results import Result
from dbs_exporter.errors import DrillError

BOTH = ["CreateFullBackupSetDownload", "CreateIncrementBackupSetDownload"]


@pytest.fixture
def drills(tmp_path: Path) -> DrillGround:
    """A healthy account."""
    return ground(tmp_path)


def configured(drills: DrillGround, plans: Any, **keys: Any) -> DrillConfig:
    """A configuration of downloads."""
    values = drills.values(drills.plan("MySQL"), destinations=[], **keys)
    values["account"]["plans"] = plans
    return write_config(drills.folder, values)


def run(drills: DrillGround, config: DrillConfig, *, yes: bool = True) -> list[Result]:
    """Run `drill download`."""
    drills.report = drills.new_report("download", yes)
    download(drills.cloud(config, writes=yes), config, drills.heard, drills.report)
    return drills.report.results


def test_the_newest_full_backup_and_log_file_come_out(drills: DrillGround) -> None:
    """Both are created once, followed to their end, and the result is the full backup's."""
    plan = drills.plan("MySQL", "logical", index=14)
    (result,) = run(drills, configured(drills, [plan.plan_id]))
    newest = drills.world.history(plan.plan_id).newest_finished()
    assert newest is not None

    assert (result.state, result.backup_set_id) == ("proven", newest.set_id)
    assert result.duration_seconds == pytest.approx(300, abs=1)
    assert drills.made == BOTH
    assert drills.report.exit_code == 0
    assert "downloads.example.com" not in drills.heard.text + repr(drills.report)


def test_a_plan_without_log_has_its_full_backup_alone(drills: DrillGround) -> None:
    """Also where the configuration wants no log."""
    assert run(drills, configured(drills, [drills.plan("Redis").plan_id]))[0].is_proven
    assert run(drills, configured(drills, [drills.plan("MySQL").plan_id], download={"log": False}))[
        0
    ].is_proven
    assert drills.made == [BOTH[0]] * 2


def test_a_download_of_an_earlier_run_is_followed(drills: DrillGround) -> None:
    """The same sets are not downloaded twice within a day; another format is another download."""
    plan = drills.plan("MySQL", "logical", index=14)
    config = configured(drills, [plan.plan_id], download={"log": False})
    run(drills, config)
    (again,) = run(drills, config)
    made = drills.made
    run(drills, configured(drills, [plan.plan_id], download={"log": False, "format": "SQL"}))

    assert (again.state, again.is_followed) == ("proven", True)
    assert made == [BOTH[0]]
    assert drills.made == [BOTH[0]] * 2


def test_a_download_that_fails_is_told(drills: DrillGround) -> None:
    """The API's message is the reason, and the next plan is not begun."""
    plans = [drills.plan("MySQL", "logical", index=14).plan_id, drills.plan("Redis").plan_id]
    add = drills.world.add_download

    def failing(task: Any) -> None:
        task.failed = True
        add(task)

    drills.world.add_download = failing  # type: ignore[method-assign]
    results = run(drills, configured(drills, plans))

    assert [result.state for result in results] == ["failed", "not_begun"]
    assert "No space left on device" in results[0].message
    assert drills.report.exit_code == 9


def test_a_dry_run_downloads_nothing(drills: DrillGround) -> None:
    """The calls are shown, with bytes and cost."""
    run(drills, configured(drills, [drills.plan("MySQL", "logical", index=14).plan_id]), yes=False)

    assert drills.made == []
    assert [call.operation for call in drills.heard.calls] == BOTH
    assert any("GiB; may cost money" in note for note in drills.report.notes)


def test_automatic_downloads_that_are_off_or_go_elsewhere_are_told(drills: DrillGround) -> None:
    """Nothing is changed about them."""
    config = configured(
        drills, "all", oldest=1, download={"gateway_id": 7, "directory": "/elsewhere"}, limits={"plans": 5}
    )
    run(drills, config, yes=False)
    notes = "\n".join(drills.report.notes)
    automatic = [spec for spec in drills.world.specs("demo") if spec.index % 8 == 6]

    assert f"automatic download is off for {16 - len(automatic)} of the plans: " in notes
    for spec in automatic:
        title = f"plan {spec.plan_id} ({spec.name}): automatic download goes to"
        assert f"{title} gateway {drills.world.download_gateway(spec)}, not 7" in notes
        assert f"{title} /var/dbs/download, not /elsewhere" in notes


def test_more_than_the_limits_is_refused(drills: DrillGround) -> None:
    """Plans and bytes."""
    with pytest.raises(DrillError, match=r"16 plans are selected, and limits\.plans allows 3"):
        run(drills, configured(drills, "all"))
    with pytest.raises(DrillError, match=r"limits\.bytes allows 1,024"):
        run(drills, configured(drills, [drills.plan("Redis").plan_id], limits={"bytes": "1KiB"}))
