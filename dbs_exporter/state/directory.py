"""The directory of the state: who holds it, and whether counters went ahead of what is saved.

`state.lock` is locked while a process lives, and holds its host and process id for the message to another. In the same block,
which is written in place so that a full disk does not prevent it, stands the lineage of the counters: a number that every saved
counter carries. Before counters are published that are not saved, the lineage is changed; whoever reads the old ones then begins
them at 0. This module knows nothing of what is saved.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from pathlib import Path

import msgspec

from dbs_exporter.errors import ConfigError

LOCK_NAME = "state.lock"
BLOCK_BYTES = 512
"""The lock file's length: what a disk writes at once."""


class _Block(msgspec.Struct, kw_only=True):
    lineage: int
    host: str = ""
    pid: int = 0


class Directory:
    """A directory to be held by this process alone."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.lineage = 0
        """Of counters that are saved from now on; 0 while the directory is not held."""
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process holds the directory."""
        return self._descriptor is not None

    def is_there(self) -> bool:
        """Return whether the directory that is held is still the one at its path."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), (self.path / LOCK_NAME).stat())
        except OSError:
            return False

    def claim(self, now: float) -> None:
        """Create the directory if there is none, and hold it; `now` is Unix seconds. Does nothing if it is held.

        Raises ConfigError if another process holds it, and OSError if it cannot be had.
        """
        if self._descriptor is not None:
            return
        self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = _open(self.path / LOCK_NAME)
        try:
            _lock(descriptor, self.path)
            block = _read(descriptor)
            # Whether counters went ahead of the saved ones cannot be known without it, so they begin anew.
            self.lineage = block.lineage if block is not None else _new_lineage(0, now)
            _write(descriptor, self.lineage, must=block is None)
        except BaseException:
            os.close(descriptor)
            self.lineage = 0
            raise
        self._descriptor = descriptor

    def begin_lineage(self, now: float) -> None:
        """Have saved counters begin at 0 if nothing is saved any more. Raises OSError, and then nothing has changed."""
        if self._descriptor is None:
            raise OSError("the directory is not held")
        lineage = _new_lineage(self.lineage, now)
        _write(self._descriptor, lineage, must=True)
        self.lineage = lineage

    def close(self) -> None:
        """Let another process have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lineage_in(path: Path) -> int:
    """Return the lineage of the counters that are saved in a directory, whoever holds it; 0 if it is not known."""
    try:
        descriptor = os.open(path / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        block = _read(descriptor)
        return block.lineage if block is not None else 0
    finally:
        os.close(descriptor)


def _new_lineage(before: int, now: float) -> int:
    return max(before + 1, int(now * 1000))


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError:
        # What is there can be read on a disk that takes no writes.
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _read(descriptor)
        who = f"process {holder.pid} on {holder.host}" if holder is not None else "another process"
        raise ConfigError(
            f"storage.path: {path} is in use by {who}; each exporter needs a directory of its own"
        ) from None


def _read(descriptor: int) -> _Block | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, BLOCK_BYTES, 0).rstrip(b"\0 \n"), type=_Block)
    except msgspec.DecodeError:
        return None


def _write(descriptor: int, lineage: int, *, must: bool) -> None:
    """Write the block in place; where it need not be written, a disk that takes no writes is no failure."""
    text = json.dumps({"lineage": lineage, "host": socket.gethostname()[:200], "pid": os.getpid()})
    block = text.encode().ljust(BLOCK_BYTES - 1) + b"\n"
    try:
        os.pwrite(descriptor, block, 0)
        os.fsync(descriptor)
    except OSError:
        if must:
            raise
