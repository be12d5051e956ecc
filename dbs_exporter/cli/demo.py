"""`dbs-exporter demo`: a simulated cloud and an exporter of it in one process.

This module owns the demo's configuration. It never calls the real API.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from dbs_exporter.cli.overrides import Overrides
from dbs_exporter.cli.serve import serve
from dbs_exporter.cli.simulate import simulated, world_clock
from dbs_exporter.cli.web_access import WebAccess
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.durations import format_duration
from dbs_exporter.config.load import parse_config
from dbs_exporter.exporter import Exporter
from dbs_exporter.logs import set_up_logs

LEAST_INTERVAL_SECONDS = 5.0
FASTER = 12.0
"""The demo polls so many times as often as by default, so that a newcomer sees everything change within seconds."""

_CONFIG = """
accounts:
  - name: demo
    endpoint: {url}
    regions: all
    requests_per_second: 1000
    concurrency: 2
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
collectors:
{collectors}
objectives:
  - plans: ["orders-mysql-*", "orders-postgresql-*"]
    rpo: 15m
    restore_time: 1h
    restore_test_interval: 30d
  - plans: ["*"]
    restore_time: 4h
    restore_test_interval: 100d
"""


class DrivenClock(SystemClock):
    """The machine's clock, but `now` is that of a simulated cloud, which may run faster."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def now(self) -> float:
        """Return the seconds since the Unix epoch by the cloud's clock."""
        return self._now()


def demo_config(url: str, table: Table = TABLE) -> str:
    """Return the demo's configuration as YAML, with every collector of the table enabled."""
    intervals = {
        collector.name: max(LEAST_INTERVAL_SECONDS, round(collector.interval_seconds / FASTER))
        for collector in table
    }
    lines = [
        f"  {name}: {{interval: {format_duration(interval)}, enabled: true}}"
        for name, interval in intervals.items()
    ]
    return _CONFIG.format(url=url, collectors="\n".join(lines))


def demo(
    *, plans: int, seed: int, speed: float, overrides: Overrides, web_config_file: str | None = None
) -> None:
    """Serve a simulated cloud and an exporter of it, until SIGTERM or Ctrl-C."""
    now = world_clock(speed)
    web_access = WebAccess(web_config_file)
    with simulated(listen_address="127.0.0.1:0", plans=plans, accounts=1, seed=seed, clock=now) as simulator:
        config = overrides.apply_to(parse_config(demo_config(simulator.url), environ={}))
        set_up_logs(overrides.log_level or "error", config.log.format)
        exporter = Exporter(config, clock=DrivenClock(now))

        def print_addresses(urls: tuple[str, ...]) -> None:
            click.echo(f"simulated DBS API:  {simulator.url}")
            for url in urls:
                click.echo(f"status page:        {url}{config.web.prefix}/")
                click.echo(f"metrics:            {url}{config.web.prefix}{config.web.telemetry_path}")
            click.echo("Ctrl-C ends it.")
            sys.stdout.flush()

        serve(
            exporter,
            lambda: None,
            over_http=False,
            on_listening=print_addresses,
            web_access=web_access,
        )
