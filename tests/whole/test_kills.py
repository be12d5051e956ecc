"""A real process that is killed again and again: what was scraped never goes back, and at the end all is counted once."""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

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
    """Twenty kills at any moment: no counter goes back, none is missing at a first scrape, and each file counts once."""
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
    with start_simulator(world) as simulator:
        file = write_config(tmp_path, simulator, f"{FAST}storage: {{path: '{tmp_path / 'state'}'}}\n")
        program = ("-c", SAVES_OFTEN)
        begin = completed(world)
        with exporter(*run_flags(file), program=program) as process:
            url = process.until(LISTENING)[1]
            wait_until(lambda: simulator.requests["DescribeIncrementBackupList"] >= 3 * PLANS)
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
                url = process.until(LISTENING)[1]
                first = counters(url)
                assert first.keys() == scraped.keys()
                scraped = scraped_until_killed(process, url, chance.uniform(0.0, 2.5), scraped)
        clock.stands_at = time.time()
        truth = {plan: count - begin[plan] for plan, count in completed(world).items()}
        with exporter(*run_flags(file), program=program) as process:
            url = process.until(LISTENING)[1]
            wait_until(lambda: counters(url) == truth)
            assert process.stop() == 0
    assert min(truth.values()) > KILLS
