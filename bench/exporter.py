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
QUIET_SECONDS = 3.0


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
        """Wait until plans and full backups were read, and their page is out, asking every so many seconds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._session.get(f"{self.url}/-/ready", timeout=PATIENCE_SECONDS).status_code != 200:
            if time.monotonic() > deadline:
                raise TimeoutError("the exporter is not ready")
            time.sleep(every)

    def until_read(self, plans: int, *collectors: str) -> None:
        """Wait until these collectors, of those whose readings are exported, have read so many plans."""
        self.until_ready(0.5)
        # Readiness waits for two minutes at most.
        while min(self.plans_read(collector) for collector in collectors) < plans:
            time.sleep(QUIET_SECONDS)

    def plans_read(self, collector: str) -> int:
        """Return how many plans a collector has read."""
        return sum(
            line.startswith("dbs_plan_last_read_timestamp_seconds{") and f'collector="{collector}"' in line
            for line in self.samples()
        )

    def until_quiet(self) -> None:
        """Wait until everything was read, which is when no call was made for a while."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        self.until_ready(0.5)
        calls, before = self.calls(), -1.0
        while calls != before:
            if time.monotonic() > deadline:
                raise TimeoutError("the exporter goes on reading")
            time.sleep(QUIET_SECONDS)
            before, calls = calls, self.calls()

    def calls(self) -> float:
        """Return how many calls of the API were made."""
        return sum(
            float(line.rpartition(" ")[2])
            for line in self.samples()
            if line.startswith("dbs_exporter_api_requests_total{")
        )

    def samples(self) -> list[str]:
        """The lines of the page that are samples."""
        return [line for line in self.page().decode().splitlines() if not line.startswith("#")]

    def page(self) -> bytes:
        """The page, which is fetched as gzip."""
        return self._session.get(f"{self.url}/metrics", timeout=PATIENCE_SECONDS).content

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
