"""Points and ranges in time to which a plan can restore · DescribeRestoreRangeInfo."""

from __future__ import annotations

from msgspec import Struct

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.enums import UnknownValue, ignore_unknown, spellings
from dbs_exporter.facts.fields import Record, enum, instant, items
from dbs_exporter.facts.groups import Group

RANGE_TYPES = ("point", "range")
RANGE_TYPE = spellings(*RANGE_TYPES)


class RestoreRange(Struct, frozen=True, kw_only=True):
    """One restorable point or range · DescribeRestoreRangeInfo, Items.DBSRecoverRange.

    For a point the instants are those of its full backups (FullBackupDetail.EndTime).
    """

    range_type: str
    begin_at: float | None
    end_at: float | None


RANGES: Group[tuple[RestoreRange, ...]] = Group("ranges", tuple[RestoreRange, ...])


def read_restore_ranges(answer: Record, unknown: UnknownValue = ignore_unknown) -> tuple[RestoreRange, ...]:
    """Read every restorable point and range · DescribeRestoreRangeInfo, Items.DBSRecoverRange. Raises BadAnswer.

    A `point` entry that names its full backups gives one point for each of them, at its EndTime.
    """
    ranges: list[RestoreRange] = []
    for record in items(answer, ("Items", "DBSRecoverRange")):
        range_type = enum(record, "RangeType", RANGE_TYPE, unknown, required=True)
        begin, end = (
            instant(record, "BeginTimestampForRestore"),
            instant(record, "EndTimestampForRestore"),
        )
        if begin is not None and end is not None and begin > end:
            raise BadAnswer("a restorable range ends before it begins", field="EndTimestampForRestore")
        backups = items(record, ("FullBackupList", "FullBackupDetail")) if range_type == "point" else []
        points = [instant(backup, "EndTime") for backup in backups]
        if points:
            ranges += [RestoreRange(range_type=range_type, begin_at=at, end_at=at) for at in points]
        else:
            ranges.append(RestoreRange(range_type=range_type, begin_at=begin, end_at=end))
    return tuple(ranges)
