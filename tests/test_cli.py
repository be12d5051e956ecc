"""The command line: flags, environment variables, exit codes, help; in process, and as a process where that matters."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from dbs_exporter import __version__
from dbs_exporter.cli.main import cli
from dbs_exporter.cli.options import Commands, Flag
from dbs_exporter.errors import ConfigError, CredentialsError, NotPermitted, Timeout

INTERFACE = ("run", "demo", "simulate", "check", "metrics", "schema", "call", "healthcheck")


def invoke(*arguments: str, **environment: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, arguments, env={"DBS_EXPORTER_CONFIG_FILE": None, **environment})


def test_version_is_the_package_s() -> None:
    """`--version` prints one line."""
    result = invoke("--version")

    assert (result.exit_code, result.output) == (0, f"dbs-exporter {__version__}\n")


@pytest.mark.parametrize("command", INTERFACE)
def test_help_of_every_command_shows_an_example_that_parses(command: str) -> None:
    """Each command teaches by examples, and no example uses a flag that is not there."""
    text = invoke(command, "--help").output
    examples = [
        line.split("#")[0].strip() for line in text.splitlines() if line.startswith("    dbs-exporter ")
    ]

    assert examples
    options = {option for parameter in cli.commands[command].params for option in parameter.opts}
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
    assert {name for name, variable in flags.items() if variable is None} == {"--write", "--list"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("c.yml:1: a", "c.yml:2: b"), 2),
        (click.UsageError("wrong"), 2),
        (CredentialsError("none"), 3),
        (NotPermitted("no"), 3),
        (Timeout("late"), 4),
        (OSError(28, "No space left on device", "/x"), 1),
        (RuntimeError("what"), 1),
    ],
)
def test_every_failure_is_a_sentence_with_its_exit_code(error: Exception, code: int) -> None:
    """No traceback reaches the user, whatever is raised."""

    @click.group(cls=Commands)
    def group() -> None:
        """A program."""

    @group.command()
    def fail() -> None:
        """Fail."""
        raise error

    result = CliRunner().invoke(group, ["fail"])

    assert result.exit_code == code
    assert "Error: " in result.output
    assert "Traceback" not in result.output


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


def test_a_variable_stands_for_a_flag_and_the_flag_wins(tmp_path: Path) -> None:
    """DBS_EXPORTER_CONFIG_FILE is read where --config.file is not given."""
    (tmp_path / "bad.yml").write_text("accounts: 5\n")
    by_variable = invoke("check", "--offline", DBS_EXPORTER_CONFIG_FILE=str(tmp_path / "bad.yml"))
    by_flag = invoke(
        "check",
        "--offline",
        "--config.file=/not/there.yml",
        DBS_EXPORTER_CONFIG_FILE=str(tmp_path / "bad.yml"),
    )

    assert "bad.yml:1: accounts: 5 is not a list" in by_variable.output
    assert "/not/there.yml: cannot be read" in by_flag.output


def test_call_lists_operations_and_parameters() -> None:
    """One can find out what there is without the vendor's site."""
    everything = invoke("call", "--list").output
    one = invoke("call", "DescribeFullBackupList", "--list").output

    assert "DescribeBackupPlanList" in everything
    assert "StartRestoreTask" in everything
    assert "BackupPlanId: string, required" in one
    assert "BackupSetStatus: string, one of schedule, running, finish, stop, pause" in one


def test_metrics_are_printed_in_three_forms() -> None:
    """Table, Markdown and JSON hold the same names."""
    names = [entry["name"] for entry in json.loads(invoke("metrics", "--format=json").output)]
    markdown = invoke("metrics", "--format=markdown").output
    table = invoke("metrics").output

    assert "dbs_plan_recovery_point_timestamp_seconds" in names
    assert all(f"`{name}`" in markdown for name in names)
    assert all(name in table for name in names)


def test_schema_is_printed_as_json() -> None:
    """It can be written to a file as it is."""
    assert json.loads(invoke("schema").output)["title"] == "dbs-exporter configuration"
    assert invoke("schema", "--format=markdown").output.startswith("# Configuration\n")


def test_help_needs_nothing_heavy() -> None:
    """`--help` imports none of the libraries that cost time."""
    code = (
        "import sys; from dbs_exporter.cli import cli;"
        "print([m for m in ('rich','pydantic','yaml','requests','uvicorn','structlog','apscheduler',"
        "'prometheus_client','jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("form", ["json", "table"])
def test_output_that_nobody_reads_to_the_end_is_no_failure(form: str) -> None:
    """`dbs-exporter metrics | head -1` ends quietly."""
    with subprocess.Popen(
        [sys.executable, "-m", "dbs_exporter", "metrics", f"--format={form}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()

    assert (told, process.returncode) == (b"", 0)


def test_sigterm_ends_the_program_before_it_serves() -> None:
    """As process 1 of a container it would otherwise be ignored until the command has handlers of its own."""
    program = (
        "import os, signal, dbs_exporter.cli as program\n"
        "program.cli = lambda prog_name: os.kill(os.getpid(), signal.SIGTERM)\n"
        "program.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (143, "")


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ready = self.path == "/-/ready"
        self.send_response(503 if ready else 200)
        self.end_headers()
        self.wfile.write(b"not ready: plans of prod\n" if ready else b"healthy\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def health_port() -> Iterator[int]:
    """A server that is healthy and not ready."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_healthcheck_asks_this_machine(health_port: int) -> None:
    """0 if it serves, 4 if it does not or is not ready, and why."""
    good = invoke("healthcheck", f"--web.listen-address=:{health_port}")
    unready = invoke("healthcheck", f"--web.listen-address=127.0.0.1:{health_port}", "--ready")
    gone = invoke("healthcheck", "--web.listen-address=127.0.0.1:1", "--timeout=1s")

    assert (good.exit_code, good.output) == (0, "healthy\n")
    assert unready.exit_code == 4
    assert "/-/ready answers 503: not ready: plans of prod" in unready.output
    assert gone.exit_code == 4
    assert "no exporter answers on 127.0.0.1:1" in gone.output
