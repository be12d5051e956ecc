"""What a run of drills came to: a result for each plan, the calls that change something, and the exit code.

This module owns the forms for people's programs (JSON). A parameter whose name holds Password has its value nowhere in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from dbs_exporter.errors import EXIT_DENIED, EXIT_NOT_PROVEN, EXIT_OK, EXIT_UNREACHABLE, DbsExporterError

HIDDEN = "[hidden]"
State = Literal["planned", "proven", "failed", "timed_out", "interrupted", "not_begun"]
Command = Literal["restore", "download", "gateway"]


class DrillCall(Struct, frozen=True, kw_only=True):
    """A call that changes something, as it may be shown."""

    operation: str
    region: str
    parameters: dict[str, Any]

    def __str__(self) -> str:
        lines = [f"{self.operation} in {self.region}"]
        lines += [f"  {name}={value}" for name, value in self.parameters.items()]
        return "\n".join(lines)


def shown_call(operation: str, region: str, parameters: Mapping[str, object]) -> DrillCall:
    """Return a call without the values of its passwords."""
    shown = {name: HIDDEN if "password" in name.lower() else value for name, value in parameters.items()}
    return DrillCall(operation=operation, region=region, parameters=shown)


def exit_code_of(error: DbsExporterError) -> int | None:
    """Return the exit code of an error, if credentials (3) or the API (4) are why; else None."""
    return error.exit_code if error.exit_code in (EXIT_DENIED, EXIT_UNREACHABLE) else None


class Result(Struct, kw_only=True):
    """What came of a plan's drill. Times are Unix seconds, sizes bytes; None and "" where it is not known."""

    plan_id: str
    plan_name: str
    region: str
    state: State = "planned"
    message: str = ""
    destination: str = ""
    task_name: str = ""
    task_id: str = ""
    is_followed: bool = False
    """The task was created by an earlier run."""
    backup_set_id: str = ""
    restore_at: float | None = None
    size_bytes: int | None = None
    created_at: float | None = None
    finished_at: float | None = None
    duration_seconds: float | None = None
    to_drop: tuple[str, ...] = ()
    """What was restored and is there now."""
    gateway_id: str = ""
    answer_seconds: float | None = None
    databases: tuple[str, ...] | None = None
    """Those that a gateway found."""
    unprotected: tuple[str, ...] | None = None
    """Those of them that no plan backs up; None where that cannot be said."""
    notes: tuple[str, ...] = ()
    exit_code: int | None = None
    """Where credentials (3) or the API (4) are why it was not proven."""

    @property
    def is_proven(self) -> bool:
        """Whether the data came back."""
        return self.state == "proven"


class Report(Struct, kw_only=True):
    """What came of a run."""

    command: Command
    account: str
    is_dry_run: bool
    at: float
    results: list[Result] = msgspec.field(default_factory=list)
    calls: list[DrillCall] = msgspec.field(default_factory=list)
    """In a dry run those that would be made, else those that were made."""
    notes: list[str] = msgspec.field(default_factory=list)
    """What may cost money, and where automatic downloads go."""
    refusals: list[str] = msgspec.field(default_factory=list)
    """Why nothing was done."""

    @property
    def exit_code(self) -> int:
        """0 if all data came back, or if a dry run found nothing to refuse."""
        if self.refusals:
            return EXIT_NOT_PROVEN
        if self.is_dry_run:
            return EXIT_OK
        failed = next((result for result in self.results if not result.is_proven), None)
        return EXIT_OK if failed is None else failed.exit_code or EXIT_NOT_PROVEN


def as_json(report: Report, exit_code: int | None) -> str:
    """Return the report as JSON; `exit_code` is None if something unexpected ended the run."""
    return json.dumps(msgspec.to_builtins(report) | {"exit_code": exit_code}, indent=2, ensure_ascii=False)
