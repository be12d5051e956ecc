"""The catalogue as it is printed for people and programs."""

from __future__ import annotations

import json
import re

from dbs_exporter.collectors import reference
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.metrics.own_families import OWN_FAMILIES


def test_the_printed_catalogue_has_every_family_once() -> None:
    """Markdown and JSON name every family with all its labels, its source too."""
    names = [family.name for family in TABLE.families] + [family.name for family in OWN_FAMILIES]

    printed = json.loads(reference.as_json())
    markdown = reference.as_markdown()

    assert [entry["name"] for entry in printed] == names
    assert re.findall(r"^\| `(\w+)`", markdown, flags=re.MULTILINE) == names
    status = next(entry for entry in printed if entry["name"] == "dbs_plan_status")
    assert status == {
        "section": "Plans",
        "name": "dbs_plan_status",
        "type": "gauge",
        "labels": ["account", "region", "plan_id", "status"],
        "meaning": "1 for the status the plan has, 0 for the others",
        "source": "DescribeBackupPlanList BackupPlanStatus",
    }


def test_every_markdown_table_is_regular() -> None:
    """Each row has as many cells as its heading, and each section stands once."""
    markdown = reference.as_markdown()
    headings = re.findall(r"^### (.+)$", markdown, flags=re.MULTILINE)

    assert len(headings) == len(set(headings))
    for block in markdown.split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}) == 1
