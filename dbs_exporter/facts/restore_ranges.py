"""Points and ranges in time to which a plan can restore · DescribeRestoreRangeInfo."""

from __future__ import annotations

from msgspec import Struct

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.enums import spellings
from dbs_exporter.facts.fields import Record, enum, instant, items
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.records import Reader

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


def read_restore_ranges(answer: Record, reader: Reader) -> tuple[RestoreRange, ...]:
    """Read every restorable point and range · DescribeRestoreRangeInfo, Items.DBSRecoverRange.

    A `point` entry that names its full backups gives one point for each of them, at its EndTime. A range that cannot be read
    would be a hole if it were left out, so it is one for the whole answer. Raises BadAnswer.
    """
    ranges: list[RestoreRange] = []
    for record in items(answer, ("Items", "DBSRecoverRange")):
        range_type = enum(record, "RangeType", RANGE_TYPE, reader.unknown, required=True)
        begin, end = (
            instant(record, field, reader.latest_ms)
            for field in ("BeginTimestampForRestore", "EndTimestampForRestore")
        )
        if begin is not None and end is not None and begin > end:
            raise BadAnswer("a restorable range ends before it begins", field="EndTimestampForRestore")
        backups = items(record, ("FullBackupList", "FullBackupDetail")) if range_type == "point" else []
        if {} in backups:
            raise BadAnswer("full backups expected that are objects", field="FullBackupDetail")
        points = [instant(backup, "EndTime", reader.latest_ms) for backup in backups]
        if points:
            ranges += [RestoreRange(range_type=range_type, begin_at=at, end_at=at) for at in points]
        else:
            ranges.append(RestoreRange(range_type=range_type, begin_at=begin, end_at=end))
    return tuple(ranges)
