"""`dbs-exporter demo`: a cloud and its exporter in one process, with every collector at work."""

from __future__ import annotations

import socket
import time

import pytest
from support.command_line import invoke
from support.exporter_process import ask, eventually, exporter

from dbs_exporter.cli.demo import LEAST_INTERVAL_SECONDS, DemoClock, demo_config
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.load import parse_config


def test_demo_prints_its_addresses_serves_everything_and_ends_with_0() -> None:
    """One command, no account: the status page, the metrics of a fleet, and a clean end."""
    with exporter("demo", "--web.listen-address=127.0.0.1:0", "--plans=20", "--log.level=warning") as process:
        cloud_url = process.until(r"simulated DBS API: +(http://127\.0\.0\.1:\d+)")[1]
        url = process.until(r"metrics: +(http://127\.0\.0\.1:\d+)/metrics")[1]
        process.until(r"in +9m +DBS connects from one network more")
        eventually(url, "/-/ready", lambda status, _: status == 200)
        page = eventually(
            url, "/metrics", lambda _, text: "dbs_full_backup_last_success_timestamp_seconds{" in text
        )

        assert ask(cloud_url, "/-/healthy")[0] == 200
        assert ask(url, "/")[0] == 200
        assert "dbs_plan_recovery_point_timestamp_seconds{" in page
        assert "dbs_exporter_build_info{" in page
        assert process.stop() == 0
        assert "Traceback" not in process.everything_said()


def test_every_collector_is_on_and_reads_often() -> None:
    """A newcomer sees everything move: each collector is enabled, and none waits longer than it says by default."""
    config = parse_config(demo_config("http://127.0.0.1:1"), environ={})

    for collector in TABLE:
        setting = config.collectors.of(collector.name)
        assert setting.enabled
        assert LEAST_INTERVAL_SECONDS <= setting.interval <= collector.interval_seconds / 10
    assert config.accounts[0].endpoint == "http://127.0.0.1:1"


def test_a_table_of_other_collectors_has_its_demo() -> None:
    """The demo's configuration follows the table."""
    table = Table([TABLE["plans"]])
    config = parse_config(demo_config("http://127.0.0.1:1", table), environ={}, table=table)

    assert list(type(config.collectors).model_fields) == ["plans"]


def test_nothing_is_read_more_often_than_every_few_seconds_however_fast_the_cloud_is() -> None:
    """Intervals are the cloud's seconds, so a faster one has longer ones, and rest is never shorter."""
    config = parse_config(demo_config("http://127.0.0.1:1", speed=3600), environ={})

    for collector in TABLE:
        setting = config.collectors.of(collector.name)
        assert setting.interval >= 3600 * LEAST_INTERVAL_SECONDS
        assert getattr(setting, "at_rest", setting.interval) >= setting.interval


def test_it_listens_on_this_machine_alone_unless_told() -> None:
    """The configuration has the loopback."""
    config = parse_config(demo_config("http://127.0.0.1:1"), environ={})

    assert config.web.listen_addresses == ("127.0.0.1:10033",)


def test_the_demos_time_is_the_simulated_clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts have the cloud's times; what is due and pauses go by its seconds."""
    slow, fast = DemoClock(lambda: 1_790_000_000.0), DemoClock(lambda: 1_790_000_000.0, 60.0)
    waited: list[float] = []
    monkeypatch.setattr(SystemClock, "monotonic", lambda _: 1_000.0)
    monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: waited.append(seconds))
    slow.sleep(600.0)
    fast.sleep(600.0)

    assert slow.now() == fast.now() == 1_790_000_000.0
    assert (slow.monotonic(), fast.monotonic()) == (1_000.0, 60_000.0)
    assert waited == [600.0, 10.0]


def promised(page: str) -> list[float]:
    """Until when the full backups of each plan count as known."""
    return instants(page, 'dbs_plan_fresh_until_timestamp_seconds{account="demo",facts="full_backups"')


def test_a_cloud_that_runs_faster_is_served_as_of_now() -> None:
    """At 60 times the speed of life no timestamp of the metrics is in the future, no fact is stale, and the page keeps the cloud's time."""
    with exporter(
        "demo", "--web.listen-address=127.0.0.1:0", "--plans=3", "--speed=60", "--log.level=warning"
    ) as process:
        process.until(r"its clock: +60 times as fast")
        url = process.until(r"metrics: +(http://127\.0\.0\.1:\d+)/metrics")[1]
        # A machine that pauses for seconds pauses for minutes of that cloud, and catches up.
        page = eventually(
            url,
            "/metrics",
            lambda _, text: len(promised(text)) == 3 and min(promised(text)) > time.time(),
        )
        now = time.time()
        read = instants(page, "dbs_exporter_collector_last_success_timestamp_seconds")

        assert process.stop() == 0
    assert read
    assert max(read) <= now + 1
    assert now - max(read) < 3600


def test_a_taken_port_names_the_way_out() -> None:
    """By the flag and by the variable, which `make demo` takes, too."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = invoke("demo", f"--web.listen-address=127.0.0.1:{port}", "--plans=1")

    assert done.exit_code == 2
    assert f"127.0.0.1:{port}: cannot be served on" in done.output
    assert "--web.listen-address, or by DBS_EXPORTER_WEB_LISTEN_ADDRESS, also for make demo" in done.output


def instants(page: str, beginning: str) -> list[float]:
    """The values of a family's samples."""
    return [float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(beginning)]
