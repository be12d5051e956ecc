"""`dbs-exporter` as a process, for tests: what it says, and what it serves once it does."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60.0
"""How long anything may take before a test gives up; no test depends on how long it does take."""


class Process:
    """A `dbs-exporter` that runs, and the lines it said."""

    def __init__(self, *arguments: str) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DBS_EXPORTER_")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dbs_exporter", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"},
        )
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def end(self) -> None:
        """Make sure that nothing of it is left."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()

    def until(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            if line is None:
                raise AssertionError("it ended; it said:\n" + "".join(self.said))
            self.said.append(line)
            if found := re.search(pattern, line):
                return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def everything_said(self) -> str:
        """What it said, once it has ended."""
        while (line := self._lines.get(timeout=PATIENCE_SECONDS)) is not None:
            self.said.append(line)
        return "".join(self.said)


@contextmanager
def exporter(*arguments: str) -> Iterator[Process]:
    """A process that is gone afterwards, whatever happened."""
    process = Process(*arguments)
    try:
        yield process
    finally:
        process.end()


def ask(url: str, path: str, method: str = "GET") -> tuple[int, str]:
    """One request on a new connection."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def eventually(url: str, path: str, holds: Callable[[int, str], bool]) -> str:
    """Ask until an answer is as it should be."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while True:
        status, text = ask(url, path)
        if holds(status, text):
            return text
        assert time.monotonic() < deadline, f"{path} of {url} still answers {status}:\n{text[:2000]}"
        pause.wait(0.05)
