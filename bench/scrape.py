"""What a scrape costs: /metrics against nginx serving the same bytes as a file, in turns, and while a full poll is running.

The exporter's web side is a process of its own, and so is nginx with one worker; both get the same requests on one kept
connection each. The part while plans are read runs the real exporter on a simulated cloud.
Usage: `python -m bench.scrape [--rounds 400] [--plans 1000]`. Needs nginx.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from bench.exporter import exporter
from bench.exposition import plan_subject
from bench.measured import MIB, row
from bench.poll import EVERYTHING, cloud
from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.subjects import key_of

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type text/plain;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port}; root {folder};
    location = /gzip {{ add_header content-encoding gzip; }}
  }}
}}
"""
CONFIG = """
accounts:
  - name: bench
    endpoint: {url}
    regions: [cn-hangzhou, cn-shanghai, ap-southeast-1]
    requests_per_second: 1000
    concurrency: 4
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
collectors:
{collectors}
"""
PATIENCE_SECONDS = 600.0
SCRAPED_SECONDS = 20.0
PAUSE_SECONDS = 0.02
"""Between scrapes while a poll runs: often enough to see it, seldom enough not to be the load itself."""


class Scraper:
    """One kept connection; the time of a scrape is from its first byte sent to its last received."""

    def __init__(self, port: int, path: str, *, coding: str) -> None:
        self._ask = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {coding}\r\n\r\n".encode()
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._into = memoryview(bytearray(4 * MIB))

    def scrape(self) -> tuple[float, int]:
        """(seconds, bytes of the body)."""
        began = time.perf_counter()
        self._socket.sendall(self._ask)
        got = self._socket.recv_into(self._into)
        head, split, _ = bytes(self._into[: min(got, 4096)]).partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not head.startswith(b"HTTP/1.1 200") or not split or length is None:
            raise RuntimeError(f"not an answer: {head[:200]!r}")
        left = int(length[1]) - (got - len(head) - 4)
        while left:
            got = self._socket.recv_into(self._into, min(left, len(self._into)))
            if not got:
                raise RuntimeError("the answer ended early")
            left -= got
        return time.perf_counter() - began, int(length[1])

    def close(self) -> None:
        """Give the connection up."""
        self._socket.close()


def serve(plans: int, folder: str, told: Connection, bare: tuple[str, str] | None) -> None:
    """The exporter's web side over made-up plans; writes the same bytes to files and tells port, series and its process id.

    With `bare`, (loop, protocol), uvicorn serves without the exporter's limits.
    """
    from dbs_exporter.clock import SystemClock
    from dbs_exporter.metrics.exposition import Exposition
    from dbs_exporter.web.page.overview import Snapshot
    from dbs_exporter.web.routes import create_app
    from dbs_exporter.web.server import WebServer, bind

    exposition = Exposition(TABLE.families)
    for number in range(plans):
        subject = plan_subject(number)
        exposition.update(key_of(subject), subject)
    exposition.publish()
    page = exposition.page(openmetrics=False)
    Path(folder, "identity").write_bytes(b"".join(page.identity))
    Path(folder, "gzip").write_bytes(b"".join(page.gzip))
    app = create_app(
        exposition=exposition,
        snapshot=lambda: Snapshot(now=0.0, plans=[], regions=[], collectors=[]),
        missing=list,
        clock=SystemClock(),
    )
    listeners = bind(["127.0.0.1:0"])
    server = WebServer(app, listeners)
    gc.collect()
    gc.freeze()
    told.send((listeners[0].port, page.series, os.getpid()))
    if bare is None:
        server.run()
        return
    import uvicorn

    loop, protocol = bare
    config = uvicorn.Config(
        app, loop=loop, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False,
        proxy_headers=False, server_header=False, timeout_keep_alive=300,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listeners[0].socket])


@contextmanager
def web_side(plans: int, folder: Path, bare: tuple[str, str] | None = None) -> Iterator[tuple[int, int, int]]:
    """(port, series, process id) of a process that serves so many plans."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(plans, str(folder), theirs, bare), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """The port of an nginx that serves a folder's files."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [program, "-p", str(folder), "-e", "/dev/null", "-c", str(config)]
    with subprocess.Popen(command) as process:
        try:
            until_open(port)
            yield port
        finally:
            process.terminate()


def until_open(port: int) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """(p50, p99) in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


def against_nginx(series_wanted: int, rounds: int) -> None:
    """Scrapes of both servers in turns, each coding."""
    per_plan = series_of_a_plan()
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        port, series, _ = stack.enter_context(web_side(-(-series_wanted // per_plan), folder))
        other = stack.enter_context(nginx(folder))
        for coding in ("gzip", "identity"):
            exporter, file = (
                Scraper(port, "/metrics", coding=coding),
                Scraper(other, f"/{coding}", coding=coding),
            )
            taken: dict[Scraper, list[float]] = {exporter: [], file: []}
            for number in range(rounds + 10):
                sizes = set()
                for scraper in (exporter, file) if number % 2 else (file, exporter):
                    seconds, size = scraper.scrape()
                    sizes.add(size)
                    if number >= 10:
                        taken[scraper].append(seconds)
                if len(sizes) != 1:
                    raise RuntimeError(f"the two serve different bytes: {sizes}")
            ours, theirs = quantiles(taken[exporter]), quantiles(taken[file])
            ratio = ours[0] / theirs[0]
            row(
                f"GET /metrics, {series:,} series, {coding}, {sizes.pop() / MIB:.2f} MiB: p50 against nginx",
                f"{ours[0]:.2f} ms / {theirs[0]:.2f} ms = {ratio:.2f} (p99 {ours[1]:.2f} / {theirs[1]:.2f} ms)",
                "at most 1.5",
                ratio <= 1.5,
            )
            exporter.close()
            file.close()


def series_of_a_plan() -> int:
    """How many series a made-up plan has, on average."""
    from dbs_exporter.metrics.exposition import Exposition

    exposition = Exposition(TABLE.families)
    for number in range(100):
        subject = plan_subject(number)
        exposition.update(key_of(subject), subject)
    exposition.publish()
    return exposition.page(openmetrics=False).series // 100


def while_polling(plans: int) -> None:
    """Scrapes of the real exporter at rest, and of one that reads as fast as it can."""
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        url = stack.enter_context(cloud(plans))

        def measure(age: str) -> tuple[list[float], int, float]:
            """Scrape for a while an exporter whose facts may be so old: (seconds of each, size, calls a second)."""
            file = Path(made, f"{age}.yml")
            ages = "\n".join(
                f"  {name}: {{interval: {age}{f', at_rest: {age}' if isinstance(TABLE[name], PlanCollector) else ''}}}"
                for name in sorted(EVERYTHING)
            )
            file.write_text(CONFIG.format(url=url, collectors=ages))
            with exporter("run", f"--config.file={file}") as running:
                running.until_read(plans, "full_backups", "incremental_backups", "restores")
                scraper = Scraper(running.port, "/metrics", coding="gzip")
                calls = running.calls()
                taken, size = scraped(scraper, SCRAPED_SECONDS)
                rate = (running.calls() - calls) / SCRAPED_SECONDS
                scraper.close()
            return taken, size, rate

        at_rest, size, _ = measure("1d")
        polling, _, rate = measure("5s")
        rest, busy = quantiles(at_rest), quantiles(polling)
        ratio = busy[1] / rest[1]
        row(
            f"GET /metrics, gzip, {size / MIB:.2f} MiB, while {plans:,} plans are read ({rate:.0f} calls/s): p99 against rest",
            f"{busy[1]:.2f} ms / {rest[1]:.2f} ms = {ratio:.1f} (p50 {busy[0]:.2f} / {rest[0]:.2f} ms,"
            f" {len(polling)} / {len(at_rest)} scrapes)",
            "at most 5",
            ratio <= 5,
        )


def scraped(scraper: Scraper, for_seconds: float) -> tuple[list[float], int]:
    """(seconds of each scrape, size of the last) for a while."""
    taken = []
    size = 0
    until = time.monotonic() + for_seconds
    while time.monotonic() < until:
        seconds, size = scraper.scrape()
        taken.append(seconds)
        time.sleep(PAUSE_SECONDS)
    return taken, size


def first_page() -> None:
    """Seconds from the start of the demo to its first /metrics with plans and full backups, against the interpreter with requests alone."""
    taken, bare = [], []
    for _ in range(3):
        with exporter("demo") as demo:
            demo.until_ready()
            scraper = Scraper(demo.port, "/metrics", coding="gzip")
            scraper.scrape()
            taken.append(time.perf_counter() - demo.began)
            scraper.close()
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import requests"], check=True)
        bare.append(time.perf_counter() - began)
    seconds, ratio = statistics.median(taken), statistics.median(taken) / statistics.median(bare)
    row(
        "demo: start to the first /metrics with plans and full backups",
        f"{seconds:.2f} s, {ratio:.1f} times python with requests imported",
        "at most 3 s",
        seconds <= 3,
    )


def main() -> None:
    """Run the benchmark and print its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--plans", type=int, default=1000)
    arguments = parser.parse_args()
    for series in (100_000, 400_000):
        against_nginx(series, arguments.rounds)
    while_polling(arguments.plans)
    first_page()


if __name__ == "__main__":
    main()
