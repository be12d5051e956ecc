"""Reading the newest part of a plan's log list alone, by what was proved of this list and nothing else.

Log lists grow by a file every few minutes for weeks. No document says whether StartTimestamp and EndTimestamp filter them, by
which field and in which unit, or in which order they come. So each whole list that is read is compared with one filtered answer
for it; only what gave exactly the expected files is used, for that account, region and operation, and it is proved again with
each whole list and dropped at the first contradiction.
"""

from __future__ import annotations

from collections.abc import Sequence

from dbs_exporter.collectors.base import PlanReading
from dbs_exporter.collectors.learned import TailMethod
from dbs_exporter.errors import BadAnswer, Invalid
from dbs_exporter.facts.fields import integer, items
from dbs_exporter.facts.log_backups import LogFile, read_log_file

LEAST_RECORDS = 3
"""Records that must lie on each side of a cut for it to prove anything."""
TAIL_RECORDS = 4
"""Records that a proof asks for."""
_PAGE = 100
_AHEAD_SECONDS = 86_400.0


def is_provable(files: Sequence[LogFile]) -> bool:
    """Return whether a list is long and clear enough to prove anything by it."""
    return (
        len(files) >= TAIL_RECORDS + LEAST_RECORDS + 1
        and all(file.started_at is not None and file.ended_at is not None for file in files)
        and any(file.status == "FILLING" for file in files)
    )


def proved_method(reading: PlanReading, operation: str, files: Sequence[LogFile]) -> TailMethod | None:
    """Compare filtered answers with a whole list, `files` in the order in which they came; None if nothing is proved."""
    ordered = sorted(files, key=_start)
    cut_file = ordered[-TAIL_RECORDS - 1]
    cut = (_start(cut_file) + _end(cut_file)) / 2
    by_start = {_identity(file) for file in files if _start(file) > cut}
    by_end = {_identity(file) for file in files if _end(file) > cut}
    known = {_identity(file) for file in files}
    newest_known = _start(ordered[-1])
    filling = {_identity(file) for file in files if file.status == "FILLING"}
    if min(len(by_start), len(by_end), len(known - by_end), len(known - by_start)) >= LEAST_RECORDS:
        for unit in (1000.0, 1.0):
            answer = _filtered(reading, operation, cut, unit)
            # What came since the whole list was read is new, and proves nothing.
            came = {
                _identity(file) for file in answer if _identity(file) in known or _start(file) <= newest_known
            }
            if came == by_end and filling <= by_end:
                return TailMethod(by="filter", unit=unit, field="end")
            if came == by_start and filling <= by_start:
                return TailMethod(by="filter", unit=unit, field="start")
    starts = [_start(file) for file in files]
    if starts == sorted(starts, reverse=True) and len(set(starts)) == len(starts):
        return TailMethod(by="order", newest_first=True)
    if starts == sorted(starts) and len(set(starts)) == len(starts):
        return TailMethod(by="order", newest_first=False)
    return None


def read_tail(
    reading: PlanReading, operation: str, method: TailMethod, since: float, count: int | None
) -> list[LogFile] | None:
    """Read the files from `since` (Unix seconds) on; None if what came does not reach back to there.

    `count` is how many files the list held when it was last read whole.
    """
    if method.by == "filter":
        return _filtered(reading, operation, since, method.unit)
    if method.newest_first:
        files, _ = _page(reading, operation, 0)
        return files if files and min(map(_start, files)) <= since else None
    if count is None:
        return None
    number = max(0, count // _PAGE)
    files, total = _page(reading, operation, number)
    if total // _PAGE > number + 1:
        return None
    if total > (number + 1) * _PAGE:
        more, _ = _page(reading, operation, number + 1)
        files += more
    return files if files and min(map(_start, files)) <= since else None


def _filtered(reading: PlanReading, operation: str, since: float, unit: float) -> list[LogFile]:
    try:
        records = reading.pages(
            operation,
            BackupPlanId=reading.plan_id,
            ShowStorageType=True,
            StartTimestamp=int(since * unit),
            EndTimestamp=int((reading.now + _AHEAD_SECONDS) * unit),
        )
    except Invalid:
        # A filter that the API refuses in this unit is none.
        return []
    # Of a few files one that cannot be read is soon more than one in ten, which means nothing for the list.
    return reading.reader.readable(records, read_log_file)[0]


def _page(reading: PlanReading, operation: str, number: int) -> tuple[list[LogFile], int]:
    answer = reading.call(
        operation, BackupPlanId=reading.plan_id, ShowStorageType=True, PageNum=number, PageSize=_PAGE
    )
    total = integer(answer, "TotalElements")
    if total is None:
        raise BadAnswer(
            "the answer does not state how many there are", operation=operation, field="TotalElements"
        )
    records = items(answer, ("Items", "IncrementBackupFile"))
    return reading.reader.readable(records, read_log_file)[0], total


def _identity(file: LogFile) -> tuple[str, str, str, float | None]:
    return (file.job_id, file.source_id, file.file_id, file.started_at)


def _start(file: LogFile) -> float:
    return file.started_at or 0.0


def _end(file: LogFile) -> float:
    return file.ended_at or 0.0
