"""Which point of a plan is restored: the newest, the newest full backup, one of some age, or a given set.

This module chooses by what the API lists, and refuses a point that it does not offer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter

from msgspec import Struct

from dbs_exporter.config.durations import format_duration, parse_duration
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.places import Source
from dbs_exporter.facts.full_backups import FullBackup, read_full_backup
from dbs_exporter.facts.restore_ranges import RestoreRange, read_restore_ranges


class Point(Struct, frozen=True, kw_only=True):
    """A point to restore to, and the full backup that it rests on."""

    backup: FullBackup
    restore_at: float | None = None
    """A time within the log (RestoreTime); None for the set alone (BackupSetId)."""

    @property
    def size_bytes(self) -> int:
        """The size of the full backup, 0 where the API does not say it."""
        return self.backup.size_bytes or 0

    @property
    def title(self) -> str:
        """What is restored, for people."""
        if self.restore_at is None:
            return f"full backup {self.backup.backup_set_id}"
        at = datetime.fromtimestamp(self.restore_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{at} on full backup {self.backup.backup_set_id}"

    @property
    def parameters(self) -> dict[str, object]:
        """The parameter of CreateRestoreTask that names it."""
        if self.restore_at is None:
            return {"BackupSetId": self.backup.backup_set_id}
        return {"RestoreTime": int(self.restore_at * 1000)}


def choose_point(cloud: Cloud, source: Source, wanted: str) -> Point | str:
    """Return the point of a plan, or why there is none · DescribeFullBackupList, DescribeRestoreRangeInfo."""
    plan = source.plan
    records = cloud.pages(source.region, "DescribeFullBackupList", BackupPlanId=plan.plan_id)
    backups, _ = cloud.reader().each(records, read_full_backup)
    kept = sorted((backup for backup in backups if _is_kept(backup, cloud.now())), key=attrgetter("ended_at"))
    if not kept:
        return "no full backup is finished and kept, so there is nothing to restore"
    if wanted.startswith("set:"):
        named = [backup for backup in kept if backup.backup_set_id == wanted.removeprefix("set:")]
        return (
            Point(backup=named[0]) if named else f"it has no finished full backup {wanted[4:]} that is kept"
        )
    if wanted == "full":
        return Point(backup=kept[-1])
    at = plan.restore_end_at if wanted == "latest" else cloud.now() - parse_duration(wanted)
    if at is not None:
        before = [backup for backup in kept if (backup.ended_at or 0.0) <= at]
        if before and any(_covers(found, at) for found in _ranges(cloud, source)):
            return Point(backup=before[-1], restore_at=at)
        if wanted != "latest":
            if before:
                return Point(backup=before[-1])
            return f"nothing that old is kept; its oldest full backup is {_age(cloud, kept)} old"
    return Point(backup=kept[-1])


def _is_kept(backup: FullBackup, now: float) -> bool:
    return (
        backup.status == "finish"
        and backup.ended_at is not None
        and (backup.expires_at is None or backup.expires_at > now)
    )


def _ranges(cloud: Cloud, source: Source) -> tuple[RestoreRange, ...]:
    plan = source.plan
    if plan.restore_begin_at is None or plan.restore_end_at is None:
        return ()
    answer = cloud.read(
        source.region,
        "DescribeRestoreRangeInfo",
        BackupPlanId=plan.plan_id,
        BeginTimestampForRestore=int(plan.restore_begin_at * 1000),
        EndTimestampForRestore=int(plan.restore_end_at * 1000),
    )
    return read_restore_ranges(answer, cloud.reader())


def _covers(found: RestoreRange, at: float) -> bool:
    """Return whether log leads to that time; a point is a full backup, which is restored by its id."""
    return (
        found.range_type == "range"
        and found.begin_at is not None
        and found.end_at is not None
        and found.begin_at <= at <= found.end_at
    )


def _age(cloud: Cloud, kept: Sequence[FullBackup]) -> str:
    return format_duration(round(cloud.now() - (kept[0].ended_at or 0.0)))
