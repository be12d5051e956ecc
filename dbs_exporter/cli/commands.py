"""The commands that print something or make a single request: metrics, schema, call, healthcheck.

This module owns their arguments and help; other modules do the work. As in `main`, heavy modules are imported inside the
commands.
"""

from __future__ import annotations

import json

import click

from dbs_exporter.cli.options import (
    DEFAULT_CONFIG_FILE,
    Duration,
    config_file_flag,
    flag,
    is_flag_set,
    listen_flag,
    log_flags,
    storage_flag,
    url_flags,
    web_config_flag,
)
from dbs_exporter.listen import path_prefix


@click.command(short_help="Every metric, its labels and its source.")
@flag(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
def metrics(form: str) -> None:
    """Print the catalogue of metrics: name, type, labels, meaning, and the API field each comes from.

    \b
    Examples:
      dbs-exporter metrics
      dbs-exporter metrics --format=json | jq -r '.[].name'
    """
    from dbs_exporter.collectors import reference

    if form == "json":
        click.echo(reference.as_json(), nl=False)
    elif form == "markdown":
        click.echo(reference.as_markdown(), nl=False)
    else:
        from dbs_exporter.cli.tables import print_metrics

        print_metrics(reference.entries())


@click.command(short_help="The configuration's JSON Schema.")
@flag(
    "--format",
    "form",
    type=click.Choice(["json", "markdown"]),
    default="json",
    show_default=True,
    help="JSON Schema, or the reference for people.",
)
def schema(form: str) -> None:
    """Print the JSON Schema of the configuration, for editors and for checks before a deployment.

    \b
    Example, for the YAML language server:
      dbs-exporter schema > dbs-exporter.schema.json
      # yaml-language-server: $schema=dbs-exporter.schema.json    (first line of dbs-exporter.yml)
    """
    from dbs_exporter.config.schema import json_schema, markdown_reference

    if form == "markdown":
        click.echo(markdown_reference(), nl=False)
    else:
        click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@click.command(short_help="What a saved state holds.")
@storage_flag
@config_file_flag
@flag(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
def state(storage_path: str | None, config_file: str, form: str) -> None:
    """Print what is saved of each account and region: plans, ages, sizes. Works beside a running exporter.

    \b
    Examples:
      dbs-exporter state --storage.path=/var/lib/dbs-exporter
      dbs-exporter state --config.file=/etc/dbs-exporter/dbs-exporter.yml --format=json | jq .places
    """
    from dbs_exporter.cli.state_report import report
    from dbs_exporter.clock import SystemClock

    report(storage_path, config_file, form=form, now=SystemClock().now())


class _Call(click.Command):
    """The command `call`; a parameter that is written as a flag gets the right form as an answer."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line, or fail with what to write instead."""
        written = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from dbs_exporter.cli.call_parameters import as_parameter

            right = as_parameter(error.option_name, written)
            if right:
                raise click.UsageError(
                    f"{error.option_name} is a parameter of the API, which is written without dashes: {right}",
                    ctx,
                ) from None
            raise


@click.command(cls=_Call, short_help="One API call, its answer as JSON.")
@click.argument("operation", required=False)
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@config_file_flag
@flag("--account", help="Account of the configuration.  [default: the first]")
@flag(
    "--region",
    "regions",
    multiple=True,
    help="Region to ask, or all; several by commas or repeated.  [default: the account's first]",
)
@flag("--endpoint", help="URL to call instead of the region's.")
@flag("--timeout", type=Duration(), help="For all attempts and pages and --wait together, such as 30s.")
@flag("--all-pages", is_flag=True, help="Read a list to its end and print it as one answer.")
@flag(
    "--dry-run",
    is_flag=True,
    from_environment=False,
    help="Print the call without its signature; send nothing.",
)
@flag(
    "--wait",
    is_flag=True,
    from_environment=False,
    help="Follow a restore, a pre-check, a download or a gateway's list to its end.",
)
@flag(
    "--redact",
    is_flag=True,
    from_environment=False,
    help="Replace ids, names and addresses, alike everywhere, so that the answer can be shared.",
)
@flag("--write", is_flag=True, from_environment=False, help="Allow an operation that changes something.")
@flag(
    "--list",
    "listing",
    is_flag=True,
    from_environment=False,
    help="Print the operations, or the parameters of OPERATION.",
)
@log_flags
@click.pass_context
def call(
    ctx: click.Context,
    operation: str | None,
    parameters: tuple[str, ...],
    config_file: str,
    account: str | None,
    regions: tuple[str, ...],
    endpoint: str | None,
    timeout: float | None,
    all_pages: bool,
    dry_run: bool,
    wait: bool,
    redact: bool,
    write: bool,
    listing: bool,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Call one operation of the API with the configured account and print its answer as JSON.

    Parameters are checked before anything is sent. NAME=@FILE takes the content of a file, NAME=- standard
    input; passwords are taken in no other way. Operations that change something need --write. Of several
    regions the answers are an object by region. Without a configuration file, the vendor's default chain
    gives the credentials (ALIBABA_CLOUD_ACCESS_KEY_ID and so on).

    \b
    Examples:
      dbs-exporter call --list
      dbs-exporter call DescribeBackupPlanList --region=cn-hangzhou
      dbs-exporter call DescribeFullBackupList BackupPlanId=dbs1h6s7x --all-pages | jq '.Items.FullBackupFile[].BackupStatus'
      dbs-exporter call DescribeBackupGatewayList --region=all --redact
      dbs-exporter call StartRestoreTask RestoreTaskId=s1h6s7x --write --wait
    """
    from dbs_exporter.cli import call as calling
    from dbs_exporter.logs import set_up_logs

    set_up_logs(log_level or "error", log_format or "logfmt")
    if listing:
        click.echo(calling.describe(operation), nl=False)
        return
    if operation is None:
        raise click.UsageError("Missing argument 'OPERATION'; `dbs-exporter call --list` prints them.")
    result = calling.call(
        calling.Wanted(
            operation=operation,
            arguments=parameters,
            config_file=config_file if is_flag_set(ctx, "config_file") else None,
            default_config_file=DEFAULT_CONFIG_FILE,
            account=account,
            regions=regions,
            endpoint=endpoint,
            timeout=timeout,
            all_pages=all_pages,
            write=write,
            dry_run=dry_run,
            wait=wait,
            redact=redact,
        )
    )
    click.echo(result.text, nl=False)
    if result.failure is not None:
        raise result.failure


@click.command(short_help="Is a local exporter serving? For a container's HEALTHCHECK.")
@listen_flag
@url_flags
@web_config_flag
@flag("--ready", is_flag=True, help="Ask /-/ready instead of /-/healthy.")
@flag("--timeout", type=Duration(), default=3.0, show_default="3s", help="How long to wait for the answer.")
def healthcheck(
    listen_addresses: tuple[str, ...],
    external_url: str | None,
    route_prefix: str | None,
    web_config_file: str | None,
    ready: bool,
    timeout: float,
) -> None:
    """Ask the exporter on this machine whether it serves; exit 0 if it does, 4 if not.

    \b
    Example:
      dbs-exporter healthcheck --web.listen-address=127.0.0.1:10033 --ready
    """
    from dbs_exporter.cli.healthcheck import check_health

    # One process serves all addresses, so the answer of the first stands for all.
    address = listen_addresses[0] if listen_addresses else ":10033"
    prefix = path_prefix(external_url, route_prefix)
    path = f"{prefix}/-/{'ready' if ready else 'healthy'}"
    click.echo(check_health(address, path, timeout, web_config_file=web_config_file))
