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


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=VALUE arguments as a mapping."""
    bad = [text for text in given if "=" not in text]
    if bad:
        raise click.UsageError(f"{bad[0]!r} is not NAME=VALUE.")
    return dict(text.split("=", 1) for text in given)


@click.command(short_help="Rules for Prometheus or vmalert.")
@flag("--output", type=click.Path(file_okay=False), help="Directory to write to.  [default: print the files]")
@flag(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the texts."
)
@flag("--team", help="Label `team` of alerts about plans and gateways.  [default: databases]")
@flag(
    "--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label for every alert; may be repeated."
)
@flag("--disable", "disabled", multiple=True, metavar="ALERT", help="An alert to leave out; may be repeated.")
@flag(
    "--severity",
    "severities",
    multiple=True,
    metavar="ALERT=SEVERITY",
    help="critical, warning or info for an alert; may be repeated.",
)
@flag("--runbook-url", "runbooks", help="Where the runbooks are.  [default: the project's repository]")
@flag("--grafana-url", "grafana", help="Where the dashboards are.")
@flag(
    "--utc-offset",
    metavar="±HH:MM",
    help="Of clock times beside those in UTC.  [default: none in English, +08:00 in Chinese]",
)
@flag("--exporter-url", "exporter", help="Where the status page is; alerts then link to their plan on it.")
def rules(
    output: str | None,
    lang: str,
    team: str | None,
    labels: tuple[str, ...],
    disabled: tuple[str, ...],
    severities: tuple[str, ...],
    runbooks: str | None,
    grafana: str | None,
    exporter: str | None,
    utc_offset: str | None,
) -> None:
    """Print the recording and alerting rules, or write them as files.

    \b
    Examples:
      dbs-exporter rules --output=rules --lang=zh
      dbs-exporter rules --disable=DBSDownloadStuck --severity=DBSFullBackupEmpty=critical --label=env=prod
    """
    from pathlib import Path

    from dbs_exporter.conditions.rules import GRAFANA, RUNBOOKS, Wishes, rule_files

    chosen = _pairs(severities)
    if bad := set(chosen.values()) - {"critical", "warning", "info"}:
        raise click.UsageError(f"{bad.pop()!r} is no severity; it is critical, warning or info.")
    wishes = Wishes(
        language=lang,
        team=team,
        labels=_pairs(labels),
        disabled=disabled,
        severities=chosen,
        runbooks=runbooks or RUNBOOKS,
        grafana=grafana or GRAFANA,
        exporter=exporter,
        utc_offset=utc_offset,
    )
    try:
        files = rule_files(wishes)
    except ValueError as error:
        raise click.UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    for name, content in files.items():
        if output is None:
            click.echo(content, nl=False)
            continue
        path = Path(output) / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from None
        click.echo(path)


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


@click.command(short_help="How the plans are, from a local exporter.")
@click.argument("plan", required=False)
@listen_flag()
@url_flags
@web_config_flag
@flag("--account", default="", help="Only plans of this account.")
@flag("--region", default="", help="Only plans in this region.")
@flag("--state", default="", help="Only plans in this state: unprotected, breached, at_risk, ...")
@flag("--user", help="Name to log in with, where the exporter asks for one.")
@flag("--password-file", type=click.Path(), help="File that holds the password.")
@flag(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
@flag("--timeout", type=Duration(), default=10.0, show_default="10s", help="How long to wait for the answer.")
def status(
    plan: str | None,
    listen_addresses: tuple[str, ...],
    external_url: str | None,
    route_prefix: str | None,
    web_config_file: str | None,
    account: str,
    region: str,
    state: str,
    user: str | None,
    password_file: str | None,
    form: str,
    timeout: float,
) -> None:
    """Print all plans, the worst first, or everything about PLAN, a name or an id, from the exporter on this machine.

    \b
    Examples:
      dbs-exporter status --state=breached
      dbs-exporter status orders-mysql --format=json | jq .conditions
    """
    from dbs_exporter.cli.status import Asking, print_status

    asking = Asking(
        listen_addresses[0] if listen_addresses else ":10033",
        path_prefix(external_url, route_prefix),
        timeout=timeout,
        web_config_file=web_config_file,
        user=user,
        password_file=password_file,
    )
    print_status(asking, plan, {"account": account, "region": region, "state": state}, form=form)


@click.command(short_help="Is a local exporter serving? For a container's HEALTHCHECK.")
@listen_flag()
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
