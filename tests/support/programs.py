"""Programs that tests run: where they are, and what becomes of a test whose program is not there."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

_ELSEWHERE = (str(Path(sys.executable).parent), "/usr/lib/podman", "/usr/libexec/podman")
"""Beside the interpreter, and where podman keeps its helpers."""


def path_of(name: str) -> str | None:
    """Return the path of a program; None if it is not there."""
    return next((found for place in (None, *_ELSEWHERE) if (found := shutil.which(name, path=place))), None)


def tool(*names: str) -> str:
    """Return the path of a program, the first of its `names` that is there; without it the test is skipped, or fails in CI."""
    return next((found for name in names if (found := path_of(name))), None) or missing(names[0])


def missing(what: str) -> NoReturn:
    """Skip the test, since something that `make tools` installs is not there; fail under CI=true."""
    impossible(f"{what} is not installed: make tools")


def impossible(reason: str) -> NoReturn:
    """Skip the test with its reason; fail under CI=true, where every test must run."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
