"""`dbs-exporter backfill`: reads the lists, writes a file for each day of the past, and prints how a Prometheus loads them.

This module owns what is refused, what is printed, and the folder; what is written is up to `dbs_exporter.backfill`.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from dbs_exporter.backfill.listing import past_of, reading_of
from dbs_exporter.backfill.plan_past import FAMILIES, PlanPast
from dbs_exporter.backfill.writing import DAY_SECONDS, days, write_day
from dbs_exporter.clock import Clock, SystemClock
from dbs_exporter.collectors.plans import read_plans
from dbs_exporter.config.durations import format_duration, parse_duration
from dbs_exporter.config.load import load_config, secrets_of, selects
from dbs_exporter.config.models import AccountConfig
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.objectives import matches
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.logs import conceal

HEAD_SECONDS = 10_800.0
"""A Prometheus keeps the last three hours in its head; blocks that reach into them overlap it."""
LEAST_STEP_SECONDS = 15.0
_SERIES = 30
"""Of a plan whose full backups and restores are all known; few have more."""
_SAMPLE_BYTES = 160
_RUN_FILE = "backfill.json"
_DAY_FILE = re.compile(r"history-\d{4}-\d\d-\d\d\.(om|part)")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Wanted(Struct, frozen=True, kw_only=True):
    """What the command line asks for; `begin` and `end` as they are written."""

    config_file: str
    begin: str
    end: str
    step: float
    output: str
    max_samples: int
    plans: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}


def backfill(wanted: Wanted, clock: Clock | None = None) -> None:
    """Write the files of all days and print what to do with them. Raises ConfigError for what cannot be, and ApiError."""
    clock = clock or SystemClock()
    begin, end = _range(wanted, clock.now())
    config = load_config(wanted.config_file)
    folder = _folder(wanted)
    with _clouds(config.accounts, clock) as clouds:
        found = [each for cloud in clouds for each in _plans(cloud, wanted.plans)]
        _require_plans(wanted.plans, [plan for _, _, plan in found])
        count = math.ceil((end - begin) / wanted.step)
        _require_few(len(found), count, wanted)
        pasts = [_past(number, len(found), *each) for number, each in enumerate(found, 1)]
    with _writing(folder):
        _prepare(folder, wanted)
        samples = _write(folder, pasts, begin, end, wanted)
    _print_how_to_load(folder, samples, clock.now() - begin, wanted)


def _range(wanted: Wanted, now: float) -> tuple[float, float]:
    """Return when the history begins and ends. Raises ConfigError with what would be right."""
    begin, end = _instant("--from", wanted.begin, now), _instant("--to", wanted.end, now)
    if wanted.step < LEAST_STEP_SECONDS or wanted.step % 1:
        raise ConfigError(
            f"--step: {format_duration(wanted.step)} is too fine; give whole seconds, 15s at least, such as 5m or 1h"
        )
    if end > now:
        raise ConfigError(f"--to: {_shown(end)} is in the future; give 3h, or an earlier time")
    if end > now - HEAD_SECONDS:
        raise ConfigError(
            f"--to: {_shown(end)} is within the last three hours, which a Prometheus still has in memory; give 3h, or an"
            " earlier time"
        )
    if begin >= end:
        raise ConfigError(f"--from: {_shown(begin)} is not before --to, {_shown(end)}; give an earlier time")
    if not any(True for _ in days(begin, end, wanted.step)):
        raise ConfigError(f"--step: no step of {format_duration(wanted.step)} lies between --from and --to")
    return begin, end


def _instant(flag: str, text: str, now: float) -> float:
    """Return the Unix time of a duration before now, a Unix time, or a date and time (UTC, where it has no zone)."""
    at = math.nan
    try:
        at = now - parse_duration(text)
    except ValueError:
        try:
            at = float(text)
        except ValueError:
            try:
                time = datetime.fromisoformat(text)
                at = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
            except (ValueError, OverflowError):
                pass
    # What is further away than this is a time in milliseconds, or a slip.
    if not 0 <= at < 100 * 365 * DAY_SECONDS:
        raise ConfigError(
            f"{flag}: {text!r} is no time since 1970; write how long ago (90d), a Unix time in seconds, or"
            " 2026-01-31T12:00:00Z"
        )
    return at


def _shown(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"--output: {folder} cannot be written: {error.strerror or error}; give a folder with room that may be written"
        ) from error


def _folder(wanted: Wanted) -> Path:
    """Return the folder if it is empty, missing, or of the same run. Raises ConfigError, and changes nothing."""
    folder = Path(wanted.output)
    # Before anything is read, which takes long for many plans.
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"--output: {there} may not be written; give a folder that may")
    if not folder.exists():
        return folder
    if not folder.is_dir():
        raise ConfigError(f"--output: {folder} is no folder; give an empty folder, or the name of a new one")
    names = sorted(path.name for path in folder.iterdir())
    others = [name for name in names if name != _RUN_FILE and not _DAY_FILE.fullmatch(name)]
    if others or (names and _RUN_FILE not in names):
        raise ConfigError(
            f"--output: {folder} holds other things, such as {(others or names)[0]}; give an empty folder"
        )
    if names:
        try:
            before = json.loads((folder / _RUN_FILE).read_text(encoding="utf-8"))
        except (ValueError, OSError):
            before = None
        if before != _run(wanted):
            raise ConfigError(
                f"--output: {folder} holds the files of another run ({_RUN_FILE} has its flags); give an empty folder"
            )
    return folder


def _run(wanted: Wanted) -> dict[str, Any]:
    return {
        "from": wanted.begin,
        "to": wanted.end,
        "step": format_duration(wanted.step),
        "plans": sorted(wanted.plans),
        "labels": dict(wanted.labels),
    }


def _prepare(folder: Path, wanted: Wanted) -> None:
    """Empty the folder: files of two readings side by side would hold counters that fall."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _RUN_FILE).write_text(json.dumps(_run(wanted), indent=2) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        if _DAY_FILE.fullmatch(path.name):
            path.unlink()


@contextmanager
def _clouds(accounts: Sequence[AccountConfig], clock: Clock) -> Iterator[list[Cloud]]:
    clouds: list[Cloud] = []
    try:
        for account in accounts:
            conceal(secrets_of(account))
            clouds.append(Cloud(account, clock, writes=False))
        yield clouds
    finally:
        for cloud in clouds:
            cloud.close()


def _plans(cloud: Cloud, patterns: Sequence[str]) -> Iterator[tuple[Cloud, Scope, Plan]]:
    account = cloud.account
    for region in cloud.regions() if account.regions == "all" else account.regions:
        listed = read_plans(reading_of(cloud.client(region), region))
        where = f"{account.name} {region}"
        if not listed.whole:
            click.echo(f"{where}: some plans of the list cannot be read, and are left out", err=True)
        chosen = [
            plan
            for plan in listed.plans
            if selects(account, plan) and (not patterns or matches(patterns, plan))
        ]
        click.echo(f"{where}: {len(chosen)} of {len(listed.plans)} plans")
        yield from ((cloud, Scope(account=account.name, region=region), plan) for plan in chosen)


def _require_plans(patterns: Sequence[str], plans: Sequence[Plan]) -> None:
    unknown = [pattern for pattern in patterns if not any(matches((pattern,), plan) for plan in plans)]
    if unknown:
        raise ConfigError(f"--plan: no plan that the configuration selects has the name or id {unknown[0]!r}")
    if not plans:
        raise ConfigError("there are no plans that the configuration selects, so there is no history")


def _require_few(plans: int, count: int, wanted: Wanted) -> None:
    samples = plans * count * _SERIES
    size = samples * _SAMPLE_BYTES / 1024**3
    click.echo(
        f"at most about {samples:,} samples and {size:,.2f} GiB of text: {plans} plans at {count:,} times"
    )
    if samples > wanted.max_samples:
        raise ConfigError(
            f"about {samples:,} samples are more than --max-samples={wanted.max_samples}; give a longer --step, a later"
            " --from or fewer plans (--plan), or a higher --max-samples"
        )


def _past(number: int, total: int, cloud: Cloud, scope: Scope, plan: Plan) -> PlanPast:
    def on_left_out(operation: str, left_out: int) -> None:
        click.echo(
            f"{plan.plan_id}: {operation}: {left_out} records cannot be read, and are left out", err=True
        )

    past = past_of(reading_of(cloud.client(scope.region), scope.region), scope, plan, on_left_out)
    if number == total or number * 10 // total > (number - 1) * 10 // total:
        click.echo(f"read {number} of {total} plans")
    return past


def _write(folder: Path, pasts: Sequence[PlanPast], begin: float, end: float, wanted: Wanted) -> int:
    samples = size = number = 0
    for name, steps in days(begin, end, wanted.step):
        count = write_day(folder / name, pasts, steps, wanted.labels)
        click.echo(f"{name}: {count:,} samples")
        samples, size, number = samples + count, size + (folder / name).stat().st_size, number + 1
    click.echo(f"{samples:,} samples in {number} files, {size / 1024**2:,.1f} MiB, in {folder}")
    return samples


def _print_how_to_load(folder: Path, samples: int, age: float, wanted: Wanted) -> None:
    if not {"job", "instance"} <= set(wanted.labels):
        click.echo(
            "Boards will show each plan twice: give --label=job=... and --label=instance=... as Prometheus adds them."
        )
    # Prometheus counts from now, and deletes a block once all of it is older.
    keeps = math.ceil(age / DAY_SECONDS) + 1
    files = f"{shlex.quote(str(folder))}/history-*.om"
    click.echo(
        f"Prometheus deletes what is older than its retention: --storage.tsdb.retention.time={keeps}d at least.\n"
        f"Load them; NUM SAMPLES in what promtool prints add up to {samples}:\n"
        f'  for file in {files}; do promtool tsdb create-blocks-from openmetrics "$file" DATA_OF_PROMETHEUS || break; done'
    )


def labels_of(given: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE arguments as labels. Raises ConfigError for what is none, or what the metrics have already."""
    taken = {"account", "region", "plan_id", *(name for family in FAMILIES for name in family.labels)}
    labels: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not _LABEL.fullmatch(name) or name.startswith("__"):
            raise ConfigError(
                f"--label: {text!r} is not NAME=VALUE with the name of a label; write job=dbs-exporter"
            )
        if name in taken or name in labels:
            raise ConfigError(f"--label: {name} is there already; leave it out")
        labels[name] = value
    return labels
