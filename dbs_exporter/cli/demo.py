"""`dbs-exporter demo`: a simulated cloud and an exporter of it in one process.

This module owns the demo's configuration. It never calls the real API.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

import click

from dbs_exporter.cli.overrides import Overrides
from dbs_exporter.cli.serve import serve
from dbs_exporter.cli.simulate import simulated, world_clock
from dbs_exporter.cli.web_access import WebAccess
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.durations import format_duration
from dbs_exporter.config.load import parse_config
from dbs_exporter.config.models import Config
from dbs_exporter.exporter import Exporter
from dbs_exporter.logs import set_up_logs
from dbs_exporter.web.server import WebServer

if TYPE_CHECKING:
    from dbs_exporter.simulator import World

LISTEN_ADDRESS = "127.0.0.1:10033"
"""What a newcomer tries out is for this machine only, unless told otherwise."""
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
web:
  listen_addresses: ["{listen_address}"]
objectives:
  - plans: ["orders-mysql-*", "orders-postgresql-*"]
    rpo: 15m
    restore_time: 1h
    restore_test_interval: 30d
  - plans: ["*"]
    restore_time: 4h
    restore_test_interval: 100d
"""


class DemoClock(SystemClock):
    """The machine's clock, but `now` is that of a simulated cloud, and everything goes `speed` times as fast."""

    def __init__(self, now: Callable[[], float], speed: float = 1.0) -> None:
        super().__init__()
        self._now = now
        self._speed = speed

    def now(self) -> float:
        """Return the seconds since the Unix epoch by the cloud's clock."""
        return self._now()

    def monotonic(self) -> float:
        """Return the cloud's seconds, so that what is due is due by them."""
        return super().monotonic() * self._speed

    def sleep(self, seconds: float) -> bool:
        """Wait for so many of the cloud's seconds; return True, and at once, if the clock is stopped."""
        return super().sleep(seconds / self._speed)


def demo_config(url: str, table: Table = TABLE, *, speed: float = 1.0) -> str:
    """Return the demo's configuration as YAML, with every collector of the table enabled.

    Intervals are the cloud's seconds; however fast its clock is, nothing is read more often than every few of the machine's.
    """
    lines = []
    for collector in table:
        interval = max(ceil(LEAST_INTERVAL_SECONDS * speed), round(collector.interval_seconds / FASTER))
        ages = f"interval: {format_duration(interval)}"
        if isinstance(collector, PlanCollector) and collector.at_rest_seconds < interval:
            ages += f", at_rest: {format_duration(interval)}"
        lines.append(f"  {collector.name}: {{{ages}, enabled: true}}")
    return _CONFIG.format(url=url, collectors="\n".join(lines), listen_address=LISTEN_ADDRESS)


def demo(
    *, plans: int, seed: int, speed: float, overrides: Overrides, web_config_file: str | None = None
) -> None:
    """Serve a simulated cloud and an exporter of it, until SIGTERM or Ctrl-C."""
    now = world_clock(speed)
    web_access = WebAccess(web_config_file)
    with simulated(
        listen_address="127.0.0.1:0", plans=plans, accounts=1, seed=seed, clock=now, troubled=True
    ) as simulator:
        config = overrides.apply_to(parse_config(demo_config(simulator.url, speed=speed), environ={}))
        set_up_logs(overrides.log_level or "error", config.log.format)
        exporter = Exporter(_unhurried(config, speed), clock=DemoClock(now, speed))
        metrics_path = f"{config.web.prefix}{config.web.telemetry_path}"

        def print_addresses(server: WebServer) -> None:
            click.echo(f"simulated DBS API:  {simulator.url}")
            if speed != 1:
                click.echo(f"its clock:          {speed:g} times as fast; metrics have the ages of now")
            for listener, url in zip(server.listeners, server.urls, strict=True):
                click.echo(f"status page:        {url}{config.web.prefix}/")
                click.echo(f"metrics:            {url}{metrics_path}")
                if listener.is_everywhere:
                    click.echo(
                        f"                    open to whoever reaches port {listener.port} of this machine"
                    )
            click.echo("what happens next:")
            for seconds, event in story_of(simulator.world):
                click.echo(f"  in {format_duration(max(1, round(seconds / speed))):>4}  {event}")
            click.echo("Ctrl-C ends it.")
            sys.stdout.flush()

        serve(
            exporter,
            lambda: None,
            over_http=False,
            on_listening=print_addresses,
            web_access=web_access,
            ahead=None if speed == 1 else lambda: now() - time.time(),
        )


def story_of(world: World) -> list[tuple[float, str]]:
    """Return (seconds from the beginning, what happens then) of a demo's world."""
    from dbs_exporter.simulator import TroubledWorld

    return world.story() if isinstance(world, TroubledWorld) else []


def _unhurried(config: Config, speed: float) -> Config:
    """Return the configuration with as many of the cloud's seconds for a call as it has of the machine's."""
    accounts = tuple(
        account.model_copy(update={"timeout": account.timeout * max(1.0, speed)})
        for account in config.accounts
    )
    return config.model_copy(update={"accounts": accounts})
