"""`dbs-exporter state`: prints what a saved state holds. It works beside a running exporter and changes nothing."""

from __future__ import annotations

import click
import msgspec

from dbs_exporter.cli.tables import print_rows
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.durations import format_duration
from dbs_exporter.config.load import load_config
from dbs_exporter.errors import ConfigError
from dbs_exporter.state.description import PlaceDescription, describe

_HEADINGS = ("account", "region", "plans", "gone", "lists read", "saved", "oldest reading", "newest", "size")


def report(storage_path: str | None, config_file: str, *, form: str, now: float) -> None:
    """Print what is saved at a path, or at that of a configuration; `now` is Unix seconds.

    Raises ConfigError if there is nothing, DbsExporterError if it cannot be used.
    """
    path = storage_path if storage_path is not None else load_config(config_file).storage.path
    if path is None:
        raise ConfigError(
            f"{config_file}: storage.path is not set, so nothing is saved; --storage.path=DIRECTORY says where to look"
        )
    found = describe(path, [collector.group for collector in TABLE])
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    title = f"{found.path}: {_size(found.size_bytes)}, schema {found.schema}"
    broken = [number for number, place in enumerate(found.places) if place.unreadable]
    print_rows(title, _HEADINGS, [_row(place, now) for place in found.places], broken)
    for number in broken:
        for problem in found.places[number].unreadable:
            click.echo(f"cannot be read: {problem}")


def _row(place: PlaceDescription, now: float) -> tuple[str, ...]:
    return (
        place.account,
        place.region or "(the account)",
        str(place.plans),
        str(place.gone),
        str(place.groups),
        *(_ago(at, now) for at in (place.saved_at, place.oldest_read_at, place.newest_read_at)),
        _size(place.size_bytes),
    )


def _ago(at: float | None, now: float) -> str:
    return "never" if at is None else f"{format_duration(max(0.0, round(now - at)))} ago"


def _size(number: int) -> str:
    return f"{number / 1024:.0f} KiB" if number < 10 * 2**20 else f"{number / 2**20:.0f} MiB"
