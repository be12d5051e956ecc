"""`run` and `demo`: an exporter that serves until a signal ends it.

It owns the life of the process: logs, sockets, signals, reload, the order of starting and stopping. Sockets
are bound before anything is polled, so that an address that is taken ends it at once.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from contextlib import suppress

import click

from dbs_exporter.logs import set_up_logs  # isort: skip  (first: it keeps rich out of structlog)
from dbs_exporter.cli.signals import caught_signals, wait_for_end
from dbs_exporter.cli.simulate import simulated, world_clock
from dbs_exporter.clock import SystemClock
from dbs_exporter.config.load import load_config, parse_config, warnings_of
from dbs_exporter.errors import DbsExporterError
from dbs_exporter.exporter import Exporter, Overrides
from dbs_exporter.polling.sharding import Shard, parse_shard
from dbs_exporter.web.server import WebServer, bind

_log = logging.getLogger(__name__)

# Short intervals, so that a newcomer sees everything move within seconds; the simulator is on this machine.
DEMO_CONFIG = """
accounts:
  - name: demo
    endpoint: {url}
    regions: all
    requests_per_second: 1000
    concurrency: 2
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
collectors:
  plans: {{interval: 10s}}
  gateways: {{interval: 5s}}
  full_backups: {{interval: 15s}}
  incremental_backups: {{interval: 10s}}
  restores: {{interval: 5s}}
  restore_ranges: {{interval: 15s}}
  prechecks: {{interval: 10s}}
  downloads: {{interval: 15s}}
  job_errors: {{interval: 15s}}
  nodes: {{interval: 5m}}
  billing: {{interval: 1m, enabled: true}}
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
    """The machine's clock, but for `now`, which a simulated cloud's gives; that may run faster."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def now(self) -> float:
        """Seconds since the Unix epoch, by the other clock."""
        return self._now()


def run(
    config_file: str, overrides: Overrides, *, shard: str, total_shards: int, enable_lifecycle: bool
) -> None:
    """`dbs-exporter run`: poll and serve until SIGTERM or Ctrl-C; SIGHUP reloads.

    Raises ConfigError and CredentialsError before anything is polled.
    """
    place = parse_shard(shard, total_shards)
    config = overrides.applied(load_config(config_file))
    set_up_logs(config.log.level, config.log.format)
    for warning in warnings_of(config):
        _log.warning(warning)
    exporter = Exporter(config, clock=SystemClock(), shard=place)

    def reload() -> None:
        exporter.reload(lambda: overrides.applied(load_config(config_file)))

    _serve(exporter, reload, over_http=enable_lifecycle, told=_log_addresses)


def demo(*, plans: int, seed: int, speed: float, overrides: Overrides) -> None:
    """`dbs-exporter demo`: a simulated cloud and an exporter of it, until SIGTERM or Ctrl-C."""
    now = world_clock(speed)
    with simulated(listen_address="127.0.0.1:0", plans=plans, accounts=1, seed=seed, clock=now) as simulator:
        config = overrides.applied(parse_config(DEMO_CONFIG.format(url=simulator.url), environ={}))
        set_up_logs(overrides.log_level or "error", config.log.format)
        exporter = Exporter(config, clock=DrivenClock(now), shard=Shard())

        def tell(urls: tuple[str, ...]) -> None:
            click.echo(f"simulated DBS API:  {simulator.url}")
            for url in urls:
                click.echo(f"status page:        {url}/")
                click.echo(f"metrics:            {url}{config.web.telemetry_path}")
            click.echo("Ctrl-C ends it.")
            sys.stdout.flush()

        _serve(exporter, lambda: None, over_http=False, told=tell)


def _serve(
    exporter: Exporter,
    reload: Callable[[], None],
    *,
    over_http: bool,
    told: Callable[[tuple[str, ...]], None],
) -> None:
    """Start, wait for a signal, stop: first the polling, so that no sleep holds up the end, then the web."""
    with caught_signals() as came:
        server = WebServer(
            exporter.app(reload if over_http else None), bind(exporter.config.web.listen_addresses)
        )
        try:
            exporter.start()
            server.start()
            # What stands now stays for good; the collector need not look at it again.
            gc.collect()
            gc.freeze()
            told(server.urls)

            def hangup() -> None:
                # The exporter has logged what is wrong, and goes on with what it has.
                with suppress(DbsExporterError):
                    reload()

            wait_for_end(came, hangup)
            _log.info("stopping")
        finally:
            exporter.close()
            server.stop()


def _log_addresses(urls: tuple[str, ...]) -> None:
    for url in urls:
        _log.info("listening", extra={"address": url})
