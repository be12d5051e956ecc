"""Tables on a terminal and in a pipe."""

from __future__ import annotations

import pytest

from dbs_exporter.cli.tables import PLAIN_WIDTH, console, print_metrics, print_rows
from dbs_exporter.collectors.reference import entries


def test_what_goes_into_a_pipe_is_plain_and_wide(capsys: pytest.CaptureFixture[str]) -> None:
    """No terminal, no colours, and no name of a metric is cut."""
    print_metrics(entries())
    printed = capsys.readouterr().out

    assert console().width == PLAIN_WIDTH
    assert "\x1b" not in printed
    assert all(entry.name in printed for entry in entries())
    for section in {entry.section for entry in entries()}:
        assert printed.count(f"\n{section} ") + printed.startswith(section) == 1


def test_rows_stand_under_their_headings_and_text_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """What the cloud says is printed as it is, brackets and all."""
    print_rows(
        "prod / [all]", ("operation", "answer"), [("A", "ok"), ("B", "[bold]no[/bold]")], highlighted=[1]
    )
    lines = capsys.readouterr().out.splitlines()

    assert lines[0].strip() == "prod / [all]"
    assert [cell.strip() for cell in lines[2].strip("┃").split("┃")] == ["operation", "answer"]
    assert any("[bold]no[/bold]" in line for line in lines)


def test_nothing_to_print_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty catalogue has no table."""
    print_metrics([])

    assert capsys.readouterr().out == ""
