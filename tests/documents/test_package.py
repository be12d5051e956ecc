"""The wheel and the sdist: they install and run where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from support.programs import tool

from dbs_exporter import __version__

ROOT = Path(__file__).resolve().parent.parent.parent


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
    assert any(name.startswith("dbs_exporter/web/page/templates/") for name in names)
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
    assert not [name for name in names if name.startswith("tests")], "they do not run without the checkout"


def test_the_index_takes_wheel_and_sdist(built: Path) -> None:
    """twine finds nothing to complain of, and knows the version of their metadata."""
    checked = subprocess.run(
        [tool("twine"), "check", "--strict", *built.iterdir()],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("PASSED") == 2


def test_it_runs_without_the_checkout(built: Path, tmp_path: Path) -> None:
    """Unpacked somewhere else, with the dependencies alone, the wheel's program says its version and knows its metrics."""
    (wheel,) = built.glob("*.whl")
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "import dbs_exporter; assert dbs_exporter.__file__.startswith(sys.path[0]), dbs_exporter.__file__\n"
        "from dbs_exporter.cli.main import main; main()\n"
    )

    def said(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(target), *arguments],
            cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    assert __version__ in said("--version")
    assert "dbs_plan_info" in said("metrics", "--format=json")


def test_a_wheel_from_the_sdist_installs_and_runs_alone(built: Path, tmp_path: Path) -> None:
    """Built from the unpacked sdist and installed by pip, whose sources are then gone, the program serves its demo."""
    (sdist,) = built.glob("*.tar.gz")
    sources, installed, elsewhere = (tmp_path / name for name in ("sources", "installed", "elsewhere"))
    elsewhere.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(sources, filter="data")
    (folder,) = sources.iterdir()
    build = "import sys, hatchling.build as b; b.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(elsewhere)],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = elsewhere.glob("*.whl")
    venv.create(installed, symlinks=True)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--python", str(installed / "bin" / "python"), "install", "--quiet",
            "--disable-pip-version-check", "--no-index", "--no-deps", str(wheel),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    wheel.unlink()
    # Its dependencies are those of the tests' environment; what is installed comes before them.
    (packages,) = (installed / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DBS_EXPORTER_"))
    }
    where = subprocess.run(
        [str(installed / "bin" / "python"), "-c", "import dbs_exporter; print(dbs_exporter.__file__)"],
        cwd=elsewhere, env=environment, check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip

    assert Path(where.strip()).is_relative_to(packages)
    with subprocess.Popen(
        [str(installed / "bin" / "dbs-exporter"), "demo", "--plans=1", "--web.listen-address=127.0.0.1:0"],
        cwd=elsewhere, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as program:  # fmt: skip
        try:
            assert program.stdout is not None
            url = next(line.split()[1] for line in program.stdout if line.startswith("metrics:"))
            with urllib.request.urlopen(url, timeout=30) as page:
                assert f'version="{__version__}"' in page.read().decode()
        finally:
            program.terminate()
            assert program.wait(timeout=60) == 0
