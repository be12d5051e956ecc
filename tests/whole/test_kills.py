"""A real process that is killed again and again: what was scraped never goes back, and at the end all is counted once.

A Prometheus looks on, for which the whole time has one `increase`, and that is the truth.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.exporter_process import (
    LISTENING,
    PATIENCE_SECONDS,
    Process,
    ask,
    exporter,
    run_flags,
    write_config,
)
from support.programs import tool

from dashboards.preview.servers import Prometheus, configuration, prometheus
from dbs_exporter.simulator import FleetShape, World, past, start_simulator

KILLS = int(os.environ.get("DBS_EXPORTER_TEST_KILLS", "20"))
PLANS = 6
FILE_SECONDS = 1
YOUNG_SECONDS = 60
"""How old the plans are at the start, so that their lists are short."""

FAST = """
collectors:
  plans: {interval: 1s}
  incremental_backups: {interval: 1s, at_rest: 1s}
  full_backups: {interval: 1s, at_rest: 1s}
"""
SAVES_OFTEN = """
import dbs_exporter.state.saved
from dbs_exporter.cli.main import main
dbs_exporter.state.saved.SAVE_SECONDS = 1.0
main()
"""
"""An exporter whose kills often fall between readings, commits and pages."""

SERIES = 'dbs_incremental_backups_completed_total{result="success"}'
COUNTER = re.compile(
    r'dbs_incremental_backups_completed_total\{account="prod",plan_id="(\w+)",[^}]*result="success"[^}]*\} (\S+)'
)


class Clock:
    """The cloud's time: the machine's, or the moment at which it stands still."""

    def __init__(self) -> None:
        self.stands_at: float | None = time.time()

    def now(self) -> float:
        return time.time() if self.stands_at is None else self.stands_at


def counters(url: str) -> dict[str, float]:
    """What is scraped of the log files that each plan was seen to complete."""
    return {plan: float(value) for plan, value in COUNTER.findall(ask(url, "/metrics")[1])}


class Address:
    """One address for all the processes that come and go; `url` is that of the one that runs."""

    def __init__(self) -> None:
        self.url = ""
        address = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    status, text = ask(address.url, self.path)
                except (OSError, HTTPException):
                    status, text = 502, ""
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def address() -> Iterator[Address]:
    """An address that is served meanwhile."""
    served = Address()
    with served.server as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()


def often(target: str) -> dict[str, Any]:
    """A configuration that scrapes this address all the time."""
    config = configuration((target,))
    rules_off: dict[str, Any] = {
        "rule_files": [],
        "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
    }
    return config | rules_off


def of_plans(server: Prometheus, query: str) -> dict[str, float]:
    """What a query gives for each plan."""
    return {
        each["metric"]["plan_id"]: float(each["value"][1])
        for each in server.ask("query", query=query)["result"]
    }


def completed(world: World) -> dict[str, int]:
    """The log files that each plan has completed by now."""
    found = {}
    for plan in world.plan_ids("demo", "cn-hangzhou"):
        history = world.history(plan)
        files = [history.log(position) for position in range(history.log_count())]
        found[plan] = sum(file.status == "COMPLETED" for file in files)
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    """Look until it holds."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        pause.wait(0.1)


def scraped_until_killed(
    process: Process, url: str, seconds: float, before: dict[str, float]
) -> dict[str, float]:
    """Scrape all the time until the process is killed after so many seconds; return what was scraped last."""
    timer = threading.Timer(seconds, process.process.kill)
    timer.start()
    try:
        while True:
            now = counters(url)
            assert {plan: now.get(plan, -1.0) for plan in before if now.get(plan, -1.0) < before[plan]} == {}
            before = now
    except (OSError, HTTPException):
        # It was killed.
        process.process.wait()
        return before
    finally:
        timer.cancel()


def test_counters_survive_any_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty kills at any moment: no counter goes back, none is missing at a first scrape, and each file counts once.

    Prometheus, which scrapes five times a second, sees no reset, and its `increase` over all of it is the number of files.
    """
    for name in ("prometheus", "promtool"):
        tool(name)
    # Log that comes all the time: no kill falls where nothing was counted lately.
    monkeypatch.setattr(past, "BATCH_SECONDS", 1)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    clock = Clock()
    shape = FleetShape(regions=("cn-hangzhou",), has_log=True, log_file_seconds=FILE_SECONDS)
    world = World.healthy(plans=PLANS, clock=clock.now, shape=shape)
    for plan in world.plan_ids("demo"):
        world.change_spec(plan, created_at=int(clock.now()) - YOUNG_SECONDS)
    with (
        start_simulator(world) as simulator,
        address() as served,
        prometheus(tmp_path, often(served.target)) as looking,
    ):
        file = write_config(tmp_path, simulator, f"{FAST}storage: {{path: '{tmp_path / 'state'}'}}\n")
        program = ("-c", SAVES_OFTEN)
        begin = completed(world)
        with exporter(*run_flags(file), program=program) as process:
            url = served.url = process.until(LISTENING)[1]
            wait_until(lambda: simulator.requests["DescribeIncrementBackupList"] >= 3 * PLANS)
            wait_until(lambda: len(of_plans(looking, f"{SERIES} == 0")) == PLANS)
            clock.stands_at = None
            # What nobody saw is not counted; the first list must be saved before the first kill.
            wait_until(lambda: min(counters(url).values(), default=0.0) > 0)
            scraped = scraped_until_killed(process, url, chance.uniform(0.0, 1.5), counters(url))
        for _ in range(KILLS - 1):
            with exporter(*run_flags(file), program=program) as process:
                if chance.random() < 0.15:
                    # Before it serves, while it may still be opening the file.
                    threading.Event().wait(chance.uniform(0.0, 1.0))
                    continue
                url = served.url = process.until(LISTENING)[1]
                first = counters(url)
                assert first.keys() == scraped.keys()
                scraped = scraped_until_killed(process, url, chance.uniform(0.0, 2.5), scraped)
        clock.stands_at = time.time()
        truth = {plan: count - begin[plan] for plan, count in completed(world).items()}
        with exporter(*run_flags(file), program=program) as process:
            url = served.url = process.until(LISTENING)[1]
            wait_until(lambda: counters(url) == truth)
            wait_until(lambda: of_plans(looking, SERIES) == truth)
            samples = of_plans(looking, f"count_over_time({SERIES}[1d])")
            increase = of_plans(looking, f"increase({SERIES}[1d])")
            resets = of_plans(looking, f"resets({SERIES}[1d])")
            span = of_plans(looking, f"max_over_time({SERIES}[1d]) - min_over_time({SERIES}[1d])")
            assert process.stop() == 0
    assert min(truth.values()) > KILLS
    assert span == truth
    assert set(resets.values()) == {0.0}
    # Behind the last sample it extrapolates, by a little more than the mean distance of samples at most.
    most = {plan: count * (1.0 + 1.2 / (samples[plan] - 1.0)) for plan, count in truth.items()}
    assert {
        plan: (increase[plan], most[plan])
        for plan in truth
        if not truth[plan] <= increase[plan] <= most[plan]
    } == {}
