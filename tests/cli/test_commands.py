"""The commands that print or ask one thing, and output that nobody reads to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import invoke


def test_metrics_are_printed_in_three_forms() -> None:
    """Table, Markdown and JSON hold the same names."""
    names = [entry["name"] for entry in json.loads(invoke("metrics", "--format=json").output)]
    markdown = invoke("metrics", "--format=markdown").output
    table = invoke("metrics").output

    assert "dbs_plan_recovery_point_timestamp_seconds" in names
    assert all(f"`{name}`" in markdown for name in names)
    assert all(name in table for name in names)


def test_schema_is_printed_as_json() -> None:
    """It can be written to a file as it is."""
    assert json.loads(invoke("schema").output)["title"] == "dbs-exporter configuration"
    assert invoke("schema", "--format=markdown").output.startswith("# Configuration\n")


@pytest.mark.parametrize("form", ["json", "table"])
def test_output_that_nobody_reads_to_the_end_is_no_failure(form: str) -> None:
    """`dbs-exporter metrics | head -1` ends quietly."""
    with subprocess.Popen(
        [sys.executable, "-m", "dbs_exporter", "metrics", f"--format={form}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()

    assert (told, process.returncode) == (b"", 0)


def test_rules_are_printed_or_written(tmp_path: Path) -> None:
    """Both files, in the language that is asked for."""
    printed = invoke("rules", "--lang=zh").output
    written = invoke(
        "rules", f"--output={tmp_path / 'rules'}", "--disable=DBSDownloadStuck", "--label=env=prod"
    ).output

    assert "plan:dbs_condition:holds" in printed
    assert "备份计划没有运行。" in printed
    assert [Path(line).name for line in written.splitlines()] == [
        "dbs-recording.rules.yml",
        "dbs-alerts.rules.yml",
    ]
    text = (tmp_path / "rules" / "dbs-alerts.rules.yml").read_text(encoding="utf-8")
    assert "env: prod" in text
    assert "DBSDownloadStuck" not in text


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--disable=DBSNothing", "There is no alert DBSNothing"),
        ("--severity=DBSPlanGone=loud", "'loud' is no severity"),
        ("--label=env", "'env' is not NAME=VALUE"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(flag: str, says: str) -> None:
    """The message says what was given, and what would be right."""
    result = invoke("rules", flag)

    assert result.exit_code == 2
    assert says in result.output


def test_rules_that_cannot_be_written_are_no_traceback(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = invoke("rules", f"--output={tmp_path / 'file' / 'rules'}")

    assert result.exit_code == 2
    assert "cannot be written" in result.output
