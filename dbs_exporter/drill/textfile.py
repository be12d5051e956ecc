"""The drill's own result in Prometheus: a file in the format of node_exporter's textfile collector.

A file holds one run. It is written under another name and then renamed, so that no half file is ever read.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dbs_exporter.drill.results import Report, Result
from dbs_exporter.errors import EXIT_OK

FAMILIES = (
    ("dbs_drill_last_run_timestamp_seconds", "When the run ended."),
    ("dbs_drill_run_success", "Whether the run proved all that it was to prove, and was not refused."),
    ("dbs_drill_success", "Whether the last drill of the plan proved what it was to prove."),
    ("dbs_drill_duration_seconds", "How long the restore or download took, from creation to end."),
    ("dbs_drill_finished_timestamp_seconds", "When it ended."),
    ("dbs_drill_restored_size_bytes", "Size of the full backup that came back."),
    (
        "dbs_drill_gateway_answer_seconds",
        "How long the gateway took to list the databases of the plan's source.",
    ),
    ("dbs_drill_gateway_databases", "Databases that the gateway found."),
    ("dbs_drill_gateway_unprotected_databases", "Databases that the gateway found and no plan backs up."),
)


def exposition(report: Report) -> str:
    """Return the metrics of a run."""
    lines: list[str] = []
    for name, meaning in FAMILIES:
        if found := list(_rows(report, name)):
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", *found]
    return "\n".join(lines) + "\n"


def _rows(report: Report, name: str) -> Iterator[str]:
    of_run = {
        "dbs_drill_last_run_timestamp_seconds": report.at,
        "dbs_drill_run_success": float(report.exit_code == EXIT_OK),
    }
    if name in of_run:
        yield f'{name}{{account="{_escaped(report.account)}",command="{report.command}"}} {of_run[name]:.15g}'
        return
    for result in report.results:
        value = _value(name, result)
        if value is None:
            continue
        labels = {
            "account": report.account,
            "region": result.region,
            "plan_id": result.plan_id,
            "command": report.command,
        }
        if result.destination:
            labels["destination"] = result.destination
        if result.gateway_id:
            labels["gateway_id"] = result.gateway_id
        text = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
        yield f"{name}{{{text}}} {value:.15g}"


def _value(name: str, result: Result) -> float | None:
    match name:
        case "dbs_drill_success":
            return None if result.state == "not_begun" else float(result.is_proven)
        case "dbs_drill_duration_seconds":
            return result.duration_seconds if result.is_proven else None
        case "dbs_drill_finished_timestamp_seconds":
            return result.finished_at
        case "dbs_drill_restored_size_bytes":
            return result.size_bytes if result.is_proven else None
        case "dbs_drill_gateway_answer_seconds":
            return result.answer_seconds
        case "dbs_drill_gateway_databases":
            return None if result.databases is None else float(len(result.databases))
        case _:
            return None if result.unprotected is None else float(len(result.unprotected))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def write_textfile(path: Path, report: Report) -> None:
    """Write the metrics of a run, readable for all. Raises OSError."""
    content = exposition(report)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
