"""docs/simulator.md: it tells every incident and every fault in the words of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dbs_exporter.simulator import INCIDENTS
from dbs_exporter.simulator.faults import KINDS, parse_faults
from dbs_exporter.simulator.incidents import TROUBLES

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "simulator.md"


@pytest.mark.parametrize("table", [INCIDENTS, TROUBLES, KINDS], ids=["incidents", "troubles", "faults"])
def test_the_document_tells_every_row(table: dict[str, str]) -> None:
    """What can be switched is told in the words of the code."""
    text = DOCUMENT.read_text(encoding="utf-8")

    assert [
        f"| `{name}` | {said} |" for name, said in table.items() if f"| `{name}` | {said} |" not in text
    ] == []


def test_the_documents_faults_are_good_ones() -> None:
    """The example of a file of faults can be used as it stands."""
    (example,) = re.findall(r"(?:^    - \{kind.*\n)+", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert [fault.kind for fault in parse_faults(yaml.safe_load(example))] == [
        "throttle",
        "deny",
        "latency",
        "refuse",
    ]
