"""Records of an answer: what cannot be read costs what cannot be read, and no more.

An unreadable field is unknown for its record, and counted; a text that lost characters on its way is kept, and counted too. A
record whose identity or status cannot be read is left out, and counted. Only where that happens to more than one in ten is the
whole list refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts import fields
from dbs_exporter.facts.enums import Spellings, UnknownValue, ignore_unknown
from dbs_exporter.facts.fields import Record

D = TypeVar("D")
F = TypeVar("F")

MOST_LEFT_OUT = 0.1
"""A list of which more than this share cannot be read is refused as a whole."""
_DAY_MS = 86_400_000
_LONGEST_EXPIRY_MS = 36_500 * _DAY_MS
"""The documents know retention of up to five years; what is kept for more than a hundred has no end that means anything."""


class Fields:
    """The fields of one record. What cannot be read is unknown, counted, and named in `unreadable`."""

    __slots__ = ("_reader", "record", "unreadable")

    def __init__(self, record: Record, reader: Reader) -> None:
        self.record = record
        self._reader = reader
        self.unreadable: tuple[str, ...] = ()

    def text(self, field: str) -> str:
        """Return a text, "" where there is none; one with characters that came broken is kept."""
        try:
            found = fields.text(self.record, field)
        except BadAnswer:
            return self._unreadable(field, "")
        return self._unreadable(field, found) if fields.LOST in found else found

    def texts(self, field: str) -> tuple[str, ...]:
        """Return the texts of a list, or the one text where there is no list; none of a list with one that is nothing."""
        missing: list[str] = []
        try:
            found = fields.texts(self.record, (field,), missing.append)
        except BadAnswer:
            return self._unreadable(field, ())
        return self._unreadable(field, ()) if missing else found

    def first_text(self, *fields: str) -> str:
        """Return the first text that is there of several spellings of one field."""
        return next((value for field in fields if (value := self.text(field))), "")

    def error_message(self) -> str:
        """Return the error message under any of its names."""
        try:
            return fields.error_message(self.record)
        except BadAnswer as error:
            return self._unreadable(error.field, "")

    def gateway_id(self, field: str) -> str:
        """Return a gateway's id, "" where there is none: the API then writes 0, as number or string."""
        found = self.text(field)
        return "" if found == "0" else found

    def enum(self, field: str, known: Spellings) -> str:
        """Return an enum's value in its documented spelling; another is kept and counted."""
        try:
            return fields.enum(self.record, field, known, self._reader.unknown)
        except BadAnswer:
            return self._unreadable(field, "")

    def identity(self, field: str) -> str:
        """Return a text without which the record means nothing, every character of it. Raises BadAnswer."""
        found = fields.required_text(self.record, field)
        if fields.LOST in found:
            raise BadAnswer("it came with characters that are not whole", field=field)
        return found

    def status(self, field: str, known: Spellings) -> str:
        """Return an enum's value without which the record means nothing. Raises BadAnswer."""
        return fields.enum(self.record, field, known, self._reader.unknown, required=True)

    def instant(self, field: str) -> float | None:
        """Return a time that has come, in Unix seconds; one further than a day ahead is not believed."""
        try:
            return fields.instant(self.record, field, self._reader.latest_ms)
        except BadAnswer:
            return self._unreadable(field, None)

    def expiry(self, field: str) -> float | None:
        """Return a time that may lie ahead, in Unix seconds. No document says that -1 or a time far off means "for ever"."""
        try:
            found = fields.instant(self.record, field, self._reader.latest_expiry_ms)
            if found is None and fields.integer(self.record, field):
                return self._unreadable(field, None)
        except BadAnswer:
            return self._unreadable(field, None)
        return found

    def size(self, field: str) -> int | None:
        """Return a size in bytes."""
        try:
            return fields.size(self.record, field)
        except BadAnswer:
            return self._unreadable(field, None)

    def days(self, field: str) -> float | None:
        """Return a number of days, in seconds."""
        try:
            return fields.days(self.record, field)
        except BadAnswer:
            return self._unreadable(field, None)

    def progress(self, field: str) -> float | None:
        """Return a percentage as a ratio from 0 to 1."""
        try:
            return fields.progress(self.record, field)
        except BadAnswer:
            return self._unreadable(field, None)

    def boolean(self, field: str) -> bool | None:
        """Return true or false."""
        try:
            return fields.boolean(self.record, field)
        except BadAnswer:
            return self._unreadable(field, None)

    def unknown(self, field: str) -> None:
        """Count a value that no document lists."""
        self._reader.unknown(field)

    def _unreadable(self, field: str, unknown: D) -> D:
        self.unreadable = (*self.unreadable, field)
        self._reader.unknown(field)
        return unknown


class Reader:
    """Reads the records of answers that came at `now`, in Unix seconds; `unknown` counts what cannot be read, by field."""

    def __init__(self, now: float, unknown: UnknownValue = ignore_unknown) -> None:
        self.unknown = unknown
        self.latest_ms = now * 1000 + _DAY_MS
        self.latest_expiry_ms = now * 1000 + _LONGEST_EXPIRY_MS

    def fields(self, record: Record) -> Fields:
        """Return the fields of one record."""
        return Fields(record, self)

    def readable(
        self, records: Iterable[Record], read: Callable[[Fields], F]
    ) -> tuple[list[F], list[BadAnswer]]:
        """Read every record; return those that can be read, and why the others cannot."""
        found: list[F] = []
        problems: list[BadAnswer] = []
        for record in records:
            try:
                found.append(read(Fields(record, self)))
            except BadAnswer as error:
                problems.append(error)
                self.unknown(error.field)
        return found, problems

    def each(self, records: Sequence[Record], read: Callable[[Fields], F]) -> tuple[list[F], int]:
        """Read every record; return those that can be read, and how many were left out. Raises BadAnswer if more than one in ten was."""
        found, problems = self.readable(records, read)
        if len(problems) > MOST_LEFT_OUT * len(records):
            first = problems[0]
            raise BadAnswer(
                f"{len(problems)} of {len(records)} records cannot be read; of the first, {first.message}",
                field=first.field,
            )
        return found, len(problems)
