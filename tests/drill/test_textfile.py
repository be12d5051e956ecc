"""The file for node_exporter: valid, whole, and only of what was done."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dbs_exporter.drill.results import Report, Result
from dbs_exporter.drill.textfile import exposition, write_textfile


def report() -> Report:
    """A run with a restore that came back, one that failed and one that did not begin."""
    return Report(
        command="restore",
        account='p"r\\o\nd',
        is_dry_run=False,
        at=1_790_000_000.5,
        results=[
            Result(plan_id="dbs1", plan_name="a", state="proven", size_bytes=7, duration_seconds=3.5, finished_at=5.0, region="cn-hangzhou", destination="spare"),
            Result(plan_id="dbs2", plan_name="b", state="failed", size_bytes=7, finished_at=6.0, region="cn-hangzhou", destination="spare"),
            Result(plan_id="dbs3", plan_name="c", state="not_begun", size_bytes=7, region="cn-hangzhou", destination="spare"),
        ],
    )  # fmt: skip


def test_the_file_can_be_parsed_and_says_what_came_back() -> None:
    """Success of what was done, duration and size of what came back alone, and odd characters in labels are escaped."""
    samples = {
        (sample.name, sample.labels.get("plan_id")): sample
        for family in text_string_to_metric_families(exposition(report()))
        for sample in family.samples
    }
    values = {key: sample.value for key, sample in samples.items()}

    assert values == {
        ("dbs_drill_last_run_timestamp_seconds", None): 1_790_000_000.5,
        ("dbs_drill_run_success", None): 0,
        ("dbs_drill_success", "dbs1"): 1,
        ("dbs_drill_success", "dbs2"): 0,
        ("dbs_drill_duration_seconds", "dbs1"): 3.5,
        ("dbs_drill_finished_timestamp_seconds", "dbs1"): 5,
        ("dbs_drill_finished_timestamp_seconds", "dbs2"): 6,
        ("dbs_drill_restored_size_bytes", "dbs1"): 7,
    }
    assert {sample.labels["account"] for sample in samples.values()} == {'p"r\\o\nd'}


def test_a_file_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is readable for all, and what fails in between leaves the old file and nothing else."""
    path = tmp_path / "drill.prom"
    path.write_text("old")
    broken = report()
    broken.results[0].size_bytes = "many"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="format"):
        write_textfile(path, broken)
    assert (path.read_text(), [found.name for found in tmp_path.iterdir()]) == ("old", ["drill.prom"])

    def refuse(self: Path, target: Path) -> None:
        raise OSError("no")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(OSError, match="no"):
            write_textfile(path, report())
    assert (path.read_text(), [found.name for found in tmp_path.iterdir()]) == ("old", ["drill.prom"])

    write_textfile(path, report())
    assert path.read_text() == exposition(report())
    assert path.stat().st_mode & 0o777 == 0o644
