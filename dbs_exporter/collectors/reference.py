"""The catalogue for people: the tables of `dbs-exporter metrics`, of docs/metrics.md and of other programs, from
one source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.metrics.family import IDENTITY
from dbs_exporter.metrics.own_families import OWN_FAMILIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One family as it is printed; `source` is "" for the exporter's own."""

    section: str
    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str
    source: str


OWN_SECTION = "The exporter itself"


def entries(table: Table = TABLE) -> tuple[Entry, ...]:
    """Return every family in the order of the catalogue, the exporter's own last."""
    return tuple(_entries(table))


def _entries(table: Table) -> Iterator[Entry]:
    for section, families in table.sections.items():
        for family in families:
            yield Entry(
                section=section,
                name=family.name,
                type=family.type,
                labels=IDENTITY[family.of] + family.labels,
                meaning=family.what,
                source=family.source,
            )
    for own in OWN_FAMILIES:
        yield Entry(
            section=OWN_SECTION, name=own.name, type=own.type, labels=own.labels, meaning=own.what, source=""
        )


def as_json(table: Table = TABLE) -> str:
    """Return the catalogue as a JSON list of objects with section, name, type, labels, meaning and source."""
    return json.dumps([asdict(entry) for entry in entries(table)], indent=2, ensure_ascii=False) + "\n"


def as_markdown(table: Table = TABLE) -> str:
    """Return the catalogue as one Markdown table per section, each under a heading of the third level."""
    lines: list[str] = []
    section = ""
    for entry in entries(table):
        own = not entry.source
        if entry.section != section:
            section = entry.section
            lines += ["", f"### {section}", ""] if lines else [f"### {section}", ""]
            lines += ["| family | type | labels | meaning |" + ("" if own else " source |")]
            lines += ["| --- | --- | --- | --- |" + ("" if own else " --- |")]
        labels = ", ".join(f"`{label}`" for label in entry.labels)
        cells = [f"`{entry.name}`", entry.type, labels, entry.meaning, *([] if own else [entry.source])]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
