"""`dbs-exporter run`: an exporter that serves until a signal ends it.

This module owns the life of the process: logs, sockets, signals, reload, the order of starting and stopping. Sockets are
bound before anything is polled, so that an address in use ends the program at once. It builds no part of the exporter.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable

from dbs_exporter.cli.overrides import Overrides
from dbs_exporter.cli.reloading import Reloads
from dbs_exporter.cli.signals import Cutter, caught_signals, wait_for_end
from dbs_exporter.cli.web_access import WebAccess
from dbs_exporter.clock import SystemClock
from dbs_exporter.config.load import load_config, warnings_of
from dbs_exporter.exporter import Exporter
from dbs_exporter.logs import set_up_logs
from dbs_exporter.polling.sharding import parse_shard
from dbs_exporter.web.guard import Access, Guard
from dbs_exporter.web.moved import of_the_present
from dbs_exporter.web.server import WebServer, bind

_log = logging.getLogger(__name__)


def run(
    config_file: str,
    overrides: Overrides,
    *,
    web_config_file: str | None,
    shard: str,
    total_shards: int,
    enable_lifecycle: bool,
) -> None:
    """Poll and serve until SIGTERM or Ctrl-C; reload the configuration on SIGHUP.

    Raises ConfigError or CredentialsError before anything is polled.
    """
    parsed_shard = parse_shard(shard, total_shards)
    config = overrides.apply_to(load_config(config_file))
    set_up_logs(config.log.level, config.log.format)
    web_access = WebAccess(web_config_file)
    for warning in warnings_of(config):
        _log.warning(warning)
    exporter = Exporter(config, clock=SystemClock(), shard=parsed_shard)

    def reload() -> None:
        exporter.reload(lambda: overrides.apply_to(load_config(config_file)))

    serve(exporter, reload, over_http=enable_lifecycle, on_listening=_log_addresses, web_access=web_access)


def serve(
    exporter: Exporter,
    reload: Callable[[], None],
    *,
    over_http: bool,
    on_listening: Callable[[WebServer], None],
    web_access: WebAccess,
    ahead: Callable[[], float] | None = None,
) -> None:
    """Start the exporter and its web server, wait for a signal to end, and stop both.

    Polling is stopped first, so that no sleep delays the end; what hangs then is cut. `over_http` allows POST /-/reload;
    `on_listening` is called with the server once it listens. `ahead` returns the seconds by which the exporter's clock is ahead of
    those who read its metrics, None if it is the same.
    """
    reloads, cutter = Reloads(reload), Cutter()
    web = exporter.config.web
    with caught_signals() as signals:
        app = exporter.app(reloads.reload if over_http else None)
        guard = Guard(
            app if ahead is None else of_the_present(app, f"{web.prefix}{web.telemetry_path}", ahead),
            web_access.access,
            clock=exporter.clock,
            open_paths=frozenset(f"{web.prefix}/-/{name}" for name in ("healthy", "ready")),
        )
        server = WebServer(guard, bind(web.listen_addresses), access=web_access.access)

        def change(access: Access) -> None:
            guard.access = access
            server.replace_access(access)

        try:
            cutter.start()
            reloads.start()
            # What is made of a saved state lives on; visiting it again and again while it grows would take a fifth of the start.
            gc.disable()
            exporter.start()
            server.start()
            web_access.start(exporter.clock, change)
            # The objects of now live until the end; the garbage collector need not visit them again.
            gc.collect()
            gc.freeze()
            gc.enable()
            on_listening(server)
            wait_for_end(signals, reloads.request)
            cutter.begin()
            _log.info("stopping")
        finally:
            gc.enable()
            reloads.close()
            if guard.access.users is not None:
                guard.access.users.close()
            server.begin_stop()
            exporter.close()
            server.stop()
            cutter.done()


def _log_addresses(server: WebServer) -> None:
    for listener, url in zip(server.listeners, server.urls, strict=True):
        where = "listening on every interface" if listener.is_everywhere else "listening"
        _log.info(where, extra={"address": url})
