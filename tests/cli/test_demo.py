"""`dbs-exporter demo`: a cloud and its exporter in one process, with every collector at work."""

from __future__ import annotations

from support.exporter_process import ask, eventually, exporter

from dbs_exporter.cli.demo import LEAST_INTERVAL_SECONDS, DrivenClock, demo_config
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.load import parse_config


def test_demo_prints_its_addresses_serves_everything_and_ends_with_0() -> None:
    """One command, no account: the status page, the metrics of a fleet, and a clean end."""
    with exporter("demo", "--web.listen-address=127.0.0.1:0", "--plans=20", "--log.level=warning") as process:
        cloud_url = process.until(r"simulated DBS API: +(http://127\.0\.0\.1:\d+)")[1]
        url = process.until(r"metrics: +(http://127\.0\.0\.1:\d+)/metrics")[1]
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


def test_the_demos_time_is_the_simulated_clouds() -> None:
    """Facts have the cloud's times, so their ages are held against its clock; pauses are as long as they are."""
    clock = DrivenClock(lambda: 1_790_000_000.0)

    assert clock.now() == 1_790_000_000.0
    assert clock.monotonic() < 1_790_000_000.0
