"""Names: of tasks, so that a run that was killed finds its task again, and of restored databases, so that each can be dropped.

A task is called `drill-PLAN-DESTINATION-DATE`, from the second attempt of a day on with its number at the end. A restored database
is called PREFIX + date + name.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime

from msgspec import Struct

from dbs_exporter.config.drill_file import DestinationConfig
from dbs_exporter.facts.plans import Plan

MAPPED = frozenset({"MySQL", "MariaDB", "PostgreSQL", "PPAS", "MongoDB"})
"""Types whose logical backups can be restored under other names (RestoreObjects, NewDBName)."""
LONGEST_NAME = {"MySQL": 64, "MariaDB": 64, "PostgreSQL": 63, "PPAS": 63, "MongoDB": 63}
"""Characters of a database's name."""


class TaskName(Struct, frozen=True, kw_only=True, order=True):
    """The name of a drill's task; `day` is YYYYMMDD in UTC."""

    day: str
    attempt: int = 1
    plan_id: str
    destination: str

    @property
    def text(self) -> str:
        """The name as DBS knows it."""
        return f"drill-{self.plan_id}-{self.destination}-{self.stamp.replace('_', '-')}"

    @property
    def stamp(self) -> str:
        """What tells this drill from others in the names of databases and directories."""
        return self.day if self.attempt == 1 else f"{self.day}_{self.attempt}"


def parse_task_name(text: str, plan_id: str, destination: str) -> TaskName | None:
    """Return the parts of a task's name; None if it is no drill of that plan to that destination."""
    start = f"drill-{plan_id}-{destination}-"
    match = (
        re.fullmatch(r"(\d{8})(?:-(\d{1,3}))?", text.removeprefix(start)) if text.startswith(start) else None
    )
    if match is None:
        return None
    return TaskName(plan_id=plan_id, destination=destination, day=match[1], attempt=int(match[2] or 1))


def day_of(at: float) -> str:
    """Return the day of a time in Unix seconds, in UTC, as YYYYMMDD."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%d")


def is_mapped(plan: Plan, destination: DestinationConfig) -> bool:
    """Return whether the plan's databases are restored under other names."""
    return (
        plan.database_type in MAPPED
        and plan.backup_method == "logical"
        and destination.instance_type != "agent"
    )


def restored_names(names: tuple[str, ...], prefix: str, stamp: str) -> dict[str, str]:
    """Return each database's name -> the name under which it is restored."""
    return {name: f"{prefix}{stamp}_{name}" for name in names}


def too_long(names: dict[str, str], database_type: str) -> list[str]:
    """Return the restored names that the type of database cannot have."""
    most = LONGEST_NAME.get(database_type, 64)
    return [name for name in names.values() if len(name.encode()) > most]


def objects_text(names: dict[str, str] | tuple[str, ...]) -> str:
    """Return RestoreObjects: databases with their new names, or under their own."""
    if isinstance(names, dict):
        entries = [{"DBName": name, "NewDBName": new} for name, new in names.items()]
    else:
        entries = [{"DBName": name} for name in names]
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":"))


def unmarked(objects: str, prefix: str) -> list[str]:
    """Return the databases of RestoreObjects that would be restored under a name without the prefix.

    A text that cannot be read is returned as a whole.
    """
    with suppress(ValueError, AttributeError, TypeError):
        entries = json.loads(objects)
        names = [str(entry.get("NewDBName") or entry["DBName"]) for entry in entries]
        if names:
            return [name for name in names if not name.startswith(prefix)]
    return [objects or "nothing"]
