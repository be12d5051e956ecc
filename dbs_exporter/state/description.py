"""What a saved state holds, for people: read in one short transaction, beside an exporter that writes. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from dbs_exporter.errors import ConfigError, DbsExporterError
from dbs_exporter.facts.groups import Group
from dbs_exporter.state.bodies import Bodies
from dbs_exporter.state.database import FILE_NAME, SCHEMA, Damaged, Database
from dbs_exporter.state.directory import lineage_in
from dbs_exporter.state.recalling import Recalled, recalled


class PlaceDescription(Struct, frozen=True, kw_only=True):
    """What is saved of an account's region, or with the region "" of the account itself. Times are Unix seconds."""

    account: str
    region: str
    plans: int
    gone: int
    """Plans that are gone and whose counters are remembered."""
    groups: int
    """Lists that were read, of all subjects."""
    saved_at: float | None
    oldest_read_at: float | None
    newest_read_at: float | None
    size_bytes: int
    """Of its rows."""
    unreadable: tuple[str, ...]
    """What cannot be read, a sentence each."""


class StateDescription(Struct, frozen=True, kw_only=True):
    """What a file holds."""

    path: str
    schema: int
    size_bytes: int
    places: tuple[PlaceDescription, ...]


def describe(directory: str, groups: Iterable[Group[Any]]) -> StateDescription:
    """Return what is saved in a directory. Raises ConfigError if there is nothing, DbsExporterError if it cannot be used."""
    path = Path(directory) / FILE_NAME
    try:
        if not path.exists():
            raise ConfigError(f"{path}: there is no saved state; an exporter with this storage.path makes it")
        database = _opened(path)
        try:
            with database.snapshot():
                bodies, lineage = Bodies(groups), lineage_in(Path(directory))
                places = tuple(
                    _place(database, bodies, account, region, lineage)
                    for account, region in sorted(database.scopes())
                )
                return StateDescription(
                    path=str(path), schema=SCHEMA, size_bytes=database.size_bytes(), places=places
                )
        finally:
            database.close()
    except Damaged as damage:
        raise DbsExporterError(f"{path}: the saved state cannot be used: {damage}") from None
    except OSError as error:
        raise DbsExporterError(f"{path}: the saved state cannot be read: {error}") from None


def _opened(path: Path) -> Database:
    try:
        return Database.open(path, read_only=True)
    except OSError:
        # After a kill in the middle of a transaction, SQLite first has to undo that, which takes a right to write.
        return Database.open(path)


def _place(database: Database, bodies: Bodies, account: str, region: str, lineage: int) -> PlaceDescription:
    rows, reads = database.rows(account, region), database.reads(account, region)
    found: Recalled = recalled(bodies, account, region, rows, reads, lineage)
    times = [
        known.read_at
        for groups in found.groups.values()
        for known in groups.values()
        if known.read_at is not None
    ]
    return PlaceDescription(
        account=account,
        region=region,
        plans=len(found.own),
        gone=len(found.gone),
        groups=len(times),
        saved_at=found.newest_at,
        oldest_read_at=min(times, default=None),
        newest_read_at=max(times, default=None),
        size_bytes=sum(len(body) for _, _, body in rows) + len(reads or b""),
        unreadable=tuple(found.unreadable),
    )
