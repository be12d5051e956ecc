"""The structure: imports run one way, libraries stay in their rooms, modules stay short."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "dbs_exporter"
MODULES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in PACKAGE.rglob("*.py")
)

# What each room may import, from left to right in the flow: configuration and facts, client, collection, store, metrics, web.
GROUND = {"", "errors", "clock", "model", "durations", "listen", "sharding"}
FACTS = GROUND | {"history", "protection"}
CONFIG = GROUND | {
    "config",
    "config_errors",
    "config_file",
    "config_model",
    "config_schema",
    "config_values",
    "protection",
}
COLLECTION = FACTS | {"api", "collectors", "runs", "store", "workers", "polling", "scheduler"}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "history": GROUND | {"history"},
    "protection": FACTS,
    **dict.fromkeys(CONFIG - GROUND - {"protection"}, CONFIG),
    "logs": GROUND | {"logs"},
    "api": GROUND | {"api", "config", "config_model"},
    "collectors": FACTS | {"api", "collectors"},
    "runs": GROUND | {"runs"},
    "store": FACTS | {"collectors", "store"},
    "workers": {"workers"},
    "polling": COLLECTION - {"scheduler"},
    "scheduler": COLLECTION,
    "metrics": FACTS | {"metrics"},
    "web": FACTS | {"metrics", "web"},
    "simulator": {"simulator"},
}
"""Rooms that are not named here (the commands and `app`) put the others together and may import all of them."""

AT_HOME = {
    "requests": {"api"},
    "urllib3": {"api"},
    "alibabacloud_credentials": {"api"},
    "prometheus_client": {"metrics", "web", "app"},
    "apscheduler": {"scheduler"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "jinja2": {"web"},
    "pydantic": {"config", "config_errors", "config_model", "config_schema", "config_values"},
    "yaml": {"config_file", "simulation", "config"},
}
COMMANDS_WITH_SIMULATOR = {"simulation", "demo", "cli"}


def room(module: str) -> str:
    """The room of a module: the folder or file right under the package."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__init__" else ""


def imports(module: str, source: str) -> Iterator[tuple[str, bool]]:
    """(absolute name of an imported module, whether at the top level) of everything a module imports at run time."""
    tree = ast.parse(source)
    skipped = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    package = module.split(".")
    if (
        not (ROOT / Path(*package) / "__init__.py").is_file() and not module.endswith("__init__")
    ) or module.endswith("__init__"):
        package = package[:-1]
    for node in ast.walk(tree):
        if node in skipped:
            continue
        top = node in tree.body
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, top
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield name, top
            for alias in node.names:
                if (PACKAGE.parent / Path(*name.split(".")) / f"{alias.name}.py").is_file():
                    yield f"{name}.{alias.name}", top


def problems(module: str, source: str) -> list[str]:
    """What is wrong with a module's imports."""
    own = room(module)
    found = []
    for name, top in imports(module, source):
        first = name.split(".")[0]
        if first == "dbs_exporter":
            other = room(name)
            if other == own or (other == "" and name == "dbs_exporter"):
                continue
            if own in MAY_IMPORT and other not in MAY_IMPORT[own]:
                found.append(f"{module} imports {name}")
            if other == "simulator" and (top or own not in COMMANDS_WITH_SIMULATOR):
                found.append(f"{module} imports the simulator {'at its top' if top else 'where it must not'}")
        elif first in AT_HOME and own != "simulator" and own not in AT_HOME[first]:
            found.append(f"{module} imports {first}")
    return found


def source_of(module: str) -> str:
    return (ROOT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    """No room imports what comes after it, and libraries stay in the rooms that own them."""
    assert problems(module, source_of(module)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("dbs_exporter.api.client", "from dbs_exporter.metrics.own import OwnMetrics"),
        ("dbs_exporter.api.client", "from ..store import Store"),
        ("dbs_exporter.facts.model", "from .api import wire"),
        ("dbs_exporter.simulator.service", "from dbs_exporter.api import signing"),
        ("dbs_exporter.cli.main", "from dbs_exporter.simulator import World"),
        ("dbs_exporter.polling.store", "def f():\n    import requests"),
        ("dbs_exporter.web.server", "import apscheduler.schedulers"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    """The check above sees absolute and relative imports, at the top and inside functions."""
    assert problems(module, source)


def test_every_room_is_known() -> None:
    """A new room is either given its place in the flow or is a command that puts others together."""
    rooms = {room(module) for module in MODULES}

    assert {"api", "metrics", "web", "simulator", "store", "scheduler"} <= rooms
    assert set(MAY_IMPORT) <= rooms


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short_and_say_what_they_own(module: str) -> None:
    """No module is over 400 lines, and each begins with a docstring; none is a drawer."""
    source = source_of(module)

    assert source.count("\n") <= 400
    assert ast.get_docstring(ast.parse(source)) or module.endswith("__main__")
    assert not re.search(r"(utils?|helpers?|manager|common|misc)$", module.split(".")[-1])


def test_every_test_says_the_behaviour_in_a_sentence() -> None:
    """Each test function has a docstring that is one sentence or more, ending in a full stop."""
    silent = [
        f"{path.name}: {node.name}"
        for path in (ROOT / "tests").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").rstrip().endswith(".")
    ]

    assert silent == []


def test_the_version_stands_once() -> None:
    """Only the package itself names the version; the build reads it there."""
    from dbs_exporter import __version__

    holders = [
        path.name for path in PACKAGE.rglob("*.py") if f'"{__version__}"' in path.read_text(encoding="utf-8")
    ]

    assert holders == ["__init__.py"]
    assert f'version = "{__version__}"' not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
