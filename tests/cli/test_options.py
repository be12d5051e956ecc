"""Flags and their variables; every failure a sentence with an exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from support.command_line import invoke

from dbs_exporter.cli.options import Commands, Duration, ListenAddress, Speed, flag, is_flag_set
from dbs_exporter.errors import ConfigError, CredentialsError, NotPermitted, Timeout

Command = Callable[..., None]


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
        (RuntimeError("can't start new thread"), 1),
        (MemoryError(), 1),
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
    ("error", "sentence"),
    [
        (MemoryError(), "too little memory: "),
        (ImportError("x.so: failed to map segment from shared object"), "too little memory: "),
        (RuntimeError("can't start new thread"), "too few threads: "),
    ],
)
def test_what_the_system_does_not_give_is_not_called_a_bug(error: Exception, sentence: str) -> None:
    """The message says what is missing and which limit to raise."""

    @click.group(cls=Commands)
    def group() -> None:
        """A program."""

    @group.command()
    def fail() -> None:
        """Fail."""
        raise error

    result = CliRunner().invoke(group, ["fail"])

    assert f"Error: {sentence}" in result.output
    assert "raise the limit" in result.output
    assert "bug" not in result.output


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


def ran(option: Callable[[Command], Command], *arguments: str, **environment: str) -> Result:
    """Run a command with one option that prints what came and whether it was given."""

    @click.command()
    @option
    @click.pass_context
    def command(ctx: click.Context, value: object) -> None:
        click.echo(f"{value!r} {is_flag_set(ctx, 'value')}")

    return CliRunner().invoke(command, arguments, env=environment)


@pytest.mark.parametrize(
    ("kind", "given", "shown"),
    [
        (ListenAddress(), "[::1]:0", "'[::1]:0'"),
        (Duration(), "1m30s", "90.0"),
        (Speed(), "60", "60.0"),
    ],
)
def test_what_is_given_is_converted(kind: click.ParamType, given: str, shown: str) -> None:  # type: ignore[type-arg]  # generic only since click 8.4
    """An address stays as it was written; a duration and a speed become numbers."""
    assert (
        ran(flag("--x.some-value", "value", type=kind), f"--x.some-value={given}").output == f"{shown} True\n"
    )


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (ListenAddress(), "nowhere", "write [HOST]:PORT"),
        (Duration(), "90", "'90' is not a duration"),
        (Speed(), "0", "0.0 is not in the range"),
        (Speed(), "nan", "'nan' is not a number"),
    ],
)
def test_what_cannot_be_is_refused(kind: click.ParamType, given: str, message: str) -> None:  # type: ignore[type-arg]  # generic only since click 8.4
    """Wrong usage exits with 2 and says what would be right."""
    result = ran(flag("--x.some-value", "value", type=kind), f"--x.some-value={given}")

    assert (result.exit_code, message in result.output) == (2, True), result.output


def test_a_flag_knows_whether_it_was_given() -> None:
    """Its variable counts, a default does not; a flag may have no variable."""
    named = flag("--x.some-value", "value", default="a")
    bare = flag("--x.some-value", "value", default="a", from_environment=False)

    assert ran(named).output == "'a' False\n"
    assert ran(named, DBS_EXPORTER_X_SOME_VALUE="b").output == "'b' True\n"
    assert ran(bare, DBS_EXPORTER_X_SOME_VALUE="b").output == "'a' False\n"
