"""`dbs-exporter drill`: runs a drill and shows it, with progress bars on a terminal and plain lines elsewhere.

This module owns what is printed. Every line passes through `without_secrets`, and requests are never logged, whatever the level,
because a password travels in their address.
"""

from __future__ import annotations

import logging
import shlex
import sys
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import quote, quote_plus

import click

from dbs_exporter.api.transport import Sessions
from dbs_exporter.clock import Clock, SystemClock
from dbs_exporter.config.drill_file import DrillConfig, load_drill_file
from dbs_exporter.config.durations import format_duration
from dbs_exporter.config.load import secrets_of
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.results import Command, DrillCall, Report, Result, as_json
from dbs_exporter.drill.textfile import write_textfile
from dbs_exporter.errors import DrillError
from dbs_exporter.logs import conceal, without_secrets

_STEP = 0.1
"""Without a terminal, a line is printed each time a stage has come that much further."""


class Work(Protocol):
    """A drill: fills the report, and talks to the listener."""

    def __call__(self, cloud: Cloud, config: DrillConfig, listener: Any, report: Report) -> None:
        """Run it."""
        ...


def run_drill(
    command: Command,
    work: Work,
    *,
    config_file: str,
    yes: bool,
    output: str,
    textfile: str | None,
    clock: Clock | None = None,
    sessions: Sessions | None = None,
) -> int:
    """Run a drill, print what came of it, and return the exit code."""
    config = load_drill_file(config_file)
    conceal(secrets_of(config.account))
    conceal(_spellings(config))
    # It logs the address of a request, at level debug, and of answers whose head is odd.
    connections = logging.getLogger("urllib3")
    level = connections.level
    connections.setLevel(logging.CRITICAL + 1)
    clock = clock or SystemClock()
    cloud = Cloud(config.account, clock, writes=yes, sessions=sessions)
    report = Report(command=command, account=config.account.name, is_dry_run=not yes, at=clock.now())
    printer = Printer(to_stderr=output == "json", shows_calls=not yes and output != "json")
    code: int | None = None
    try:
        with printer:
            work(cloud, config, printer, report)
        code = report.exit_code
    except DrillError as error:
        printer.refused(error)
        report.refusals = list(error.problems)
        code = report.exit_code
    except KeyboardInterrupt:
        code = 130
    finally:
        report.at = cloud.now()
        cloud.close()
        connections.setLevel(level)
        if code in (None, 130) and not report.results:
            click.echo("It ended before anything was changed.", err=True)
        else:
            _publish(report, code, output, textfile, yes=yes)
    return code


def _publish(report: Report, code: int | None, output: str, textfile: str | None, *, yes: bool) -> None:
    """Print the results, and write the file for node_exporter; a dry run leaves that file alone."""
    if output == "json":
        click.echo(without_secrets(as_json(report, code)))
    else:
        for line in _summary(report) if not report.refusals else ():
            click.echo(without_secrets(line))
    if textfile is not None and yes:
        write_textfile(Path(textfile), report)


def _spellings(config: DrillConfig) -> list[str]:
    """Return the passwords as they stand in the file, and as they travel in an address."""
    plain = [
        destination.password.get_secret_value()
        for destination in config.destinations
        if destination.password is not None
    ]
    return [
        form for text in plain for form in (text, quote(text, safe=""), quote_plus(text), repr(text)[1:-1])
    ]


def words_of(command: str | None) -> list[str]:
    """Return the words of a command line. Raises click.UsageError if its quotes do not match."""
    try:
        return shlex.split(command or "")
    except ValueError as error:
        raise click.UsageError(f"--exec: {error} in {command!r}; close the quotes") from None


class Printer:
    """Prints what happens: lines, calls, and progress."""

    def __init__(self, *, to_stderr: bool, shows_calls: bool) -> None:
        self._to_stderr = to_stderr
        self._shows_calls = shows_calls
        self._is_terminal = (sys.stderr if to_stderr else sys.stdout).isatty()
        self._bars: Any = None
        self._bar_of: dict[tuple[str, str], Any] = {}
        self._printed: dict[tuple[str, str], float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_bars()

    def on_line(self, line: str) -> None:
        """Print a line; bars that are shown end before it."""
        self._stop_bars()
        click.echo(without_secrets(line), err=self._to_stderr)

    def on_call(self, call: DrillCall) -> None:
        """Print a call of a dry run."""
        if self._shows_calls:
            self.on_line(f"would call {call}")

    def on_progress(self, subject: str, stages: tuple[tuple[str, float], ...]) -> None:
        """Move the bars, or print the stages that have come further."""
        if self._is_terminal:
            self._move_bars(subject, stages)
            return
        for stage, ratio in stages:
            before = self._printed.get((subject, stage), 0.0)
            if ratio >= before + _STEP or (ratio >= 1 > before):
                self._printed[subject, stage] = ratio
                self.on_line(f"{subject}: {stage} {ratio:.0%}")

    def refused(self, error: DrillError) -> None:
        """Print every reason why nothing was done."""
        self._stop_bars()
        for problem in error.problems:
            click.echo(without_secrets(f"refused: {problem}"), err=True)
        click.echo("Nothing was changed.", err=True)

    def _move_bars(self, subject: str, stages: tuple[tuple[str, float], ...]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:3.0f} %"),
                TimeElapsedColumn(),
                console=Console(stderr=self._to_stderr),
            )
            self._bars.start()
        for stage, ratio in stages:
            key = (subject, stage)
            if key not in self._bar_of:
                self._bar_of[key] = self._bars.add_task(stage, total=1.0)
            self._bars.update(self._bar_of[key], completed=ratio)

    def _stop_bars(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._bar_of.clear()


def _summary(report: Report) -> list[str]:
    lines = [_sentence(report.command, result) for result in report.results]
    for result in report.results:
        lines += [f"  {note}" for note in result.notes]
        if result.to_drop and not report.is_dry_run and report.command == "restore":
            words = (
                "to drop when you have looked at it, since it"
                if result.is_proven
                else "what may be there now, and"
            )
            lines.append(f"  {words} is production data: {', '.join(result.to_drop)}")
    if report.is_dry_run:
        lines.append("Nothing was changed; add --yes to do this.")
    return lines


def _sentence(command: Command, result: Result) -> str:
    plan = f"plan {result.plan_id} ({result.plan_name})" if result.plan_name else f"plan {result.plan_id}"
    where = f" to {result.destination}" if result.destination else ""
    match result.state:
        case "planned":
            todo = {"restore": "restored", "download": "downloaded", "gateway": "asked for"}[command]
            followed = f", by task {result.task_id} of an earlier run" if result.is_followed else ""
            return f"{plan}{where}: would be {todo}{followed}"
        case "proven":
            seconds = result.answer_seconds if command == "gateway" else result.duration_seconds
            took = "" if seconds is None else f" in {format_duration(round(seconds))}"
            done = {"restore": "restored", "download": "downloaded", "gateway": "reached"}[command]
            return f"{plan}{where}: {done}{took}"
        case "not_begun":
            return f"{plan}{where}: not begun, since one before it failed"
        case "timed_out":
            return f"{plan}{where}: not ended in time: {result.message}"
        case state:
            return f"{plan}{where}: {state}: {result.message}"
