"""A real Prometheus on the loopback, with the rules and a past: for the preview and the tests of the whole."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
RULE_FILES = tuple(str(path) for path in sorted((ROOT / "rules").glob("*.rules.yml")))
PATIENCE_SECONDS = 60.0
LABELS = {"job": "dbs-exporter", "instance": "exporter:10033"}
"""What the scrape adds, here and in a written past, so that both are one series."""
WRITTEN_LABELS = ",".join(f'{name}="{value}"' for name, value in LABELS.items())


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def configuration(
    targets: tuple[str, ...], *, interval_seconds: int = 1, alertmanagers: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A configuration that scrapes these `host:port`, with the project's rules as they are."""
    return {
        "global": {
            "scrape_interval": f"{interval_seconds}s",
            "scrape_timeout": f"{interval_seconds}s",
            "evaluation_interval": f"{interval_seconds}s",
        },
        "rule_files": list(RULE_FILES),
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
        "scrape_configs": [
            {
                "job_name": LABELS["job"],
                "static_configs": [{"targets": [target], "labels": {"instance": LABELS["instance"]}}],
            }
            for target in targets
        ],
    }


def blocks(openmetrics: Path, storage: Path) -> None:
    """Make a text with timestamps into blocks of a Prometheus that does not run."""
    subprocess.run(
        [
            shutil.which("promtool") or "promtool",
            "tsdb", "create-blocks-from", "--quiet", "--max-block-duration=30d", "openmetrics", str(openmetrics), str(storage),
        ],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip


class Prometheus:
    """A running server; `url` stays the same over `restart`."""

    def __init__(self, folder: Path, config: Mapping[str, Any], *flags: str) -> None:
        self._folder = folder
        self._flags = flags
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.storage = folder / "data"
        self.configure(config)
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write what it is to do from its next start on."""
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")

    def start(self, *flags: str) -> None:
        """Start it, this time with these flags, too, and wait until it answers queries. Raises RuntimeError with its own words if it ends."""
        log = self._folder / "prometheus.log"
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [
                    shutil.which("prometheus") or "prometheus",
                    f"--config.file={self._folder / 'prometheus.yml'}", f"--storage.tsdb.path={self.storage}",
                    "--storage.tsdb.retention.time=10y", f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn", *self._flags, *flags,
                ],
                stdout=said, stderr=said,
            )  # fmt: skip
        until = time.monotonic() + PATIENCE_SECONDS
        pause = threading.Event()
        while True:
            try:
                if requests.get(f"{self.url}/-/ready", timeout=10).ok:
                    return
            except requests.ConnectionError:
                pass
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Prometheus does not answer:\n{log.read_text(encoding='utf-8')[-2000:]}")
            pause.wait(0.1)

    def stop(self) -> None:
        """End it, and wait."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE_SECONDS)
            self._process = None

    def restart(self, *flags: str) -> None:
        """As an upgrade would: what it keeps in memory is gone, its data are not."""
        self.stop()
        self.start(*flags)

    def ask(self, path: str, **parameters: str | float) -> Any:
        """The `data` of an answer of the API. Raises ValueError with the server's words for a wrong query."""
        # Posted, since a query may be longer than an address; what takes no query takes no post either.
        method = "POST" if parameters else "GET"
        answer = requests.request(method, f"{self.url}/api/v1/{path}", data=parameters, timeout=60).json()
        if answer["status"] != "success":
            raise ValueError(f"{answer.get('error')}: {parameters}")
        return answer["data"]


@contextmanager
def prometheus(folder: Path, config: Mapping[str, Any], *flags: str) -> Iterator[Prometheus]:
    """A server that is gone afterwards."""
    server = Prometheus(folder, config, *flags)
    server.start()
    try:
        yield server
    finally:
        server.stop()
