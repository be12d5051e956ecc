"""The commands of `dbs-exporter`: what each takes, and its help. The work is in `app`, `check`, `calling` and
others.

Everything heavy is imported inside the commands, so that `--help` is immediate and the demo lean. Exit codes:
0 fine, 1 unexpected, 2 configuration or usage, 3 credentials or permission, 4 the API cannot be reached.
"""

from __future__ import annotations

import json
import sys

import click

from dbs_exporter import __version__
from dbs_exporter.cli_options import (
    DEFAULT_CONFIG_FILE,
    Commands,
    Duration,
    ListenAddress,
    config_file_flag,
    flag,
    given_flag,
    listen_flag,
    log_flags,
    silence_broken_pipe,
    telemetry_flag,
)

_EPILOG = (
    "Exit codes: 0 fine, 1 unexpected, 2 configuration or usage, 3 credentials or permission,"
    " 4 API unreachable."
)


def main() -> None:
    """The program: run a command and exit with its code."""
    try:
        cli(prog_name="dbs-exporter")
    except BrokenPipeError:
        silence_broken_pipe()
        sys.exit(0)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="dbs-exporter", message="%(prog)s %(version)s")
def cli() -> None:
    """Can every database be restored, to which second, until when, and would anyone notice if not?

    A Prometheus exporter for Alibaba Cloud Database Backup Service (DBS).

    \b
    See it work, without an account:     dbs-exporter demo
    Write ten lines of configuration:    dbs-exporter schema; docs/configuration.md
    Ask whether they will work:          dbs-exporter check --config.file=dbs-exporter.yml
    Run it:                              dbs-exporter run --config.file=dbs-exporter.yml
    """


@cli.command(short_help="The exporter.")
@config_file_flag
@listen_flag
@telemetry_flag
@flag(
    "--web.enable-lifecycle", "enable_lifecycle", is_flag=True, help="Allow POST /-/reload, as in Prometheus."
)
@flag(
    "--shard",
    default="0",
    metavar="N|NAME-N",
    show_default=True,
    help="This process' place among the shards, from 0.",
)
@flag("--total-shards", type=int, default=1, show_default=True, help="How many exporters share the plans.")
@log_flags
def run(
    config_file: str,
    listen_addresses: tuple[str, ...],
    telemetry_path: str | None,
    enable_lifecycle: bool,
    shard: str,
    total_shards: int,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Poll DBS as the configuration says and serve what was learned on /metrics.

    SIGTERM and Ctrl-C end it within two seconds. SIGHUP reads the configuration again: a file with a
    mistake changes nothing, is logged, and shows in dbs_exporter_config_last_reload_successful.

    \b
    Examples:
      dbs-exporter run --config.file=/etc/dbs-exporter/dbs-exporter.yml
      dbs-exporter run --web.listen-address=127.0.0.1:10033 --web.listen-address=[::1]:10033
      dbs-exporter run --total-shards=3 --shard=dbs-exporter-0
    """
    from dbs_exporter import app

    app.run(
        config_file,
        app.Overrides(
            listen_addresses=listen_addresses,
            telemetry_path=telemetry_path,
            log_level=log_level,
            log_format=log_format,
        ),
        shard=shard,
        total_shards=total_shards,
        enable_lifecycle=enable_lifecycle,
    )


@cli.command(short_help="Simulator and exporter in one process; no account needed.")
@flag(
    "--plans",
    type=click.IntRange(1, 100_000),
    default=40,
    show_default=True,
    help="Backup plans in the fleet.",
)
@flag("--seed", type=int, default=1, show_default=True, help="The same seed gives the same fleet.")
@flag(
    "--speed",
    type=click.FloatRange(0, 100_000, min_open=True),
    default=1.0,
    show_default=True,
    help="Seconds of the simulated cloud per second.",
)
@listen_flag
@telemetry_flag
@log_flags
def demo(
    plans: int,
    seed: int,
    speed: float,
    listen_addresses: tuple[str, ...],
    telemetry_path: str | None,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Serve a simulated fleet of backup plans, with the incidents an operator would recognise, until Ctrl-C.

    \b
    Examples:
      dbs-exporter demo
      dbs-exporter demo --plans 500 --speed 60 --web.listen-address=127.0.0.1:0
    """
    from dbs_exporter import app

    app.demo(
        plans=plans,
        seed=seed,
        speed=speed,
        overrides=app.Overrides(
            listen_addresses=listen_addresses,
            telemetry_path=telemetry_path,
            log_level=log_level,
            log_format=log_format,
        ),
    )


@cli.command(short_help="The simulated cloud alone.")
@flag(
    "--listen-address",
    default="127.0.0.1:8765",
    show_default=True,
    type=ListenAddress(),
    help="Address to serve on; port 0 takes a free one.",
)
@flag(
    "--plans",
    type=click.IntRange(0, 100_000),
    default=40,
    show_default=True,
    help="Backup plans in each account.",
)
@flag(
    "--accounts",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Accounts; the key of the second is testak2, and so on.",
)
@flag("--seed", type=int, default=1, show_default=True, help="The same seed gives the same fleet.")
@flag(
    "--speed",
    type=click.FloatRange(0, 100_000),
    default=1.0,
    show_default=True,
    help="Seconds of the cloud per second; 0 stands still.",
)
@flag(
    "--now",
    metavar="TIME",
    help="Where the cloud's clock starts: a Unix time or 2026-01-31T12:00:00Z.  [default: now]",
)
@flag("--faults", metavar="FILE", help="Faults to start with (YAML or JSON; see docs/simulator.md).")
@flag("--access-key-id", default="testak", show_default=True, help="Access key ID it accepts.")
@flag("--access-key-secret", default="testsk", show_default=True, help="Its secret.")
def simulate(
    listen_address: str,
    plans: int,
    accounts: int,
    seed: int,
    speed: float,
    now: str | None,
    faults: str | None,
    access_key_id: str,
    access_key_secret: str,
) -> None:
    """Serve the DBS API over a simulated fleet, for trying out clients, rules and dashboards.

    Both signature versions are checked, so the official SDKs work against it as well.

    \b
    Examples:
      dbs-exporter simulate --plans 200 --speed 60
      export ALIBABA_CLOUD_ACCESS_KEY_ID=testak ALIBABA_CLOUD_ACCESS_KEY_SECRET=testsk
      dbs-exporter call DescribeBackupPlanList --endpoint=http://127.0.0.1:8765
    """
    from dbs_exporter import simulation

    simulation.simulate(
        listen_address=listen_address,
        plans=plans,
        accounts=accounts,
        seed=seed,
        speed=speed,
        now=now,
        faults=faults,
        access_key_id=access_key_id,
        access_key_secret=access_key_secret,
    )


@cli.command(short_help="Will this configuration work?")
@config_file_flag
@flag("--offline", is_flag=True, help="Stop after validating the file.")
@log_flags
@click.pass_context
def check(
    ctx: click.Context, config_file: str, offline: bool, log_level: str | None, log_format: str | None
) -> None:
    """Validate the configuration, then ask each account and region one cheap question per operation.

    Prints credentials, permission per operation, plans found, and the calls per hour that the configuration
    will cost. The exit code is 0 only if all is well: 2 for the file, 3 for credentials or permission, 4 if
    the API cannot be reached.

    \b
    Examples:
      dbs-exporter check --config.file=dbs-exporter.yml
      dbs-exporter check --offline && systemctl reload dbs-exporter
    """
    from dbs_exporter.check import check_configuration
    from dbs_exporter.logs import set_up_logs

    set_up_logs(log_level or "error", log_format or "logfmt")
    ctx.exit(check_configuration(config_file, offline=offline))


@cli.command(short_help="Every metric, its labels and its source.")
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
    from dbs_exporter.metrics import reference

    if form == "json":
        click.echo(reference.as_json(), nl=False)
    elif form == "markdown":
        click.echo(reference.as_markdown(), nl=False)
    else:
        from dbs_exporter.tables import print_metrics

        print_metrics(reference.entries())


@cli.command(short_help="The configuration's JSON Schema.")
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
    from dbs_exporter.config_schema import json_schema, markdown_reference

    if form == "markdown":
        click.echo(markdown_reference(), nl=False)
    else:
        click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@cli.command(short_help="One API call, its answer as JSON.")
@click.argument("operation", required=False)
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@config_file_flag
@flag("--account", help="Account of the configuration.  [default: the first]")
@flag("--region", help="Region to ask.  [default: the account's first]")
@flag("--endpoint", help="URL to call instead of the region's.")
@flag("--timeout", type=Duration(), help="For all attempts and pages together, such as 30s.")
@flag("--all-pages", is_flag=True, help="Read a list to its end and print all its items.")
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
    region: str | None,
    endpoint: str | None,
    timeout: float | None,
    all_pages: bool,
    write: bool,
    listing: bool,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Call one operation of the API with the configured account and print its answer as JSON.

    Parameters are checked before anything is sent. Operations that change something need --write. Without
    a configuration file, the vendor's default chain gives the credentials (ALIBABA_CLOUD_ACCESS_KEY_ID and
    so on).

    \b
    Examples:
      dbs-exporter call --list
      dbs-exporter call DescribeBackupPlanList --region=cn-hangzhou
      dbs-exporter call DescribeFullBackupList BackupPlanId=dbs1h6s7x --all-pages | jq -r '.[].BackupStatus'
      dbs-exporter call StartRestoreTask RestoreTaskId=s1h6s7x --write
    """
    from dbs_exporter import calling
    from dbs_exporter.logs import set_up_logs

    set_up_logs(log_level or "error", log_format or "logfmt")
    if listing:
        click.echo(calling.describe(operation), nl=False)
        return
    if operation is None:
        raise click.UsageError("Missing argument 'OPERATION'; `dbs-exporter call --list` prints them.")
    answer = calling.call(
        operation,
        parameters,
        config_file=config_file if given_flag(ctx, "config_file") else None,
        default_config_file=DEFAULT_CONFIG_FILE,
        account=account,
        region=region,
        endpoint=endpoint,
        timeout=timeout,
        all_pages=all_pages,
        write=write,
    )
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


@cli.command(short_help="Is a local exporter serving? For a container's HEALTHCHECK.")
@listen_flag
@flag("--ready", is_flag=True, help="Ask /-/ready instead of /-/healthy.")
@flag("--timeout", type=Duration(), default=3.0, show_default="3s", help="How long to wait for the answer.")
def healthcheck(listen_addresses: tuple[str, ...], ready: bool, timeout: float) -> None:
    """Ask the exporter on this machine whether it serves; exit 0 if it does, 4 if not.

    \b
    Example:
      dbs-exporter healthcheck --web.listen-address=127.0.0.1:10033 --ready
    """
    from dbs_exporter.health import ask_health

    # All are served by one process, so one of them answers for all.
    address = listen_addresses[0] if listen_addresses else ":10033"
    click.echo(ask_health(address, "/-/ready" if ready else "/-/healthy", timeout))
