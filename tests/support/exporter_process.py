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
from pathlib import Path
from urllib.parse import urlsplit

from dbs_exporter.simulator import Simulator

PATIENCE_SECONDS = 120.0
"""How long anything may take before a test gives up; no test depends on how long it does take."""
LISTENING = r"msg=listening .*address=(http://127\.0\.0\.1:\d+)"
"""What it says once it serves, with the address."""

_CONFIG = """
accounts:
  - name: prod
    endpoint: {url}
    regions: {regions}
    requests_per_second: 500
    concurrency: 8
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: {secret}}}
"""


def config_text(simulator: Simulator, *, regions: str = "[cn-hangzhou]", secret: str = "testsk") -> str:
    """A configuration with one account on a simulated cloud."""
    return _CONFIG.format(url=simulator.url, regions=regions, secret=secret)


def write_config(folder: Path, simulator: Simulator, more: str = "", **account: str) -> Path:
    """A file with that configuration, and `more` behind it."""
    file = folder / "dbs-exporter.yml"
    file.write_text(config_text(simulator, **account) + more)
    return file


def run_flags(file: Path, *more: str) -> tuple[str, ...]:
    """`run` on a free port of this machine."""
    return ("run", f"--config.file={file}", "--web.listen-address=127.0.0.1:0", *more)


class Process:
    """A `dbs-exporter` that runs, and the lines it said."""

    def __init__(self, *arguments: str, program: tuple[str, ...] = ("-m", "dbs_exporter")) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DBS_EXPORTER_")
        }
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
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
def exporter(*arguments: str, program: tuple[str, ...] = ("-m", "dbs_exporter")) -> Iterator[Process]:
    """A process that is gone afterwards, whatever happened."""
    process = Process(*arguments, program=program)
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
