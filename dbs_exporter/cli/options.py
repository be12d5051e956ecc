"""Flags as Prometheus spells them, each with an environment variable, and failures as sentences.

This module owns the form of the command line, not its commands. It never shows a traceback: an unexpected error becomes one
line, and is logged with its traceback at level debug.
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
    """An option with an environment variable by its name.

    For example, `--web.listen-address` is DBS_EXPORTER_WEB_LISTEN_ADDRESS.
    """

    def __init__(self, param_decls: Sequence[str], **attributes: Any) -> None:
        flags = [name for name in param_decls if name.startswith("--")]
        if flags and attributes.pop("from_environment", True):
            name = flags[0].partition("/")[0].removeprefix("--").replace(".", "_").replace("-", "_")
            attributes.setdefault("envvar", ENVIRONMENT_PREFIX + name.upper())
            attributes.setdefault("show_envvar", True)
        super().__init__(param_decls, **attributes)


def flag(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return a decorator that adds a `Flag`; `from_environment=False` gives it no environment variable."""
    return click.option(*names, cls=Flag, **attributes)


class Speed(click.FloatRange):
    """The speed of a simulated clock: its seconds per second, above 0."""

    def __init__(self) -> None:
        super().__init__(0, 100_000, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail with a sentence if it is none."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number; 1 is as fast as life", param, ctx)
        return number


class Failure(click.ClickException):
    """An error message, and the exit code for its kind."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click intends it to be set


class Commands(click.Group):
    """A group of commands whose errors are printed as sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and turn what it raises into a `Failure`."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # otherwise a broken pipe would be noticed only after this handler
            return result
        except BrokenPipeError:
            # `dbs-exporter metrics | head` is no failure; the rest of the output is dropped.
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
            if lacking := _lacking(error):
                raise Failure(lacking, EXIT_UNEXPECTED) from None
            raise Failure(
                f"unexpected: {type(error).__name__}: {error}. This is a bug; please report it"
                " (--log.level=debug shows where it happened)",
                EXIT_UNEXPECTED,
            ) from None


def _lacking(error: Exception) -> str:
    """Return what the system does not give, and what would be right; "" for an error of another kind."""
    is_unmapped = isinstance(error, ImportError) and "failed to map segment" in str(error)
    if isinstance(error, MemoryError) or is_unmapped:
        return (
            "too little memory: the system gives no more; raise the limit (ulimit -v, memory of the container) to what"
            " docs/performance.md says"
        )
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return (
            "too few threads: the system gives no more; raise the limit (ulimit -u, pids of the container) to 64 at"
            " least, or the limit of memory (ulimit -v), of which each takes some"
        )
    return ""


def _os_sentence(error: OSError) -> str:
    problem = error.strerror or str(error)
    return f"{error.filename}: {problem}" if error.filename else problem


class ListenAddress(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A listen address, `[HOST]:PORT`, kept as it is written."""

    name = "[host]:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text unchanged, or fail with what would be right."""
        try:
            parse_listen_address(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A Prometheus duration, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds, or fail with what would be right."""
        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def config_file_flag(command: F) -> F:
    """Add `--config.file` to a command."""
    return flag(
        "--config.file",
        "config_file",
        default=DEFAULT_CONFIG_FILE,
        show_default=True,
        metavar="PATH",
        help="The configuration (see `dbs-exporter schema` and docs/configuration.md).",
    )(command)


def log_flags(command: F) -> F:
    """Add `--log.level` and `--log.format`; None if not set, so that the configuration counts."""
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


def listen_flag(default: str = ":10033") -> Callable[[F], F]:
    """Add `--web.listen-address`, which may be repeated; () if it is not set. `default` is for the help only."""
    return flag(
        "--web.listen-address",
        "listen_addresses",
        multiple=True,
        type=ListenAddress(),
        help="Address to serve on; may be repeated. No host means every interface, port 0 a free one."
        f"  [default: {default}]",
    )


def web_config_flag(command: F) -> F:
    """Add `--web.config.file`; None if it is not set."""
    return flag(
        "--web.config.file",
        "web_config_file",
        metavar="PATH",
        help="TLS, users, headers: the format of Prometheus' exporter-toolkit.  [default: plain HTTP for everybody]",
    )(command)


def url_flags(command: F) -> F:
    """Add `--web.external-url` and `--web.route-prefix`; None if not set, so that the configuration counts."""
    for decorate in (
        flag(
            "--web.route-prefix",
            "route_prefix",
            metavar="PATH",
            help="Path below which everything is served.  [default: that of --web.external-url]",
        ),
        flag(
            "--web.external-url",
            "external_url",
            metavar="URL",
            help="URL under which browsers reach the exporter, for example through an ingress.",
        ),
    ):
        command = decorate(command)
    return command


def telemetry_flag(command: F) -> F:
    """Add `--web.telemetry-path`; None if it is not set."""
    return flag(
        "--web.telemetry-path",
        "telemetry_path",
        metavar="PATH",
        help="Path of the metrics.  [default: /metrics]",
    )(command)


def storage_flag(command: F) -> F:
    """Add `--storage.path`; None if it is not set."""
    return flag(
        "--storage.path",
        "storage_path",
        metavar="DIRECTORY",
        help="Where what is known is kept over a restart.  [default: in memory only]",
    )(command)


def is_flag_set(ctx: click.Context, name: str) -> bool:
    """Return whether a parameter was set on the command line or in the environment, not by its default."""
    source = ctx.get_parameter_source(name)
    return source in (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
