"""Make again everything that is generated: table of metrics, configuration reference, dashboards, and the chart's copies.

python -m tools.generate          write
python -m tools.generate --check  say what is out of date, and exit 1 if anything is
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- generated: {} -->", "<!-- end of generated: {} -->"


def between(text: str, name: str, content: str) -> str:
    """The text with what stands between the markers of `name` replaced."""
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"no markers {begin} and {end}")
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"


def generated() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    from dashboards.source.__main__ import rendered
    from dbs_exporter.backfill import offered
    from dbs_exporter.conditions.rules import ALERTING, Wishes, rule_files
    from dbs_exporter.conditions.texts import LANGUAGES
    from dbs_exporter.config.schema import drill_reference, markdown_reference
    from tools import chart_schema, dependencies, document_tables, needs, openapi
    from tools.alert_table import as_markdown as alerts_as_markdown
    from tools.runbooks import chinese_runbooks
    from tools.sizing import sizing

    files: dict[Path, str] = {}
    files[ROOT / "docs" / "metrics.md"] = metrics_page()
    files[ROOT / "docs" / "configuration.md"] = f"{markdown_reference().rstrip()}\n\n{sizing()}"
    proof = ROOT / "docs" / "proof.md"
    files[proof] = between(proof.read_text(encoding="utf-8"), "drill keys", drill_reference())
    page = ROOT / "docs" / "backfill.md"
    files[page] = between(page.read_text(encoding="utf-8"), "backfill families", offered.as_markdown())
    files[ROOT / "docs" / "alerts.md"] = alerts_as_markdown()
    files[dependencies.PAGE] = dependencies.as_markdown()
    page = ROOT / "docs" / "concepts.md"
    tabulated = between(page.read_text(encoding="utf-8"), "conditions", document_tables.conditions())
    files[page] = between(tabulated, "causes", document_tables.causes())
    page = ROOT / "docs" / "errors.md"
    files[page] = between(page.read_text(encoding="utf-8"), "cures", document_tables.cures())
    chart = ROOT / "helm" / "dbs-exporter" / "files"
    for name, content in rendered().items():
        files[ROOT / "dashboards" / name] = content
        files[chart / "dashboards" / name] = content
    for name, content in rule_files().items():
        files[ROOT / "rules" / name] = content
        files[chart / "rules" / name] = content
    for language in LANGUAGES[1:]:
        # Recording rules have no texts.
        spoken = rule_files(Wishes(language=language))[ALERTING]
        files[chart / "rules" / language / ALERTING] = spoken
    files |= chinese_runbooks()
    files[needs.PATH] = needs.as_module()
    files[openapi.PATH] = openapi.as_json()
    files[chart_schema.PATH] = chart_schema.as_json()
    readme = chart.parent / "README.md"
    files[readme] = between(readme.read_text(encoding="utf-8"), "thresholds", thresholds(chart))
    return files


def metrics_page() -> str:
    """Return docs/metrics.md: every family, section by section."""
    from dbs_exporter.collectors.reference import as_markdown

    sections = re.sub(r"^###", "##", as_markdown(), flags=re.MULTILINE)
    return (
        "# Metrics\n\n"
        "<!-- Made by `make docs` from the collectors; `dbs-exporter metrics` prints the same. -->\n\n"
        "Labels common to all plans are `account`, `region` and `plan_id`. Times are Unix timestamps, sizes what the API"
        " reports as bytes.\n\n" + sections
    )


def thresholds(chart: Path) -> str:
    """The chart's thresholds that are no objectives, as a table."""
    rows = yaml.safe_load((chart / "thresholds.yml").read_text(encoding="utf-8"))
    return "\n".join(
        [
            "| name | default | is |",
            "| --- | --- | --- |",
            *(f"| `{name}` | {row['default']:,} | {row['what']} |" for name, row in rows.items()),
        ]
    )


def main(arguments: list[str]) -> int:
    """Write what differs, or with --check only name it."""
    stale = [
        path
        for path, content in generated().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: make docs")
        return 1 if stale else 0
    files = generated()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
    return tabulate_values()


def tabulate_values() -> int:
    """Make the table of values in the chart's README, by the generator that `.ci/tools` installs."""
    generator = ROOT / "tests/node/node_modules/@bitnami/readme-generator-for-helm/bin/index.js"
    node = shutil.which("node")
    if node is None or not generator.is_file():
        print("the chart's README was left alone: its generator is not installed (make tools)")
        return 0
    chart = ROOT / "helm" / "dbs-exporter"
    command = [
        node,
        str(generator),
        "--values",
        str(chart / "values.yaml"),
        "--readme",
        str(chart / "README.md"),
    ]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
