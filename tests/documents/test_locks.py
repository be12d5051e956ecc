"""`.ci/locks`: what an answer to a CVE in a dependency changes; uv's place is taken by a script that notes what it is asked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FAKE_UV = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$0.asked"
while [ "$1" != --output-file ]; do shift; done
echo "# made" >> "$2"
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the script works on."""
    for name in (".ci/locks", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    uv = tmp_path / "uv"
    uv.write_text(FAKE_UV)
    uv.chmod(0o755)
    return tmp_path


def locks(copy: Path, *arguments: str) -> tuple[int, str, list[str]]:
    """(exit code, what was said, what uv was asked for)."""
    done = subprocess.run(
        [copy / ".ci" / "locks", *arguments],
        env={"UV": str(copy / "uv"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    asked = copy / "uv.asked"
    return done.returncode, done.stderr, asked.read_text().splitlines() if asked.exists() else []


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ((), ""),
        (("--upgrade",), "--upgrade "),
        (("urllib3",), "--upgrade-package urllib3 "),
        (("urllib3==2.6.0", "Jinja2"), "--upgrade-package urllib3==2.6.0 --upgrade-package Jinja2 "),
    ],
)
def test_all_locks_are_made_anew_with_what_was_asked_for(
    copy: Path, arguments: tuple[str, ...], option: str
) -> None:
    """What nobody asked about stays as it is locked."""
    code, _, asked = locks(copy, *arguments)

    assert code == 0
    assert len(asked) == 4
    for line in asked:
        assert f"{option}--generate-hashes" in line
        assert ("--upgrade" in line) == bool(option)
    for name in ("run", "dev", "build", "release"):
        before = (ROOT / "requirements" / f"{name}.txt").read_text()
        assert (copy / "requirements" / f"{name}.txt").read_text() == f"{before}# made\n"


def test_a_package_that_is_in_no_lock_is_named(copy: Path) -> None:
    """Nothing is changed then."""
    code, said, asked = locks(copy, "urllib4")

    assert (code, asked) == (2, [])
    assert "urllib4 is in no lock" in said


def test_a_lock_that_is_out_of_date_fails_the_check_and_stays(copy: Path) -> None:
    """The message says how to mend it."""
    before = (copy / "requirements" / "run.txt").read_text()
    code, said, _ = locks(copy, "--check")

    assert code == 1
    assert "make lock" in said
    assert (copy / "requirements" / "run.txt").read_text() == before


def test_the_security_policy_names_the_command() -> None:
    """As it is in the Makefile."""
    assert "make lock PACKAGE=NAME" in (ROOT / "SECURITY.md").read_text()
    assert ".ci/locks $(or $(PACKAGE),--upgrade)" in (ROOT / "Makefile").read_text()
