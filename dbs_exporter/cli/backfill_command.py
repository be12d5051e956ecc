"""The command `dbs-exporter backfill`: its arguments and help. The work is done by `backfill`."""

from __future__ import annotations

import click

from dbs_exporter.cli.options import Duration, config_file_flag, flag, log_flags


@click.command(short_help="History for a Prometheus, from the API's lists.")
@config_file_flag
@flag(
    "--from",
    "begin",
    default="90d",
    show_default=True,
    metavar="TIME",
    help="Where the history begins: how long ago, a Unix time, or 2026-01-31T12:00:00Z.",
)
@flag(
    "--to",
    "end",
    default="3h",
    show_default=True,
    metavar="TIME",
    help="Where it ends, in the same form: before the first scrape, and three hours ago at the latest.",
)
@flag("--step", type=Duration(), default=300.0, show_default="5m", help="Time between two samples.")
@flag("--output", required=True, metavar="DIRECTORY", help="Where to write: empty, new, or of the same run.")
@flag(
    "--plan",
    "plans",
    multiple=True,
    metavar="PATTERN",
    help="Only plans of this name or id; may be repeated.",
)
@flag(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    help="A label that Prometheus would add, such as job and instance; may be repeated.",
)
@flag(
    "--max-samples",
    type=click.IntRange(1),
    default=50_000_000,
    show_default=True,
    help="Refuse to write more.",
)
@log_flags
def backfill(
    config_file: str,
    begin: str,
    end: str,
    step: float,
    output: str,
    plans: tuple[str, ...],
    labels: tuple[str, ...],
    max_samples: int,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Write what /metrics would have shown before the first scrape, as files that promtool makes into blocks.

    Lists are read once, at the configured rate; nothing is changed. The same command again writes all files anew.
    docs/backfill.md has the families that are written, those that cannot be, and why.

    \b
    Examples:
      dbs-exporter backfill --output=history --label=job=dbs-exporter --label=instance=dbs:10033
      dbs-exporter backfill --from=30d --step=1h --plan='orders-*' --output=history
    """
    from dbs_exporter.cli import backfill as filling
    from dbs_exporter.logs import set_up_logs

    set_up_logs(log_level or "error", log_format or "logfmt")
    filling.backfill(
        filling.Wanted(
            config_file=config_file,
            begin=begin,
            end=end,
            step=step,
            output=output,
            plans=plans,
            labels=filling.labels_of(labels),
            max_samples=max_samples,
        )
    )
