"""Commands of the user's own: `--exec`, which verifies restored data, and `cleanup`, which drops it.

Each gets the destination in its environment, the password among it, and is judged by its exit code. What it prints is passed on line
by line, without secrets.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence

from dbs_exporter.config.drill_file import DestinationConfig

RunCommand = Callable[[Sequence[str], Mapping[str, str], float, Callable[[str], None]], str]
"""Takes words, environment, seconds and where lines go; returns "" if the command succeeded, else why not."""


def run_command(
    words: Sequence[str],
    environment: Mapping[str, str],
    timeout: float,
    report: Callable[[str], None],
) -> str:
    """Run a command to its end and return "" if its exit code is 0, else what went wrong."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command
            list(words),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        return f"{words[0]} cannot be run: {error.strerror}"
    except subprocess.TimeoutExpired as error:
        _pass_on(error.output, report)
        return f"{words[0]} did not end within {timeout:.0f} s, and was killed"
    _pass_on(done.stdout, report)
    return "" if done.returncode == 0 else f"{words[0]} ended with exit code {done.returncode}"


def _pass_on(output: bytes | None, report: Callable[[str], None]) -> None:
    for line in (output or b"").decode(errors="replace").splitlines():
        report(f"| {line}")


def environment_of(
    destination: DestinationConfig, *, plan_id: str, task_id: str, names: Sequence[str], drop: Sequence[str]
) -> dict[str, str]:
    """Return what a command finds in its environment.

    `names` are the databases or directories that were restored, `drop` those that are to go; both by lines.
    """
    password = destination.password.get_secret_value() if destination.password else ""
    values: dict[str, object] = {
        "PLAN_ID": plan_id,
        "TASK_ID": task_id,
        "DESTINATION": destination.name,
        "DATABASE_TYPE": destination.database_type,
        "INSTANCE_TYPE": destination.instance_type,
        "REGION": destination.region,
        "INSTANCE_ID": destination.instance_id,
        "HOST": destination.host or (destination.addresses[0] if destination.addresses else ""),
        "PORT": destination.port,
        "USER": destination.user,
        "PASSWORD": password,
        "DATABASE": destination.database,
        "RESTORED": "\n".join(names),
        "DROP": "\n".join(drop),
    }
    return {f"DBS_DRILL_{name}": "" if value is None else str(value) for name, value in values.items()}
