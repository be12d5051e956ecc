"""docs/alerts.md, the table of all alerts."""

from __future__ import annotations

import re

from support.rule_fixtures import ALERTS, ROOT

from tools import alert_table


def test_the_document_is_made_from_the_rules() -> None:
    """docs/alerts.md is what `make docs` makes, names every alert, and says of 29 things what watches each."""
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")

    assert text == alert_table.as_markdown()
    assert set(alert_table.THRESHOLDS) == set(ALERTS)
    assert set(re.findall(r"\bDBS[A-Z]\w+", text)) == set(ALERTS)
    assert len(alert_table.WATCHED) == 29
