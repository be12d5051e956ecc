"""The file of the state: SQLite, one writer, whole transactions; what cannot be trusted is set aside and never deleted.

It owns the schema and the transaction, and knows nothing of what the bodies mean. Every failure to write is an OSError, whatever
SQLite called it; a damaged file is a `Damaged`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "state.db"
SCHEMA = 1
APPLICATION_ID = 0x44425345
"""Says in the file's head whose it is."""
BUSY_SECONDS = 5.0
"""How long a reader and the writer wait for each other."""
MOST_BYTES = 4 * 2**30
"""What the file never grows beyond, whatever goes wrong."""
PAGE_BYTES = 4096
FREE_PAGES_KEPT = 256
"""Free pages are kept for what comes; more are given back."""

_TABLES = """
CREATE TABLE facts (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, plan TEXT NOT NULL, part TEXT NOT NULL,
    body BLOB NOT NULL, UNIQUE (account, region, plan, part)
);
CREATE TABLE reads (
    account TEXT NOT NULL, region TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (account, region)
);
"""
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}

Row = tuple[str, str, bytes]
"""(plan, part, body)"""


class Damaged(Exception):
    """A file that is not, or no longer, a state of this version; `kind` is a word for its name."""

    def __init__(self, reason: str, kind: str = "damaged") -> None:
        super().__init__(reason)
        self.kind = kind


class ReadOnly(OSError):
    """A file that could be opened to be read alone; only one that is opened anew may be written later."""


@dataclass(slots=True)
class Batch:
    """What one transaction changes: plans and regions that go come first, then rows that are put."""

    dropped: list[tuple[str, str]] = field(default_factory=list)
    """(account, region), with everything that is in them"""
    deleted: list[tuple[str, str, str]] = field(default_factory=list)
    """(account, region, plan)"""
    facts: list[tuple[str, str, str, str, bytes]] = field(default_factory=list)
    """(account, region, plan, part, body)"""
    reads: list[tuple[str, str, bytes]] = field(default_factory=list)
    """(account, region, body)"""

    def __bool__(self) -> bool:
        return bool(self.dropped or self.deleted or self.facts or self.reads)

    @property
    def size_bytes(self) -> int:
        """The bytes of all bodies."""
        return sum(len(row[-1]) for row in self.facts) + sum(len(row[-1]) for row in self.reads)


class Database:
    """An open file. Not thread-safe."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Database:
        """Open the file, make it if there is none. Raises Damaged, or OSError if it cannot be read or made."""
        with _as_os_errors():
            how = "ro" if read_only else "rwc"
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={how}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                for pragma in ("temp_store = MEMORY", "trusted_schema = OFF", "cell_size_check = ON"):
                    connection.execute(f"PRAGMA {pragma}")
                if not read_only:
                    _prepare(connection)
                _check(connection)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    def scopes(self) -> list[tuple[str, str]]:
        """Return (account, region) of all rows; the region of an account's own is ""."""
        with _as_os_errors():
            return self._connection.execute(
                "SELECT DISTINCT account, region FROM facts UNION SELECT account, region FROM reads"
            ).fetchall()

    def rows(self, account: str, region: str) -> list[Row]:
        """Return the rows of an account's region, oldest first."""
        with _as_os_errors():
            return self._connection.execute(
                "SELECT plan, part, body FROM facts WHERE account = ? AND region = ? ORDER BY id",
                (account, region),
            ).fetchall()

    def reads(self, account: str, region: str) -> bytes | None:
        """Return the body of the times of readings; None if there is none."""
        with _as_os_errors():
            row = self._connection.execute(
                "SELECT body FROM reads WHERE account = ? AND region = ?", (account, region)
            ).fetchone()
        return row[0] if row is not None else None

    def write(self, batch: Batch) -> None:
        """Make all changes, or none. Raises OSError if the disk does not take them, Damaged if the file is broken."""
        execute, many = self._connection.execute, self._connection.executemany
        with _as_os_errors():
            execute("BEGIN IMMEDIATE")
            try:
                for table in ("facts", "reads"):
                    many(f"DELETE FROM {table} WHERE account = ? AND region = ?", batch.dropped)  # noqa: S608
                for account, region, plan in batch.deleted:
                    execute(
                        "DELETE FROM facts WHERE account = ? AND region = ? AND plan = ?",
                        (account, region, plan),
                    )
                    if not plan:
                        execute("DELETE FROM reads WHERE account = ? AND region = ?", (account, region))
                many(
                    "INSERT INTO facts (account, region, plan, part, body) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (account, region, plan, part) DO UPDATE SET body = excluded.body",
                    batch.facts,
                )
                many(
                    "INSERT INTO reads VALUES (?, ?, ?)"
                    " ON CONFLICT (account, region) DO UPDATE SET body = excluded.body",
                    batch.reads,
                )
                execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    execute("ROLLBACK")
                raise
            self._give_back_pages()

    def _give_back_pages(self) -> None:
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        if free > FREE_PAGES_KEPT:
            # A transaction of its own: what was written is safe, and the pages can wait. As a script, for a statement would stop
            # after one page.
            with suppress(sqlite3.OperationalError):
                self._connection.executescript(f"PRAGMA incremental_vacuum({free - FREE_PAGES_KEPT})")

    def size_bytes(self) -> int:
        """Return the file's length."""
        return self.path.stat().st_size

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read as of one moment; the writer waits meanwhile."""
        with _as_os_errors():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def set_aside(path: Path, kind: str, now: float) -> Path:
    """Give the file another name, with the time in it, and return that. Raises OSError."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    number = 0
    while True:
        aside = path.with_name(f"{path.name}.{kind}-{stamp}{f'-{number}' if number else ''}")
        if not aside.exists():
            break
        number += 1
    # Without the name of its file a journal is never taken for another's.
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists():
        journal.replace(aside.with_name(f"{aside.name}-journal"))
    path.replace(aside)
    return aside


def _prepare(connection: sqlite3.Connection) -> None:
    """Set what the writer needs, and make the tables in a file that has none."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not version and not tables:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for pragma in (
        "journal_mode = TRUNCATE",
        "synchronous = FULL",
        f"max_page_count = {MOST_BYTES // PAGE_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if not version and not tables:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _statements():
            connection.execute(statement)
        connection.execute("COMMIT")


def _statements() -> Sequence[str]:
    tables = [statement for statement in _TABLES.split(";") if statement.strip()]
    return [*tables, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {SCHEMA}"]


def _check(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise Damaged("it is no state of dbs-exporter", kind="foreign")
    if version != SCHEMA:
        newer = (
            "a newer version of dbs-exporter wrote it" if version > SCHEMA else "it is of no known version"
        )
        raise Damaged(f"{newer} (schema {version}, here {SCHEMA})", kind=f"schema-{version}")
    # The whole check and not the quick one: a row that an index does not find would be written twice.
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise Damaged("; ".join(str(problem) for problem in found))


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        # Of a message that quotes damaged bytes, SQLite's module makes no exception of its own.
        raise Damaged(f"text that is no UTF-8: {error}") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGE:
            raise Damaged(str(error)) from error
        if code == sqlite3.SQLITE_READONLY:
            raise ReadOnly(str(error)) from error
        raise OSError(str(error)) from error
