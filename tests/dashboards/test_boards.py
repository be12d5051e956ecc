"""The dashboards: what is committed is what the source makes, and it follows the rules of dashboard-linter."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "dashboards").glob("*.json"))
}
PANELS = [
    pytest.param(name, panel, id=f"{name}-{panel['id']}-{panel['title']}")
    for name, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] != "row"
]
TARGETS = [
    pytest.param(name, panel, target, id=f"{name}-{panel['id']}-{target['refId']}")
    for name, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel.get("targets", [])
]


def test_the_eight_boards_are_there() -> None:
    """Fleet, plan, calendar, restores, gateways, capacity, compliance and exporter are committed."""
    assert set(BOARDS) == {
        "fleet", "plan", "calendar", "restores", "gateways", "capacity", "compliance", "exporter",
    }  # fmt: skip


def test_committed_boards_are_what_their_source_makes() -> None:
    """Regenerating changes nothing (`make docs` writes them)."""
    pytest.importorskip("grafana_foundation_sdk", reason="grafana-foundation-sdk is not installed")
    from dashboards.source.__main__ import rendered

    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "dashboards").glob("*.json")}

    assert rendered() == committed


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_can_be_provisioned_anywhere(name: str) -> None:
    """A stable uid, no database id, no import inputs, not editable, linked to the others, one data source variable."""
    board = BOARDS[name]
    variables = board["templating"]["list"]

    assert board["uid"] == (f"dbs-{name}" if name != "exporter" else "dbs-exporter")
    assert board.get("id") is None
    assert "__inputs" not in board
    assert board["editable"] is False
    assert board["description"]
    assert "dbs-exporter" in board["tags"]
    assert board["links"][0]["type"] == "dashboards"
    assert [variable["name"] for variable in variables if variable["type"] == "datasource"] == ["datasource"]
    assert {"account", "region"} <= {variable["name"] for variable in variables}


def test_uids_are_unique() -> None:
    """No two boards replace each other."""
    uids = [board["uid"] for board in BOARDS.values()]

    assert len(uids) == len(set(uids))


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_a_panel_says_what_it_shows(name: str, panel: dict[str, Any]) -> None:
    """Every panel has a title, a description that is a sentence, the data source variable and a target with a unit."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    if panel["type"] != "text":
        assert panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize(("name", "panel", "target"), TARGETS)
def test_a_query_hides_nothing(name: str, panel: dict[str, Any], target: dict[str, Any]) -> None:
    """Counters stand in rates over the rate interval; nothing is turned into 0 that is missing."""
    expression = target["expr"]

    assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert target["refId"]
    assert "vector(0)" not in expression
    for counter in re.finditer(r"\w+_(?:total|bucket)\b", expression):
        before = expression[: counter.start()]
        assert re.search(r"(rate|irate|increase)\($", before), f"{counter[0]} stands outside a rate"
    for found in re.finditer(r"(?:rate|irate|increase)\([^\[\]]*\[([^\]]+)\]", expression):
        assert found[1] == "$__rate_interval"


TABLES = [panel for panel in PANELS if panel.values[1]["type"] == "table"]  # type: ignore[index]


def columns(panel: dict[str, Any]) -> dict[str, str]:
    """Field -> heading, from left to right."""
    organize = next(step for step in panel["transformations"] if step["id"] == "organize")["options"]
    named: dict[str, str] = organize["renameByName"]
    return {field: named[field] for field in sorted(named, key=organize["indexByName"].__getitem__)}


@pytest.mark.parametrize(("name", "panel"), TABLES)
def test_a_table_names_its_own_columns(name: str, panel: dict[str, Any]) -> None:
    """Overrides, sorting and links speak of headings that the table has, each once; what is kept is what is shown."""
    fields = columns(panel)
    headings = list(fields.values())
    kept = next(step for step in panel["transformations"] if step["id"] == "filterFieldsByName")
    links = [
        link["url"]
        for override in panel["fieldConfig"]["overrides"]
        for setting in override["properties"]
        if setting["id"] == "links"
        for link in setting["value"]
    ]

    assert len(headings) == len(set(headings))
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} == set(headings)
    assert {by["displayName"] for by in panel["options"].get("sortBy", [])} <= set(headings)
    assert set(kept["options"]["include"]["names"]) == set(fields)
    for url in links:
        assert set(re.findall(r"__data\.fields\.(\w+)", url)) <= set(headings)


@pytest.mark.parametrize(("name", "panel"), TABLES)
def test_labels_in_tables_are_text(name: str, panel: dict[str, Any]) -> None:
    """A gateway's id is not a number to be shortened: only columns of queries have a unit other than text."""
    units = {
        override["matcher"]["options"]: setting["value"]
        for override in panel["fieldConfig"]["overrides"]
        for setting in override["properties"]
        if setting["id"] == "unit"
    }

    assert panel["fieldConfig"]["defaults"]["unit"] == "string"
    assert set(units) == {heading for field, heading in columns(panel).items() if field.startswith("Value")}


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_has_no_two_panels_of_one_name(name: str) -> None:
    """Whoever is told on the telephone to look at a panel finds one."""
    titles = [panel["title"] for panel in BOARDS[name]["panels"] if panel["type"] != "row"]

    assert len(titles) == len(set(titles))


def test_alerts_lead_to_their_runbooks() -> None:
    """The fleet's list of alerts and the plan's note link to where the alerts' own annotations do."""
    rules = (ROOT / "rules" / "dbs-alerts.rules.yml").read_text(encoding="utf-8")
    bases = set(re.findall(r"runbook_url: (\S+)/DBS\w+\.md", rules))
    found = {
        base
        for name in ("fleet", "plan")
        for base in re.findall(r"https://[^\s\"()]+/runbooks", json.dumps(BOARDS[name]))
    }

    assert found == bases


def test_boards_are_right_by_grafanas_own_types(tmp_path: Path) -> None:
    """TypeScript, strict, finds no wrong type and no unknown key against @grafana/schema."""
    modules = ROOT / "dashboards" / "preview" / "node_modules"
    if not (modules / "typescript").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("dashboards/preview/node_modules is missing: make tools")
        pytest.skip("@grafana/schema and typescript are not installed: make tools")
    (tmp_path / "node_modules").symlink_to(modules)
    # JSON knows no enums: a template literal type turns a string enum into the union of its values.
    (tmp_path / "plain.ts").write_text(
        "import type { AnnotationQuery, Dashboard } from '@grafana/schema';\n"
        "type Plain<T> = T extends string ? `${T}` : T extends number ? number : T extends (infer U)[] ? Plain<U>[]"
        " : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;\n"
        # What the data source's plugin takes of an annotation, Grafana's own types do not know.
        "type Event = Plain<AnnotationQuery> & { expr: string; step: string; titleFormat: string; textFormat: string;"
        " tagKeys: string; useValueForTime?: boolean };\n"
        "export type Board = Omit<Plain<Dashboard>, 'annotations'> & { annotations?: { list: Event[] } };\n",
        encoding="utf-8",
    )
    for name, board in BOARDS.items():
        (tmp_path / f"{name}.ts").write_text(
            f"import type {{ Board }} from './plain';\nexport const board: Board = {json.dumps(board)};\n",
            encoding="utf-8",
        )

    done = subprocess.run(
        [
            "node", "node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--skipLibCheck", "--moduleResolution", "bundler",
            "--module", "esnext", "--target", "es2022", *(f"{name}.ts" for name in BOARDS),
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.stdout == ""
    assert done.returncode == 0
