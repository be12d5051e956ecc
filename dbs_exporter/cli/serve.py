"""`dbs-exporter run`: an exporter that serves until a signal ends it.

This module owns the life of the process: logs, sockets, signals, reload, the order of starting and stopping. Sockets are
bound before anything is polled, so that an address in use ends the program at once. It builds no part of the exporter.
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
    """Poll and serve until SIGTERM or Ctrl-C; reload the configuration on SIGHUP.

    Raises ConfigError or CredentialsError before anything is polled.
    """
    parsed_shard = parse_shard(shard, total_shards)
    config = overrides.apply_to(load_config(config_file))
    set_up_logs(config.log.level, config.log.format)
    for warning in warnings_of(config):
        _log.warning(warning)
    exporter = Exporter(config, clock=SystemClock(), shard=parsed_shard)

    def reload() -> None:
        exporter.reload(lambda: overrides.apply_to(load_config(config_file)))

    serve(exporter, reload, over_http=enable_lifecycle, on_listening=_log_addresses)


def serve(
    exporter: Exporter,
    reload: Callable[[], None],
    *,
    over_http: bool,
    on_listening: Callable[[tuple[str, ...]], None],
) -> None:
    """Start the exporter and its web server, wait for a signal to end, and stop both.

    Polling is stopped first, so that no sleep delays the end. `over_http` allows POST /-/reload; `on_listening` is called
    with the server's URLs.
    """
    with caught_signals() as signals:
        server = WebServer(
            exporter.app(reload if over_http else None), bind(exporter.config.web.listen_addresses)
        )
        try:
            # What is made of a saved state lives on; visiting it again and again while it grows would take a fifth of the start.
            gc.disable()
            exporter.start()
            server.start()
            # The objects of now live until the end; the garbage collector need not visit them again.
            gc.collect()
            gc.freeze()
            gc.enable()
            on_listening(server.urls)

            def hangup() -> None:
                # The exporter has logged the problem, and continues with its present configuration.
                with suppress(DbsExporterError):
                    reload()

            wait_for_end(signals, hangup)
            _log.info("stopping")
        finally:
            gc.enable()
            exporter.close()
            server.stop()


def _log_addresses(urls: tuple[str, ...]) -> None:
    for url in urls:
        _log.info("listening", extra={"address": url})
