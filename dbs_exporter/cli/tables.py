"""Prints tables on a terminal with rich. It is imported only to print one, because rich is heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dbs_exporter.collectors.reference import Entry

PLAIN_WIDTH = 160
"""The width without a terminal, as in a pipe."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, because rich would exit with 1, but `| head` is no failure."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console on standard output: as wide as the terminal, or plain and PLAIN_WIDTH wide."""
    terminal = _Console(highlight=False)
    return terminal if terminal.is_terminal else _Console(highlight=False, width=PLAIN_WIDTH)


def print_metrics(entries: Iterable[Entry]) -> None:
    """Print the catalogue of metrics, a table per section."""
    out = console()
    entries = list(entries)
    width = max((len(entry.name) for entry in entries), default=0)
    table: Table | None = None
    section = ""
    for entry in entries:
        if entry.section != section:
            if table is not None:
                out.print(table)
            section = entry.section
            table = Table(title=section, title_justify="left")
            table.add_column("family", no_wrap=True, min_width=width)
            for heading in ("type", "labels", "meaning"):
                table.add_column(heading)
        assert table is not None
        table.add_row(
            *(Text(text) for text in (entry.name, entry.type, ", ".join(entry.labels), entry.meaning))
        )
    if table is not None:
        out.print(table)


def print_rows(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], highlighted: Sequence[int]
) -> None:
    """Print a table; the rows whose numbers (from 0) are in `highlighted` are red."""
    table = Table(*headings, title=Text(title), title_justify="left")
    for number, row in enumerate(rows):
        table.add_row(*(Text(cell) for cell in row), style="bold red" if number in highlighted else None)
    console().print(table)
