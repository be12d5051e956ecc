"""The commands `run`, `demo`, `simulate` and `check`: their arguments and their help.

The work is done by `serve`, `demo`, `simulate` and `check`; the other commands are in `commands`. Heavy modules are imported
inside the commands, so that `--help` is immediate and the demo needs little memory. Exit codes: 0 fine, 1 unexpected, 2
configuration or usage, 3 credentials or permission, 4 the API cannot be reached, 7 the API refuses a request as wrong.
"""

from __future__ import annotations

import signal
import sys
from typing import Literal

import click

from dbs_exporter import __version__
from dbs_exporter.cli.backfill_command import backfill
from dbs_exporter.cli.commands import call, healthcheck, metrics, rules, schema, state, status
from dbs_exporter.cli.drill_commands import drill
from dbs_exporter.cli.options import (
    Commands,
    ListenAddress,
    Speed,
    config_file_flag,
    flag,
    listen_flag,
    log_flags,
    storage_flag,
    telemetry_flag,
    url_flags,
    web_config_flag,
)

_EPILOG = (
    "Exit codes: 0 fine, 1 unexpected, 2 configuration or usage, 3 credentials or permission,"
    " 4 API unreachable, 5 too few calls, 6 warnings (`check --strict`),"
    " 7 request refused by the API, 8 what `call --wait` followed failed,"
    " 9 not proven (`drill`)."
)


def main() -> None:
    """Run the command of the command line and exit with its code."""
    # Process 1 receives no signal without a handler; until `run` installs its own, SIGTERM ends the program.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    cli(prog_name="dbs-exporter")


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="dbs-exporter", message="%(prog)s %(version)s")
def cli() -> None:
    """A Prometheus exporter for Alibaba Cloud Database Backup Service (DBS).

    Can every database be restored, to which second, until when, and would anyone notice if not?

    \b
    See it work, without an account:     dbs-exporter demo
    Write ten lines of configuration:    dbs-exporter schema; docs/configuration.md
    Ask whether they will work:          dbs-exporter check --config.file=dbs-exporter.yml
    Run it:                              dbs-exporter run --config.file=dbs-exporter.yml
    """


@cli.command(short_help="The exporter.")
@config_file_flag
@listen_flag()
@telemetry_flag
@storage_flag
@url_flags
@web_config_flag
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
@flag(
    "--shard-url",
    metavar="URL",
    help="URL of each shard's page, {shard} for its number, such as https://dbs-{shard}.example/; pages link to it.",
)
@log_flags
def run(
    config_file: str,
    listen_addresses: tuple[str, ...],
    telemetry_path: str | None,
    storage_path: str | None,
    external_url: str | None,
    route_prefix: str | None,
    web_config_file: str | None,
    enable_lifecycle: bool,
    shard: str,
    total_shards: int,
    shard_url: str | None,
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
    from dbs_exporter.cli.overrides import Overrides
    from dbs_exporter.cli.serve import run as run_exporter

    run_exporter(
        config_file,
        Overrides(
            listen_addresses=listen_addresses,
            telemetry_path=telemetry_path,
            storage_path=storage_path,
            external_url=external_url,
            route_prefix=route_prefix,
            log_level=log_level,
            log_format=log_format,
        ),
        web_config_file=web_config_file,
        shard=shard,
        total_shards=total_shards,
        shard_url=shard_url,
        enable_lifecycle=enable_lifecycle,
    )


@cli.command(short_help="Simulator and exporter in one process; no account needed.")
@flag(
    "--plans",
    type=click.IntRange(1, 100_000),
    default=60,
    show_default=True,
    help="Backup plans in the fleet.",
)
@flag("--seed", type=int, default=1, show_default=True, help="The same seed gives the same fleet.")
@flag(
    "--speed",
    type=Speed(),
    default=1.0,
    show_default=True,
    help="Seconds of the simulated cloud per second; metrics have the ages of now.",
)
@listen_flag("127.0.0.1:10033")
@telemetry_flag
@storage_flag
@url_flags
@web_config_flag
@log_flags
def demo(
    plans: int,
    seed: int,
    speed: float,
    listen_addresses: tuple[str, ...],
    telemetry_path: str | None,
    storage_path: str | None,
    external_url: str | None,
    route_prefix: str | None,
    web_config_file: str | None,
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Serve a simulated fleet of backup plans, with incidents an operator would recognise, until Ctrl-C.

    \b
    Examples:
      dbs-exporter demo
      dbs-exporter demo --plans 500 --speed 60 --web.listen-address=127.0.0.1:0
    """
    from dbs_exporter.cli.demo import demo as run_demo
    from dbs_exporter.cli.overrides import Overrides

    run_demo(
        plans=plans,
        seed=seed,
        speed=speed,
        web_config_file=web_config_file,
        overrides=Overrides(
            listen_addresses=listen_addresses,
            telemetry_path=telemetry_path,
            storage_path=storage_path,
            external_url=external_url,
            route_prefix=route_prefix,
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
    help="Seconds of the cloud per second; 0 stands still. Beside a Prometheus leave it at 1, or use `demo --speed`.",
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
    from dbs_exporter.cli import simulate as simulation

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
@flag("--strict", is_flag=True, help="Fail if there are warnings.")
@flag(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
@log_flags
@click.pass_context
def check(
    ctx: click.Context,
    config_file: str,
    offline: bool,
    strict: bool,
    form: Literal["table", "json"],
    log_level: str | None,
    log_format: str | None,
) -> None:
    """Validate the configuration, then list the plans of each account and region and ask one cheap question per operation.

    Prints credentials, permission, plans found, the calls per hour that they will want at rest and while backups
    run, and whether those suffice. The exit code is 2 for the file, 3 for credentials or permission, 4 if the API
    cannot be reached, 5 if the calls do not suffice, 6 for other warnings with --strict.

    \b
    Examples:
      dbs-exporter check --config.file=dbs-exporter.yml
      dbs-exporter check --strict --format=json | jq .warnings
      dbs-exporter check --offline && systemctl reload dbs-exporter
    """
    from dbs_exporter.cli.check import check_configuration
    from dbs_exporter.logs import set_up_logs

    set_up_logs(log_level or "error", log_format or "logfmt")
    ctx.exit(check_configuration(config_file, offline=offline, strict=strict, form=form))


for _command in (status, metrics, rules, schema, state, call, healthcheck, drill, backfill):
    cli.add_command(_command)
