"""docs/dependencies.md: every dependency has a row with its licence, its weight and its reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("packaging", reason="packaging is not installed")
from tools import dependencies

ROOT = Path(__file__).resolve().parent.parent.parent


def rows() -> dict[str, list[str]]:
    """The page's rows, by package."""
    lines = re.findall(r"^\| `.*$", dependencies.as_markdown(), re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {name.strip("`"): rest for name, *rest in cells}


def test_every_locked_package_has_a_row_that_says_all() -> None:
    """Licence, weight and reason are there; what only Windows needs is not, and not in the image either."""
    page = rows()

    assert set(page) == set(dependencies.locked())
    assert "tzdata" not in page
    for version, licence, weight, _, reason in page.values():
        assert version
        assert licence not in {"", "?"}
        assert re.fullmatch(r"\d+\.\d", weight)
        assert reason not in {"", "of "}


def test_what_comes_by_way_of_another_says_by_which() -> None:
    """aiohttp is the vendor's library's alone; idna comes three ways."""
    page = rows()

    assert page["aiohttp"][-1] == "of `alibabacloud-credentials`"
    assert page["idna"][-1] == "of `alibabacloud-credentials`, `requests`, `starlette`"


def test_a_weight_stays_until_there_is_another_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the page says of this release stands, wherever it is made again; of another release it is measured."""
    version = dependencies.locked()["click"]
    page = tmp_path / "dependencies.md"
    monkeypatch.setattr(dependencies, "PAGE", page)
    page.write_text(
        f"| `click` | {version} | BSD | 77.7 |  | x |\n| `rich` | 0.0.1 | MIT | 77.7 | `x` | x |\n"
    )

    assert rows()["click"][2] == "77.7"
    assert rows()["rich"][2] != "77.7"


def test_a_dependency_without_a_reason_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds one says why, and whoever takes one away takes its reason along."""
    monkeypatch.delitem(dependencies.REASONS, "rich")
    with pytest.raises(SystemExit, match="rich"):
        dependencies.as_markdown()
