"""The command line as a whole: help, versions, wrong usage, and what it costs to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.command_line import invoke

from dbs_exporter import __version__
from dbs_exporter.cli.main import cli
from dbs_exporter.cli.options import Flag

COMMANDS = (
    "run",
    "demo",
    "simulate",
    "check",
    "status",
    "metrics",
    "rules",
    "schema",
    "state",
    "call",
    "drill",
    "backfill",
    "healthcheck",
)


def test_version_is_the_package_s() -> None:
    """`--version` prints one line."""
    result = invoke("--version")

    assert (result.exit_code, result.output) == (0, f"dbs-exporter {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example_that_parses(command: str) -> None:
    """Each command teaches by examples, and no example uses a flag that is not there."""
    text = invoke(command, "--help").output
    examples = [
        line.split("#")[0].strip() for line in text.splitlines() if line.startswith("    dbs-exporter ")
    ]

    assert examples
    shown = cli.commands[command]
    below = [*shown.commands.values()] if isinstance(shown, click.Group) else []
    options = {
        option for taught in (shown, *below) for parameter in taught.params for option in parameter.opts
    }
    for example in examples:
        words = example.split("|")[0].split("&&")[0].split()
        if words[1] == command:
            assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}


def test_flags_are_spelled_as_prometheus_spells_them_and_have_variables() -> None:
    """`--web.listen-address` is DBS_EXPORTER_WEB_LISTEN_ADDRESS; only what must be said each time has none."""
    flags = {
        option.opts[0]: option.envvar
        for command in cli.commands.values()
        for option in command.params
        if isinstance(option, Flag)
    }

    assert flags["--web.listen-address"] == "DBS_EXPORTER_WEB_LISTEN_ADDRESS"
    assert flags["--config.file"] == "DBS_EXPORTER_CONFIG_FILE"
    assert {name for name, variable in flags.items() if variable is None} == {
        "--write",
        "--list",
        "--dry-run",
        "--wait",
        "--redact",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rnu",), "No such command 'rnu'"),
        (("run", "--config.fil=x"), "No such option"),
        (("run", "--config.file=/not/there.yml"), "/not/there.yml: cannot be read: No such file or directory"),
        (("run", "--web.listen-address=x"), "'x' is not a listen address; write [HOST]:PORT"),
        (("demo", "--plans=many"), "'many' is not a valid integer"),
        (("demo", "--speed=nan"), "'nan' is not a number"),
        (("run", "--shard=-1", "--total-shards=3"), "'-1' is neither a number nor a name that ends in one"),
        (("demo", "--web.telemetry-path=/"), "'/' is taken by the exporter's own pages"),
        (("simulate", "--now=yesterday"), "--now: 'yesterday' is no time; write a Unix time or one such as"),
        (("simulate", "--faults=/not/there"), "--faults: /not/there: cannot be read"),
        (("check", "--config.file=/not/there.yml"), "/not/there.yml: cannot be read"),
        (("call",), "Missing argument 'OPERATION'; `dbs-exporter call --list` prints them."),
        (("call", "DescribeRegion"), "there is no operation 'DescribeRegion'; did you mean DescribeRegions?"),
        (("call", "DescribeFullBackupList"), "BackupPlanId is required"),
        (("call", "DescribeFullBackupList", "BackupPlanId"), "'BackupPlanId' is not a parameter; write Name=value"),
        (("call", "DescribeRegions", "A=1", "A=2"), "A is given twice"),
        (("call", "DescribeBackupPlanList", "BackupMethod=logic"), "BackupMethod must be one of logical, physical"),
        (("call", "DescribeRegions", "--all-pages"), "DescribeRegions has no list; leave --all-pages out"),
        (("call", "StartRestoreTask", "RestoreTaskId=x"), "StartRestoreTask changes something; add --write"),
        (("call", "DescribeRegions", "--account=prod"), "--account=prod needs a configuration"),
        (("call", "DescribeRegions", "--timeout=5"), "'5' is not a duration"),
        (("metrics", "--format=xml"), "'xml' is not one of"),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_and_exits_with_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was wrong, and what would be right; nothing was called or served."""
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)

    assert result.exit_code == 2, result.output
    assert message in result.output


def test_every_command_is_listed_with_what_it_is_for() -> None:
    """The commands of the interface are all there, in one list, and no other."""
    listed = invoke("--help").output

    assert set(cli.commands) == set(COMMANDS)
    assert all(command.short_help and command.short_help in listed for command in cli.commands.values())


def test_help_needs_nothing_heavy() -> None:
    """`--help` imports none of the libraries that cost time."""
    code = (
        "import sys; from dbs_exporter.cli.main import cli;"
        "print([m for m in ('rich','pydantic','yaml','requests','uvicorn','apscheduler',"
        "'prometheus_client','jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_sigterm_ends_the_program_before_it_serves() -> None:
    """As process 1 of a container it would otherwise be ignored until the command has handlers of its own."""
    program = (
        "import os, signal, dbs_exporter.cli.main as program\n"
        "program.cli = lambda prog_name: os.kill(os.getpid(), signal.SIGTERM)\n"
        "program.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (143, "")
