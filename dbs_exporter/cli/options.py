"""Flags as Prometheus spells them, each with its environment variable; failures as sentences with an exit
code.

It owns the form of the command line, not its commands. No traceback ever reaches the user: what nobody
foresaw is told in one line, and logged in full at level debug.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from dbs_exporter.config.durations import parse_duration
from dbs_exporter.errors import EXIT_UNEXPECTED, EXIT_USAGE, ConfigError, DbsExporterError
from dbs_exporter.listen import parse_listen_address

ENVIRONMENT_PREFIX = "DBS_EXPORTER_"
DEFAULT_CONFIG_FILE = "dbs-exporter.yml"

F = TypeVar("F", bound=Callable[..., Any])
_log = logging.getLogger(__name__)


class Flag(click.Option):
    """An option whose environment variable follows from its name: `--web.listen-address`,
    DBS_EXPORTER_WEB_LISTEN_ADDRESS.
    """

    def __init__(self, param_decls: Sequence[str], **attributes: Any) -> None:
        flags = [name for name in param_decls if name.startswith("--")]
        if flags and attributes.pop("from_environment", True):
            words = flags[0].partition("/")[0].removeprefix("--").replace(".", "_").replace("-", "_")
            attributes.setdefault("envvar", ENVIRONMENT_PREFIX + words.upper())
            attributes.setdefault("show_envvar", True)
        super().__init__(param_decls, **attributes)


def flag(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Add a `Flag` to a command; `from_environment=False` keeps it out of the environment."""
    return click.option(*names, cls=Flag, **attributes)


class Speed(click.FloatRange):
    """How many times as fast as life a simulated clock runs."""

    def __init__(self) -> None:
        super().__init__(0, 100_000, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; what is none fails with a sentence."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number; 1 is as fast as life", param, ctx)
        return number


class Failure(click.ClickException):
    """What went wrong, and the exit code that says of which kind it is."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click means it to be set so


class Commands(click.Group):
    """A group whose commands fail with sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes a `Failure`."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # or what nobody reads would be noticed too late to be told
            return result
        except BrokenPipeError:
            # `dbs-exporter metrics | head` is no failure; what is still buffered goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            ctx.exit(0)
        except ConfigError as error:
            raise Failure("\n       ".join(error.problems), EXIT_USAGE) from None
        except DbsExporterError as error:
            raise Failure(str(error), error.exit_code) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OSError as error:
            _log.debug("failed", exc_info=True)
            raise Failure(_os_sentence(error), EXIT_UNEXPECTED) from None
        except Exception as error:
            _log.debug("failed", exc_info=True)
            raise Failure(
                f"unexpected: {type(error).__name__}: {error}. This is a bug; please report it"
                " (--log.level=debug shows where it happened)",
                EXIT_UNEXPECTED,
            ) from None


def _os_sentence(error: OSError) -> str:
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


class ListenAddress(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """`[HOST]:PORT`, kept as it was written."""

    name = "[host]:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the text as it is, or fail with what would be right."""
        try:
            parse_listen_address(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A Prometheus duration, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give the seconds, or fail with what would be right."""
        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def config_file_flag(command: F) -> F:
    """`--config.file`."""
    return flag(
        "--config.file",
        "config_file",
        default=DEFAULT_CONFIG_FILE,
        show_default=True,
        metavar="PATH",
        help="The configuration (see `dbs-exporter schema` and docs/configuration.md).",
    )(command)


def log_flags(command: F) -> F:
    """`--log.level` and `--log.format`; None where neither flag nor environment says, so that the file's word
    holds.
    """
    for decorate in (
        flag(
            "--log.format",
            "log_format",
            type=click.Choice(["logfmt", "json"]),
            help="Form of the log lines, on standard error.  [default: logfmt]",
        ),
        flag(
            "--log.level",
            "log_level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            help="Least severity that is logged.  [default: info]",
        ),
    ):
        command = decorate(command)
    return command


def listen_flag(command: F) -> F:
    """`--web.listen-address`, repeatable; () where nothing was said."""
    return flag(
        "--web.listen-address",
        "listen_addresses",
        multiple=True,
        type=ListenAddress(),
        help="Address to serve on; may be repeated. Port 0 takes a free one.  [default: :10033]",
    )(command)


def telemetry_flag(command: F) -> F:
    """`--web.telemetry-path`; None where nothing was said."""
    return flag(
        "--web.telemetry-path",
        "telemetry_path",
        metavar="PATH",
        help="Path of the metrics.  [default: /metrics]",
    )(command)


def given_flag(ctx: click.Context, name: str) -> bool:
    """True if a parameter was set by the command line or the environment, and is not just its default."""
    source = ctx.get_parameter_source(name)
    return source in (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
