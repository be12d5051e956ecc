"""`dbs-exporter simulate`: serves the simulated cloud alone until a signal ends it.

This module owns how flags become a world with a clock and faults. Only this module imports the simulator, inside its
functions; the demo uses it from here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dbs_exporter.cli.signals import caught_signals, wait_for_end
from dbs_exporter.errors import ConfigError
from dbs_exporter.listen import parse_listen_address

if TYPE_CHECKING:
    from dbs_exporter.simulator import Simulator


def world_clock(speed: float, start: float | None = None) -> Callable[[], float]:
    """Return a clock in Unix seconds that starts at `start` (None: now) and runs `speed` times as fast."""
    began = time.monotonic()
    first = time.time() if start is None else start
    return lambda: first + (time.monotonic() - began) * speed


def parse_now(text: str) -> float:
    """Return the Unix time that `--now` means: a number, or a date and time with its zone.

    Raises ConfigError for any other text.
    """
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        raise ConfigError(
            f"--now: {text!r} is no time; write a Unix time or one such as 2026-01-31T12:00:00Z"
        ) from None


def read_faults(path: str) -> Any:
    """Return the content of the YAML or JSON file of `--faults`. Raises ConfigError if it cannot be read."""
    import yaml

    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--faults: {path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"--faults: {path}: neither YAML nor JSON: {str(error).splitlines()[0]}") from None


def account_names(accounts: int) -> tuple[str, ...]:
    """Return the names of so many simulated accounts: demo, demo2, demo3, ..."""
    return tuple("demo" if number == 1 else f"demo{number}" for number in range(1, accounts + 1))


@contextmanager
def simulated(
    *,
    listen_address: str,
    plans: int,
    accounts: int,
    seed: int,
    clock: Callable[[], float],
    faults: Any = (),
    access_key_id: str = "testak",
    access_key_secret: str = "testsk",  # noqa: S107 - the documented one of the simulator
    signature_clock: Callable[[], float] | None = None,
    troubled: bool = False,
) -> Iterator[Simulator]:
    """Serve a simulated cloud while the block runs.

    The times of signatures are checked against `signature_clock`, by default the cloud's own clock; clients in other
    processes sign with the real time. A `troubled` fleet has what else a demo shows. Raises ConfigError if the address or a fault cannot be used.
    """
    from dbs_exporter.simulator import TroubledWorld, World, start_simulator

    host, port = parse_listen_address(listen_address)
    kind = TroubledWorld if troubled else World
    world = kind(seed=seed, plans=plans, accounts=account_names(accounts), clock=clock)
    try:
        simulator = start_simulator(
            world,
            host=host,
            port=port,
            access_key_id=access_key_id,
            access_key_secret=access_key_secret,
            faults=faults or (),
            clock=signature_clock,
        )
    except OSError as error:
        raise ConfigError(
            f"{listen_address}: cannot be served on: {error.strerror or error}; choose another address or port by"
            " --listen-address (port 0: a free one)"
        ) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(f"--faults: {error}") from None
    try:
        yield simulator
    finally:
        simulator.close()


def simulate(
    *,
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
    """Print the address of a simulated cloud and serve it until SIGTERM or Ctrl-C.

    Raises ConfigError for wrong flags.
    """
    start = None if now is None else parse_now(now)
    with (
        caught_signals() as signals,
        simulated(
            listen_address=listen_address,
            plans=plans,
            accounts=accounts,
            seed=seed,
            clock=world_clock(speed, start),
            faults=read_faults(faults) if faults else (),
            access_key_id=access_key_id,
            access_key_secret=access_key_secret,
            signature_clock=time.time,
        ) as simulator,
    ):
        click.echo(
            f"simulated DBS API:  {simulator.url}   (access key {access_key_id}, secret {access_key_secret})"
        )
        click.echo(f"faults, incidents:  POST {simulator.url}/-/faults, {simulator.url}/-/incidents")
        sys.stdout.flush()
        wait_for_end(signals, on_hangup=lambda: None)
