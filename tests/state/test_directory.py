"""Who holds the directory, and the lineage of its counters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dbs_exporter.errors import EXIT_USAGE, ConfigError
from dbs_exporter.state.directory import BLOCK_BYTES, LOCK_NAME, Directory, lineage_in

NOW = 1_790_000_000.0


def test_a_lineage_stays_until_it_is_changed(tmp_path: Path) -> None:
    """It is the same in the next process, and a new one is never an old one."""
    directory = Directory(str(tmp_path))
    directory.claim(NOW)
    first = directory.lineage
    directory.begin_lineage(NOW)
    second = directory.lineage
    directory.close()
    again = Directory(str(tmp_path))
    again.claim(NOW - 1_000.0)

    assert 0 < first < second == again.lineage == lineage_in(tmp_path)
    again.begin_lineage(NOW - 1_000.0)
    assert again.lineage > second


def test_the_lock_is_one_block_that_never_grows(tmp_path: Path) -> None:
    """It is written in place, so that a full disk takes it too."""
    directory = Directory(str(tmp_path))
    for _ in range(3):
        directory.claim(NOW)
        directory.begin_lineage(NOW)
        assert (tmp_path / LOCK_NAME).stat().st_size == BLOCK_BYTES
        directory.close()


@pytest.mark.parametrize("content", [b"", b"\0" * BLOCK_BYTES, b'{"lineage": "x"}', b"[" * 600])
def test_a_lock_that_cannot_be_read_begins_a_lineage(tmp_path: Path, content: bytes) -> None:
    """Whether counters went ahead is not known then."""
    (tmp_path / LOCK_NAME).write_bytes(content)
    directory = Directory(str(tmp_path))
    assert lineage_in(tmp_path) == 0
    directory.claim(NOW)

    assert directory.lineage == lineage_in(tmp_path) == NOW * 1000


HOLD = """
import sys
from dbs_exporter.state.directory import Directory
directory = Directory(sys.argv[1])
directory.claim(1.0)
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_that_holds_it_is_named(tmp_path: Path) -> None:
    """The sentence has its host and number, and the exit code is that of a wrong configuration; when it is killed, all is well."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        directory = Directory(str(tmp_path))
        with pytest.raises(ConfigError, match=rf"in use by process {holder.pid} on \S+; each") as refused:
            directory.claim(NOW)
        assert refused.value.exit_code == EXIT_USAGE
        assert not directory.is_held
        holder.kill()
    directory.claim(NOW)

    assert directory.is_held


def test_a_directory_that_was_replaced_is_not_there_any_more(tmp_path: Path) -> None:
    """Whoever holds the old one holds nothing that another could not take."""
    directory = Directory(str(tmp_path / "a"))
    directory.claim(NOW)
    assert directory.is_there()
    (tmp_path / "a").rename(tmp_path / "b")
    assert not directory.is_there()
    other = Directory(str(tmp_path / "a"))
    other.claim(NOW)

    assert not directory.is_there()
    assert other.is_there()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_only_be_read_is_held_and_takes_no_lineage(tmp_path: Path) -> None:
    """What is saved in it can be given back."""
    first = Directory(str(tmp_path))
    first.claim(NOW)
    first.close()
    (tmp_path / LOCK_NAME).chmod(0o400)
    directory = Directory(str(tmp_path))
    directory.claim(NOW)

    assert directory.lineage == first.lineage
    with pytest.raises(OSError, match="Bad file"):
        directory.begin_lineage(NOW)
