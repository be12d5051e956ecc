"""The file: a transaction is whole or not at all, and what cannot be trusted is set aside and never used nor deleted."""

from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.saved_state import HERE, Saved

from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.state.database import FILE_NAME, SCHEMA, Batch, Damaged, Database, set_aside

PLANS = [f"p{number:03}" for number in range(60)]


def filled(path: Path) -> Saved:
    """A state with plans whose full backups were read."""
    process = Saved(path)
    process.list_plans(*PLANS)
    for plan_id in PLANS:
        process.ends(plan_id)
        process.ends(plan_id, 1, 2)
    process.save()
    process.kill()
    return process


def test_a_new_file_is_empty_and_an_old_one_holds_what_was_written(tmp_path: Path) -> None:
    """Rows come back in the order in which they were first written; what is put again is replaced."""
    file = tmp_path / FILE_NAME
    database = Database.open(file)
    assert database.scopes() == []
    database.write(
        Batch(facts=[("a", "r", "p", "x", b"1"), ("a", "r", "p", "y", b"2")], reads=[("a", "r", b"3")])
    )
    database.write(Batch(facts=[("a", "r", "p", "x", b"4")]))
    database.close()
    again = Database.open(file)

    assert again.rows("a", "r") == [("p", "x", b"4"), ("p", "y", b"2")]
    assert again.reads("a", "r") == b"3"
    assert again.reads("a", "other") is None
    assert again.scopes() == [("a", "r")]
    again.write(Batch(deleted=[("a", "r", "p")]))
    assert again.rows("a", "r") == []
    again.write(Batch(dropped=[("a", "r")]))
    assert again.scopes() == []


def test_a_transaction_that_fails_changes_nothing(tmp_path: Path) -> None:
    """Also not what came before the failure."""
    database = Database.open(tmp_path / FILE_NAME)
    database.write(Batch(facts=[("a", "r", "p", "x", b"1")]))
    with pytest.raises(OSError, match="NOT NULL"):
        database.write(
            Batch(deleted=[("a", "r", "p")], facts=[("a", "r", "p", "y", None)])  # type: ignore[list-item]
        )

    assert database.rows("a", "r") == [("p", "x", b"1")]
    database.write(Batch(facts=[("a", "r", "p", "y", b"2")]))
    assert len(database.rows("a", "r")) == 2


def test_free_pages_are_given_back(tmp_path: Path) -> None:
    """A fleet that shrank leaves no large file."""
    file = tmp_path / FILE_NAME
    database = Database.open(file)
    database.write(Batch(facts=[("a", "r", f"p{number}", "x", bytes(4096)) for number in range(2000)]))
    large = file.stat().st_size
    database.write(Batch(dropped=[("a", "r")]))

    assert large > 2000 * 4096
    assert file.stat().st_size < large / 5


@pytest.mark.parametrize("seed", range(30))
def test_damaged_bytes_are_found_and_nothing_is_invented(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is damaged, what is given back is what was saved; a file that is set aside is kept."""
    before = filled(tmp_path)
    file = tmp_path / FILE_NAME
    chance = random.Random(seed)
    damaged = bytearray(file.read_bytes())
    for _ in range(chance.choice([1, 3, 40])):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.2:
        damaged = damaged[: chance.randrange(len(damaged))]
    file.write_bytes(damaged)
    after = Saved(tmp_path, before.clock)
    after.restore()
    plans = after.store.plan_subjects()
    aside = list(tmp_path.glob(f"{FILE_NAME}.*Z"))

    for plan in plans:
        was = before.plan(plan.plan.plan_id)
        assert plan.plan == was.plan
        assert plan.get(FULL_BACKUPS) in (None, was.get(FULL_BACKUPS))
        assert plan.tally(FULL_BACKUPS).success in (0, 2)
    if aside:
        assert plans == []
        assert [path.read_bytes() for path in aside] == [damaged]
    if len(plans) < len(PLANS):
        assert caplog.records
    after.list_plans(*PLANS)
    after.save()
    assert after.state.health().error == ""


def test_a_name_that_is_no_text_any_more_is_damage(tmp_path: Path) -> None:
    """SQLite quotes the name in its message, which Python cannot read."""
    before = filled(tmp_path)
    file = tmp_path / FILE_NAME
    damaged = file.read_bytes().replace(b"sqlite_autoindex_facts", b"sqlite_autoindex_\xa0acts", 1)
    assert damaged != file.read_bytes()
    file.write_bytes(damaged)
    after = Saved(tmp_path, before.clock)

    assert after.restore() is None
    assert [path.read_bytes() for path in tmp_path.glob(f"{FILE_NAME}.damaged-*Z")] == [damaged]


def test_a_file_of_a_newer_version_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is kept under a name that says so, with the time."""
    before = filled(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    after = Saved(tmp_path, before.clock)

    assert after.restore() is None
    (aside,) = tmp_path.glob(f"{FILE_NAME}.schema-{SCHEMA + 1}-*Z")
    with pytest.raises(Damaged, match="a newer version of dbs-exporter wrote it"):
        Database.open(aside)
    assert "set aside" in caplog.text


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\0" * 8192, b"SQLite format 3\0"])
def test_a_file_that_is_none_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """Whatever stands there, it is not lost."""
    (tmp_path / FILE_NAME).write_bytes(content)
    process = Saved(tmp_path)
    process.list_plans("a")
    process.save()

    assert process.state.health().error == ""
    (aside,) = tmp_path.glob(f"{FILE_NAME}.*Z")
    assert aside.read_bytes() == content


def test_another_programs_database_is_set_aside(tmp_path: Path) -> None:
    """Tables of others are neither read nor written."""
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("CREATE TABLE facts (x)")
    connection.close()
    Saved(tmp_path)

    assert len(list(tmp_path.glob(f"{FILE_NAME}.foreign-*Z"))) == 1


def test_files_that_are_set_aside_in_one_second_keep_their_names(tmp_path: Path) -> None:
    """None takes another's place, and a journal goes with its file."""
    names = set()
    for content in (b"1", b"2"):
        file = tmp_path / FILE_NAME
        file.write_bytes(content)
        (tmp_path / f"{FILE_NAME}-journal").write_bytes(content)
        names.add(set_aside(file, "damaged", 1_790_000_000.0).name)

    assert names == {f"{FILE_NAME}.damaged-20260921T141320Z", f"{FILE_NAME}.damaged-20260921T141320Z-1"}
    assert len(list(tmp_path.iterdir())) == 4


def test_an_empty_file_that_a_kill_left_is_a_new_one(tmp_path: Path) -> None:
    """The first write of a new file may be cut off anywhere."""
    (tmp_path / FILE_NAME).write_bytes(b"")
    process = Saved(tmp_path)
    process.list_plans("a")
    process.save()

    assert [path.name for path in tmp_path.glob("*Z")] == []
    assert process.state.health().error == ""


def test_a_file_that_is_damaged_while_it_is_used_is_set_aside_and_written_anew(tmp_path: Path) -> None:
    """What is known in memory is all that is needed."""
    process = Saved(tmp_path)
    process.list_plans(*PLANS)
    for plan_id in PLANS:
        process.ends(plan_id)
        process.ends(plan_id, 1)
    process.save()
    with (tmp_path / FILE_NAME).open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(0)
        file.write(b"\xff" * size)
    for _ in range(3):
        process.ends("p000", 1, 2)
        process.save()

    assert process.state.health().error == ""
    assert len(list(tmp_path.glob(f"{FILE_NAME}.*Z"))) == 1
    later = process.again()
    later.restore()
    assert len(later.store.plans_of(HERE)) == len(PLANS)
    assert (later.published("p000"), later.published("p001")) == (2, 1)


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.saved_state import Saved
process = Saved(Path(sys.argv[1]))
process.list_plans("a", "b")
process.ends("a")
process.save()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
process.list_plans(*(f"p{number}" for number in range(500)), "a")
process.ends("a", 1)
process.save()
print(process.published("a"), process.state.health().error)
process.save(301.0)
print(process.published("a"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
process.ends("a", 1, 2)
process.save()
print(process.published("a"), process.state.health().error or "saved")
"""


def test_a_disk_that_is_full_stops_nothing(tmp_path: Path) -> None:
    """A real one: writes beyond a size fail, the mark of the counters still fits, and all is saved once there is room."""
    script = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parent.parent), str(40_960)]
    said = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()

    assert said[0].startswith("0 ")
    assert len(said[0]) > 5
    assert said[1:] == ["1", "2 saved"]
    later = Saved(tmp_path)
    later.restore()
    assert later.published("a") == 2
    assert len(later.store.plan_subjects()) == 501
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
