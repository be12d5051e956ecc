"""Restore and download tasks, whose status and progress are a function of the time.

Which tasks there are is in `drills` (the fleet's own) and `world` (those that callers create).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from dbs_exporter.simulator.incidents import FAILURES

LOGICAL = (
    ("FullStruforeRestoreProgress", 45),
    ("FullDataRestoreProgress", 0),
    ("FullStruAfterRestoreProgress", 60),
    ("ContinuousRestoreProgress", 240),
)
PHYSICAL = (
    ("PhysicalFullBackupRecoverProgress", 0),
    ("PhysicalIncrementBackupRecoverProgress", 180),
    ("PhysicalBackupRecoverProgress", 90),
    ("PhysicalDatabaseOnlineProgress", 30),
)
COMBINED = (
    ("PhysicalFullAndIncrementBackupRecoverProgress", 0),
    ("PhysicalDatabaseOnlineProgress", 60),
)
STAGES = {"logical": LOGICAL, "physical": PHYSICAL, "combined": COMBINED}
"""How an engine restores -> (API field of a stage's progress, its seconds; 0 for the stage that depends on the size)."""

RESTORE_ENDS = ("success", "failed_precheck", "stuck", "failed", "stopped")
"""How a restore that a caller creates ends: well, at its pre-check, never, by an error, or because someone stops it."""
LOG_STAGES = ("ContinuousRestoreProgress", "PhysicalIncrementBackupRecoverProgress")
RESTORE_BYTES_PER_SECOND = 60e6
PRECHECK_SECONDS = 10
STOPPED_AFTER_SECONDS = 60
"""Someone who stops a restore does it so long after its start."""
DOWNLOAD_SECONDS = 300


@dataclass(slots=True, kw_only=True)
class Restore:
    """A restore task; `size_bytes` decides how long its data stage takes."""

    task_id: str
    plan_id: str
    name: str
    created_at: float
    size_bytes: int
    kind: str
    continuous: bool
    started_at: float | None = None
    target_at: float | None = None
    set_id: str = ""
    destination_type: str = "rds"
    destination_instance_id: str = ""
    destination_region: str = ""
    destination_ip_port: str = ""
    destination_user: str = "restore"
    destination_database: str = ""
    destination_oracle_sid: str = ""
    gateway_id: int = 0
    restore_dir: str = ""
    objects: str = ""
    """RestoreObjects; "" for all that the plan backs up."""
    stuck: bool = False
    failed: bool = False
    fails_precheck: bool = False
    stopped_at: float | None = None
    """When someone stopped it, of which the API keeps no reason."""
    conflict: str = ""
    """A database that the destination had already when it began."""
    names_objects: bool = False
    """Its caller said which databases to restore; only then two restores can collide."""
    is_dropped: bool = False
    """What was restored is gone from the destination."""

    @property
    def destination(self) -> tuple[str, str, int]:
        """What tells its destination from others."""
        return self.destination_instance_id, self.destination_ip_port, self.gateway_id

    @property
    def databases(self) -> tuple[str, ...]:
        """The names of its databases at the destination, as far as its caller gave any."""
        if not self.names_objects:
            return ()
        try:
            return tuple(str(entry.get("NewDBName") or entry["DBName"]) for entry in json.loads(self.objects))
        except (ValueError, KeyError, TypeError, AttributeError):
            return ()

    def stages(self) -> list[tuple[str, float]]:
        """Return (API field of the progress, seconds) of each stage, in order."""
        data = 30 + self.size_bytes / RESTORE_BYTES_PER_SECOND
        return [
            (name, seconds or data)
            for name, seconds in STAGES[self.kind]
            if self.continuous or name not in LOG_STAGES
        ]

    def _until_data(self, share: float) -> float:
        """Return the seconds until that share of the data is restored."""
        total = 0.0
        for (_, seconds), (_, fixed) in zip(self.stages(), STAGES[self.kind], strict=False):
            if not fixed:
                return total + share * seconds
            total += seconds
        return total

    def at(self, now: float) -> tuple[str, float | None, dict[str, int], str]:
        """Return (status, finish time, progress in percent by API field, error) at a time in Unix seconds."""
        stages = self.stages()
        if self.started_at is None:
            is_checking = now < self.created_at + PRECHECK_SECONDS or self.fails_precheck
            status = "init" if is_checking else "check_pass"
            return status, None, {name: 0 for name, _ in stages}, ""
        elapsed = max(0.0, now - self.started_at)
        if self.stopped_at is not None:
            elapsed = min(elapsed, self.stopped_at - self.started_at)
        if self.stuck or self.failed or self.conflict:
            share = 0.43 if self.stuck else 0.2 if self.failed else 0.0
            elapsed = min(elapsed, self._until_data(share))
        progress: dict[str, int] = {}
        left = elapsed
        for name, seconds in stages:
            progress[name] = int(100 * max(0.0, min(1.0, left / seconds)))
            left -= seconds
        if self.conflict and elapsed >= self._until_data(0.0):
            return "stop", self.started_at + elapsed, progress, f"The object {self.conflict} exists already"
        if self.failed:
            return "stop", self.started_at + elapsed, progress, FAILURES["failed_restore"][1]
        if self.stopped_at is not None and now >= self.stopped_at:
            return "stop", self.stopped_at, progress, ""
        total = sum(seconds for _, seconds in stages)
        if elapsed >= total:
            return "finish", self.started_at + total, progress, ""
        return "running", None, progress, ""


@dataclass(slots=True, kw_only=True)
class Download:
    """A download of a backup set."""

    task_id: str
    plan_id: str
    name: str
    set_id: str
    code: str
    created_at: float
    size_bytes: int
    data_format: str = "SQL"
    way: str = "manual"
    job_type: str = "cbs_backup_sub_full"
    database_type: str = "MySQL"
    gateway_id: int = 0
    target_type: str = ""
    directory: str = ""
    failed: bool = False
    stuck: bool = False

    def at(self, now: float) -> tuple[str, float | None, str]:
        """Return (status, finish time, error) at a time in Unix seconds."""
        end = self.created_at + DOWNLOAD_SECONDS
        if now < self.created_at + 10:
            return "init", None, ""
        if now < end or self.stuck:
            return "running", None, ""
        if self.failed:
            return "stop", end, FAILURES["failed_download"][1]
        return "finish", end, ""
