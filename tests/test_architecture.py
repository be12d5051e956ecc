"""The structure: imports run one way and in no circle, libraries stay in their rooms, a stranger finds the room."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "dbs_exporter"

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"cli"}),
    frozenset({"exporter"}),
    frozenset({"polling", "state", "drill", "backfill"}),
    frozenset({"config"}),
    frozenset({"collectors"}),
    frozenset({"api", "metrics", "web"}),
    frozenset({"conditions"}),
    frozenset({"facts"}),
    frozenset({"logs", "listen"}),
    frozenset({"errors", "clock"}),
)
"""Rooms from the top down: a module imports from its own room and from layers below it, never beside or up."""

HOMES = {
    "requests": {"api"},
    "urllib3": {"api"},
    "alibabacloud_credentials": {"api"},
    "prometheus_client": {"metrics", "web", "exporter"},
    "apscheduler": {"polling"},
    "sqlite3": {"state"},
    "starlette": {"web", "exporter"},
    "uvicorn": {"web"},
    "bcrypt": {"web"},
    "jinja2": {"web"},
    "pydantic": {"config"},
    "yaml": {"config", "conditions", "cli"},
    "click": {"cli"},
    "rich": {"cli"},
}
"""Which rooms may import a library."""

SIMULATOR_STARTERS = {"cli"}
"""Rooms whose commands start the simulator; nothing else imports it, and it imports nothing of the others."""

MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room(module: str) -> str:
    """The room of a module: the folder or file right under the package; "" for the package itself."""
    return module.split(".")[1] if "." in module else ""


def layer(name: str) -> int | None:
    return next((depth for depth, rooms in enumerate(LAYERS) if name in rooms), None)


def imports(source: str) -> Iterator[tuple[str, bool]]:
    """(name of an imported module, whether at the top of the module), also what only type checking imports."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in tree.body
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            name = node.module or ""
            modules = [f"{name}.{alias.name}" for alias in node.names if f"{name}.{alias.name}" in MODULES]
            for imported in modules if len(modules) == len(node.names) else [name, *modules]:
                yield imported, node in tree.body


def problems(module: str, source: str) -> list[str]:
    """What is wrong with a module's imports."""
    own = room(module)
    found = []
    for name, top in imports(source):
        first, other = name.split(".")[0], room(name)
        if first in HOMES and own != "simulator" and own not in HOMES[first]:
            found.append(f"{module} imports {first}")
        if first != "dbs_exporter" or other in ("", own) or own in ("", "__main__"):
            continue
        if other == "simulator":
            if top or own not in SIMULATOR_STARTERS:
                found.append(f"{module} imports the simulator {'at its top' if top else 'where it must not'}")
            continue
        mine, theirs = layer(own), layer(other)
        if mine is None or theirs is None or theirs <= mine:
            found.append(f"{module} imports {name}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_down_the_layers(module: str) -> None:
    """No room imports what is beside or above it, and libraries stay in the rooms that own them."""
    assert problems(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("dbs_exporter.api.client", "from dbs_exporter.metrics.own import OwnMetrics"),
        ("dbs_exporter.facts.plans", "from dbs_exporter.api import client"),
        ("dbs_exporter.simulator.service", "from dbs_exporter.api import signing"),
        ("dbs_exporter.cli.main", "from dbs_exporter.simulator import World"),
        ("dbs_exporter.polling.store", "def f():\n    import requests"),
        ("dbs_exporter.web.server", "import apscheduler.schedulers"),
        ("dbs_exporter.api.client", "if TYPE_CHECKING:\n    from dbs_exporter.config.models import Config"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    """The check above sees imports at the top, inside functions, and for type checking alone."""
    assert problems(module, source)


def test_no_circle_of_imports() -> None:
    """No module imports itself in a round about way, not even for type checking."""
    graph = {
        module: {name for name, _ in imports(path.read_text(encoding="utf-8")) if name in MODULES} - {module}
        for module, path in MODULES.items()
    }

    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))

    assert len(order) == len(MODULES)


def test_every_room_has_its_layer() -> None:
    """A new room is given its place in the layers."""
    rooms = {room(module) for module in MODULES} - {"", "__main__", "simulator"}

    assert {name for name in rooms if layer(name) is None} == set()


def test_few_modules_stand_at_the_root() -> None:
    """At most nine modules stand beside the rooms, so that a newcomer sees the rooms first."""
    assert len(list(PACKAGE.glob("*.py"))) <= 9


def test_no_two_modules_share_a_name() -> None:
    """A name is found in one place, but for a thing's own in `facts`, `collectors` and `conditions`."""
    stems = {module: module.rpartition(".")[2] for module in MODULES if MODULES[module].stem[0] != "_"}
    counted = Counter(
        stem for module, stem in stems.items() if room(module) not in ("collectors", "conditions")
    )

    assert [name for name, number in counted.items() if number > 1] == []


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short_and_say_what_they_own(module: str) -> None:
    """No module is over 400 lines, and each begins with a docstring whose first line stands alone; none is a drawer."""
    source = MODULES[module].read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source))

    assert source.count("\n") <= 400
    assert docstring or module.endswith("__main__")
    assert not re.search(r"(utils?|helpers?|manager|common|misc)$", module.split(".")[-1])


def test_every_test_says_the_behaviour_in_a_sentence() -> None:
    """Each test function has a docstring that is one sentence or more, ending in a full stop."""
    silent = [
        f"{path.name}: {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        if "node_modules" not in path.parts
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
