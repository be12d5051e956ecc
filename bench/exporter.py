"""`dbs-exporter` as a process that benchmarks look at: its address, whether it is ready, what it serves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests

PATIENCE_SECONDS = 900.0


class Exporter:
    """A running exporter; `began` is the performance counter's time at which it was started."""

    def __init__(self, *arguments: str) -> None:
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dbs_exporter", *arguments, "--web.listen-address=127.0.0.1:0", "--log.level=info"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # As installed: with the bytecode that pip leaves, and that a checkout's first run writes.
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        )  # fmt: skip
        self.pid = self.process.pid
        said = []
        for line in self.process.stdout or ():
            said.append(line)
            # The demo prints its addresses, the exporter logs them.
            if found := re.search(r"(?:metrics: +|address=)(http://[^/\s]+)", line):
                self.url = found.group(1)
                break
        else:
            raise RuntimeError("the exporter did not start:\n" + "".join(said))
        self.port = urlsplit(self.url).port or 0
        if self.process.stdout is not None:
            threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self._session = requests.Session()
        self._session.trust_env = False

    def until_ready(self, every: float = 0.02) -> None:
        """Wait until every first run has finished and its page is out, asking every so many seconds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._session.get(f"{self.url}/-/ready", timeout=PATIENCE_SECONDS).status_code != 200:
            if time.monotonic() > deadline:
                raise TimeoutError("the exporter is not ready")
            time.sleep(every)

    def samples(self) -> list[str]:
        """The lines of the page that are samples."""
        page = self._session.get(f"{self.url}/metrics", timeout=PATIENCE_SECONDS).text
        return [line for line in page.splitlines() if not line.startswith("#")]

    def close(self) -> None:
        """End it as systemd would."""
        self._session.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


@contextmanager
def exporter(*arguments: str) -> Iterator[Exporter]:
    """A running exporter that is ended afterwards."""
    running = Exporter(*arguments)
    try:
        yield running
    finally:
        running.close()
