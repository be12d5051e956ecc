"""`dbs-exporter call --wait`: follows what a call began until it ends.

This module owns what can be followed, how often it is asked for, and when it has ended. It begins and ends nothing itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dbs_exporter.api.client import Client
from dbs_exporter.api.operations.grammar import Operation
from dbs_exporter.cli.options import Failure
from dbs_exporter.clock import Clock
from dbs_exporter.errors import EXIT_FOLLOWED, ApiError, BadAnswer
from dbs_exporter.facts.downloads import download_ended, read_download_task
from dbs_exporter.facts.fields import Record, error_message, integer, items, text
from dbs_exporter.facts.networks import read_database_names
from dbs_exporter.facts.records import Fields, Reader
from dbs_exporter.facts.restores import read_restore_task, restore_ended, restore_succeeded

_LISTED_WITHIN_SECONDS = 60.0
"""How long a task that was just created may be missing in its list."""
_FAILING_SECONDS = 600.0
"""How long reads may fail one after the other: a restore of hours outlives an outage of minutes."""
_DATABASES_SECONDS = 600.0
"""How long to wait for a gateway's list. No document says how a gateway answers that sees no database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of the thing that is followed."""

    state: str
    progress: float | None = None
    """From 0 to 1; None if the API gives none."""
    has_ended: bool = False
    has_failed: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A thing to follow: what it is called, the operation that shows it, and how its answer is read."""

    name: str
    operation: str
    parameters: Mapping[str, str]
    look: Callable[[Record, Fields], Look]
    listed_at: tuple[str, ...] = ()
    """Where its record is in the answer; () if the answer is the record."""
    pause_seconds: float = 10.0
    patience_seconds: float | None = None


def check_can_follow(operation: Operation, parameters: Mapping[str, str]) -> None:
    """Raise click.UsageError if the operation begins or shows nothing that can be followed."""
    name = operation.name
    if name not in _FOLLOWED:
        raise click.UsageError(
            f"--wait has nothing to follow after {name}; it follows {', '.join(_FOLLOWED)}"
        )
    wanted = _FOLLOWED[name][0]
    if not operation.writes and (not parameters.get(wanted) or "," in parameters[wanted]):
        raise click.UsageError(f"--wait follows one thing; name it: {wanted}=ID")


def followed(operation: Operation, parameters: Mapping[str, str], answer: Record) -> Followed:
    """Return what to follow after a call: what its answer or else its parameters name. Raises BadAnswer."""
    wanted, make = _FOLLOWED[operation.name]
    found = text(answer, wanted) or parameters.get(wanted, "")
    if not found:
        raise BadAnswer("the answer does not say what to follow", operation=operation.name, field=wanted)
    return make(found, parameters)


def follow(
    client: Client, thing: Followed, clock: Clock, *, timeout: float | None, show: Callable[[str], str]
) -> Any:
    """Ask until the thing has ended, show its progress on standard error, and return the last answer.

    `timeout` is in seconds. `show` makes a text fit to be shown. Raises click.ClickException if it failed or did not end in
    time, and ApiError if it cannot be read.
    """
    began = clock.monotonic()
    limit = min(
        (seconds for seconds in (timeout, thing.patience_seconds) if seconds is not None), default=None
    )
    last = Look(state="nothing known yet")
    last_read = began
    with _Display(show(thing.name)) as display, _parting(show(thing.name)):
        while True:
            now = clock.monotonic()
            left = None if limit is None else began + limit - now
            if left is not None and left <= 0:
                raise Failure(
                    show(
                        f"{thing.name}: {last.state} after {limit:g}s, the time allowed; it goes on by itself"
                    ),
                    EXIT_FOLLOWED,
                )
            try:
                answer = client.call(thing.operation, thing.parameters, within=left)
                seen = _seen(thing, answer, clock.now())
            except ApiError as error:
                is_lasting = clock.monotonic() - last_read > _FAILING_SECONDS
                if is_lasting or not (error.retryable or isinstance(error, BadAnswer)):
                    raise
                display.update(
                    Look(state=show(f"{last.state}; not readable now: {error}"), progress=last.progress)
                )
            else:
                last_read = clock.monotonic()
                if seen is None and last_read - began > _LISTED_WITHIN_SECONDS:
                    raise Failure(show(f"{thing.name}: there is no such thing"), EXIT_FOLLOWED)
                if seen is not None:
                    last = seen
                    display.update(Look(state=show(seen.state), progress=seen.progress))
                if last.has_failed:
                    raise Failure(show(f"{thing.name} failed: {last.error or last.state}"), EXIT_FOLLOWED)
                if last.has_ended:
                    return answer
            if clock.sleep(thing.pause_seconds if left is None else min(thing.pause_seconds, left)):
                raise click.Abort


@contextmanager
def _parting(name: str) -> Iterator[None]:
    """Say to whoever interrupts the waiting that the work goes on."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name} goes on by itself", err=True)
        raise


def _seen(thing: Followed, answer: Record, now: float) -> Look | None:
    """Return what an answer shows; None if the thing is not in it yet."""
    record = answer
    if thing.listed_at:
        records = items(answer, thing.listed_at)
        if not records:
            return None
        record = records[0]
    return thing.look(record, Reader(now).fields(record))


def _restore(task_id: str, _: Mapping[str, str]) -> Followed:
    def look(_record: Record, fields: Fields) -> Look:
        task = read_restore_task(fields)
        stage = next(((name, share) for name, share in task.progress if share < 1), None)
        has_ended = restore_ended(task)
        return Look(
            state=f"{task.status}, {stage[0]} at {stage[1]:.0%}" if stage else task.status,
            progress=sum(share for _, share in task.progress) / len(task.progress) if task.progress else None,
            has_ended=has_ended,
            has_failed=has_ended and not restore_succeeded(task),
            error=task.error_message,
        )

    return Followed(
        name=f"restore {task_id}",
        operation="DescribeRestoreTaskList",
        parameters={"RestoreTaskId": task_id},
        look=look,
        listed_at=("Items", "RestoreTaskDetail"),
    )


def _precheck(task_id: str, _: Mapping[str, str]) -> Followed:
    def look(record: Record, _fields: Fields) -> Look:
        state = text(record, "Status")
        reached = integer(record, "Progress")
        checks = items(record, ("Items", "PreCheckProgressDetail"))
        problems = [
            f"{text(check, 'Item')}: {error_message(check) or 'failed'}"
            for check in checks
            if text(check, "State").lower() == "failed"
        ]
        return Look(
            state=state or "not begun",
            progress=None if reached is None else min(max(reached / 100, 0.0), 1.0),
            has_ended=state.lower() == "finish",
            has_failed=state.lower() == "failed",
            error="; ".join(problems),
        )

    return Followed(
        name=f"pre-check of restore {task_id}",
        operation="DescribePreCheckProgressList",
        parameters={"RestoreTaskId": task_id},
        look=look,
        pause_seconds=3.0,
    )


def _download(task_id: str, _: Mapping[str, str]) -> Followed:
    def look(_record: Record, fields: Fields) -> Look:
        task = read_download_task(fields)
        has_ended = download_ended(task)
        return Look(
            state=task.status,
            progress=1.0 if task.status == "finish" else None,
            has_ended=has_ended,
            has_failed=has_ended and task.status != "finish",
            error=task.error_message,
        )

    return Followed(
        name=f"download {task_id}",
        operation="DescribeBackupSetDownloadTaskList",
        parameters={"BackupSetDownloadTaskId": task_id},
        look=look,
        listed_at=("Items", "BackupSetDownloadTaskDetail"),
    )


def _databases(task_id: str, parameters: Mapping[str, str]) -> Followed:
    def look(record: Record, _fields: Fields) -> Look:
        names = read_database_names(record)
        return Look(state=f"{len(names)} databases" if names else "no database yet", has_ended=bool(names))

    asked = ("BackupGatewayId", "SourceEndpointRegion")
    return Followed(
        name=f"list of a gateway, task {task_id}",
        operation="GetDBListFromAgent",
        parameters={"TaskId": task_id, **{name: parameters[name] for name in asked if name in parameters}},
        look=look,
        pause_seconds=3.0,
        patience_seconds=_DATABASES_SECONDS,
    )


_FOLLOWED: Mapping[str, tuple[str, Callable[[str, Mapping[str, str]], Followed]]] = {
    "CreateRestoreTask": ("RestoreTaskId", _precheck),
    "StartRestoreTask": ("RestoreTaskId", _restore),
    "DescribeRestoreTaskList": ("RestoreTaskId", _restore),
    "DescribePreCheckProgressList": ("RestoreTaskId", _precheck),
    "CreateFullBackupSetDownload": ("BackupSetDownloadTaskId", _download),
    "CreateIncrementBackupSetDownload": ("BackupSetDownloadTaskId", _download),
    "DescribeBackupSetDownloadTaskList": ("BackupSetDownloadTaskId", _download),
    "CreateGetDBListFromAgentTask": ("TaskId", _databases),
    "GetDBListFromAgent": ("TaskId", _databases),
}
"""Operation -> the field of its answer or parameter that names what to follow, and how."""


class _Display(AbstractContextManager["_Display"]):
    """Progress on standard error: a bar on a terminal, else a line for each change."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = ""
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(),
                TextColumn("{task.fields[state]}", markup=False), TimeElapsedColumn(),
                console=Console(stderr=True, highlight=False),
            )  # fmt: skip

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=None, state="")
        return self

    def update(self, look: Look) -> None:
        """Show what was seen."""
        if self._bar is not None:
            total = None if look.progress is None else 1.0
            self._bar.update(self._task, total=total, completed=look.progress or 0.0, state=look.state)
        elif look.state != self._last:
            self._last = look.state
            click.echo(f"{self._name}: {look.state}", err=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
