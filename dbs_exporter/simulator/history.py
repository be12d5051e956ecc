"""What has happened to a plan by now: full backups, log files and what can be restored, each found by its number.

A list is never built: the n-th backup's time follows from the schedule by arithmetic, so a page costs the page. `anchor` is the
moment at which a plan's incidents became visible. All times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from .fleet import DAY, EPOCH_MONDAY, WEEK, PlanSpec, draw

HOUR = 3600
NEVER = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSet:
    """One full backup, as it stands now."""

    number: int
    set_id: str
    status: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    finished_at: float | None
    expires_at: float
    size_bytes: int
    progress: float
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One log file, as it stands now."""

    number: int
    file_id: str
    status: str
    started_at: float
    ended_at: float
    expires_at: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """A plan's past, seen from `now`."""

    seed: int
    spec: PlanSpec
    now: float
    anchor: float

    # ── full backups ──

    def due(self, number: int) -> float:
        """When the number-th full backup since 2024 was due."""
        week, day = divmod(number, len(self.spec.weekdays))
        return EPOCH_MONDAY + week * WEEK + self.spec.weekdays[day] * DAY + self.spec.start_minute * 60

    def number_at(self, moment: float) -> int:
        """The number of the last full backup due at or before a moment."""
        week = floor((moment - EPOCH_MONDAY) / WEEK)
        number = (week + 1) * len(self.spec.weekdays) - 1
        while self.due(number) > moment:
            number -= 1
        return number

    @property
    def retention_seconds(self) -> float:
        return (2.2 if "last_good_expiring" in self.spec.incidents else self.spec.retention_days) * DAY

    def full_numbers(self) -> range:
        """Numbers of the full backups that are kept, running or failed, oldest first."""
        last = self.number_at(self.now)
        if "missed_schedule" in self.spec.incidents:
            last = min(last, self.number_at(self.anchor) - 2)
        if "locked_plan" in self.spec.incidents:
            last = min(last, self.number_at(self.anchor))
        if "failed_precheck" in self.spec.incidents:
            return range(0)
        first = self.number_at(self.now - self.retention_seconds) + 1
        first = max(first, self.number_at(self.created_at) + 1)
        return range(first, last + 1) if last >= first else range(0)

    @property
    def created_at(self) -> float:
        """Plans that never succeeded are young; the others are as old as their specification says."""
        if self.spec.incidents & {"never_succeeded", "failed_precheck"}:
            return floor(self.anchor - 4 * DAY)
        return self.spec.created_at

    def failed(self, number: int) -> bool:
        """Whether the number-th full backup failed, by the plan's incidents."""
        incidents = self.spec.incidents
        if not incidents:
            return False
        newest = self.number_at(self.anchor)
        return (
            ("failed_full_backup" in incidents and number == newest)
            or ("repeatedly_failing_full_backup" in incidents and number >= newest - 3)
            or ("last_good_expiring" in incidents and number >= newest)
            or "never_succeeded" in incidents
        )

    def full(self, number: int) -> FullSet:
        """The number-th full backup."""
        spec = self.spec
        created = self.due(number)
        started = created + 20 + int(160 * draw(self.seed, spec.plan_id, number, "queue"))
        age_days = (created - EPOCH_MONDAY) / DAY
        noise = 0.97 + 0.06 * draw(self.seed, spec.plan_id, number, "noise")
        size = int(spec.base_bytes * (1 + spec.growth_per_day * age_days) * noise)
        newest = self.number_at(self.anchor)
        if "shrunken_backup" in spec.incidents and number >= newest:
            size //= 10
        took = 60 + size / spec.bytes_per_second
        failed = self.failed(number)
        if failed:
            took = min(took, 240)
        ended = started + took
        finished = ended + 2
        status = "finish"
        if self.now < started:
            status = "schedule"
        elif self.now < finished:
            status = "running"
        elif failed:
            status = "stop"
        over = status in ("finish", "stop")
        return FullSet(
            number=number,
            set_id=f"{spec.plan_id[3:9]}{number:06x}",
            status=status,
            created_at=created,
            started_at=started if status != "schedule" else None,
            ended_at=ended if over else None,
            finished_at=finished if over else None,
            expires_at=created + self.retention_seconds,
            size_bytes=0
            if status in ("schedule", "stop")
            else size
            if over
            else int(size * (self.now - started) / took),
            progress=0.0
            if status == "schedule"
            else 1.0
            if over
            else max(0.0, min(0.99, (self.now - started) / took)),
            error="Access denied for user 'backup'@'10.0.0.1' (using password: YES)"
            if failed and over
            else "",
        )

    def newest_finished(self) -> FullSet | None:
        """The newest full backup that succeeded."""
        for number in reversed(self.full_numbers()):
            one = self.full(number)
            if one.status == "finish":
                return one
        return None

    def oldest_finished(self) -> FullSet | None:
        """The oldest kept full backup that succeeded."""
        for number in self.full_numbers():
            one = self.full(number)
            if one.status == "finish":
                return one
        return None

    # ── log files ──

    @property
    def log_end(self) -> float:
        """How far the log has been received."""
        incidents = self.spec.incidents
        if "log_backup_paused" in incidents:
            return self.anchor - 3 * HOUR
        if "offline_gateway" in incidents:
            return self.anchor - 2 * HOUR
        if incidents & {"locked_plan"}:
            return self.anchor - 5 * HOUR
        return self.now - 5 - 20 * draw(self.seed, self.spec.plan_id, floor(self.now / 30), "lag")

    def _hole(self) -> range:
        if "log_hole" not in self.spec.incidents:
            return range(0)
        newest = floor(self.anchor / HOUR)
        return range(newest - 6, newest - 4)

    def _log_bounds(self) -> tuple[int, int]:
        last = floor(self.log_end / HOUR)
        since = max(self.now - self.spec.log_retention_days * DAY, self.created_at)
        return floor(since / HOUR) + 1, last

    def log_count(self) -> int:
        """How many log files there are."""
        if not self.spec.has_log or self.spec.incidents & {"failed_precheck", "never_succeeded"}:
            return 0
        first, last = self._log_bounds()
        return max(0, last + 1 - first - sum(first <= number <= last for number in self._hole()))

    def log(self, position: int) -> LogFile:
        """The file at a position, oldest first."""
        first, last = self._log_bounds()
        number = first + position
        hole = self._hole()
        if hole and hole.start >= first and number >= hole.start:
            number += len(hole)
        started = number * HOUR
        filling = number == last and self.log_end > self.now - 60
        ended = min((number + 1) * HOUR, self.log_end)
        speed = 2_000 + 60_000 * draw(self.seed, self.spec.plan_id, number, "log")
        return LogFile(
            number=number,
            file_id=self.spec.engine.file_name.format(number % 1_000_000),
            status="FILLING" if filling else "COMPLETED",
            started_at=started,
            ended_at=ended,
            expires_at=started + self.spec.log_retention_days * DAY,
            size_bytes=int(speed * max(0.0, ended - started)),
        )

    # ── what can be restored ──

    def ranges(self) -> list[tuple[float, float]]:
        """Continuous stretches that can be restored, oldest first; empty without log backup."""
        oldest = self.oldest_finished()
        count = self.log_count()
        if oldest is None or oldest.ended_at is None or count == 0:
            return []
        begin = max(oldest.ended_at, self.log(0).started_at)
        hole = self._hole()
        first, _ = self._log_bounds()
        if hole and hole.start > first:
            return [(begin, hole.start * HOUR), (hole.stop * HOUR, self.log_end)]
        return [(begin, self.log_end)] if self.log_end > begin else []

    def window(self) -> tuple[float, float] | None:
        """Oldest and newest instant that can be restored, by log or by full backup; None if there is none."""
        ranges = self.ranges()
        if ranges:
            return ranges[0][0], ranges[-1][1]
        oldest, newest = self.oldest_finished(), self.newest_finished()
        if oldest is None or newest is None or oldest.ended_at is None or newest.ended_at is None:
            return None
        return oldest.ended_at, newest.ended_at
