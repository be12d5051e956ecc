"""The past of a plan up to now: its full backups, its log files, and what can be restored.

No list is ever built: the time of the n-th backup follows from the schedule by arithmetic, so an answer costs only its page.
All times are in Unix seconds. Nothing here reads a clock or changes anything; `world` holds what callers have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor

from dbs_exporter.simulator.fleet import DAY, EPOCH_MONDAY, WEEK, PlanSpec, draw
from dbs_exporter.simulator.incidents import FAILURES, LATER, REMARK

HOUR = 3600
NEVER = float(1 << 60)
BATCH_SECONDS = 20
"""Log arrives in batches: its end never goes back, and is at most this and a few seconds behind now."""

Stretch = tuple[float, float]
"""(begin, end) in Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSet:
    """A full backup in its present state."""

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
    """A log file in its present state."""

    number: int
    file_id: str
    status: str
    started_at: float
    ended_at: float
    expires_at: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """The past of a plan, as it is at the time `now`.

    `anchor` is when the plan's incident became visible. `stops` and `log_stops` are the times for which callers paused the
    plan or its log backup.
    """

    seed: int
    spec: PlanSpec
    now: float
    anchor: float
    stops: tuple[Stretch, ...] = ()
    log_stops: tuple[Stretch, ...] = ()
    catching_up: tuple[float, float, float] | None = None
    """(when log stopped, when it went on, for how many seconds from then on it catches up)."""

    def due(self, number: int) -> float:
        """Return when the number-th full backup since 2024 was due."""
        week, day = divmod(number, len(self.spec.weekdays))
        return EPOCH_MONDAY + week * WEEK + self.spec.weekdays[day] * DAY + self.spec.start_minute * 60

    def number_at(self, moment: float) -> int:
        """Return the number of the last full backup that was due at or before a time."""
        week = floor((moment - EPOCH_MONDAY) / WEEK)
        number = (week + 1) * len(self.spec.weekdays) - 1
        while self.due(number) > moment:
            number -= 1
        return number

    @property
    def retention_days(self) -> int:
        """How long full backups are kept; short if the incident is that the last good one expires, or a trouble says so."""
        days = {"last_good_expiring": 3, "short_retention": 1}
        if self.now >= self.anchor + LATER["weakened_plan"]:
            days["weakened_plan"] = 30
        return next((days[name] for name in self.spec.incidents if name in days), self.spec.retention_days)

    def full_numbers(self) -> Sequence[int]:
        """Return the numbers of the full backups that are listed, in any status, oldest first."""
        last = self.number_at(self.now)
        if "missed_schedule" in self.spec.incidents:
            last = min(last, self.number_at(self.anchor) - 2)
        if "stuck_in_schedule" in self.spec.incidents:
            last = min(last, self.number_at(self.anchor - 2 * DAY))
        if "paused_plan" in self.spec.incidents:
            last = min(last, self.number_at(self.anchor - 3 * HOUR))
        if "locked_plan" in self.spec.incidents:
            last = min(last, self.number_at(self.anchor - 5 * HOUR))
        if "failed_precheck" in self.spec.incidents:
            return range(0)
        first = self.number_at(self.now - self.retention_days * DAY) + 1
        first = max(first, self.number_at(self.created_at) + 1)
        numbers = range(first, last + 1) if last >= first else range(0)
        if not self.stops:
            return numbers
        return [
            number
            for number in numbers
            if not any(begin <= self.due(number) < end for begin, end in self.stops)
        ]

    @property
    def created_at(self) -> float:
        """When the plan was created: four days before some incidents, else as its specification says."""
        if self.spec.incidents & {"never_succeeded", "failed_precheck"}:
            return floor(self.anchor - 4 * DAY)
        return self.spec.created_at

    def failure(self, number: int) -> str:
        """Return the incident because of which the number-th full backup failed, "" if it did not fail."""
        incidents = self.spec.incidents
        if draw(self.seed, self.spec.plan_id, number, "fails") < self.spec.failing_share:
            return "failed_full_backup"
        if not incidents:
            return ""
        newest = self.number_at(self.anchor)
        # The last good set expires 6 to 30 hours after the incident began, at whatever time of the day that was.
        expiring = newest - (1 if self.anchor - self.due(newest) <= 18 * HOUR else 0)
        since = {
            "repeatedly_failing_full_backup": newest - 3,
            "failing_without_log": newest - 1,
            "last_good_expiring": expiring,
            "never_succeeded": 0,
            "offline_gateway": self.number_at(self.anchor - 2 * HOUR) + 1,
        }
        if "failed_full_backup" in incidents and number == newest:
            return "failed_full_backup"
        return next((name for name, first in since.items() if name in incidents and number >= first), "")

    def set_id(self, number: int) -> str:
        """Return the id of the number-th full backup: letters of the plan's id, then the number."""
        return f"{self.spec.plan_id[3:9]}{number:06x}"

    def full(self, number: int) -> FullSet:
        """Return the number-th full backup in its present state."""
        spec = self.spec
        created = self.due(number)
        started = created + 20 + int(160 * draw(self.seed, spec.plan_id, number, "queue"))
        age_days = (created - EPOCH_MONDAY) / DAY
        noise = 0.97 + 0.06 * draw(self.seed, spec.plan_id, number, "noise")
        size = int(spec.base_bytes * (1 + spec.growth_per_day * age_days) * noise)
        if "shrunken_backup" in spec.incidents and number >= self.number_at(self.anchor):
            size //= 10
        has_trouble = number >= self.number_at(self.anchor - 8 * HOUR)
        if "empty_backup" in spec.incidents and has_trouble:
            size = 0
        duration = 60 + size / spec.bytes_per_second
        if spec.backup_seconds is not None:
            duration = spec.backup_seconds * (0.8 + 0.45 * draw(self.seed, spec.plan_id, number, "duration"))
        if "slow_backup" in spec.incidents and has_trouble:
            duration = max(8 * duration, 3 * HOUR)
        failure = self.failure(number)
        if failure:
            duration = min(
                duration,
                5 + 50 * draw(self.seed, spec.plan_id, number, "soon") if spec.failing_share else 240,
            )
        ended = started + duration
        finished = ended + 2
        status = "finish"
        if self.now < started:
            status = "schedule"
        elif self.now < finished:
            status = "running"
        elif failure:
            status = "stop"
        if "orphaned_job" in spec.incidents and number == self.number_at(self.anchor) - 3:
            status, ended, finished = "running", NEVER, NEVER
        if "stuck_in_schedule" in spec.incidents and number == self.number_at(self.anchor - 2 * DAY):
            status, ended, finished = "schedule", NEVER, NEVER
        has_ended = status in ("finish", "stop")
        error = FAILURES[failure][1] if status == "stop" else ""
        if "remarked_backup" in spec.incidents and has_trouble and status == "finish":
            error = REMARK
        progress = 1.0 if has_ended else max(0.0, min(0.99, (self.now - started) / duration))
        return FullSet(
            number=number,
            set_id=self.set_id(number),
            status=status,
            created_at=created,
            started_at=started if status != "schedule" else None,
            ended_at=ended if has_ended else None,
            finished_at=finished if has_ended else None,
            expires_at=created + self.retention_days * DAY,
            size_bytes=0 if status == "stop" else int(size * progress),
            progress=progress,
            error=error,
        )

    def newest_finished(self) -> FullSet | None:
        """Return the newest full backup that succeeded, None if there is none."""
        return self._first_finished(reversed(self.full_numbers()))

    def oldest_finished(self) -> FullSet | None:
        """Return the oldest listed full backup that succeeded, None if there is none."""
        return self._first_finished(self.full_numbers())

    def _first_finished(self, numbers: Iterable[int]) -> FullSet | None:
        backups = (self.full(number) for number in numbers)
        return next((backup for backup in backups if backup.status == "finish"), None)

    @property
    def received_until(self) -> float:
        """The end of the received log if nothing delays it; it never goes back."""
        phase = BATCH_SECONDS * draw(self.seed, self.spec.plan_id, "batch")
        until = floor((self.now - 4 - phase) / BATCH_SECONDS) * BATCH_SECONDS + phase
        if self.catching_up is None:
            return until
        stopped, went_on, seconds = self.catching_up
        if not went_on <= self.now < went_on + seconds:
            return until
        return min(until, stopped + (self.now - stopped) * (self.now - went_on) / seconds)

    def log_gaps(self) -> list[Stretch]:
        """Return the times for which no log was received, oldest first; the last may have no end."""
        incidents = self.spec.incidents
        gaps = [*self.stops, *self.log_stops]
        for name, hours in (
            ("log_backup_paused", 3),
            ("offline_gateway", 2),
            ("locked_plan", 5),
            ("paused_plan", 3),
        ):
            if name in incidents:
                gaps.append((self.anchor - hours * HOUR, NEVER))
        if "gone_gateway" in incidents:
            gaps.append((self.anchor + LATER["gone_gateway"], NEVER))
        if "log_hole" in incidents:
            # Before a full backup that has finished since, because log can be replayed again only from there.
            after = self.due(self.number_at(self.anchor - 6 * HOUR))
            gaps.append((after - 3 * HOUR, after - HOUR))
        return sorted(gaps)

    def log_stretches(self) -> list[Stretch]:
        """Return the continuous stretches of the stored log, oldest first."""
        if not self.spec.has_log or self.spec.incidents & {"failed_precheck", "never_succeeded"}:
            return []
        since = max(self.now - self.spec.log_retention_days * DAY, self.created_at)
        file_seconds = self.spec.log_file_seconds
        position, until = float((floor(since / file_seconds) + 1) * file_seconds), self.received_until
        stretches: list[Stretch] = []
        for begin, end in self.log_gaps():
            if position < min(begin, until):
                stretches.append((position, min(begin, until)))
            position = max(position, end)
        if position < until:
            stretches.append((position, until))
        return stretches

    def log_count(self) -> int:
        """Return the number of log files."""
        return sum(self._files_of(begin, end) for begin, end in self.log_stretches())

    def _files_of(self, begin: float, end: float) -> int:
        return ceil(end / self.spec.log_file_seconds) - floor(begin / self.spec.log_file_seconds)

    def log(self, position: int, stretches: Sequence[Stretch] = ()) -> LogFile:
        """Return the log file at a position, oldest first: a file per hour (or `log_file_seconds`), cut where a gap begins or ends.

        `stretches` are those of `log_stretches`, which a caller that reads many files passes to save time. Raises IndexError
        beyond the last file.
        """
        stretches = stretches or self.log_stretches()
        for begin, end in stretches:
            count = self._files_of(begin, end)
            if position < count:
                first = floor(begin / self.spec.log_file_seconds)
                return self._log_file(first + position, begin, end, end == stretches[-1][1])
            position -= count
        raise IndexError("no such log file")

    def _log_file(self, number: int, begin: float, end: float, newest: bool) -> LogFile:
        seconds = self.spec.log_file_seconds
        started, ended = max(begin, number * seconds), min(end, (number + 1) * seconds)
        status = "COMPLETED"
        if newest and ended == end:
            paused = "log_backup_paused" in self.spec.incidents or any(
                stop_end == NEVER for _, stop_end in (*self.stops, *self.log_stops)
            )
            status = "UNCOMPLETED" if paused else "FILLING"
        # The second file of the same stretch of time, after a gap, needs another name.
        file_number = number + (500_000 if started > number * seconds else 0)
        bytes_per_second = 2_000 + 60_000 * draw(self.seed, self.spec.plan_id, number, "log")
        return LogFile(
            number=number,
            file_id=self.spec.engine.file_name.format(file_number % 1_000_000),
            status=status,
            started_at=started,
            ended_at=ended,
            expires_at=started + self.spec.log_retention_days * DAY,
            size_bytes=int(bytes_per_second * max(0.0, ended - started)),
        )

    def ranges(self) -> list[Stretch]:
        """Return the ranges of time that can be restored, oldest first: log from the end of a full backup on."""
        numbers = self.full_numbers()
        if not numbers:
            return []
        ranges = []
        for begin, end in self.log_stretches():
            number = max(numbers[0], self.number_at(begin) - 1)
            while number <= numbers[-1] and self.due(number) < end:
                backup = self.full(number) if number in numbers else None
                if backup is not None and backup.status == "finish" and begin <= (backup.ended_at or 0) < end:
                    ranges.append((float(backup.ended_at or 0), end))
                    break
                number += 1
        return ranges

    def points(self) -> list[FullSet]:
        """Return the full backups that ended after the last range that can be restored, oldest first."""
        ranges = self.ranges()
        numbers = self.full_numbers()
        if ranges:
            first = self.number_at(ranges[-1][1]) - 1
            numbers = [
                number for number in range(max(first, numbers[0]), numbers[-1] + 1) if number in numbers
            ]
        after = ranges[-1][1] if ranges else 0.0
        backups = (self.full(number) for number in numbers)
        return [
            backup for backup in backups if backup.status == "finish" and (backup.ended_at or 0.0) > after
        ]

    def window(self) -> Stretch | None:
        """Return the oldest and newest time that can be restored, by log or full backup; None if nothing can."""
        ranges = self.ranges()
        newest = self.newest_finished()
        oldest = None if ranges else self.oldest_finished()
        ends = [end for _, end in ranges] + ([newest.ended_at] if newest and newest.ended_at else [])
        begins = [begin for begin, _ in ranges[:1]] + (
            [oldest.ended_at] if oldest and oldest.ended_at else []
        )
        return (min(begins), max(ends)) if begins and ends else None
