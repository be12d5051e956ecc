"""`run`: an exporter that serves until a signal ends it.

It owns the life of the process: logs, sockets, signals, reload, the order of starting and stopping. Sockets
are bound before anything is polled, so that an address that is taken ends it at once.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from contextlib import suppress

from dbs_exporter.cli.overrides import Overrides
from dbs_exporter.cli.signals import caught_signals, wait_for_end
from dbs_exporter.clock import SystemClock
from dbs_exporter.config.load import load_config, warnings_of
from dbs_exporter.errors import DbsExporterError
from dbs_exporter.exporter import Exporter
from dbs_exporter.logs import set_up_logs
from dbs_exporter.polling.sharding import parse_shard
from dbs_exporter.web.server import WebServer, bind

_log = logging.getLogger(__name__)


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

    serve(exporter, reload, over_http=enable_lifecycle, on_listening=_log_addresses)


def serve(
    exporter: Exporter,
    reload: Callable[[], None],
    *,
    over_http: bool,
    on_listening: Callable[[tuple[str, ...]], None],
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
            on_listening(server.urls)

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
