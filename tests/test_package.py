"""The wheel and the sdist: they install and run where there is no checkout."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from dbs_exporter import __version__

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built by hatchling as pip would."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    program = (
        "import sys, hatchling.build as b\n"
        "print(b.build_sdist(sys.argv[1])); print(b.build_wheel(sys.argv[1]))\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(folder)], cwd=ROOT, check=True, capture_output=True, timeout=120
    )
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    """Only dbs_exporter with its templates and type marker, the licence and the entry point."""
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {"dbs_exporter", f"dbs_exporter-{__version__}.dist-info"}
    assert any(name.startswith("dbs_exporter/web/templates/") for name in names)
    assert "dbs_exporter/py.typed" in names
    assert f"dbs_exporter-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_sdist_holds_what_builds_and_explains_it(built: Path) -> None:
    """The source distribution has the package, the rules, the dashboards and the documents, and no rubbish."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]

    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= set(names)
    assert {"dbs_exporter/__init__.py", "dashboards/fleet.json"} <= set(names)
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]


def test_it_runs_without_the_checkout(built: Path, tmp_path: Path) -> None:
    """Unpacked somewhere else, with the dependencies alone, the wheel's program says its version and knows its metrics."""
    (wheel,) = built.glob("*.whl")
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "import dbs_exporter; assert dbs_exporter.__file__.startswith(sys.path[0]), dbs_exporter.__file__\n"
        "from dbs_exporter.cli import main; main()\n"
    )

    def said(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(target), *arguments],
            cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    assert __version__ in said("--version")
    assert "dbs_plan_info" in said("metrics", "--format=json")
