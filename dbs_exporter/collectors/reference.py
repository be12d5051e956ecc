"""The catalogue for people: the tables of `dbs-exporter metrics`, of the README and of other programs, from
one source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from dbs_exporter.collectors.catalogue import FAMILIES
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


_SECTIONS = {
    "dbs_plan_": "Plans",
    "dbs_full_backup": "Full backups",
    "dbs_incremental_backup": "Log backups",
    "dbs_restore": "Restores",
    "dbs_precheck_": "Pre-checks and job errors",
    "dbs_job_error_": "Pre-checks and job errors",
    "dbs_download_": "Downloads",
    "dbs_gateway_": "Gateways, regions and networks",
    "dbs_region_": "Gateways, regions and networks",
    "dbs_node_": "Gateways, regions and networks",
    "dbs_exporter_": "The exporter itself",
}


def entries() -> tuple[Entry, ...]:
    """Return every family in the order of the catalogue, the exporter's own last."""
    return tuple(_entries())


def _entries() -> Iterator[Entry]:
    for family in FAMILIES:
        yield Entry(
            section=_section(family.name),
            name=family.name,
            type=family.type,
            labels=IDENTITY[family.of] + family.labels,
            meaning=family.what,
            source=family.source,
        )
    for own in OWN_FAMILIES:
        yield Entry(
            section=_section(own.name),
            name=own.name,
            type=own.type,
            labels=own.labels,
            meaning=own.what,
            source="",
        )


def _section(name: str) -> str:
    return next(section for prefix, section in _SECTIONS.items() if name.startswith(prefix))


def as_json() -> str:
    """Return the catalogue as a JSON list of objects with section, name, type, labels, meaning and source."""
    return json.dumps([asdict(entry) for entry in entries()], indent=2, ensure_ascii=False) + "\n"


def as_markdown() -> str:
    """Return the catalogue as one Markdown table per section, each under a heading of the third level."""
    lines: list[str] = []
    section = ""
    for entry in entries():
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
