"""Names in the documents: paths and modules exist, the index has every page, tables and layers are the program's."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest
import test_architecture

from dbs_exporter import errors
from dbs_exporter.cli.main import cli
from dbs_exporter.config.models import Config

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "dbs_exporter"
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = [
    *READMES,
    "CONTRIBUTING.md",
    "SECURITY.md",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").glob("*.md"))),
]
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
FOLDERS = {
    "dbs_exporter", "bench", "dashboards", "docs", "examples", "helm", "requirements", "rules", "tests", "tools",
}  # fmt: skip
"""Top-level folders of the project."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def is_path(name: str) -> bool:
    """Whether a path, which may be a pattern, leads somewhere from the project's folder or from the package's."""
    # `x` stands for a thing's name where a document says how to add one.
    pattern = re.sub(r"\bx\.py$", "*.py", name.rstrip("/"))
    return any(next(base.glob(pattern), None) is not None for base in (PACKAGE, ROOT))


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of the package, or something in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def missing(text: str) -> list[str]:
    """Paths of the project and modules of the package that a document names though they do not exist."""
    folders = "|".join(sorted(ROOMS | FOLDERS))
    # `collectors` and `web` are keys of the configuration, too, which documents name in the same way; `state.db` and `drill.yml` are files.
    rooms = "|".join(sorted(ROOMS - set(Config.model_fields) - {"state", "drill"}))
    paths = re.findall(rf"(?<![\w./:-])((?:{folders})/[\w./*-]*[\w/*]|\w+\.py)\b", text)
    dotted = re.findall(r"(?<![\w./-])dbs_exporter(?:\.\w+)+", text)
    short = re.findall(rf"`((?:{rooms})(?:\.\w+)+)`", text)
    return [
        *(name for name in paths if not is_path(name)),
        *(name for name in dotted if not is_module(name)),
        *(name for name in short if not is_path(name) and not is_module(f"dbs_exporter.{name}")),
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_and_modules_in_documents_exist(name: str) -> None:
    """Each path of the project and each module that a document names is there."""
    assert missing(text_of(name)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see `facts/histories.py`", ["facts/histories.py"]),
        ("    app.py        builds all", ["app.py"]),
        ("`dbs_exporter/web/status.py`.", ["dbs_exporter/web/status.py"]),
        ("from dbs_exporter.model import Plan", ["dbs_exporter.model"]),
        ("`polling.runs` and `api.client.Client`", ["polling.runs"]),
        ("`rules/*.rules.yaml`, `tools/nothing`", ["rules/*.rules.yaml", "tools/nothing"]),
        ("`facts/x.py`, `rules/*.rules.yml`, `cli/`, `collectors.regions`, `clock.py`", []),
    ],
)
def test_a_name_that_is_not_there_is_found(text: str, found: list[str]) -> None:
    """The check above sees paths, patterns, modules with and without the package's name, and takes placeholders."""
    assert missing(text) == found


def test_the_index_lists_every_page() -> None:
    """docs/README.md has one line for each page of the folder, and both READMEs lead to it."""
    listed = re.findall(r"^- \[(.*?)\]\((.*?)\): .+\.$", text_of("docs/README.md"), re.MULTILINE)
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert sorted(target for _, target in listed) == sorted(pages)
    assert all(words == target for words, target in listed)
    assert all("](docs/README.md)" in text_of(name) for name in READMES)


def test_the_first_pages_are_short() -> None:
    """A README has at most 150 lines and no table, the page on architecture at most 60 lines."""
    for name in READMES:
        assert text_of(name).count("\n") <= 150
        assert not re.search(r"^\|", text_of(name), re.MULTILINE)
    assert text_of("docs/architecture.md").count("\n") <= 60


def test_the_page_of_commands_is_the_programs() -> None:
    """docs/commands.md has a row for each command, and for each exit code."""
    text = text_of("docs/commands.md")
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}

    assert set(re.findall(r"^\| `dbs-exporter ([a-z]+)` \|", text, re.MULTILINE)) == set(cli.commands)
    assert {int(code) for code in re.findall(r"^\| (\d) \|", text, re.MULTILINE)} == codes


def test_the_page_on_architecture_has_the_layers() -> None:
    """docs/architecture.md lists the rooms that there are in the order that the imports are held to."""
    block = re.search(r"^    cli/\n(?:    .+\n)+", text_of("docs/architecture.md"), re.MULTILINE)
    assert block is not None
    written = [set(re.findall(r"(\w+)(?:/|\.py)", line)) for line in block[0].splitlines()]
    rooms = {path.stem for path in PACKAGE.iterdir()}

    assert written == [set(layer & rooms) for layer in test_architecture.LAYERS if layer & rooms]


def test_contributors_are_shown_every_room() -> None:
    """Each folder of the package has its line in CONTRIBUTING.md."""
    named = set(re.findall(r"^\| `(\w+)/` \|", text_of("CONTRIBUTING.md"), re.MULTILINE))
    rooms = {path.parent.name for path in (ROOT / "dbs_exporter").glob("*/__init__.py")}

    assert named == rooms
