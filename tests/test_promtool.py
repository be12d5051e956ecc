"""The exposition before its real readers: promtool's linter, and a Prometheus that scrapes both formats."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry
from support.known_subjects import PLAN, REGION, SCOPE

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.metrics.exposition import Exposition, Page
from dbs_exporter.metrics.own import OwnMetrics, Watched


def tool(name: str) -> str:
    """Return the path of a program; without it the test is skipped, but fails under CI."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and CI must have it")
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def exposition() -> Exposition:
    """An exposition with samples of every family of the table and of the exporter itself."""
    state = CollectorState(
        scope=SCOPE,
        collector="full_backups",
        interval_seconds=300.0,
        finished_first_run=True,
        last_run_at=1.0,
        duration_seconds=1.0,
        last_success_at=1.0,
        oldest_success_at=1.0,
    )
    own = OwnMetrics(CollectorRegistry(), version="1", collector_states=lambda: [state])
    own.watch([Watched(scope=SCOPE, operations=("DescribeRegions",), rate=lambda: 5.0)])
    own.on_unknown("BackupStatus")
    own.on_refused("dbs_plan_info", ("prod", "cn-hangzhou", "dbs1"), "error", "a bug")
    own.on_credentials(SCOPE.account, 1.7e9)
    own.on_reload(successful=True, at=1.7e9)
    made = Exposition(TABLE.families, own=own)
    made.update((SCOPE.account, SCOPE.region, PLAN.plan.plan_id), PLAN)
    made.update((SCOPE.account, SCOPE.region, ""), REGION)
    made.publish()
    made.publish()
    return made


def test_promtool_finds_nothing_to_say(exposition: Exposition) -> None:
    """A full scrape with every family passes Prometheus' own linter without a word."""
    promtool = tool("promtool")

    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=b"".join(exposition.page(openmetrics=False).identity),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, (done.stdout + done.stderr).decode()) == (0, "")


class _Scraped(http.server.BaseHTTPRequestHandler):
    """Serves the pages as /metrics does and notes which format each scrape took."""

    pages: ClassVar[dict[bool, Page]] = {}
    taken: ClassVar[dict[str, threading.Event]] = {}
    encodings: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        """Answer with the format that the path names, gzipped if that is accepted."""
        openmetrics = self.path == "/openmetrics"
        page = self.pages[openmetrics]
        gzipped = "gzip" in self.headers.get("Accept-Encoding", "")
        self.send_response(200)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(page.gzip_length if gzipped else page.identity_length))
        if gzipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.writelines(page.gzip if gzipped else page.identity)
        self.encodings["gzip" if gzipped else "identity"] += 1
        self.taken[self.path].set()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def target(exposition: Exposition) -> Iterator[int]:
    """A server of both pages; gives its port."""
    _Scraped.pages = {openmetrics: exposition.page(openmetrics=openmetrics) for openmetrics in (False, True)}
    _Scraped.taken = {"/text": threading.Event(), "/openmetrics": threading.Event()}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Scraped) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def prometheus(directory: Path, targets: int) -> Iterator[str]:
    """Run a Prometheus that scrapes both paths every second; gives its address."""
    program = tool("prometheus")
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}",
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "static_configs": [{"targets": [f"127.0.0.1:{targets}"]}],
        }
        for name in ("text", "openmetrics")
    ]
    config = directory / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": jobs}))
    with (
        socket.socket() as probe
    ):  # Prometheus does not tell which port it took, so a free one is given to it.
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def ask(address: str, query: str) -> list[dict[str, Any]]:
    """Return the vector that a query gives."""
    # Prometheus may be asked before its storage is open; it refuses then, and is asked again.
    with urllib.request.urlopen(
        f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    ) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


def test_a_real_prometheus_takes_every_sample_of_both_formats(target: int, tmp_path: Path) -> None:
    """It stores as many samples as the page has series, in either format, and has nothing to warn of."""
    with prometheus(tmp_path, target) as address:
        for taken in _Scraped.taken.values():
            assert taken.wait(60), (tmp_path / "log").read_text()
        stored: dict[str, int] = {}
        asked = threading.Event()
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError, KeyError):
                found = ask(address, "scrape_samples_post_metric_relabeling")
                stored = {each["metric"]["job"]: int(each["value"][1]) for each in found}
                if len(stored) == 2:
                    break
            asked.wait(0.1)
        up = {each["metric"]["job"]: each["value"][1] for each in ask(address, "up")}
        status = ask(address, 'dbs_plan_status{plan_id="dbs1"} == 1')
        errors = ask(address, "dbs_job_error_info")
    log = (tmp_path / "log").read_text()

    assert up == {"text": "1", "openmetrics": "1"}, log
    assert stored == {
        "text": _Scraped.pages[False].series,
        "openmetrics": _Scraped.pages[True].series,
    }
    assert {(each["metric"]["job"], each["metric"]["status"]) for each in status} == {
        ("text", "running"),
        ("openmetrics", "running"),
    }
    assert {each["metric"]["exported_job"] for each in errors} == {"full_backup"}
    assert _Scraped.encodings["gzip"] >= 2
    assert [line for line in log.splitlines() if "level=WARN" in line and "scrape" in line] == []
