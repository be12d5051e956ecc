"""`dbs-exporter state`: what is saved, for people and programs, and clear sentences where nothing can be shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import invoke
from support.configurations import ACCOUNT
from support.saved_state import Saved

from dbs_exporter.errors import EXIT_UNEXPECTED, EXIT_USAGE
from dbs_exporter.state.database import FILE_NAME


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """A running exporter's state of two plans, one of which is gone."""
    process = Saved(tmp_path / "state")
    process.list_plans("a", "b")
    process.ends("a", 1)
    process.ends("b", 1)
    process.save()
    process.list_plans("a")
    process.save()
    return process


def test_what_is_saved_is_printed_beside_a_running_exporter(saved: Saved) -> None:
    """A line for each account and region: plans, ages and size; the exporter goes on saving."""
    result = invoke("state", f"--storage.path={saved.path}")

    assert result.exit_code == 0
    assert f"{saved.path}/{FILE_NAME}: " in result.output
    (line,) = [line for line in result.output.splitlines() if "cn-hangzhou" in line]
    assert [word.strip() for word in line.split("│")][1:6] == ["prod", "cn-hangzhou", "1", "1", "1"]
    saved.list_plans("a", "c")
    saved.save()
    assert saved.state.health().error == ""


def test_programs_get_json(saved: Saved) -> None:
    """With the same figures, and times as Unix seconds."""
    found = json.loads(invoke("state", f"--storage.path={saved.path}", "--format=json").output)
    (place,) = found["places"]

    assert (found["schema"], found["size_bytes"]) == (1, (saved.path / FILE_NAME).stat().st_size)
    assert (place["account"], place["region"], place["plans"], place["gone"]) == ("prod", "cn-hangzhou", 1, 1)
    assert place["saved_at"] == saved.clock.now()
    assert place["unreadable"] == []


def test_the_configuration_says_where_to_look(saved: Saved, tmp_path: Path) -> None:
    """One that has no path is told so."""
    file = tmp_path / "dbs-exporter.yml"
    file.write_text(f"{ACCOUNT}storage: {{path: '{saved.path}'}}\n")
    assert "cn-hangzhou" in invoke("state", f"--config.file={file}").output
    file.write_text(ACCOUNT)
    result = invoke("state", f"--config.file={file}")

    assert result.exit_code == EXIT_USAGE
    assert "storage.path is not set" in result.output


def test_what_is_missing_or_damaged_is_a_sentence(saved: Saved) -> None:
    """No traceback, and nothing is changed."""
    nothing = invoke("state", f"--storage.path={saved.path.parent}")
    assert (nothing.exit_code, "there is no saved state" in nothing.output) == (EXIT_USAGE, True)
    saved.kill()
    file = saved.path / FILE_NAME
    file.write_bytes(b"x" * 5000)
    damaged = invoke("state", f"--storage.path={saved.path}")

    assert damaged.exit_code == EXIT_UNEXPECTED
    assert "the saved state cannot be used: file is not a database" in damaged.output
    assert file.read_bytes() == b"x" * 5000


def test_rows_that_cannot_be_read_are_named(saved: Saved) -> None:
    """With the plan, the part and why."""
    database = saved.state._database
    assert database is not None
    database._connection.execute("UPDATE facts SET body = x'00' WHERE plan = 'a' AND part = 'full_backups'")
    output = invoke("state", f"--storage.path={saved.path}").output

    assert "cannot be read: prod cn-hangzhou a full_backups: its bytes are damaged" in output
