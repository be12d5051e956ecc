"""The commands that print or ask one thing, and output that nobody reads to its end."""

from __future__ import annotations

import json
import subprocess
import sys

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
