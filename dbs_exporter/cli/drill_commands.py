"""The commands below `dbs-exporter drill`: their arguments and help. The work is done by `drill`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dbs_exporter.cli.options import F, flag, log_flags


@click.group(short_help="Prove that backups can be restored.")
def drill() -> None:
    """Restore backups to a place of their own, download them, or ask gateways for their databases.

    Nothing is changed without --yes: first look at the calls that would be made. docs/proof.md leads from the
    first drill to a monthly one. Each needs a configuration of its own, with credentials of its own.

    \b
    Examples:
      dbs-exporter drill restore --config.file=drill.yml
      dbs-exporter drill restore --config.file=drill.yml --plan=dbs1h6s7x --yes
    """


def _drill_flags(command: F) -> F:
    for decorate in (
        log_flags,
        flag(
            "--textfile",
            metavar="PATH",
            help="Write the result for node_exporter's textfile collector; the file holds the last run.",
        ),
        flag(
            "--output",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="How to print the result; with json, what happens is printed on standard error.",
        ),
        flag("--yes", is_flag=True, from_environment=False, help="Do it."),
        flag("--plan", "plan_id", metavar="ID", help="Only this plan, of those that are configured."),
        flag(
            "--config.file",
            "config_file",
            default="drill.yml",
            show_default=True,
            metavar="PATH",
            envvar="DBS_EXPORTER_DRILL_CONFIG_FILE",
            help="The configuration of drills (docs/proof.md).",
        ),
    ):
        command = decorate(command)
    return command


def _run(ctx: click.Context, command: Any, work: Callable[..., None], options: dict[str, Any]) -> None:
    from dbs_exporter.cli.drill import run_drill
    from dbs_exporter.logs import set_up_logs

    set_up_logs(options["log_level"] or "error", options["log_format"] or "logfmt")
    ctx.exit(
        run_drill(
            command,
            work,
            config_file=options["config_file"],
            yes=options["yes"],
            output=options["output"],
            textfile=options["textfile"],
        )
    )


@drill.command(short_help="Restore plans to a destination of their own.")
@_drill_flags
@flag(
    "--exec",
    "verify",
    metavar="COMMAND",
    help="Run this after each restore; it finds the destination in its environment, and its exit code counts.",
)
@click.pass_context
def restore(ctx: click.Context, /, verify: str | None, plan_id: str | None, **options: Any) -> None:
    """Restore plans to a destination that is no plan's source, and say how long it took.

    Exit code 0 only if the data came back. A run that was killed is followed by the next.

    \b
    Examples:
      dbs-exporter drill restore
      dbs-exporter drill restore --yes --exec='/etc/dbs-exporter/count-rows.sh' --output=json
    """
    from dbs_exporter.cli.drill import words_of
    from dbs_exporter.drill.restore import restore as restore_plans

    words = words_of(verify)

    def work(cloud: Any, config: Any, listener: Any, report: Any) -> None:
        restore_plans(cloud, config, listener, report, plan_id=plan_id, verify=words)

    _run(ctx, "restore", work, options)


@drill.command(short_help="Download the newest backups of plans.")
@_drill_flags
@click.pass_context
def download(ctx: click.Context, /, plan_id: str | None, **options: Any) -> None:
    """Download the newest full backup of each plan, and its newest log file; say where automatic downloads do not go.

    Exit code 0 only if every download finished. No rule of automatic downloads is changed.

    \b
    Example:
      dbs-exporter drill download --plan=dbs1h6s7x --yes
    """
    from dbs_exporter.drill.download import download as download_plans

    def work(cloud: Any, config: Any, listener: Any, report: Any) -> None:
        download_plans(cloud, config, listener, report, plan_id=plan_id)

    _run(ctx, "download", work, options)


@drill.command(short_help="Can gateways reach the databases of their plans?")
@_drill_flags
@click.pass_context
def gateway(ctx: click.Context, /, plan_id: str | None, **options: Any) -> None:
    """Ask each gateway for the databases behind it: whether it answers, and which of them no plan backs up.

    Exit code 0 only if every gateway reached the database of every plan behind it.

    \b
    Example:
      dbs-exporter drill gateway --yes --textfile=/var/lib/node_exporter/dbs-gateways.prom
    """
    from dbs_exporter.drill.gateway import gateway as ask_gateways

    def work(cloud: Any, config: Any, listener: Any, report: Any) -> None:
        ask_gateways(cloud, config, listener, report, plan_id=plan_id)

    _run(ctx, "gateway", work, options)
